"""Hand-made evaluation of chess: what a position is worth without looking ahead.

Material and places count as in Tomasz Michniewski's "Simplified evaluation function" (chess
programming wiki); the king's place is blended from the middle game to the ending by the material
that is left, and so is everything else. What is added are common terms of the literature (Shannon
1950, "Programming a computer for playing chess": mobility, doubled, isolated and passed pawns, open
lines, safety of the king), with weights set by hand.
"""

import numpy as np

from agents.deep_blue.kernels.moves import WORTH, kernel
from games.bits import count_bits, lowest_bit
from games.chess_attacks import (
    BISHOP,
    KING,
    KING_MOVES,
    KNIGHT,
    KNIGHT_MOVES,
    NOT_A,
    NOT_H,
    ONE,
    PAWN,
    QUEEN,
    ROOK,
    ZERO,
    diagonal_attacks,
    straight_attacks,
    turned,
)

_PLACES = {
    PAWN: """
      0   0   0   0   0   0   0   0     50  50  50  50  50  50  50  50
     10  10  20  30  30  20  10  10      5   5  10  25  25  10   5   5
      0   0   0  20  20   0   0   0      5  -5 -10   0   0 -10  -5   5
      5  10  10 -20 -20  10  10   5      0   0   0   0   0   0   0   0""",
    KNIGHT: """
    -50 -40 -30 -30 -30 -30 -40 -50    -40 -20   0   0   0   0 -20 -40
    -30   0  10  15  15  10   0 -30    -30   5  15  20  20  15   5 -30
    -30   0  15  20  20  15   0 -30    -30   5  10  15  15  10   5 -30
    -40 -20   0   5   5   0 -20 -40    -50 -40 -30 -30 -30 -30 -40 -50""",
    BISHOP: """
    -20 -10 -10 -10 -10 -10 -10 -20    -10   0   0   0   0   0   0 -10
    -10   0   5  10  10   5   0 -10    -10   5   5  10  10   5   5 -10
    -10   0  10  10  10  10   0 -10    -10  10  10  10  10  10  10 -10
    -10   5   0   0   0   0   5 -10    -20 -10 -10 -10 -10 -10 -10 -20""",
    ROOK: """
      0   0   0   0   0   0   0   0      5  10  10  10  10  10  10   5
     -5   0   0   0   0   0   0  -5     -5   0   0   0   0   0   0  -5
     -5   0   0   0   0   0   0  -5     -5   0   0   0   0   0   0  -5
     -5   0   0   0   0   0   0  -5      0   0   0   5   5   0   0   0""",
    QUEEN: """
    -20 -10 -10  -5  -5 -10 -10 -20    -10   0   0   0   0   0   0 -10
    -10   0   5   5   5   5   0 -10     -5   0   5   5   5   5   0  -5
      0   0   5   5   5   5   0  -5    -10   5   5   5   5   5   0 -10
    -10   0   5   0   0   0   0 -10    -20 -10 -10  -5  -5 -10 -10 -20""",
    KING: """
    -30 -40 -40 -50 -50 -40 -40 -30    -30 -40 -40 -50 -50 -40 -40 -30
    -30 -40 -40 -50 -50 -40 -40 -30    -30 -40 -40 -50 -50 -40 -40 -30
    -20 -30 -30 -40 -40 -30 -30 -20    -10 -20 -20 -20 -20 -20 -20 -10
     20  20   0   0   0   0  20  20     20  30  10   0   0  10  30  20""",
}
_KING_IN_ENDING = """
    -50 -40 -30 -20 -20 -30 -40 -50    -30 -20 -10   0   0 -10 -20 -30
    -30 -10  20  30  30  20 -10 -30    -30 -10  30  40  40  30 -10 -30
    -30 -10  30  40  40  30 -10 -30    -30 -10  20  30  30  20 -10 -30
    -30 -30   0   0   0   0 -30 -30    -50 -30 -30 -30 -30 -30 -30 -50"""

