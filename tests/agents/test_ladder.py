"""The ladder with outside programs: those that are installed, and those that are not."""

import sys
from itertools import pairwise

import pytest

from agents.arena import ladder, rungs
from agents.arena.elo import Pairing
from agents.arena.ladder import climb_ladder, open_ladder, store_results, stored_results
from agents.arena.match import Tally
from agents.arena.rungs import ProgramRung, own_rungs
from agents.factory import make_agent
from games import make
from scripts.ladder_view import ladder_table, rating_facts, spread

#: Plays tic-tac-toe by GTP, the first free cell.
PROGRAM = r"""
import sys
from itertools import pairwise
cells = [c + r for r in "123" for c in "abc"]
taken = []
for line in sys.stdin:
    name, *rest = line.split()
    reply = ""
    if name == "protocol_version":
        reply = "2"
    elif name == "clear_board":
        taken = []
    elif name == "play":
        taken.append(rest[1])
    elif name == "genmove":
        reply = next(cell for cell in cells if cell not in taken)
        taken.append(reply)
    print(f"= {reply}\n", flush=True)
"""


@pytest.fixture
def game(tmp_path, monkeypatch):
    """Tic-tac-toe with two programs on its ladder, one of which is not installed."""
    game = make("tic_tac_toe")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    monkeypatch.setattr(ladder, "KNOWN_FILE", tmp_path / "results.json")
    monkeypatch.setitem(
        rungs._PROGRAMS,
        game.name,
        (
            ProgramRung("first cell", sys.executable, f"gtp:{{}} {path}"),
            ProgramRung("ghost level 3", "no-such-program", "gtp:{} --level 3"),
        ),
    )
    names = [*own_rungs(game), "first cell", "ghost level 3"]
    store_results(
        game,
        [Pairing(a, b, Tally(3, 1, 2)) for a, b in zip(names[1:], names, strict=False)],
    )
    return game


def test_a_program_that_is_not_installed_is_left_out_and_changes_no_rating(game):
    opened = open_ladder(game, seed=0)
    assert [rung.name for rung in opened.rungs] == [*own_rungs(game), "first cell"]
    assert opened.left_out == ("ghost level 3",)
    assert "ghost level 3" in opened.ratings.players  # it has its place all the same
    without = open_ladder(game, seed=0, programs=False)
    assert [rung.name for rung in without.rungs] == list(own_rungs(game))
    assert without.ratings.players == opened.ratings.players
    opened.close()


def test_a_climber_meets_the_program_and_the_report_names_who_is_missing(game):
    opened = open_ladder(game, seed=0)
    climber = make_agent("one_ply", game=game, seed=1)
    climber.name = "climber"
    report = climb_ladder(climber, opened, games=4, seed=2)
    opened.close()
    assert [match.b for match in report.matches][-1] == "first cell"
    assert "ghost level 3" in ladder_table(report).caption
    facts = rating_facts(report)
    assert facts["left_out"] == ["ghost level 3"]
    assert {"first cell", "climber"} <= set(facts["players"])


def test_results_of_other_rules_are_not_taken(game):
    assert stored_results(game)
    assert stored_results(make("tic_tac_toe")) and not stored_results(make("hex(size=3)"))
    text = ladder.KNOWN_FILE.read_text()
    ladder.KNOWN_FILE.write_text(text.replace('"rules": "', '"rules": "0'))
    assert stored_results(game) == []


def test_labels_keep_their_distance_and_their_order():
    heights = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 50.0, "e": 51.0}
    placed = spread(heights, least=10)
    assert list(placed) == list("abcde")
    ordered = list(placed.values())
    assert all(low + 10 <= high + 1e-9 for low, high in pairwise(ordered))
    assert sum(placed[each] for each in "abc") / 3 == pytest.approx(1)
    assert spread({"a": 0.0, "b": 100.0}, least=10) == {"a": 0.0, "b": 100.0}
