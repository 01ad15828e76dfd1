"""`meijin games` lists every game without compiling one."""

from click.testing import CliRunner

from games.registry import registered_games
from scripts.games import command


def test_every_game_is_listed_with_its_parameters():
    result = CliRunner().invoke(command)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    names = [line.partition("(")[0] for line in lines if not line.startswith(" ")]
    assert names[:-1] == list(registered_games())
    assert lines[-1].startswith("A trained network comes with ") and "connect_four" in lines[-1]
    assert "connect_four(width=7, height=6, length=4)" in lines
    assert "    width: columns of the board (3 to 12)" in lines