ALL_MATERIAL = 24  # minor pieces count 1, rooks 2, queens 4
TEMPO = 10  # the right to move
_BISHOP_PAIR = (30, 45)
_DOUBLED, _ISOLATED = (-8, -16), (-10, -14)
_OPEN_LINE, _HALF_OPEN_LINE = (22, 10), (11, 6)
_SHELTER = 9  # each pawn before a king that is at home
_TOWARDS_EDGE, _KINGS_NEAR = 10, 5  # what a lone king suffers from
_DRAWISH = 4  # without pawns and less than a rook ahead, so much less


def _numbers(text):
    return np.array(text.split(), np.int64)


def _place_tables():
    """``[8, 64]``: material and place by kind, in the middle game and in the ending."""
    middle = np.zeros((8, 64), np.int64)
    for kind, text in _PLACES.items():
        middle[kind] = _numbers(text) + (0 if kind == KING else WORTH[kind])
    ending = middle.copy()
    ending[KING] = _numbers(_KING_IN_ENDING)
    return middle, ending


def _word(cells):
    return np.uint64(sum(1 << cell for cell in cells))


def _pawn_masks():
    """``[64]`` words: cells ahead on the column, ahead on three columns, and columns beside."""
    ahead, front, beside = (np.zeros(64, np.uint64) for _ in range(3))
    for cell in range(64):
        row, column = divmod(cell, 8)
        near = [c for c in (column - 1, column, column + 1) if 0 <= c < 8]
        ahead[cell] = _word(8 * r + column for r in range(row))
        front[cell] = _word(8 * r + c for r in range(row) for c in near)
        beside[cell] = _word(8 * r + c for r in range(8) for c in near if c != column)
    return ahead, front, beside


def _shelters():
    """``[64]`` words: cells one and two rows before a king on its first two rows."""
    words = np.zeros(64, np.uint64)
    for cell in range(48, 64):
        row, column = divmod(cell, 8)
        near = [c for c in (column - 1, column, column + 1) if 0 <= c < 8]
        words[cell] = _word(8 * r + c for r in (row - 1, row - 2) for c in near)
    return words


IN_MIDDLE_GAME, IN_ENDING = _place_tables()
AHEAD, FRONT, BESIDE = _pawn_masks()
COLUMN = np.array([_word(8 * r + c % 8 for r in range(8)) for c in range(64)])
SHELTER = _shelters()
PASSED = np.array([0, 130, 85, 50, 28, 14, 8, 0], np.int64)  # by row; in the middle game half
MOBILITY = np.zeros((8, 3), np.int64)  # by kind: cells taken for granted, weights of each other
MOBILITY[[KNIGHT, BISHOP, ROOK, QUEEN]] = (4, 4, 4), (6, 4, 4), (7, 2, 4), (13, 1, 2)
ASSAULT = np.zeros(8, np.int64)  # each cell beside the king that a piece attacks
ASSAULT[[KNIGHT, BISHOP, ROOK, QUEEN]] = 2, 2, 3, 5
PHASE = np.zeros(8, np.int64)
PHASE[[KNIGHT, BISHOP, ROOK, QUEEN]] = 1, 1, 2, 4
FROM_CENTRE = np.array(
    [max(3 - r, r - 4) + max(3 - c, c - 4) for r in range(8) for c in range(8)], np.int64
)


@kernel
def evaluate(board):
    """Worth of a position for whoever is to move, in hundredths of a pawn."""
    theirs = turned(board.theirs)
    my_middle, my_ending, my_phase = half(
        board.mine, board.theirs, board.occupied, board.pawns, board.knights, board.diagonal,
        board.straight, board.king, lowest_bit(board.kings & board.theirs),
    )  # fmt: skip
    pawns, knights = turned(board.pawns), turned(board.knights)
    diagonal, straight = turned(board.diagonal), turned(board.straight)
    kings = turned(board.kings)
    middle, ending, phase = half(
        theirs, turned(board.mine), turned(board.occupied), pawns, knights, diagonal, straight,
        lowest_bit(kings & theirs), board.king ^ 56,
    )  # fmt: skip
    middle, ending = my_middle - middle, my_ending - ending
    left = min(my_phase + phase, ALL_MATERIAL)
    ending += _lone_king(board, ending)
    score = (middle * left + ending * (ALL_MATERIAL - left)) // ALL_MATERIAL
    leader = board.mine if score > 0 else board.theirs
    if leader & board.pawns == ZERO and abs(ending) < WORTH[ROOK] - 50:
        score //= _DRAWISH
    return score + TEMPO


