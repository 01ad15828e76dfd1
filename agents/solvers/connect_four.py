"""Exact solver for Connect Four: the value of any position, and of every move in it.

    >>> solver = ConnectFourSolver()
    >>> solver.move_outcomes([])
    array([-1, -1,  0,  1,  0, -1, -1], dtype=int8)

Values are from the view of the player to move (the *mover*): an *outcome* is -1, 0 or +1, a *score*
also tells how soon (see ``agents.solvers.search``). Outcomes are several times cheaper.

Positions of at most ten plies are looked up (``agents.solvers.opening``). What an outcome costs
beyond them, in positions visited (a core of 2024 visits about six million a second), over 40 to 100
random positions each::

    plies     10     12     13
    mean    0.7M   0.1M   0.06M
    worst     5M     1M   0.8M
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.solvers import search
from agents.solvers.bits import (
    BOARD,
    BOTTOM,
    CELLS,
    COLUMNS,
    column_cells,
    has_four,
    playable,
    winning_cells,
)
from agents.solvers.opening import TABLE_PLIES, OpeningTable, load_opening_table, seed_search

__all__ = ["ILLEGAL", "ConnectFourSolver", "InvalidPosition", "Position"]

ILLEGAL = -128
"""Stands in ``move_outcomes`` and ``move_scores`` for a column that is full."""


class InvalidPosition(ValueError):
    """A position that cannot be solved: not of this game, or finished."""


@dataclass(frozen=True, slots=True)
class Position:
    """Stones of the player to move and all stones (bitboards of ``agents.solvers.bits``).

    Construction checks that columns are filled from the bottom, that the counts of stones fit, and
    that nobody has four.
    """

    mover: int
    occupied: int

    def __post_init__(self) -> None:
        """Check the two bitboards against each other."""
        mover, occupied = int(self.mover), int(self.occupied)
        object.__setattr__(self, "mover", mover)
        object.__setattr__(self, "occupied", occupied)
        if mover & ~occupied or occupied & ~int(BOARD) or occupied & ~(occupied << 1 | int(BOTTOM)):
            raise InvalidPosition(f"stones outside the columns or in mid-air: {self!r}")
        if mover.bit_count() != occupied.bit_count() // 2:
            raise InvalidPosition(f"the mover has {mover.bit_count()} of {self.plies} stones")
        if has_four(np.uint64(mover)) or has_four(np.uint64(mover ^ occupied)):
            raise InvalidPosition(f"the game is over after {self.plies} plies: four in a row")

    @classmethod
    def from_moves(cls, moves: Sequence[int]) -> "Position":
        """Position after these columns (0..6) were played from the empty board."""
        mover = opponent = 0
        for ply, column in enumerate(moves):
            if not 0 <= column < COLUMNS:
                raise InvalidPosition(f"column {column!r} at ply {ply}; columns are 0..6")
            cell = ((mover | opponent) + int(BOTTOM)) & int(column_cells(int(column)))
            if not cell:
                raise InvalidPosition(f"column {column!r} is full at ply {ply}")
            mover, opponent = opponent, mover | cell
        return cls(mover, mover | opponent)

    @classmethod
    def from_stones(cls, first: int, second: int) -> "Position":
        """Position with these stones of the first and of the second player."""
        first, second = int(first), int(second)
        to_move = second if first.bit_count() > second.bit_count() else first
        return cls(to_move, first | second)

    @property
    def plies(self) -> int:
        """Number of stones on the board."""
        return self.occupied.bit_count()


class ConnectFourSolver:
    """Solver with a transposition table that is kept from one question to the next.

    Answers never depend on what was asked before; the time that they take does. A solver belongs to
    one thread at a time; the compiled search releases the interpreter lock.

    Args:
        table_bits: the transposition table holds ``2**table_bits`` entries of 8 bytes.
        opening_table: use the stored outcomes of opening positions, loaded at the first question
            that needs them.
    """

    def __init__(self, *, table_bits: int = 22, opening_table: bool = True) -> None:
        if not 10 <= table_bits <= 32:
            raise ValueError(f"table_bits={table_bits!r}; wanted 10 (8 kB) .. 32 (32 GB)")
        self._table = np.zeros(1 << table_bits, np.uint64)
        self._shift = np.uint64(64 - (table_bits - 1))  # two entries make a bucket
        self._nodes = np.zeros(1, np.int64)
        self._use_opening = opening_table
        self._opening: OpeningTable | None = None

    @property
    def nodes(self) -> int:
        """Positions visited by all searches so far."""
        return int(self._nodes[0])

    def clear(self) -> None:
        """Forget all that was searched and count nodes from zero."""
        self._table[:] = 0
        self._nodes[0] = 0
        self._opening = None

    def outcome(self, position: Sequence[int] | Position) -> int:
        """Result under perfect play for the mover: +1 win, 0 draw, -1 loss."""
        return self._outcome(_unfinished(position))

    def score(self, position: Sequence[int] | Position) -> int:
        """Exact score for the mover: 0 draw, else how many own stones before the last, plus one."""
        return self._score(_unfinished(position))

    def move_outcomes(self, position: Sequence[int] | Position) -> np.ndarray:
        """Outcome for the mover of a stone in each column: ``[7]`` int8, ``ILLEGAL`` where full."""
        return self._of_moves(_unfinished(position), exact=False)

    def move_scores(self, position: Sequence[int] | Position) -> np.ndarray:
        """Score for the mover of a stone in each column: ``[7]`` int8, ``ILLEGAL`` where full."""
        return self._of_moves(_unfinished(position), exact=True)

    def plies_to_end(self, position: Sequence[int] | Position) -> int:
        """Plies until the game ends when the winner hurries and the loser delays."""
        position = _unfinished(position)
        return plies_to_end(self._score(position), plies=position.plies)

    def _outcome(self, position: Position) -> int:
        """Outcome of an unfinished position."""
        table = self._opening_table() if position.plies <= TABLE_PLIES else None
        if table is not None:
            stored = table.outcome(position.mover, position.occupied)
            if stored is not None:
                return stored
        return int(np.sign(self._solve(position, low=-1, high=1)))

    def _score(self, position: Position) -> int:
        """Score of an unfinished position: the outcome first, since it halves the range."""
        outcome = self._outcome(position)
        if outcome == 0:
            return 0
        low, high = (1, CELLS) if outcome > 0 else (-CELLS, -1)
        return self._solve(position, low=low, high=high)

    def _opening_table(self) -> OpeningTable | None:
        """The stored openings, when they are wanted; the search is told of them the first time."""
        if self._use_opening and self._opening is None:
            self._opening = load_opening_table()
            if self._opening is not None:
                seed_search(self._opening, self._table, self._shift)
        return self._opening

    def _solve(self, position: Position, *, low: int, high: int) -> int:
        """Score cut to ``[low, high]``, by search alone."""
        return int(
            search.solve(
                np.uint64(position.mover),
                np.uint64(position.occupied),
                low,
                high,
                self._table,
                self._shift,
                self._nodes,
            )
        )

    def _of_moves(self, position: Position, *, exact: bool) -> np.ndarray:
        """Value of every move, by one question a child."""
        values = np.full(COLUMNS, ILLEGAL, np.int8)
        occupied = np.uint64(position.occupied)
        cells = int(playable(occupied))
        wins = cells & int(winning_cells(np.uint64(position.mover), occupied))
        for column in range(COLUMNS):
            cell = cells & int(column_cells(column))
            if not cell:
                continue
            if cell & wins:
                values[column] = (CELLS + 1 - position.plies) // 2 if exact else 1
            elif position.plies == CELLS - 1:
                values[column] = 0
            else:
                opponent = position.mover ^ position.occupied
                child = Position(opponent, position.occupied | cell)
                values[column] = -(self._score(child) if exact else self._outcome(child))
        return values


def plies_to_end(score: int, *, plies: int) -> int:
    """Plies until the end under perfect play, from the mover's score after ``plies`` plies."""
    if score == 0:
        return CELLS - plies
    stones_of_winner = CELLS // 2 + 1 - abs(score)
    mover_is_first = plies % 2 == 0
    winner_is_first = mover_is_first == (score > 0)
    return 2 * stones_of_winner - winner_is_first - plies


def _unfinished(position: Sequence[int] | Position) -> Position:
    """The position that was asked about, checked; refuses a full board."""
    if not isinstance(position, Position):
        position = Position.from_moves(position)
    if position.plies == CELLS:
        raise InvalidPosition("the game is over after 42 plies: the board is full")
    return position
