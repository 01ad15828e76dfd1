"""Exact search of Connect Four: null windows, a transposition table of bounds, and parity.

A score is from the view of the player to move, in Pons's measure: 0 a draw, positive a win, and a
win with the mover's last possible stone but ``n`` scores ``n + 1`` (a loss the same, negative).
Hence ``+1`` is a win at the very end of a full board and ``+18`` a win with one's fourth stone.

Source: Pascal Pons, "Solving Connect 4: how to build a perfect AI" (2015), for the bounds, the null
windows and the order of moves; Victor Allis, "A Knowledge-based Approach of Connect-Four" (1988),
for follow-up play and odd threats, which ``parity_bound`` condenses; written anew.
"""

import numpy as np
from numba import njit

from agents.solvers.bits import (
    BOARD,
    BOTTOM,
    CELLS,
    COLUMNS,
    column_cells,
    has_four,
    key_of,
    mirror,
    non_losing_moves,
    playable,
    winning_cells,
)
from games.bits import count_bits

__all__ = [
    "UNBOUNDED",
    "at_least",
    "canonical_key",
    "parity_bound",
    "read_bounds",
    "solve",
    "write_bounds",
]

UNBOUNDED = 31
"""More than every score: a bound that says nothing."""

_U0, _U1, _U2, _U3, _U4, _U6, _U7, _U8 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 6, 7, 8))
_U12, _U61 = np.uint64(12), np.uint64(61)
_LOW_6, _LOW_8 = np.uint64(0x3F), np.uint64(0xFF)
_LOW_49 = np.uint64((1 << 49) - 1)
_HASH = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads keys over the table

# Rows 0, 2, 4 and rows 1, 3, 5. When every column holds an even number of empty cells, the player
# who always answers on top of the other's stone gets every empty cell of rows 1, 3, 5.
_LEADER_ROWS = np.uint64(int(BOTTOM) * 0b010101)
_FOLLOWER_ROWS = np.uint64(int(BOTTOM) * 0b101010)

# Below this number of stones, a position and its mirror image share one table entry.
_MIRROR_PLIES = 14
# Below this number of stones, the table entries of all children are read before any is searched.
_CHILDREN_FIRST_PLIES = 28


@njit(cache=True, nogil=True)
def canonical_key(mover, occupied):
    """The smaller of the keys of a position and of its mirror image."""
    return min(key_of(mover, occupied), key_of(mirror(mover), mirror(occupied)))


@njit(cache=True, nogil=True)
def _table_key(mover, occupied, plies):
    """Key under which a position stands in the table."""
    if plies < _MIRROR_PLIES:
        return canonical_key(mover, occupied)
    return key_of(mover, occupied)


# A table entry, from the top bit down: rank (3 bits), key (49), lower bound (6), upper bound (6).
# Two neighbours make a bucket: the first keeps what cost the most (the highest rank, that is the
# fewest stones), the second what came last. Entries are single words, so threads may share a table.


@njit(cache=True, nogil=True)
def read_bounds(key, table, shift):
    """Bounds ``(low, high)`` on the score of a position, as far as the table knows."""
    slot = np.int64((key * _HASH) >> shift) * 2
    entry = table[slot]
    if ((entry >> _U12) & _LOW_49) != key:
        entry = table[slot + 1]
        if ((entry >> _U12) & _LOW_49) != key:
            return -UNBOUNDED, UNBOUNDED
    return np.int64((entry >> _U6) & _LOW_6) - UNBOUNDED, np.int64(entry & _LOW_6) - UNBOUNDED


@njit(cache=True, nogil=True)
def write_bounds(key, plies, low, high, table, shift):
    """Store bounds on the score of a position."""
    slot = np.int64((key * _HASH) >> shift) * 2
    rank = np.uint64(max(0, (38 - plies) >> 2))
    entry = (rank << _U61) | (key << _U12)
    entry |= (np.uint64(low + UNBOUNDED) << _U6) | np.uint64(high + UNBOUNDED)
    first = table[slot]
    if ((first >> _U12) & _LOW_49) == key:
        table[slot] = entry
    elif rank >= (first >> _U61):
        table[slot + 1] = first
        table[slot] = entry
    else:
        table[slot + 1] = entry


