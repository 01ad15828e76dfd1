import numpy as np
import pytest

from agents.agent import AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.arena.match import play_match
from agents.choice import expand_children
from agents.random_agent import RandomAgent
from games import make
from games.game import UNPROVEN

GAME = make("connect_four")


def random_states(game, *, count, seed):
    """Unfinished positions of random games."""
    rng = np.random.default_rng(seed)
    states = game.rules.initial(4 * count)
    agent = RandomAgent(game=game, seed=seed)
    for row in range(len(states)):
        one = states[row : row + 1]
        for _ in range(int(rng.integers(game.max_plies))):
            before = one.copy()
            game.rules.step(one, np.array([agent.move(one[0])], np.int32))
            agent.reset(seed=int(rng.integers(2**31)))
            if one["finished"][0]:
                one[:] = before
                break
    return states[:count]


@pytest.mark.parametrize("name", ["connect_four", "connect_four(width=5,height=4)", "tic_tac_toe"])
def test_alpha_beta_keeps_every_result_that_is_proven_within_its_depth(name):
    game = make(name)
    agent = AlphaBetaAgent(game=game, plies=4)
    states = random_states(game, count=200, seed=1)
    children = expand_children(game, states)
    proven = np.empty(len(children.states), np.int8)
    game.rules.prove(children.states, 3, proven)
    outcomes = np.full((len(states), game.num_actions), UNPROVEN, np.int8)
    outcomes[children.rows, children.actions] = np.where(
        proven == UNPROVEN, 0, -proven
    )  # an open end is neither won nor lost
    chosen = agent.choose(states).actions
    best = np.where(outcomes == UNPROVEN, -2, outcomes).max(axis=1)
    got = outcomes[np.arange(len(states)), chosen]
    # A proven draw and an open end look alike here; wins and losses must be exact.
    assert (got[best == 1] == 1).all()
    assert (got[best > -1] > -1).all()
    assert (best == 1).sum() > 10


def test_alpha_beta_finds_a_forced_win_in_five():
    # X threatens a double end: after c1 both b1 and f1 complete four.
    state = GAME.text_to_state(
        """
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . O O . .
        . . . X X . .
        X to move"""
    )
    move = AlphaBetaAgent(game=GAME, plies=5).move(state)
    assert GAME.action_to_text(state, move) in {"3", "6"}


def test_alpha_beta_takes_the_fastest_win():
    state = GAME.text_to_state(
        """
        . . . . . . .
        . . . . . . .
        . . . . . . .
        O . . . . . .
        O . . . . . .
        O . X X X . .
        X to move"""
    )
    move = AlphaBetaAgent(game=GAME, plies=6).move(state)
    assert GAME.action_to_text(state, move) in {"2", "6"}


def test_a_deeper_search_beats_a_shallower_one():
    deep, shallow = (AlphaBetaAgent(game=GAME, plies=plies) for plies in (6, 1))
    assert play_match(deep, shallow, games=40, seed=3).total.score > 0.7


def test_a_depth_of_nothing_is_refused():
    with pytest.raises(AgentError, match="at least 1 ply"):
        AlphaBetaAgent(game=GAME, plies=0)
