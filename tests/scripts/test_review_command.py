"""`meijin review` from files to a page, and what it refuses."""

import pytest
from click.testing import CliRunner

from agents.records import files
from scripts.cli import main
from scripts.review import command

RECORD = "meijin game 1\ngame: tic_tac_toe\nfirst: A\nsecond: B\n\na1 b2 c3 a3\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "game.txt"
    path.write_text(RECORD)
    return path


def test_a_page_is_written_beside_the_record(file):
    done = CliRunner().invoke(command, [str(file), "--agent", "mcts:50", "--visits", "200"])
    assert done.exit_code == 0, done.output
    assert "move 4, a3: blunder, " in done.stdout
    assert "<title>A (X) against B (O)</title>" in file.with_suffix(".html").read_text("utf-8")
    assert files.read_game(file).players == ("A", "B")  # the record is as it was


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no_such_file.sgf"], "no_such_file.sgf"),
        (["{file}", "--agent", "random"], "searches a tree"),
        (["{file}", "--game", "connect_four"], "not of connect_four"),
        (["{file}", "--output", "/no/p.html", "--agent", "mcts:2", "--visits", "2"], "--output"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(file, arguments, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["review", *(each.format(file=file) for each in arguments)])
    told = capsys.readouterr().err
    assert ended.value.code != 0 and complaint in told and told.count("\n") == 1, told


def test_a_record_without_moves_has_nothing_to_review(file, capsys):
    file.write_text("meijin game 1\ngame: tic_tac_toe\n")
    with pytest.raises(SystemExit):
        main(["review", str(file)])
    assert "no moves" in capsys.readouterr().err
