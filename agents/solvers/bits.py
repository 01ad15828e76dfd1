"""Bitboards of Connect Four: the layout, the fours, the mirror, as compiled functions on uint64.

One bit a cell, ``bit = column * 7 + row``, row 0 at the bottom; the seventh bit of each column
stays empty, so that a shift never carries a line of stones from one column into the next::

    row 6 |  6 13 20 27 34 41 48     always empty
    row 5 |  5 12 19 26 33 40 47
    row 4 |  4 11 18 25 32 39 46
    row 3 |  3 10 17 24 31 38 45
    row 2 |  2  9 16 23 30 37 44
    row 1 |  1  8 15 22 29 36 43
    row 0 |  0  7 14 21 28 35 42
             a  b  c  d  e  f  g

A position is the pair ``(mover, occupied)``: the stones of the player to move, and all stones.
Everything here trusts that the pair is a position of the game.

Every number that meets a uint64 is itself a uint64: numba (like numpy) turns the mix of a uint64
and a signed integer into a float64, which loses the upper bits in silence.

Source: the bitboards of Tromp's Fhourstones and of Pascal Pons, "Solving Connect 4: how to build a
perfect AI" (2015), parts 6 and 9; written anew.
"""

import numpy as np
from numba import njit

__all__ = [
    "BOARD",
    "BOTTOM",
    "CELLS",
    "COLUMNS",
    "ROWS",
    "column_cells",
    "fill_cells",
    "has_four",
    "key_of",
    "mirror",
    "non_losing_moves",
    "playable",
    "winning_cells",
]

COLUMNS = 7
ROWS = 6
CELLS = COLUMNS * ROWS

BOTTOM = np.uint64(sum(1 << (7 * column) for column in range(COLUMNS)))
"""The lowest cell of every column."""

BOARD = np.uint64(int(BOTTOM) * 0b111111)
"""All 42 cells."""

_COLUMN = np.uint64(0b111111)
_COLUMN_7 = np.uint64(0b1111111)
_U1, _U2, _U3 = np.uint64(1), np.uint64(2), np.uint64(3)
_U7 = np.uint64(7)
_U14, _U28, _U42 = np.uint64(14), np.uint64(28), np.uint64(42)


@njit(cache=True, nogil=True, inline="always")
def column_cells(column):
    """The six cells of one column."""
    return _COLUMN << (np.uint64(column) * _U7)


@njit(cache=True, nogil=True)
def playable(occupied):
    """The cell that a stone would fall to, in every column that is not full."""
    return (occupied + BOTTOM) & BOARD


@njit(cache=True, nogil=True)
def fill_cells(stones):
    """All cells, taken or not, inside the board, that complete four with three of these stones."""
    # Vertical: only upwards, the cells below are taken.
    cells = (stones << _U1) & (stones << _U2) & (stones << _U3)
    # The three slanted and flat directions step 7 (row), 6 (falling) and 8 (rising) bits.
    for step in (np.uint64(7), np.uint64(6), np.uint64(8)):
        double = step + step
        pair = (stones << step) & (stones << double)
        cells |= pair & (stones << (double + step))  # o o o _
        cells |= pair & (stones >> step)  # o o _ o
        pair = (stones >> step) & (stones >> double)
        cells |= pair & (stones << step)  # o _ o o
        cells |= pair & (stones >> (double + step))  # _ o o o
    return cells & BOARD


@njit(cache=True, nogil=True)
def winning_cells(stones, occupied):
    """The empty cells, reachable now or not, at which the owner of these stones would win."""
    return fill_cells(stones) & ~occupied


@njit(cache=True, nogil=True)
def non_losing_moves(mover, occupied):
    """Moves after which the opponent cannot win at once; 0 when there is none.

    Trusts: the mover cannot win at once, otherwise a win may be missing from the answer.
    """
    moves = playable(occupied)
    threats = winning_cells(mover ^ occupied, occupied)
    forced = moves & threats
    if forced != np.uint64(0):
        if forced & (forced - _U1):
            return np.uint64(0)  # two threats at once: only one can be met
        moves = forced
    return moves & ~(threats >> _U1)  # and never right below a cell where the opponent wins


@njit(cache=True, nogil=True)
def has_four(stones):
    """Whether these stones hold four in a row."""
    for step in (np.uint64(1), np.uint64(7), np.uint64(6), np.uint64(8)):
        pair = stones & (stones >> step)
        if pair & (pair >> (step + step)):
            return True
    return False


@njit(cache=True, nogil=True)
def mirror(stones):
    """The same stones seen in a mirror: column a becomes g."""
    swapped = np.uint64(0)
    for column in range(COLUMNS):
        shift = np.uint64(7 * column)
        swapped |= ((stones >> shift) & _COLUMN_7) << (_U42 - shift)
    return swapped


@njit(cache=True, nogil=True)
def key_of(mover, occupied):
    """A number of 49 bits that belongs to this position alone.

    In each column the sum has the mover's stones as ones below the carry of the filled cells, so
    that the height can be read off: the pair can be had back from the key.
    """
    return mover + occupied + BOTTOM
