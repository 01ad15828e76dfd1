import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.match import play_match
from agents.choice import expand_children, random_slots
from agents.factory import make_agent
from agents.one_ply_agent import OnePlyAgent
from agents.positions import position_after
from agents.random_agent import RandomAgent
from games import make

GAME = make("connect_four")


def move_in(agent, moves):
    state = position_after(GAME, moves)
    return GAME.action_to_text(state, agent.move(state))


@pytest.mark.parametrize("seed", range(5))
def test_one_ply_wins_at_once(seed):
    assert move_in(OnePlyAgent(game=GAME, seed=seed), "1 2 1 2 1 2") == "1"


@pytest.mark.parametrize("seed", range(5))
def test_one_ply_stops_a_win(seed):
    assert move_in(OnePlyAgent(game=GAME, seed=seed), "1 2 1 3 1") == "1"


@pytest.mark.parametrize("seed", range(5))
def test_one_ply_wins_rather_than_stops_a_win(seed):
    assert move_in(OnePlyAgent(game=GAME, seed=seed), "1 2 1 2 1 2") == "1"
    assert move_in(OnePlyAgent(game=GAME, seed=seed), "1 7 1 7 2 7 1") == "7"


def test_one_ply_still_moves_where_every_move_loses():
    # O stands on 3, 4, 5 with both ends open: X can stop only one of them.
    agent = OnePlyAgent(game=GAME)
    assert move_in(agent, "1 3 1 4 7 5") in set("1234567")


def test_every_agent_beats_the_random_one():
    for text, least in (("one_ply", 0.8), ("alpha_beta:3", 0.9), ("mcts:100", 0.9)):
        result = play_match(make_agent(text, game=GAME), RandomAgent(game=GAME), games=60, seed=1)
        assert result.total.score >= least, text


def test_more_simulations_play_better():
    many, few = (make_agent(f"mcts:{n}", game=GAME) for n in (400, 25))
    assert play_match(many, few, games=40, seed=2).total.score > 0.7


def test_random_choices_are_uniform_over_what_is_allowed():
    rng = np.random.default_rng(0)
    keys = rng.integers(2**64, size=30_000, dtype=np.uint64)
    allowed = np.tile(np.array([True, False, True, True, False]), (len(keys), 1))
    counts = np.bincount(random_slots(keys, allowed, seed=7), minlength=5)
    assert counts[1] == counts[4] == 0
    assert np.abs(counts[[0, 2, 3]] - 10_000).max() < 5 * np.sqrt(10_000 * 2 / 3)


def test_children_are_the_positions_after_each_legal_move():
    states = np.array([GAME.after([3, 3, 3]), GAME.after([0] * 6)], GAME.state_dtype)
    children = expand_children(GAME, states)
    assert np.bincount(children.rows).tolist() == [7, 6]
    for row, action, child in zip(children.rows, children.actions, children.states, strict=True):
        moves = [[3, 3, 3], [0] * 6][row]
        assert child == GAME.after([*moves, int(action)])


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "write - for the start"),
        ("1 2 x", "move 3: 'x' is no column"),
        ("1 1 1 1 1 1 1", "move 7: '1' cannot be played"),
        ("1 2 1 2 1 2 1 5", r"move 8 \('5'\) comes after the game is over"),
        ("- 1", "move 1: '-' is no column"),
    ],
)
def test_positions_that_cannot_be_read_say_where(text, message):
    with pytest.raises(AgentError, match=message):
        position_after(GAME, text)


def test_moves_may_be_written_as_the_game_writes_them():
    assert position_after(GAME, " 1 2\t3\n") == GAME.after([0, 1, 2])
    assert position_after(GAME, "-\n") == GAME.after([])
