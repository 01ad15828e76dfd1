"""A game of one's own from the command line: written, proven, refused."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from scripts import check
from scripts.cli import main
from scripts.new import TEMPLATE


def run(capsys, *arguments):
    """Exit code, standard output and standard error of the command."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_new_game_is_the_template_with_its_own_name(tmp_path, capsys):
    mine = tmp_path / "mygame.py"
    code, output, _ = run(capsys, "new", mine)
    assert code == 0 and f"meijin check {mine}" in output
    text = mine.read_text()
    assert f"meijin check {mine}" in text and "FILE" not in text
    assert text.replace(str(mine), "FILE") == TEMPLATE.read_text()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there.py", "is there already"),
        ("no/folder/mygame.py", "there is no folder"),
        ("mygame.txt", "is no name for a game's file"),
        ("my-game.py", "is no name for a game's file"),
        ("mygame", "is no name for a game's file"),
        (".py", "is no name for a game's file"),
    ],
)
def test_a_new_game_that_cannot_be_written_is_one_line(tmp_path, capsys, name, message):
    (tmp_path / "there.py").write_text("mine")
    code, output, complaint = run(capsys, "new", tmp_path / name)
    assert code != 0 and output == ""
    assert message in complaint and len(complaint.splitlines()) == 1
    assert (tmp_path / "there.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file"),
        ("def initial(:\n", "line 1: invalid syntax"),
        ("x = 1\n", "is no game: it lacks PARAMETERS"),
        ("\x00", "null bytes"),
    ],
)
def test_a_file_that_is_no_game_is_one_line(tmp_path, capsys, text, message):
    mine = tmp_path / "mygame.py"
    if text is not None:
        mine.write_text(text)
    code, output, complaint = run(capsys, "check", mine)
    assert code == 2 and output == ""
    assert message in complaint and len(complaint.splitlines()) == 1


def test_a_name_that_is_no_game_is_one_line(capsys):
    code, _, complaint = run(capsys, "check", "conect_four")
    assert code == 2 and "did you mean 'connect_four'" in complaint
    code, _, complaint = run(capsys, "check", "connect_four(width=99)")
    assert code == 2 and "is 3 to 12, not 99" in complaint


def test_a_good_game_is_green_and_says_so_to_programs_too(tmp_path, capsys):
    mine = tmp_path / "mygame.py"
    mine.write_text(TEMPLATE.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", "check", f"{mine}(width=4)", "--json"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    assert facts["green"] and facts["game"] == f"{mine}(width=4)"
    assert all(line["green"] and line["fault"] is None for line in facts["lines"])
    assert len(facts["lines"]) > 20


def test_a_red_line_says_where_what_and_why(tmp_path, capsys):
    mine = tmp_path / "mygame.py"
    mine.write_text(TEMPLATE.read_text().replace("    state.ply += 1\n", "    state.ply += 2\n"))
    code, output, _ = run(capsys, "check", mine)
    assert code == 1
    red = output[output.index("RED") :].splitlines()
    assert "plies are counted" in red[0]
    labels = [line.split()[0] for line in red[1:9] if line.split()[0].endswith(":")]
    assert labels == ["where:", "expected:", "got:", "position:"]
    assert "mygame.py, step() in line" in red[1] and "4 X O X O X" in output
    assert "it is 2" in output and "step() needs state.ply += 1" in output
    assert "not tried before they are mended: compiled, search, learning" in output
    assert "\x1b" not in output  # colours are for terminals


def test_rules_that_end_the_process_are_red(tmp_path, capsys):
    mine = tmp_path / "mygame.py"
    mine.write_text(
        TEMPLATE.read_text().replace(
            "NEIGHBOUR = neighbours()",
            "import os\n\nNEIGHBOUR = neighbours()\nos.kill(os.getpid(), 9)",
        )
    )
    code, output, _ = run(capsys, "check", mine)
    assert code == 1 and "the process was ended by signal 9" in output


def test_rules_that_never_come_back_are_red(tmp_path, capsys, monkeypatch):
    """The clock jumps as soon as the rules hang: nobody waits, and a slow start is no hang."""
    mine, hangs = tmp_path / "mygame.py", tmp_path / "hangs"
    mine.write_text(
        TEMPLATE.read_text().replace(
            "NEIGHBOUR = neighbours()",
            "import pathlib, time\n\nNEIGHBOUR = neighbours()\n"
            f"pathlib.Path({str(hangs)!r}).touch()\n"
            "time.sleep(900)",  # one call: not interrupted
        )
    )
    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + 800 * hangs.exists(), sleep=time.sleep
    )
    monkeypatch.setattr(check, "time", clock)
    code, output, _ = run(capsys, "check", mine)
    assert code == 1 and "nothing has come back" in output
    assert hangs.exists(), "the rules did not run"
