"""Solvers of Othello's endings, hex and small games: brute force, peers, published results."""

import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.truth import measure_truth
from agents.arena.truth_sets import truth_for
from agents.choice import expand_children
from agents.exact.hex_solver import HexSolver
from agents.exact.kernels import othello as othello_kernels
from agents.exact.othello_solver import MOST_EMPTY, OthelloSolver
from agents.exact.solvers import exact_solver
from agents.exact.table_solver import TableSolver
from agents.factory import make_agent
from agents.solvers.tic_tac_toe import TicTacToeSolver
from games import make

OTHELLO = make("othello")
#: The first position of the end-game test suite of the French federation (FFO 40 of Andersson's
#: list): Black to move, 20 empty, wins by 38.
FFO_40 = "O--OOOOX-OOOOOOXOOXXOOOXOOXOOOXXOOOOOOXX---OOOOX----O--X--------"


def random_position(game, plies, seed):
    """An unfinished position of random play, or None."""
    random = np.random.default_rng(seed)
    states = game.rules.initial(1)
    for _ in range(plies):
        if states[0]["finished"]:
            return None
        action = random.choice(game.legal(states[0]))
        game.rules.step(states, np.array([action], np.int32))
    return None if states[0]["finished"] else states[0]


def brute_force(game, state, worth):
    """Value for the player to move by trying everything; ``worth`` values a finished position."""
    mover = int(state["to_play"])
    values = []
    for child in expand_children(game, np.array([state])).states:
        if child["finished"]:
            values.append(worth(child, mover))
        else:
            value = brute_force(game, child, worth)
            values.append(value if int(child["to_play"]) == mover else -value)
    return max(values)


def discs(state, player):
    """Difference of discs, empty cells for the winner."""
    mine, theirs = (int(state["stones"][each]).bit_count() for each in (player, 1 - player))
    empty = 64 - mine - theirs
    return mine - theirs + empty * int(np.sign(mine - theirs))


@pytest.mark.parametrize("empty", [1, 2, 3, 4, 5, 6])
def test_othello_scores_are_those_of_brute_force(empty):
    solver = OthelloSolver(game=OTHELLO, table_bits=12)
    compared = 0
    for seed in range(12 if empty < 6 else 4):
        state = random_position(OTHELLO, 60 - empty, seed)
        if state is None:
            continue
        expected = brute_force(OTHELLO, state, discs)
        assert solver.score(state) == expected
        solved = solver.moves(state)
        assert solved.scores.max() == expected and solved.outcome == np.sign(expected)
        compared += 1
    assert compared > 2


def test_othello_outcomes_agree_with_scores():
    solver = OthelloSolver(game=OTHELLO)
    for seed in range(8):
        state = random_position(OTHELLO, 60 - MOST_EMPTY, seed)
        if state is not None:
            assert solver.moves(state).outcome == np.sign(solver.score(state))


def test_a_published_ending_of_twenty_empty_cells():
    black, white = (
        np.uint64(sum(1 << cell for cell, each in enumerate(FFO_40) if each == letter))
        for letter in "XO"
    )
    memory = othello_kernels.new_memory(table_bits=19)
    board = np.uint64(2**64 - 1)
    assert othello_kernels.score(memory, black, white, board) == 38


def test_othello_on_the_board_of_four_is_solved_as_published():
    """White wins by 11 to 3 (and two cells stay empty), by two solvers of different kinds."""
    game = make("othello(size=4)")
    start = game.rules.initial(1)[0]
    assert OthelloSolver(game=game).score(start) == -10
    table = exact_solver(game)
    assert isinstance(table, TableSolver)
    assert table.moves(start).outcome == -1
    by_search = OthelloSolver(game=game)
    for seed in range(20):
        state = random_position(game, 4, seed)
        assert (table.moves(state).outcomes == by_search.moves(state).outcomes).all()


