"""Exact search of hex on boards of up to 5 x 5, compiled: who wins, by alpha-beta with memory.

Boards are words, cell ``size * row + column`` (``games.hex``). There are no draws, so a position is
won or lost. A node looks for a cell that wins at once, then at the cells where the opponent would;
the rest are tried in the order of how short the ways of both players through them are (resistance
in the words of Anshelevich 2002, "A hierarchical approach to computer Hex", here counted in
stones). No recursion, so that compiled code can be kept on the disk.
"""

from collections import namedtuple

import numpy as np

from agents.compiling import kernel_of
from games.bits import lowest_bit

kernel = kernel_of("agents/exact/kernels")

ONE, ZERO = np.uint64(1), np.uint64(0)
MOST_SIZE = 5
_PLIES = 26
_FAR = 9  # further than any way is long

#: Facts of a board. size; all: its cells. inner_left, inner_right: cells with one to the left and
#: right. edges: by player and side.
Board = namedtuple("Board", "size all inner_left inner_right edges")
#: Memory of a search: stones, moves by ply, and the hash table.
Memory = namedtuple("Memory", "stones moves rates count next table counters")


def board_of(size):
    """Facts of a board."""
    cells = np.arange(size * size).reshape(size, size)

    def bits(some):
        return np.uint64(sum(1 << int(cell) for cell in some.ravel()))

    edges = np.array(
        [[bits(cells[0]), bits(cells[-1])], [bits(cells[:, 0]), bits(cells[:, -1])]], np.uint64
    )
    return Board(np.uint64(size), bits(cells), bits(cells[:, 1:]), bits(cells[:, :-1]), edges)


def new_memory(*, table_bits):
    """Memory with ``2**table_bits`` places of 8 bytes in the hash table."""
    return Memory(
        stones=np.zeros((_PLIES, 2), np.uint64),
        moves=np.zeros((_PLIES, _PLIES), np.int64),
        rates=np.zeros((_PLIES, _PLIES), np.int64),
        count=np.zeros(_PLIES, np.int64),
        next=np.zeros(_PLIES, np.int64),
        table=np.zeros(1 << table_bits, np.uint64),
        counters=np.zeros(1, np.int64),
    )


@kernel
def _grown(board, cells):
    """Cells and all their neighbours."""
    size = board.size
    left, right = cells & board.inner_left, cells & board.inner_right
    grown = cells | left >> ONE | right << ONE | cells >> size | cells << size
    return (grown | right >> (size - ONE) | left << (size - ONE)) & board.all


@kernel
def _joined(board, start, stones):
    """The stones that ``start`` is linked to."""
    reached = start & stones
    while True:
        more = _grown(board, reached) & stones
        if more == reached:
            return reached
        reached = more


@kernel
def _beside(board, player, side, stones):
    """Cells that an edge reaches: its own, and those beside stones that are linked to it."""
    edge = board.edges[player, side]
    return edge | _grown(board, _joined(board, edge, stones))


@kernel
def wins_at_once(board, player, mine, theirs):
    """Cells where a stone joins the player's edges."""
    empty = board.all & ~(mine | theirs)
    return _beside(board, player, 0, mine) & _beside(board, player, 1, mine) & empty


@kernel
def _add_distances(board, player, mine, theirs, rates, weight):
    """Add to ``rates[cell]`` how many stones the way from edge to edge through it still needs."""
    empty = board.all & ~(mine | theirs)
    for side in range(2):
        known = ZERO
        for distance in range(1, _FAR):
            if distance == 1:
                front = _beside(board, player, side, mine) & empty
            else:
                front = _grown(board, known | _joined(board, _grown(board, known), mine)) & empty
            fresh = front & ~known
            known |= front
            while fresh:
                cell = lowest_bit(fresh)
                fresh &= fresh - ONE
                rates[cell] += weight * distance
            if known == empty:
                break
        far = empty & ~known
        while far:
            cell = lowest_bit(far)
            far &= far - ONE
            rates[cell] += weight * _FAR


@kernel
def _place(table, stones, player):
    """Where a position is kept and how it is written there: 25 bits each, the player, a mark."""
    key = stones[0] | stones[1] << np.uint64(25) | np.uint64(player) << np.uint64(50)
    mixed = key * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ mixed >> np.uint64(31)) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(24)) & np.uint64(len(table) - 1), key | ONE << np.uint64(62)


@kernel
def wins(board, memory, first, second, player):
    """Whether the player to move wins; nobody has joined his edges yet.

    Args:
        board: ``board_of``.
        memory: of the search; what it knows of this board is used.
        first: stones of player 0, who joins top and bottom.
        second: stones of player 1.
        player: who is to move.
    """
    won = np.uint64(1 << 63)
    memory.stones[0, 0], memory.stones[0, 1] = first, second
    rates = np.zeros(_PLIES, np.int64)
    ply = 0
    entering = True
    value = False
    while True:
        mover = (player + ply) & 1
        if entering:
            memory.counters[0] += 1
            mine, theirs = memory.stones[ply, mover], memory.stones[ply, 1 - mover]
            if wins_at_once(board, mover, mine, theirs):
                value, entering = True, False
                continue
            forced = wins_at_once(board, 1 - mover, theirs, mine)
            if forced & (forced - ONE):
                value, entering = False, False
                continue
            place, key = _place(memory.table, memory.stones[ply], mover)
            if memory.table[place] & ~won == key:
                value, entering = memory.table[place] & won != ZERO, False
                continue
            waiting = forced if forced else board.all & ~(mine | theirs)
            if forced == ZERO:
                rates[:] = 0
                _add_distances(board, mover, mine, theirs, rates, 1)
                _add_distances(board, 1 - mover, theirs, mine, rates, 1)
            count = 0
            while waiting:
                cell = lowest_bit(waiting)
                waiting &= waiting - ONE
                memory.moves[ply, count], memory.rates[ply, count] = cell, rates[cell]
                count += 1
            memory.count[ply], memory.next[ply] = count, 0
        else:
            if ply == 0:
                return value
            ply -= 1
            mover = (player + ply) & 1
            if not value or memory.next[ply] == memory.count[ply]:
                value = not value
                place, key = _place(memory.table, memory.stones[ply], mover)
                memory.table[place] = key | won if value else key
                continue
        start = memory.next[ply]
        best = start
        for index in range(start + 1, memory.count[ply]):
            if memory.rates[ply, index] < memory.rates[ply, best]:
                best = index
        for array in (memory.moves, memory.rates):
            array[ply, start], array[ply, best] = array[ply, best], array[ply, start]
        memory.next[ply] = start + 1
        memory.stones[ply + 1, 1 - mover] = memory.stones[ply, 1 - mover]
        memory.stones[ply + 1, mover] = memory.stones[ply, mover] | ONE << np.uint64(
            memory.moves[ply, start]
        )
        ply += 1
        entering = True
