"""Reviews of games whose mistakes are known, and the page as a browser shows it."""

import html.parser
import itertools
import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest

import games
from agents.analysis import trees
from agents.analysis.review import review
from agents.factory import make_agent
from agents.pages.review_page import review_page
from agents.records.record import GameRecord
from agents.search_agent import SearchAgent
from engine.inference.uniform import KeyEvaluator


def record_of(game_id, moves, **facts):
    game = games.make(game_id)
    states, actions = game.rules.initial(1), []
    for text in moves.split():
        actions.append(game.text_to_action(states[0], text))
        states[0] = game.after(actions)
    return GameRecord(game, tuple(actions), **facts)


def reviewed(record, **settings):
    return review(record, make_agent("mcts:1", game=record.game), visits=2000, **settings)


def test_a_move_that_loses_a_drawn_game_is_a_blunder_of_half_a_point():
    """Oracle: tic-tac-toe by hand. A reply to the centre holds in a corner, loses beside it."""
    found = reviewed(record_of("tic_tac_toe", "b2 b1"))
    reply = found.positions[1]
    assert reply.played == "b1" and reply.grade == "blunder"
    # A half by the rules; the search's share of visits to worse replies takes some of it away.
    assert 0.25 < reply.cost < 0.6
    assert reply.candidates[0].text in ("a1", "a3", "c1", "c3")
    assert found.faults == [reply]
    assert found.mean_cost(1) == reply.cost and found.mean_cost(0) < 0.05


@pytest.mark.parametrize("tick", [1e-6, 3.0])
def test_a_review_is_the_same_on_a_fast_and_on_a_slow_machine(monkeypatch, tick):
    """Rollouts share a generator: were steps as long as the clock says, others would be drawn."""
    record = record_of("tic_tac_toe", "b2 b1")
    expected = reviewed(record).positions
    ticks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(ticks) * tick)
    monkeypatch.setattr(trees, "time", clock)
    assert reviewed(record).positions == expected


def test_what_few_random_games_say_of_a_first_move_is_called_nothing():
    """The first moves of Othello mirror each other; forty random games each tell them apart."""
    game = games.make("othello(size=6)")
    start = game.rules.initial(1)
    moves = [game.action_to_text(start[0], action) for action in game.legal(start[0])]
    firsts = []
    for seed in range(4):
        agent = make_agent("mcts:1", game=game, seed=seed)
        for move in moves:
            found = review(record_of(game.id, move), agent, visits=40)
            firsts.append(found.positions[0])
    assert max(first.cost for first in firsts) > 0.05
    assert [first.grade for first in firsts] == [""] * len(firsts)
    lost = record_of("tic_tac_toe", "a1 b1 a2 b2 c3 b3")  # a missed win is certain with few, too
    found = review(lost, make_agent("mcts:1", game=lost.game), visits=40)
    assert found.positions[4].grade == "blunder"


def test_a_missed_win_and_a_result_on_the_board():
    found = reviewed(record_of("tic_tac_toe", "a1 b1 a2 b2 c3 b3"), threads=2)
    missed, _, over = found.positions[4:]
    assert missed.grade == "blunder" and missed.candidates[0].text == "a3"
    assert over.score == 0.0 and over.is_proven and not over.candidates and over.played is None
    shares = []
    reviewed(record_of("tic_tac_toe", "a1"), on_progress=shares.append)
    assert shares[-1] == 1.0


def test_the_own_best_move_costs_nothing():
    record = record_of("connect_four", "4 4 4")
    agent = SearchAgent(game=record.game, evaluator=KeyEvaluator(record.game), simulations=200)
    first = review(record, agent, visits=200)
    best = first.positions[3].candidates[0]
    again = review(
        GameRecord(record.game, (*record.actions, best.action)), agent, visits=200
    ).positions[3]
    assert again.played == best.text and again.cost == 0.0


class Page(html.parser.HTMLParser):
    """What a page loads, and its text."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.loads += [value for key, value in attrs if key in ("src", "href") and value != "#"]
        assert tag not in ("link", "iframe", "img")

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def page():
    players = ("<script>alert(1)</script>", "O'Hara & Söhne")
    record = record_of(
        "connect_four", "4 4 4 4 4 2 3 5", players=players, remarks=("Cut </b> short.",)
    )
    return review_page(reviewed(record), source="a<b>.txt", date="2026-01-01")


def test_the_page_loads_nothing_and_its_data_are_whole(page):
    parsed = Page(page)
    assert parsed.loads == []
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    data = json.loads(re.search(r"const data = (\{.*\});", page)[1])
    assert len(data["plies"]) == len(data["boards"]) == 9
    assert len(data["boards"][8]["pieces"]) == 8
    assert [ply["played"] for ply in data["plies"]] == [*"44444235", None]
    assert data["names"][0].startswith("<script>")
    assert "<script>alert" not in page and "<b>" not in "".join(parsed.texts[:20])


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to show the page in")
def test_a_browser_draws_the_board_and_runs_without_errors(page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(
        page + "<script>document.title = 'all ran ' + current</script>", encoding="utf-8"
    )
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", f"--user-data-dir={tmp_path}/profile",
            "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "<title>all ran" in done.stdout, done.stderr[-500:]
    board = re.search(r'<svg class="board".*?</svg>', done.stdout, re.DOTALL)[0]
    assert board.count("<circle") >= 42  # the holes of the rack
