"""Retrograde analysis of chess endings with up to four men, compiled.

A table knows one distribution of pieces: white's, then black's, such as KQKR. It has a value for
every place of the men and either side to move, from the view of the side to move::

    0          draw, or not settled yet
    n > 0      mate in n plies for whoever is to move
    -(n + 1)   whoever is to move is mated in n plies; -1 is mate
    VOID       no position, or a mirror image of one that is in the table

Cells are those of ``games.chess_attacks`` as white sees them: 0 is a8, 63 is h1, white goes up.
Tables lie one after the other in one array, the *pool*; ``offsets`` says where, -1 for none.
Castling is left out. En passant is seen where it can happen, by the move after the double step.

Source: Thompson 1986, "Retrograde analysis of certain endgames", ICCA Journal 9 (3).
"""

import numpy as np

from agents.compiling import kernel_of
from games.bits import lowest_bit
from games.chess_attacks import (
    BISHOP,
    KING_MOVES,
    KNIGHT,
    NONE,
    ONE,
    PAWN,
    QUEEN,
    ROOK,
    ZERO,
    attacks_of,
    bit_of,
    pawns_that_attack,
)

VOID = 127
MOST_PLIES = 125  # to mate that a value can say
NEVER = 255
ORDER = (QUEEN, ROOK, BISHOP, KNIGHT, PAWN)  # of the pieces in a name

kernel = kernel_of("agents/exact/kernels")


def _pair_codes():
    """``[8, 8]``: a number for each pair of kinds, the same in either order; 0 for none at all."""
    codes = np.full((8, 8), -1, np.int64)
    kinds = (NONE, PAWN, KNIGHT, BISHOP, ROOK, QUEEN)
    for first in range(len(kinds)):
        for second in range(first + 1):
            code = first * (first + 1) // 2 + second
            codes[kinds[first], kinds[second]] = codes[kinds[second], kinds[first]] = code
    return codes


def _turns():
    """``[8, 64]`` cells under the eight symmetries of the board, the first the identity."""
    grid = np.arange(64).reshape(8, 8)
    turned = [view for base in (grid, grid.T) for view in (base, base[:, ::-1])]
    return np.array([view.ravel() for base in turned for view in (base, base[::-1])], np.int64)


