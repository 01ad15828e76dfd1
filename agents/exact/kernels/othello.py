"""Exact search of Othello endings, compiled: null windows, a hash table, moves by mobility.

Discs are words of 64 bits, cell 0 in the lowest; boards of 4 and 6 lie in the upper left corner of
the one of 8. Scores are those of tournaments: the difference of discs at the end, cells that stay
empty counted for the winner, for whoever is to move. There is no recursion, so that compiled code
can be kept on the disk: the search keeps its own stack, and the last four discs are one function
each.

Sources: Andersson 1993, "Writing an Othello program" and his ``endgame.c`` (fastest first, parity,
functions for the last discs); Plaat and others 1996, "Best-first fixed-depth minimax algorithms"
(null windows over a hash table, "MTD"; transpositions looked up before a move is made).
"""

from collections import namedtuple

import numpy as np

from agents.compiling import kernel_of
from games.bits import count_bits, lowest_bit
from games.othello import legal_cells, turned_by

kernel = kernel_of("agents/exact/kernels")

ONE, ZERO = np.uint64(1), np.uint64(0)
MOST_DISCS = 64
NO_MOVE = -128  # less than any score
PASS = 64  # a move of the stack that puts no disc down
_PLIES = 130  # a disc or a pass each
_MOVES = 34
_FEW = 4  # empty cells that functions of their own search
_HASHED = 6  # empty cells from which positions are remembered
_LOOKED_UP = 9  # empty cells from which children are looked up before any is searched
_CORNERS = np.uint64(0x8100000000000081)

#: Memory of a search. mine, theirs: by ply. cells, turned, rates: of the moves, by ply and place.
#: frame: by ply, see below. table: rows of (mine, theirs, what is known). counters: positions.
Memory = namedtuple("Memory", "mine theirs cells turned rates frame table counters")

BOUND, BEST, COUNT, NEXT, CELL, EMPTIES, BY_PASS = range(7)  # columns of a frame


def new_memory(*, table_bits):
    """Memory with ``2**table_bits`` places of 24 bytes in the hash table."""
    return Memory(
        mine=np.zeros(_PLIES, np.uint64),
        theirs=np.zeros(_PLIES, np.uint64),
        cells=np.zeros((_PLIES, _MOVES), np.int64),
        turned=np.zeros((_PLIES, _MOVES), np.uint64),
        rates=np.zeros((_PLIES, _MOVES), np.int64),
        frame=np.zeros((_PLIES, 7), np.int64),
        table=np.zeros((1 << table_bits, 3), np.uint64),
        counters=np.zeros(1, np.int64),
    )