def test_too_many_empty_cells_are_refused():
    solver = OthelloSolver(game=OTHELLO)
    assert not solver.knows(OTHELLO.rules.initial(1)[0])
    with pytest.raises(AgentError, match="at most 16 empty cells"):
        make_agent("solver", game=OTHELLO).move(OTHELLO.rules.initial(1)[0])


def test_first_stones_of_hex_that_win():
    """The maps without swap, for the player from top to bottom; 4 x 4: the short diagonal alone."""
    maps = {3: "001111100", 4: "0001001001001000"}
    for size, expected in maps.items():
        game = make(f"hex(size={size},swap=0)")
        solved = HexSolver(game=game).moves(game.rules.initial(1)[0])
        assert "".join("1" if each > 0 else "0" for each in solved.outcomes) == expected


def test_small_hex_by_three_solvers():
    for text in ("hex(size=3,swap=0)", "hex3"):
        game = make(text)
        table, search = TableSolver(game=game), HexSolver(game=game)
        for state in table.states[::7]:
            assert (table.moves(state).outcomes == search.moves(state).outcomes).all()
    for seed in range(3):
        state = random_position(game, 3, seed)
        if state is not None:
            value = brute_force(game, state, lambda each, player: int(each["returns"][player]))
            assert search.moves(state).outcome == value


def test_hex_of_five_needs_four_stones():
    game = make("hex5")
    solver = HexSolver(game=game)
    assert not solver.knows(game.rules.initial(1)[0])
    state = random_position(game, 12, 1)
    assert solver.knows(state)
    children = expand_children(game, np.array([state], game.state_dtype)).states
    outcomes = np.empty(len(children), np.int8)
    game.rules.prove(children, 3, outcomes)
    ours = solver.moves(state).outcomes
    settled = np.abs(outcomes) == 1
    assert (ours[settled] == -outcomes[settled]).all()


def test_the_second_player_of_hex_wins_by_swapping():
    game = make("hex3")
    assert HexSolver(game=game).moves(game.rules.initial(1)[0]).outcome == -1


def test_a_table_of_tic_tac_toe_agrees_with_the_other_solver():
    game, other = make("tic_tac_toe"), TicTacToeSolver()
    table = TableSolver(game=game)
    assert len(table) == 4520
    for moves in ([], [4], [0, 4], [0, 4, 8], [0, 1, 4], [0, 4, 2, 6]):
        state = game.after(moves)
        solved = table.moves(state)
        assert solved.outcomes.tolist() == [
            each for each in other.move_outcomes(moves).tolist() if each != -128
        ]
    winning = table.moves(game.after([0, 4, 2, 6]))
    assert winning.plies[winning.actions.tolist().index(1)] == 1


def test_connect_four_on_four_by_four_is_a_draw():
    """Draw, and 161,029 positions (Tromp's table of small boards)."""
    game = make("connect_four(width=4,height=4)")
    table = TableSolver(game=game)
    assert table.moves(game.rules.initial(1)[0]).outcome == 0
    children = expand_children(game, table.states).states
    finished = np.unique(children["key"][children["finished"]])
    assert len(table) + len(finished) == 161_029


def test_a_game_that_is_too_large_is_refused():
    with pytest.raises(AgentError, match="more than 1,000 positions"):
        TableSolver(game=make("connect_four(width=4,height=4)"), most_positions=1_000)
    assert exact_solver(make("hex(size=6)")) is None
    with pytest.raises(AgentError, match="no solver knows"):
        make_agent("solver", game=make("hex(size=6)"))


@pytest.mark.parametrize("text", ["hex3", "hex4", "othello6", "connect_four(width=4,height=4)"])
def test_the_truth_meter_finds_mistakes_and_none_of_the_solver(text):
    game = make(text)
    truth = truth_for(game).subset(15)
    assert measure_truth(make_agent("solver", game=game), truth).total.errors == 0
    assert measure_truth(make_agent("random", game=game), truth).total.errors > 0