@njit(cache=True, nogil=True)
def parity_bound(mover, occupied):
    """Upper bound on the mover's score that follow-up play by the opponent proves: 0, -1 or none.

    The opponent (the *follower*) answers each stone with the stone on top of it. That needs columns
    with an even number of empty cells. Columns with an odd number are taken in pairs: a stone on
    one is answered on the other, after which both are even.

    * All odd columns paired: the mover gets rows 0, 2, 4 and one bottom cell of each pair. If that
      holds no four, the mover cannot win; if the follower's share then holds one, the mover loses.
    * One odd column left over, with a cell there at which the follower wins and that the mover has
      to play under: the mover loses, unless the mover's share holds a four first.

    Returns ``UNBOUNDED`` where nothing is proved. Trusts: the mover cannot win at once.
    """
    follower = mover ^ occupied
    empty = BOARD & ~occupied
    odd = playable(occupied) & _FOLLOWER_ROWS  # next cells of the columns with odd space
    if (count_bits(odd) & 1) == 0:
        share = mover | (empty & _LEADER_ROWS)
        if has_four(share | odd):
            # With one pair the mover gets one of the two cells, never both.
            if count_bits(odd) != 2:
                return UNBOUNDED
            one = odd & (~odd + _U1)
            if has_four(share | one) or has_four(share | (odd ^ one)):
                return UNBOUNDED
        return -1 if has_four(follower | (empty & _FOLLOWER_ROWS & ~odd)) else 0
    above = (odd << _U1) | (odd << _U3)
    threats = winning_cells(follower, occupied) & above & _LEADER_ROWS
    while threats != _U0:
        threat = threats & (~threats + _U1)
        threats ^= threat
        bottom = odd & ((threat >> _U1) | (threat >> _U3))
        of_mover = (bottom | (bottom << _U2) | (bottom << _U4)) & _FOLLOWER_ROWS
        column = of_mover | (((bottom << _U1) | (bottom << _U3)) & _LEADER_ROWS)
        share = mover | odd | (empty & _LEADER_ROWS & ~column) | (of_mover & (threat - _U1))
        if not has_four(share):
            return -1
    return UNBOUNDED


@njit(cache=True, nogil=True)
def _insert(ordered, count, column, threats):
    """Add a column to a packed list (one byte each, best lowest); earlier columns win ties."""
    item = (np.uint64(threats) << _U3) | np.uint64(column)
    place = _U0
    end = np.uint64(count) * _U8
    while place < end and (((ordered >> place) & _LOW_8) >> _U3) >= (item >> _U3):
        place += _U8
    below = (_U1 << place) - _U1
    return (ordered & below) | (item << place) | ((ordered & ~below) << _U8)


@njit(cache=True, nogil=True)
def at_least(mover, occupied, plies, target, table, shift, nodes):
    """Is the mover's score at least ``target``? The answer is a bound on the right side of it.

    An answer ``>= target`` is a lower bound on the score, an answer ``< target`` an upper bound.
    ``nodes[0]`` grows by the number of positions visited.

    Trusts: the game is not over, the mover cannot win at once, ``plies`` stones are on the board.
    """
    nodes[0] += 1
    moves = non_losing_moves(mover, occupied)
    if moves == _U0:
        return -((CELLS - plies) // 2)
    if plies >= CELLS - 2:
        return 0
    low = -((CELLS - 2 - plies) // 2)  # the opponent cannot win with the very next stone
    if low >= target:
        return low
    high = (CELLS - 1 - plies) // 2  # nor the mover with this one
    if high < target:
        return high
    if 0 <= target <= 1:
        high = parity_bound(mover, occupied)
        if high < target:
            return high
    key = _table_key(mover, occupied, plies)
    low, high = read_bounds(key, table, shift)
    if low >= target:
        return low
    if high < target:
        return high

    opponent = mover ^ occupied
    ordered = _U0
    count = 0
    for rank in range(COLUMNS):
        column = 3 + (1 - 2 * (rank & 1)) * ((rank + 1) >> 1)  # from the centre outwards
        move = moves & column_cells(column)
        if move == _U0:
            continue
        after = occupied | move
        if plies < _CHILDREN_FIRST_PLIES:
            child = _table_key(opponent, after, plies + 1)
            best = -read_bounds(child, table, shift)[1]
            if best >= target:
                write_bounds(key, plies, best, high, table, shift)
                return best
        ordered = _insert(ordered, count, column, count_bits(winning_cells(mover | move, after)))
        count += 1

    best = -UNBOUNDED
    for _ in range(count):
        move = moves & column_cells(ordered & _U7)
        ordered >>= _U8
        value = -at_least(opponent, occupied | move, plies + 1, 1 - target, table, shift, nodes)
        if value > best:
            best = value
            if best >= target:
                write_bounds(key, plies, best, high, table, shift)
                return best
    write_bounds(key, plies, low, best, table, shift)
    return best


@njit(cache=True, nogil=True)
def solve(mover, occupied, low, high, table, shift, nodes):
    """Score of the mover, cut to ``[low, high]``: ``-1, 1`` asks for the outcome alone.

    Narrows the bounds by null windows that prefer small scores, which are the cheapest to refute.
    Trusts: the game is not over.
    """
    plies = count_bits(occupied)
    if (winning_cells(mover, occupied) & playable(occupied)) != _U0:
        return min(high, (CELLS + 1 - plies) // 2)
    low = max(low, -((CELLS - plies) // 2))
    high = min(high, (CELLS - 1 - plies) // 2)
    while low < high:
        target = low + (high - low + 1) // 2
        if target <= 0 and low // 2 < target:
            target = -(-low // 2)
        elif target > 0 and high // 2 > target - 1:
            target = high // 2 + 1
        target = min(max(target, low + 1), high)
        value = at_least(mover, occupied, plies, target, table, shift, nodes)
        if value >= target:
            low = max(low, min(value, high))
        else:
            high = min(high, max(value, low))
    return low
