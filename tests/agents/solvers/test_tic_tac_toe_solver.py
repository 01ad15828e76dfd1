"""Tic-tac-toe's solver against facts that everybody knows."""

import numpy as np
import pytest

from agents.solvers.tic_tac_toe import ILLEGAL, TicTacToeSolver


def test_every_opening_is_a_draw() -> None:
    solver = TicTacToeSolver()
    assert solver.outcome([]) == 0
    assert solver.move_outcomes([]).tolist() == [0] * 9
    # Unfinished positions alone: 5,478 less 958 finished ones.
    assert len(solver._outcomes) == 4520


def test_only_the_centre_holds_against_a_corner_and_only_corners_against_the_centre() -> None:
    solver = TicTacToeSolver()
    assert np.flatnonzero(solver.move_outcomes([0]) == 0).tolist() == [4]
    assert np.flatnonzero(solver.move_outcomes([4]) == 0).tolist() == [0, 2, 6, 8]
    assert solver.move_outcomes([4])[4] == ILLEGAL


def test_a_win_is_taken_and_a_fork_is_lost() -> None:
    solver = TicTacToeSolver()
    assert solver.move_outcomes([0, 3, 1, 4])[2] == 1
    assert solver.outcome([0, 1]) == 1  # an edge next to the corner loses
    assert solver.outcome([0, 1, 4]) == -1


@pytest.mark.parametrize("moves", [[9], [0, 0], [0, 3, 1, 4, 2], [0, 1, 2, 4, 3, 5, 7, 6, 8]])
def test_what_is_not_an_open_position_is_refused(moves: list[int]) -> None:
    with pytest.raises(ValueError, match=r"free|over"):
        TicTacToeSolver().outcome(moves)