PAIR_CODES = _pair_codes()
PAIRS = int(PAIR_CODES.max()) + 1
TURNS = _turns()
SWAP_DIAGONAL = 4  # the symmetry that exchanges rows and columns
TRIANGLE = [8 * row + column for row in range(4) for column in range(row + 1)]
PLACE_IN_TRIANGLE = np.array(
    [TRIANGLE.index(cell) if cell in TRIANGLE else -1 for cell in range(64)], np.int64
)
INTO_TRIANGLE = np.array(
    [[TURNS[t, cell] in TRIANGLE for t in range(8)].index(True) for cell in range(64)], np.int64
)
PROMOTED = np.array([QUEEN, KNIGHT, ROOK, BISHOP])
TRIANGLE_CELLS = np.array(TRIANGLE, np.int64)
ON_DIAGONAL = np.array([cell // 8 == cell % 8 for cell in range(64)])


@kernel
def _packed(turn, kings, first, second, men, alike):
    """Place in a table: ``kings`` is that of the pair of kings; ``alike``: the men are the same."""
    if men == 3:
        return (kings << 1 | turn) << 6 | first
    if alike and first > second:
        first, second = second, first
    return ((kings << 1 | turn) << 6 | first) << 6 | second


@kernel
def index_of(turn, white, black, first, second, men, has_pawns, alike):
    """Place of a position in its table, the same for all of its mirror images.

    ``turn`` is 1 where black is to move; ``white`` and ``black`` are the kings' cells.
    """
    if has_pawns:
        mirror = 7 if white & 4 else 0
        white, black, first, second = (
            white ^ mirror,
            black ^ mirror,
            first ^ mirror,
            second ^ mirror,
        )
        kings = (white >> 3 << 2 | white & 3) << 6 | black
        return _packed(turn, kings, first, second, men, alike)
    turned = TURNS[INTO_TRIANGLE[white]]
    white, black, first, second = turned[white], turned[black], turned[first], turned[second]
    kings = PLACE_IN_TRIANGLE[white] << 6 | black
    index = _packed(turn, kings, first, second, men, alike)
    if ON_DIAGONAL[white]:
        swap = TURNS[SWAP_DIAGONAL]
        kings = PLACE_IN_TRIANGLE[white] << 6 | swap[black]
        index = min(index, _packed(turn, kings, swap[first], swap[second], men, alike))
    return index


@kernel
def size_of(men, has_pawns):
    """Places in a table."""
    return (32 if has_pawns else 10) << (6 * (men - 1) + 1)


@kernel
def men_at(index, men, has_pawns):
    """The position at a place: turn, the kings, and one or two other men."""
    second = 0
    if men == 4:
        second = index & 63
        index >>= 6
    first = index & 63
    turn = index >> 6 & 1
    black = index >> 7 & 63
    white = index >> 13
    white = (white >> 2 << 3 | white & 3) if has_pawns else np.int64(TRIANGLE_CELLS[white])
    return turn, white, black, first, second


@kernel
def occupied_by(men, white, black, first, second):
    """Cells of the men; with three of them ``second`` says nothing."""
    occupied = bit_of(white) | bit_of(black) | bit_of(first)
    return occupied | bit_of(second) if men == 4 else occupied


@kernel
def reaches(kind, cell, goal, occupied):
    """Whether a piece of the side that goes down attacks ``goal``."""
    if kind == NONE:
        return False
    if kind == PAWN:
        return pawns_that_attack(bit_of(goal)) & bit_of(cell) != ZERO
    return attacks_of(kind, cell, occupied) & bit_of(goal) != ZERO


@kernel
def look_up(pool, offsets, king, mine, mine_at, mine_2, mine_2_at, other, theirs, theirs_at,
            theirs_2, theirs_2_at):  # fmt: skip
    """Value of a position for whoever is to move, who goes up; kinds may be ``NONE``.

    Returns ``VOID`` where the pool has no such table. Lone kings are a draw.
    """
    mover = PAIR_CODES[mine, mine_2]
    follower = PAIR_CODES[theirs, theirs_2]
    if mover == 0 and follower == 0:
        return np.int64(0)
    offset = offsets[max(mover, follower), min(mover, follower)]
    if offset < 0:
        return np.int64(VOID)
    turn = 0
    if mover < follower:  # the table has the other side as white, so the board is turned round
        turn = 1
        king, other = other ^ 56, king ^ 56
        mine, theirs = theirs, mine
        mine_2, theirs_2 = theirs_2, mine_2
        mine_at, theirs_at = theirs_at ^ 56, mine_at ^ 56
        mine_2_at, theirs_2_at = theirs_2_at ^ 56, mine_2_at ^ 56
    # White's pieces before black's, and of one side in the order of ``ORDER``.
    if mine == NONE:
        mine, mine_2, mine_at = mine_2, NONE, mine_2_at
    if theirs == NONE:
        theirs, theirs_2, theirs_at = theirs_2, NONE, theirs_2_at
    if mine_2 != NONE:
        if PAIR_CODES[mine, NONE] < PAIR_CODES[mine_2, NONE]:
            mine, mine_2, mine_at, mine_2_at = mine_2, mine, mine_2_at, mine_at
        first, second, second_at, alike = mine, mine_2, mine_2_at, mine == mine_2
    else:
        first, second, second_at, alike = mine, theirs, theirs_at, False
    men = 3 if second == NONE else 4
    has_pawns = first == PAWN or second == PAWN
    return np.int64(
        pool[offset + index_of(turn, king, other, mine_at, second_at, men, has_pawns, alike)]
    )


@kernel
def _value_of_taking(pool, offsets, king, pawn, other, taker):
    """Value of capturing en passant, for the side that may do so; ``VOID`` where it may not.

    ``king`` and ``pawn``, which has just gone two steps, belong to the side that goes up.
    """
    if taker >> 3 != pawn >> 3 or abs((taker & 7) - (pawn & 7)) != 1:
        return np.int64(VOID)
    # Afterwards the first side is to move, with its king alone.
    value = look_up(pool, offsets, king, NONE, 0, NONE, 0, other, PAWN, pawn + 8, NONE, 0)
    return np.int64(-value if value <= 0 else -(value + 2))


@kernel
def _value_elsewhere(
    pool, offsets, king, other, kinds, cells, is_mine, men, mover, target, put, captured
):
    """Value, for the opponent, of a position that a capture or a promotion leads to."""
    mine = mine_2 = theirs = theirs_2 = np.int64(NONE)
    mine_at = mine_2_at = theirs_at = theirs_2_at = np.int64(0)
    for piece in range(men - 2):
        if piece != captured:
            what = np.int64(put if piece == mover else kinds[piece])
            at = np.int64(target if piece == mover else cells[piece]) ^ 56
            if is_mine[piece]:
                theirs_2, theirs_2_at = theirs, theirs_at
                theirs, theirs_at = what, at
            else:
                mine_2, mine_2_at = mine, mine_at
                mine, mine_at = what, at
    return look_up(
        pool, offsets, other ^ 56, mine, mine_at, mine_2, mine_2_at,
        king ^ 56, theirs, theirs_at, theirs_2, theirs_2_at,
    )  # fmt: skip


@kernel
def _place_with(turn, white, black, first, second, man, cell, men, has_pawns, alike):
    """Place of a position with one man put on ``cell``: -2 black's king, -1 white's, 0 or 1."""
    if man == 0:
        first = cell
    elif man == 1:
        second = cell
    elif man == -1:
        white = cell
    else:
        black = cell
    return index_of(turn, white, black, first, second, men, has_pawns, alike)


@kernel
def examine(pool, offsets, table, kinds, owners, index, men, has_pawns, alike):
    """What the moves of a position say by the values known so far.

    Returns:
        wins: plies to the fastest mate that is known, 0 for none.
        loses: plies to the slowest mate where all moves are known to lose, -1 where not all are.
        moves: number of legal moves.
    """
    turn, white, black, first, second = men_at(index, men, has_pawns)
    flip = 56 * turn
    king, other = (white, black) if turn == 0 else (black ^ 56, white ^ 56)
    cells = (first ^ flip, second ^ flip)
    is_mine = (owners[0] == turn, owners[1] == turn and men == 4)
    is_theirs = (owners[0] != turn, owners[1] != turn and men == 4)
    occupied = bit_of(king) | bit_of(other) | bit_of(cells[0])
    if men == 4:
        occupied |= bit_of(cells[1])
    own = bit_of(king)
    for piece in range(2):
        if is_mine[piece]:
            own |= bit_of(cells[piece])
    wins, loses, moves = 0, 0, 0
    all_lose = True
    for mover in range(-1, men - 2):  # -1: the king
        if mover >= 0 and not is_mine[mover]:
            continue
        origin = king if mover < 0 else cells[mover]
        kind = NONE if mover < 0 else kinds[mover]
        if mover < 0:
            targets = KING_MOVES[king] & ~own
        elif kind == PAWN:
            step = bit_of(origin) >> np.uint64(8) & ~occupied
            targets = step | pawns_that_attack(bit_of(origin)) & occupied & ~own
            if origin >= 48:
                targets |= step >> np.uint64(8) & ~occupied
        else:
            targets = attacks_of(kind, origin, occupied) & ~own
        while targets:
            target = lowest_bit(targets)
            targets &= targets - ONE
            after = occupied ^ bit_of(origin) | bit_of(target)
            king_after = target if mover < 0 else king
            if KING_MOVES[king_after] & bit_of(other):
                continue
            captured = -1
            is_check = False
            for piece in range(2):
                if is_theirs[piece]:
                    if cells[piece] == target:
                        captured = piece
                    elif reaches(kinds[piece], cells[piece], king_after, after):
                        is_check = True
            if is_check:
                continue
            moves += 1
            promotes = kind == PAWN and target < 8
            for way in range(4 if promotes else 1):
                put = np.int64(PROMOTED[way]) if promotes else kind
                if captured < 0 and not promotes:
                    place = _place_with(
                        1 - turn, white, black, first, second, mover if mover >= 0 else -1 - turn,
                        target ^ flip, men, has_pawns, alike,
                    )  # fmt: skip
                    value = np.int64(table[place])
                    if kind == PAWN and origin - target == 16 and men == 4:
                        enemy = 1 - mover
                        if is_theirs[enemy] and kinds[enemy] == PAWN:
                            taken = _value_of_taking(
                                pool, offsets, king, target, other, cells[enemy]
                            )
                            if taken != VOID:
                                value = _better(value, taken)
                else:
                    value = _value_elsewhere(
                        pool, offsets, king_after, other, kinds, cells, is_mine, men, mover,
                        target, put, captured,
                    )  # fmt: skip
                if value < 0:
                    if wins == 0 or -value < wins:
                        wins = -value
                elif value == 0 or value == VOID:
                    all_lose = False
                else:
                    loses = max(loses, value + 1)
    if wins:
        all_lose = False
    return wins, loses if all_lose and moves else -1, moves


@kernel
def _better(one, two):
    """The better of two values for whoever they belong to; 0 counts as a draw."""
    if one > 0 and two > 0:
        return min(one, two)
    if one < 0 and two < 0:
        return min(one, two)
    return max(one, two)


@kernel
def is_position(kinds, owners, index, men, has_pawns, alike):
    """Whether a place of a table stands for a position that can be, and not for a mirror image."""
    turn, white, black, first, second = men_at(index, men, has_pawns)
    if men == 3:
        second = first
    if index != index_of(turn, white, black, first, second, men, has_pawns, alike):
        return False
    if white == black or KING_MOVES[white] & bit_of(black):
        return False
    if first == white or first == black:
        return False
    if men == 4 and (second == white or second == black or second == first):
        return False
    occupied = bit_of(white) | bit_of(black) | bit_of(first) | bit_of(second)
    for piece in range(men - 2):
        cell = first if piece == 0 else second
        if kinds[piece] == PAWN and (cell < 8 or cell >= 56):
            return False
        if owners[piece] == turn:  # no piece of the side to move may attack the other king
            goal = black if turn == 0 else white
            if kinds[piece] == PAWN:
                flip = 56 if turn == 0 else 0  # ``reaches`` is for pawns that go down
                if reaches(PAWN, cell ^ flip, goal ^ flip, occupied):
                    return False
            elif reaches(kinds[piece], cell, goal, occupied):
                return False
    return True


@kernel
def mark_earlier(table, due, kinds, owners, index, men, has_pawns, alike, when):
    """Note for all positions from which a quiet move leads to ``index`` to be looked at again."""
    turn, white, black, first, second = men_at(index, men, has_pawns)
    before = 1 - turn
    occupied = occupied_by(men, white, black, first, second)
    king = white if before == 0 else black
    for mover in range(-1, men - 2):
        if mover >= 0 and owners[mover] != before:
            continue
        cell = king if mover < 0 else (first if mover == 0 else second)
        if mover < 0:
            origins = KING_MOVES[cell] & ~occupied
        elif kinds[mover] == PAWN:
            flip = 56 * before  # as the pawn's owner sees it, who goes up
            origins = ZERO
            back = (cell ^ flip) + 8
            if back < 56 and occupied & bit_of(back ^ flip) == ZERO:
                origins = bit_of(back ^ flip)
                far = back + 8
                if far >> 3 == 6 and occupied & bit_of(far ^ flip) == ZERO:
                    origins |= bit_of(far ^ flip)
        else:
            origins = attacks_of(kinds[mover], cell, occupied) & ~occupied
        while origins:
            origin = lowest_bit(origins)
            origins &= origins - ONE
            place = _place_with(
                before, white, black, first, second, mover if mover >= 0 else -1 - before,
                origin, men, has_pawns, alike,
            )  # fmt: skip
            if table[place] == 0 and due[place] > when:
                due[place] = when


@kernel
def start_table(pool, offsets, table, due, kinds, owners, men, has_pawns, alike):
    """Void places, mates, and when captures and promotions would settle a position."""
    for index in range(len(table)):
        due[index] = NEVER
        table[index] = 0 if is_position(kinds, owners, index, men, has_pawns, alike) else VOID
    for index in range(len(table)):
        if table[index] == VOID:
            continue
        wins, loses, moves = examine(
            pool, offsets, table, kinds, owners, index, men, has_pawns, alike
        )
        if wins:
            due[index] = wins
        elif loses >= 0:
            due[index] = loses
        elif moves == 0 and in_check(kinds, owners, index, men, has_pawns):
            due[index] = 0


@kernel
def in_check(kinds, owners, index, men, has_pawns):
    """Whether the side to move is in check."""
    turn, white, black, first, second = men_at(index, men, has_pawns)
    occupied = occupied_by(men, white, black, first, second)
    flip = 56 * turn
    goal = white if turn == 0 else black
    for piece in range(men - 2):
        cell = first if piece == 0 else second
        if owners[piece] != turn:
            if kinds[piece] == PAWN:
                if reaches(PAWN, cell ^ flip, goal ^ flip, occupied):
                    return True
            elif reaches(kinds[piece], cell, goal, occupied):
                return True
    return False


@kernel
def settle_plies(pool, offsets, table, due, kinds, owners, men, has_pawns, alike, plies):
    """Settle all positions that end in ``plies``; returns whether any is left to look at."""
    is_open = False
    settled = plies + 1 if plies & 1 == 0 else plies
    value = np.int8(-settled if plies & 1 == 0 else settled)
    for index in range(len(table)):
        when = due[index]
        if when == NEVER:
            continue
        if when > plies:
            is_open = True
            continue
        due[index] = NEVER
        if plies == 0:
            table[index] = value
            continue
        wins, loses, _ = examine(pool, offsets, table, kinds, owners, index, men, has_pawns, alike)
        later = wins if wins else loses
        if later == plies:
            table[index] = value
        elif later > plies:
            due[index] = later
            is_open = True
    for index in range(len(table)):
        if table[index] == value:
            is_open = True
            mark_earlier(
                table, due, kinds, owners, index, men, has_pawns, alike, np.uint8(plies + 1)
            )
    return is_open
