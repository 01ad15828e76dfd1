import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from scripts.cli import main
from scripts.match import command as match
from scripts.tournament import command as tournament

#: Plays the first free cell; the eightieth move waits for a file.
PLAYER = """
import os, sys, time
cells = [column + row for row in "123" for column in "abc"]
taken, moves = [], 0
for line in sys.stdin:
    name, *rest = line.split()
    reply = "2" if name == "protocol_version" else ""
    if name == "clear_board":
        taken.clear()
    elif name == "play":
        taken.append(rest[1])
    elif name == "genmove":
        moves += 1
        while moves > 80 and not os.path.exists(sys.argv[1]):
            time.sleep(0.05)
        reply = next(cell for cell in cells if cell not in taken)
        taken.append(reply)
    print("= " + reply + "\\n", flush=True)
"""
PLAYERS = ["random", "one_ply", "alpha_beta:2"]


def test_a_tournament_prints_tables_and_writes_numbers_and_a_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [*PLAYERS, "--game", "tic_tac_toe", "--games", "60"]
    result = CliRunner().invoke(tournament, [*arguments, "--json", "out.json"])
    assert result.exit_code == 0, result.output
    assert "superiority" in result.stdout
    assert "picture: tournament.png; result: out.json" in result.stderr
    facts = json.loads((tmp_path / "out.json").read_text())
    assert facts["games"] == 60
    assert sum(each["games"] for each in facts["pairs"]) == 60
    assert [each["elo"] for each in facts["players"] if each["name"] == "random"] == [0.0]
    assert (tmp_path / "tournament.png").read_bytes().startswith(b"\x89PNG")
    again = CliRunner().invoke(tournament, [*arguments, "--json", "-"])
    assert "holds 60 of these games" in again.stderr
    assert json.loads(again.stdout) == facts


def test_a_killed_tournament_goes_on_by_the_same_command(tmp_path):
    """However fast the machine is: a player stops moving after some games, until it is killed."""
    (tmp_path / "player.py").write_text(PLAYER)
    player = f"gtp:{sys.executable} {tmp_path / 'player.py'} {tmp_path / 'go_on'}"
    command = [sys.executable, "-m", "scripts.cli", "tournament", "random", player]
    command += ["--game", "tic_tac_toe", "--games", "60", "--db", str(tmp_path / "games.db")]
    command += ["--json", "-", "--parallel", "4"]
    path = os.pathsep.join(each for each in sys.path if each)  # an installed copy needs none
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = 0
    until = time.monotonic() + 300
    while before < 10 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
        before = _games(tmp_path / "games.db")
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = _games(tmp_path / "games.db")
    assert 10 <= before < 60
    (tmp_path / "go_on").touch()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"holds {before} of these games" in done.stderr
    assert json.loads(done.stdout)["games"] in (60, 61)


def _games(path):
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM game").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_a_match_keeps_its_games_and_a_test_says_what_it_found(tmp_path):
    arguments = ["alpha_beta:3", "random", "--sprt", "0", "100", "--db", str(tmp_path / "m.db")]
    table = CliRunner().invoke(match, arguments)
    assert table.exit_code == 0, table.output
    assert "alpha_beta:3 is 100 Elo stronger rather than 0" in " ".join(table.stdout.split())
    facts = json.loads(CliRunner().invoke(match, [*arguments, "--json"]).stdout)
    assert facts["sprt"]["taken"] == "H1"
    assert facts["games"] == 2 * sum(facts["sprt"]["pairs"])
    assert _games(tmp_path / "m.db") >= facts["games"]


def test_an_unknown_anchor_is_refused_before_anything_is_played(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(tournament, [*PLAYERS, "--anchor", "nobody"])
    assert "none of the players" in str(result.exception)
    assert not (tmp_path / "tournament.db").exists()


def test_a_match_on_a_clock_is_kept_with_its_clock(tmp_path):
    arguments = ["random", "one_ply", "--game", "tic_tac_toe", "--db", str(tmp_path / "games.db")]
    result = CliRunner().invoke(match, [*arguments, "--games", "4", "--clock", "0/60", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["games"], facts["lost_on_time"]) == (4, {"a": 0, "b": 0})
    other = CliRunner().invoke(match, [*arguments, "--games", "4"])
    assert "was begun with clock 0/60, not none" in str(other.exception)
    late = CliRunner().invoke(match, [*arguments[:4], "--games", "2", "--clock", "0.000001"])
    assert late.exit_code != 0 and "is no time" in str(late.exception)


def test_games_lost_on_time_are_counted_and_remembered(tmp_path):
    # Ten plies take longer than a millisecond on any machine, and alpha-beta knows no clock.
    arguments = ["alpha_beta:10", "random", "--game", "connect_four", "--games", "2"]
    arguments += ["--db", str(tmp_path / "games.db"), "--clock", "0.001", "--json"]
    arguments += ["--opening-plies", "0"]
    played, read = (json.loads(CliRunner().invoke(match, arguments).stdout) for _ in range(2))
    assert sum(played["lost_on_time"].values()) >= 1
    assert read == played
    assert _games(tmp_path / "games.db") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["tournament", "random", "one_ply", "--json", "no_such/x.json"],
        ["tournament", "random", "one_ply", "--picture", "no_such/x.png"],
        ["exploit", "one_ply", "--json", "no_such/x.json"],
        ["evaluate", "one_ply", "--json", "no_such/x.json"],
    ],
)
def test_a_result_that_could_not_be_written_is_refused_before_anything_is_played(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "there is no folder no_such" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