@kernel
def _lone_king(board, ending):
    """Drives a king without any other man to the edge, and the other king towards it."""
    king, other = board.king, lowest_bit(board.kings & board.theirs)
    if (board.mine & ~board.kings and board.theirs & ~board.kings) or abs(ending) < 300:
        return 0
    near = 14 - abs((king >> 3) - (other >> 3)) - abs((king & 7) - (other & 7))
    if ending > 0:
        return _TOWARDS_EDGE * FROM_CENTRE[other] + _KINGS_NEAR * near
    return -_TOWARDS_EDGE * FROM_CENTRE[king] - _KINGS_NEAR * near


@kernel
def half(mine, theirs, occupied, pawns, knights, diagonal, straight, king, other):
    """One side's share, for the middle game and the ending, and its material; the side goes up."""
    middle = IN_MIDDLE_GAME[KING, king]
    ending = IN_ENDING[KING, king]
    phase = 0
    my_pawns, their_pawns = mine & pawns, theirs & pawns
    middle += _SHELTER * min(count_bits(SHELTER[king] & my_pawns), 3)
    waiting = my_pawns
    while waiting:
        cell = lowest_bit(waiting)
        waiting &= waiting - ONE
        middle += IN_MIDDLE_GAME[PAWN, cell]
        ending += IN_ENDING[PAWN, cell]
        if AHEAD[cell] & my_pawns:
            middle += _DOUBLED[0]
            ending += _DOUBLED[1]
        elif FRONT[cell] & their_pawns == ZERO:
            middle += PASSED[cell >> 3] // 2
            ending += PASSED[cell >> 3]
        if BESIDE[cell] & my_pawns == ZERO:
            middle += _ISOLATED[0]
            ending += _ISOLATED[1]
    bishops = mine & diagonal & ~straight
    if bishops & (bishops - ONE):
        middle += _BISHOP_PAIR[0]
        ending += _BISHOP_PAIR[1]
    around = KING_MOVES[other]
    # Where a pawn would take the piece is no place to go.
    safe = ~(mine | (their_pawns & NOT_A) << np.uint64(7) | (their_pawns & NOT_H) << np.uint64(9))
    force, attackers = 0, 0
    waiting = mine & (knights | diagonal | straight)
    while waiting:
        cell = lowest_bit(waiting)
        bit = waiting & (~waiting + ONE)
        waiting ^= bit
        if knights & bit:
            kind = KNIGHT
            reach = KNIGHT_MOVES[cell]
        elif diagonal & bit == ZERO:
            kind = ROOK
            reach = straight_attacks(cell, occupied)
            if COLUMN[cell] & my_pawns == ZERO:
                is_open = COLUMN[cell] & their_pawns == ZERO
                middle += _OPEN_LINE[0] if is_open else _HALF_OPEN_LINE[0]
                ending += _OPEN_LINE[1] if is_open else _HALF_OPEN_LINE[1]
        elif straight & bit == ZERO:
            kind = BISHOP
            reach = diagonal_attacks(cell, occupied)
        else:
            kind = QUEEN
            reach = diagonal_attacks(cell, occupied) | straight_attacks(cell, occupied)
        free = count_bits(reach & safe) - MOBILITY[kind, 0]
        middle += IN_MIDDLE_GAME[kind, cell] + free * MOBILITY[kind, 1]
        ending += IN_ENDING[kind, cell] + free * MOBILITY[kind, 2]
        phase += PHASE[kind]
        if reach & around:
            attackers += 1
            force += ASSAULT[kind] * count_bits(reach & around)
    if attackers > 1:
        middle += min(force * attackers, 250)
    return middle, ending, phase
