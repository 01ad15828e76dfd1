import pytest
from click.testing import CliRunner

from scripts.perft import command

START = "...\n...\n..."


def run(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_lines_are_counted_up_to_the_depth_asked_for():
    rows = [line.split() for line in run("tic_tac_toe", "--depth", "5").output.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row[1] for row in rows] == ["9", "72", "504", "3,024", "15,120"]


def test_a_position_is_taken_as_the_game_writes_it():
    output = run("tic_tac_toe", "--depth", "2", "--position", START, "--divide").output
    rows = [line.split() for line in output.splitlines()]
    assert ["b2", "8"] in rows and rows[-1] == ["sum", "72"]


def test_a_position_that_cannot_be_is_refused():
    from games.game import InvalidPositionError

    with pytest.raises(InvalidPositionError):
        run("tic_tac_toe", "--position", "XXX")