def _neighbours():
    """``[64]``: the cells around each, on the board of 8."""
    around = np.zeros(64, np.uint64)
    for cell in range(64):
        for row in range(max(cell // 8 - 1, 0), min(cell // 8 + 2, 8)):
            for column in range(max(cell % 8 - 1, 0), min(cell % 8 + 2, 8)):
                if 8 * row + column != cell:
                    around[cell] |= np.uint64(1 << 8 * row + column)
    return around


AROUND = _neighbours()
_QUADRANTS = np.array(
    [sum(1 << 8 * (4 * q // 8 * 4 + r) + 4 * (q % 2) + c for r in range(4) for c in range(4))
     for q in range(4)], np.uint64
)  # fmt: skip


# --- The last discs --------------------------------------------------------------------------


@kernel
def final_score(mine, theirs, empties):
    """Score of a game that is over, with so many cells still empty."""
    lead = count_bits(mine) - count_bits(theirs)
    if lead > 0:
        return lead + empties
    return lead - empties if lead < 0 else lead


@kernel
def _turned(mine, theirs, cell):
    """What a disc on a cell turns over; 0 where it cannot be put."""
    if AROUND[cell] & theirs == ZERO:
        return ZERO
    return turned_by(ONE << np.uint64(cell), mine, theirs)


@kernel
def _last_one(mine, theirs, cell):
    """Score with one empty cell."""
    turned = _turned(mine, theirs, cell)
    if turned:
        return count_bits(mine) - count_bits(theirs) + 2 * count_bits(turned) + 1
    turned = _turned(theirs, mine, cell)
    if turned:
        return count_bits(mine) - count_bits(theirs) - 2 * count_bits(turned) - 1
    return final_score(mine, theirs, 1)


@kernel
def _two(mine, theirs, a, b, bound):
    """Score with two empty cells if a move is possible, else ``NO_MOVE``."""
    best = np.int64(NO_MOVE)
    turned = _turned(mine, theirs, a)
    if turned:
        best = -_last_one(theirs ^ turned, mine | turned | ONE << np.uint64(a), b)
        if best > bound:
            return best
    turned = _turned(mine, theirs, b)
    if turned:
        best = max(best, -_last_one(theirs ^ turned, mine | turned | ONE << np.uint64(b), a))
    return best


@kernel
def _last_two(mine, theirs, a, b, bound):
    """Score with two empty cells, or a bound of it."""
    best = _two(mine, theirs, a, b, bound)
    if best != NO_MOVE:
        return best
    best = _two(theirs, mine, a, b, -bound - 1)
    return -best if best != NO_MOVE else final_score(mine, theirs, 2)


@kernel
def _three(mine, theirs, a, b, c, bound):
    """As ``_two`` with three."""
    best = np.int64(NO_MOVE)
    for place in range(3):
        put, left, right = (a, b, c) if place == 0 else (b, a, c) if place == 1 else (c, a, b)
        turned = _turned(mine, theirs, put)
        if turned:
            score = -_last_two(
                theirs ^ turned, mine | turned | ONE << np.uint64(put), left, right, -bound - 1
            )
            if score > best:
                best = score
                if best > bound:
                    return best
    return best


@kernel
def _last_three(mine, theirs, a, b, c, bound):
    """As ``_last_two`` with three."""
    best = _three(mine, theirs, a, b, c, bound)
    if best != NO_MOVE:
        return best
    best = _three(theirs, mine, a, b, c, -bound - 1)
    return -best if best != NO_MOVE else final_score(mine, theirs, 3)


@kernel
def _four(mine, theirs, cells, bound):
    """As ``_two`` with the four of ``cells``."""
    best = np.int64(NO_MOVE)
    for place in range(4):
        put = cells[place]
        turned = _turned(mine, theirs, put)
        if turned:
            a = cells[1] if place == 0 else cells[0]
            b = cells[2] if place <= 1 else cells[1]
            c = cells[3] if place <= 2 else cells[2]
            score = -_last_three(
                theirs ^ turned, mine | turned | ONE << np.uint64(put), a, b, c, -bound - 1
            )
            if score > best:
                best = score
                if best > bound:
                    return best
    return best


@kernel
def _last_few(mine, theirs, empty, count, bound):
    """Score with at most four empty cells; those alone in their quarter are tried first."""
    if count == 0:
        return final_score(mine, theirs, 0)
    odd = ZERO
    for quadrant in _QUADRANTS:
        if count_bits(empty & quadrant) & 1:
            odd |= quadrant
    cells = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    a = b = c = d = np.int64(0)
    for turn in range(2):
        waiting = empty & odd if turn == 0 else empty & ~odd
        while waiting:
            a, b, c, d = lowest_bit(waiting), a, b, c
            waiting &= waiting - ONE
    if count == 1:
        return _last_one(mine, theirs, a)
    if count == 2:
        return _last_two(mine, theirs, b, a, bound)
    if count == 3:
        return _last_three(mine, theirs, c, b, a, bound)
    cells = (d, c, b, a)
    best = _four(mine, theirs, cells, bound)
    if best != NO_MOVE:
        return best
    best = _four(theirs, mine, cells, -bound - 1)
    return -best if best != NO_MOVE else final_score(mine, theirs, 4)


# --- Hash table ------------------------------------------------------------------------------


@kernel
def _place(table, mine, theirs):
    """Where a position is kept."""
    mixed = (mine ^ (theirs << np.uint64(32) | theirs >> np.uint64(32))) * np.uint64(
        0x9E3779B97F4A7C15
    )
    mixed = (mixed ^ mixed >> np.uint64(29) ^ theirs) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(20)) & np.uint64(len(table) - 1)


@kernel
def _bounds(data):
    """Lower and upper bound of an entry."""
    return np.int64(data & np.uint64(0xFF)) - 64, np.int64(
        data >> np.uint64(8) & np.uint64(0xFF)
    ) - 64


@kernel
def _remember(table, mine, theirs, bound, best, cell):
    """Keep what a search with ``bound`` found."""
    place = _place(table, mine, theirs)
    lower, upper = np.int64(-MOST_DISCS), np.int64(MOST_DISCS)
    if table[place, 0] == mine and table[place, 1] == theirs:
        lower, upper = _bounds(table[place, 2])
    if best > bound:
        lower = max(lower, best)
    else:
        upper = min(upper, best)
    table[place, 0], table[place, 1] = mine, theirs
    table[place, 2] = (
        np.uint64(lower + 64)
        | np.uint64(upper + 64) << np.uint64(8)
        | np.uint64(cell) << np.uint64(16)
    )


# --- Search ----------------------------------------------------------------------------------


@kernel
def _find_moves(memory, ply, empty, count, first):
    """Write the moves of a position, rated; returns how many, or a score + 1000 that settles it."""
    mine, theirs = memory.mine[ply], memory.theirs[ply]
    bound = memory.frame[ply, BOUND]
    waiting = legal_cells(mine, theirs) & empty
    found = 0
    while waiting:
        cell = lowest_bit(waiting)
        waiting &= waiting - ONE
        turned = turned_by(ONE << np.uint64(cell), mine, theirs)
        next_mine, next_theirs = theirs ^ turned, mine | turned | ONE << np.uint64(cell)
        memory.cells[ply, found], memory.turned[ply, found] = cell, turned
        if count >= _LOOKED_UP:
            place = _place(memory.table, next_mine, next_theirs)
            if memory.table[place, 0] == next_mine and memory.table[place, 1] == next_theirs:
                upper = _bounds(memory.table[place, 2])[1]
                if -upper > bound:
                    return 1000 - upper
        answers = legal_cells(next_mine, next_theirs) & empty
        rate = -4 * count_bits(answers) - 4 * count_bits(answers & _CORNERS)
        if ONE << np.uint64(cell) & _CORNERS:
            rate += 6
        for quadrant in _QUADRANTS:
            if quadrant >> np.uint64(cell) & ONE:
                rate += 2 * (count_bits(empty & quadrant) & 1)
        if cell == first:
            rate += 1000
        memory.rates[ply, found] = rate
        found += 1
    return found


@kernel
def _next_move(memory, ply):
    """Take the best rated of the moves that are left; returns its place."""
    start, count = memory.frame[ply, NEXT], memory.frame[ply, COUNT]
    best = start
    for index in range(start + 1, count):
        if memory.rates[ply, index] > memory.rates[ply, best]:
            best = index
    for array in (memory.cells, memory.rates):
        array[ply, start], array[ply, best] = array[ply, best], array[ply, start]
    turned = memory.turned
    turned[ply, start], turned[ply, best] = turned[ply, best], turned[ply, start]
    memory.frame[ply, NEXT] = start + 1
    return start


@kernel
def search(memory, mine, theirs, board, bound):
    """A score above ``bound``, which is then a lower bound, or an upper bound of at most that.

    Args:
        memory: of the search; what it knows from before is used.
        mine: discs of whoever is to move; it may be that he has to pass.
        theirs: the other's.
        board: all cells.
        bound: what the position is held against.
    """
    frame = memory.frame
    memory.mine[0], memory.theirs[0] = mine, theirs
    frame[0, BOUND], frame[0, BY_PASS] = bound, 0
    ply = 0
    entering = True
    value = np.int64(0)
    while True:
        if entering:
            mine, theirs = memory.mine[ply], memory.theirs[ply]
            bound = frame[ply, BOUND]
            empty = board & ~(mine | theirs)
            count = count_bits(empty)
            memory.counters[0] += 1
            if count <= _FEW:
                value = _last_few(mine, theirs, empty, count, bound)
                entering = False
                continue
            first = np.int64(-1)
            if count >= _HASHED:
                place = _place(memory.table, mine, theirs)
                if memory.table[place, 0] == mine and memory.table[place, 1] == theirs:
                    data = memory.table[place, 2]
                    lower, upper = _bounds(data)
                    if lower > bound or upper <= bound or lower == upper:
                        value = lower if lower > bound else upper
                        entering = False
                        continue
                    first = np.int64(data >> np.uint64(16) & np.uint64(0x7F))
            found = _find_moves(memory, ply, empty, count, first)
            if found > 500:
                value = np.int64(found - 1000)
                entering = False
                continue
            if found == 0:
                if frame[ply, BY_PASS]:
                    value = final_score(mine, theirs, count)
                    entering = False
                    continue
                memory.cells[ply, 0], memory.turned[ply, 0] = PASS, ZERO
                found = 1
            frame[ply, COUNT], frame[ply, NEXT] = found, 0
            frame[ply, BEST], frame[ply, CELL] = NO_MOVE, PASS
            frame[ply, EMPTIES] = count
        else:
            if ply == 0:
                return value
            ply -= 1
            if -value > frame[ply, BEST]:
                frame[ply, BEST] = -value
                frame[ply, CELL] = memory.cells[ply, frame[ply, NEXT] - 1]
            best = frame[ply, BEST]
            if best > frame[ply, BOUND] or frame[ply, NEXT] == frame[ply, COUNT]:
                if frame[ply, EMPTIES] >= _HASHED:
                    _remember(
                        memory.table, memory.mine[ply], memory.theirs[ply], frame[ply, BOUND], best,
                        frame[ply, CELL],
                    )  # fmt: skip
                value = best
                continue
        place_of_move = _next_move(memory, ply)
        cell, turned = memory.cells[ply, place_of_move], memory.turned[ply, place_of_move]
        disc = ZERO if cell == PASS else ONE << np.uint64(cell)
        memory.mine[ply + 1] = memory.theirs[ply] ^ turned
        memory.theirs[ply + 1] = memory.mine[ply] | turned | disc
        frame[ply + 1, BOUND] = -frame[ply, BOUND] - 1
        frame[ply + 1, BY_PASS] = 1 if cell == PASS else 0
        ply += 1
        entering = True


@kernel
def outcome(memory, mine, theirs, board):
    """+1, 0 or -1 for whoever is to move."""
    if search(memory, mine, theirs, board, 0) > 0:
        return 1
    return 0 if search(memory, mine, theirs, board, -1) > -1 else -1


@kernel
def score(memory, mine, theirs, board):
    """The exact score, by null windows that close in on it."""
    cells = count_bits(board)
    lower, upper = -cells, cells
    guess = np.int64(0)
    while lower < upper:
        bound = guess - 1 if guess == upper or guess > lower else guess
        bound = min(max(bound, lower), upper - 1)
        found = search(memory, mine, theirs, board, bound)
        if found > bound:
            lower = max(lower, found)
            guess = min(found + 2, upper)
        else:
            upper = min(upper, found)
            guess = found
    return lower
