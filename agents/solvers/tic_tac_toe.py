"""Exact solver for tic-tac-toe: negamax over its 5,478 positions, each computed once.

Cells, and the moves that name them::

    0 1 2
    3 4 5
    6 7 8
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["ILLEGAL", "TicTacToeSolver"]

ILLEGAL = -128
"""Stands in ``move_outcomes`` for a cell that is taken."""

_CELLS = 9
_FULL = (1 << _CELLS) - 1
_LINES = (0b111, 0b111000, 0b111000000, 0b1001001, 0b10010010, 0b100100100, 0b100010001, 0b1010100)


class TicTacToeSolver:
    """Solver that remembers every position it has seen; the whole game fits in a small dictionary.

    A position is the sequence of cells played from the empty board.
    """

    def __init__(self) -> None:
        self._outcomes: dict[tuple[int, int], int] = {}

    def outcome(self, position: Sequence[int]) -> int:
        """Result under perfect play for the player to move: +1 win, 0 draw, -1 loss."""
        return self._outcome(*_stones(position))

    def move_outcomes(self, position: Sequence[int]) -> np.ndarray:
        """Outcome for the mover of each cell: ``[9]`` int8, ``ILLEGAL`` where it is taken."""
        mover, opponent = _stones(position)
        values = np.full(_CELLS, ILLEGAL, np.int8)
        for cell in range(_CELLS):
            if not (mover | opponent) >> cell & 1:
                values[cell] = self._after(mover | 1 << cell, opponent)
        return values

    def _outcome(self, mover: int, opponent: int) -> int:
        """Outcome for the mover of an unfinished position, remembered."""
        known = self._outcomes.get((mover, opponent))
        if known is None:
            free = _FULL & ~(mover | opponent)
            moves = (1 << cell for cell in range(_CELLS) if free >> cell & 1)
            known = max(self._after(mover | move, opponent) for move in moves)
            self._outcomes[mover, opponent] = known
        return known

    def _after(self, moved: int, opponent: int) -> int:
        """Outcome for the player who has just moved."""
        if _has_line(moved):
            return 1
        return 0 if moved | opponent == _FULL else -self._outcome(opponent, moved)


def _has_line(stones: int) -> bool:
    """Whether these marks hold three in a row."""
    return any(stones & line == line for line in _LINES)


def _stones(moves: Sequence[int]) -> tuple[int, int]:
    """Marks of the player to move and of the other, after these moves; refuses a finished game."""
    mover = opponent = 0
    for ply, cell in enumerate(moves):
        if not 0 <= cell < _CELLS or (mover | opponent) >> cell & 1:
            raise ValueError(f"cell {cell!r} at ply {ply} is not free; cells are 0..8")
        mover, opponent = opponent, mover | 1 << cell
    if _has_line(mover) or _has_line(opponent) or mover | opponent == _FULL:
        raise ValueError(f"the game is over after {len(moves)} plies")
    return mover, opponent
