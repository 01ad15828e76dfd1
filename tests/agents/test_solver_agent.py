import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.match import play_match
from agents.arena.openings import random_openings
from agents.arena.truth import measure_truth
from agents.arena.truth_sets import enumerated_truth, truth_for
from agents.factory import make_agent
from agents.solver_agent import solver_agent
from agents.solvers import truth as solver_truth
from agents.solvers.connect_four import ConnectFourSolver
from games import make
from games.game import UNPROVEN

TINY = make("tic_tac_toe")
GAME = make("connect_four")


def test_the_solver_of_tic_tac_toe_makes_no_error():
    assert measure_truth(solver_agent(TINY), enumerated_truth(TINY)).total.errors == 0


def test_the_solver_of_tic_tac_toe_wins_at_once_where_it_can():
    # X . X / . O . / O . . : the top row is open.
    state = TINY.after([0, 4, 2, 6])
    assert solver_agent(TINY).move(state) == 1


def test_the_solver_of_tic_tac_toe_never_loses_from_the_start():
    result = play_match(
        solver_agent(TINY), make_agent("mcts:200", game=TINY), games=30, seed=1, opening_plies=0
    )
    assert result.total.losses == 0


def test_the_solver_of_connect_four_wins_every_won_position():
    solver = solver_agent(GAME)
    openings = random_openings(GAME, count=24, plies=16, seed=2)
    states = np.array([GAME.after(each) for each in openings], GAME.state_dtype)
    values = solver.choose(states).analysis.values
    states, expected = states[values > 0], values[values > 0]
    assert len(states) > 5
    movers = states["to_play"].copy()
    opponent = make_agent("mcts:100", game=GAME)
    while not states["finished"].all():
        for row in np.flatnonzero(~states["finished"]):
            one = states[row : row + 1]
            agent = solver if one["to_play"][0] == movers[row] else opponent
            GAME.rules.step(one, agent.choose(one).actions)
    assert (states["returns"][np.arange(len(states)), movers] == expected).all()


def test_stored_positions_are_replayed_with_the_results_of_their_moves(monkeypatch):
    games = random_openings(GAME, count=12, plies=18, seed=5)
    games += random_openings(GAME, count=12, plies=23, seed=6)
    solver = ConnectFourSolver(opening_table=False)
    moves = np.full((len(games), 42), -1, np.int8)
    for row, actions in enumerate(games):
        moves[row, : len(actions)] = actions
    stored = solver_truth.TruthSet(
        names=solver_truth.CLASSES,
        moves=moves,
        lengths=np.array([len(actions) for actions in games], np.int8),
        klass=(np.arange(len(games)) % 6).astype(np.int8),
        scores=np.zeros(len(games), np.int8),
        move_outcomes=np.array([solver.move_outcomes(actions) for actions in games]),
    )
    monkeypatch.setattr(solver_truth, "load_connect_four_truth", lambda: stored)
    truth = truth_for(GAME)
    for row, actions in enumerate(games):
        assert truth.states[row] == GAME.after(actions)
        legal = np.flatnonzero(truth.outcomes[row] != UNPROVEN)
        assert legal.tolist() == GAME.legal(truth.states[row])
    assert measure_truth(solver_agent(GAME), truth).total.errors == 0
    assert measure_truth(make_agent("random", game=GAME), truth).total.errors > 0


def test_the_solver_keeps_the_result_of_every_scored_position():
    truth = truth_for(GAME).subset(6)
    report = measure_truth(solver_agent(GAME), truth)
    assert report.total.errors == 0
    assert set(report.by_class) == {
        *("begin_easy", "begin_medium", "begin_hard"),
        *("middle_easy", "middle_medium", "end_easy"),
    }


def test_a_random_player_keeps_about_two_results_in_three():
    report = measure_truth(make_agent("random", game=GAME), truth_for(GAME))
    assert 0.55 < report.total.kept < 0.8
    assert all(score.positions >= 300 for score in report.by_class.values())


def test_a_game_without_a_solver_says_so():
    with pytest.raises(AgentError, match="no solver knows"):
        solver_agent(make("connect_four(width=5,height=4)"))
