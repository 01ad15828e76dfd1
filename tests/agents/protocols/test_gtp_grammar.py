import pytest

from agents.protocols.gtp import (
    Command,
    GtpError,
    Reply,
    read_colour,
    read_command,
    read_number,
    read_reply,
    read_vertex,
    write_reply,
    write_vertex,
)


@pytest.mark.parametrize(
    "line, command",
    [
        ("name", Command("", "name", ())),
        ("  7 play  b\td4  ", Command("7", "play", ("b", "d4"))),
        ("12 komi 6.5 # a comment", Command("12", "komi", ("6.5",))),
        ("na\x07me\r", Command("", "name", ())),
        ("0012 name", Command("0012", "name", ())),
        ("5", Command("5", "", ())),
        ("\u0663 name", Command("", "\u0663", ("name",))),  # no digit of the protocol
    ],
)
def test_a_command_is_read_as_the_specification_says(line, command):
    assert read_command(line) == command


@pytest.mark.parametrize("line", ["", "   ", "\t", "# only a comment", "\x01\x02", "\r"])
def test_a_line_without_a_command_is_none(line):
    assert read_command(line) is None


def test_a_reply_ends_in_one_empty_line_and_holds_none():
    assert write_reply("", "") == "=\n\n"
    assert write_reply("3", "") == "=3\n\n"
    assert write_reply("3", "D4") == "=3 D4\n\n"
    assert write_reply("", "unknown command", is_success=False) == "? unknown command\n\n"
    assert write_reply("1", "\na\n\n\nb\n") == "=1\na\nb\n\n"
    assert write_reply("1", "a\nb") == "=1 a\nb\n\n"


@pytest.mark.parametrize(
    "lines, reply",
    [
        (["= D4"], Reply("", True, "D4")),
        (["=12"], Reply("12", True, "")),
        (["?3 illegal move"], Reply("3", False, "illegal move")),
        (["=", "a", "b"], Reply("", True, "a\nb")),
        (["= d4\r"], Reply("", True, "d4")),
    ],
)
def test_a_reply_is_read_back(lines, reply):
    assert read_reply(lines) == reply


@pytest.mark.parametrize("lines", [["hello"], ["=x"], [""]])
def test_what_is_no_reply_is_refused(lines):
    with pytest.raises(GtpError, match="not a reply"):
        read_reply(lines)


def test_vertices_leave_out_i_and_count_rows_from_below():
    assert read_vertex("A1", height=9, width=9) == (8, 0)
    assert read_vertex("j9", height=9, width=9) == (0, 8)
    assert read_vertex("Z25", height=25, width=25) == (0, 24)
    for row in range(19):
        for column in range(19):
            text = write_vertex(row, column, height=19)
            assert read_vertex(text, height=19, width=19) == (row, column)


@pytest.mark.parametrize("text", ["", "i1", "a0", "a10", "k1", "a", "1a", "a-1", "a\u0661", "a1b"])
def test_a_vertex_off_the_board_is_refused(text):
    with pytest.raises(GtpError, match="invalid color or coordinate"):
        read_vertex(text, height=9, width=9)


def test_colours_and_numbers():
    assert [read_colour(each) for each in ("b", "W", "Black", "WHITE")] == [0, 1, 0, 1]
    assert read_number("19") == 19
    for text in ("", "-1", "1.5", "x", "2147483648", "9" * 5000, "\u0661"):
        with pytest.raises(GtpError, match="syntax error"):
            read_number(text)
    with pytest.raises(GtpError, match="invalid color"):
        read_colour("red")
