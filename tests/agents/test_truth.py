import numpy as np
import pytest

from agents.agent import AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.arena.truth import TruthScore, keeps_result, measure_truth
from agents.arena.truth_sets import enumerated_truth, truth_for
from agents.random_agent import RandomAgent
from games import make
from games.game import UNPROVEN

TINY = make("tic_tac_toe")


@pytest.fixture(scope="module")
def tiny_truth():
    return enumerated_truth(TINY)


def test_every_position_of_tic_tac_toe_is_there_once(tiny_truth):
    # 5,478 reachable positions, of which 958 are over (a classic count).
    assert len(tiny_truth.states) == 5478 - 958
    assert len(set(tiny_truth.states["key"])) == 5478 - 958


def test_tic_tac_toe_is_a_draw_whatever_the_first_move(tiny_truth):
    assert (tiny_truth.outcomes[0] == 0).all()


def test_perfect_play_makes_no_error(tiny_truth):
    report = measure_truth(AlphaBetaAgent(game=TINY, plies=9), tiny_truth)
    assert report.total.errors == 0
    assert report.total.kept == 1.0


def test_random_play_errs_as_often_as_the_outcomes_say(tiny_truth):
    legal = tiny_truth.outcomes != UNPROVEN
    best = np.where(legal, tiny_truth.outcomes, -2).max(axis=1)
    expected = ((tiny_truth.outcomes == best[:, None]) & legal).sum(axis=1) / legal.sum(axis=1)
    report = measure_truth(RandomAgent(game=TINY, seed=3), tiny_truth)
    assert report.total.kept == pytest.approx(expected.mean(), abs=0.03)


def test_an_error_gives_a_result_away_and_nothing_else_does():
    outcomes = np.array([[1, 1, 0, -1, UNPROVEN]] * 4, np.int8)
    assert keeps_result(outcomes, np.array([0, 1, 2, 3])).tolist() == [True, True, False, False]
    drawn = np.array([[0, -1, UNPROVEN]] * 2, np.int8)
    assert keeps_result(drawn, np.array([0, 1])).tolist() == [True, False]
    lost = np.array([[-1, -1]] * 2, np.int8)
    assert keeps_result(lost, np.array([0, 1])).tolist() == [True, True]


def test_batches_do_not_change_the_measure(tiny_truth):
    some = tiny_truth.subset(60)
    agent = RandomAgent(game=TINY, seed=5)
    told = []
    assert measure_truth(agent, some) == measure_truth(agent, some, batch=7, progress=told.append)
    assert told[-1] == 1.0


def test_a_subset_takes_the_same_first_positions_of_each_class(tiny_truth):
    some = tiny_truth.subset(10)
    assert np.bincount(some.class_of).tolist() == [10, 10, 10]
    assert (some.states["key"] == tiny_truth.subset(10).states["key"]).all()


def test_an_agent_of_another_game_is_refused(tiny_truth):
    with pytest.raises(AgentError, match="connect_four"):
        measure_truth(RandomAgent(game=make("connect_four")), tiny_truth)


def test_a_game_that_nobody_solves_has_no_truth():
    assert truth_for(make("connect_four(width=5,height=4)")) is None  # 1.7 million positions


def test_a_measured_zero_still_leaves_room_for_doubt():
    low, high = TruthScore(positions=300, errors=0).interval
    assert low == 0.0
    assert 0.005 < high < 0.02
