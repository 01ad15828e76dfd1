"""Attacks on a chess board as 64-bit words, always from the side of the player to move.

Cells are numbered as they are written: from the top left, row by row, as in FEN and as in the
observation planes. The player to move goes up; for black the board is mirrored top to bottom, so
his own pieces start in the lower rows too::

      0  1  2  3  4  5  6  7    the opponent's back rank
      8  9 10 11 12 13 14 15    the opponent's pawns
     16 17 18 19 20 21 22 23
     24 25 26 27 28 29 30 31
     32 33 34 35 36 37 38 39
     40 41 42 43 44 45 46 47
     48 49 50 51 52 53 54 55    the mover's pawns
     56 57 58 59 60 61 62 63    the mover's back rank, king on 60
      a  b  c  d  e  f  g  h

A bit of a word is the cell of that number. Functions trust that a position has one king a side.
"""

from collections import namedtuple

import numpy as np

from games.authoring import rule
from games.bits import highest_bit, lowest_bit

#: Kinds of pieces. A position keeps a kind as three bits in three words, so the codes are chosen
#: for what the words say together: bit 2 slides, then bit 0 on diagonals and bit 1 on lines.
NONE, PAWN, KNIGHT, KING, BISHOP, ROOK, QUEEN = 0, 1, 2, 3, 5, 6, 7
KINDS = (PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING)  # in the order in which people list them

ZERO = np.uint64(0)
ONE = np.uint64(1)
ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

#: A position taken apart: who stands where, and what; ``king`` is the cell of the mover's king.
Board = namedtuple("Board", "mine theirs occupied pawns knights kings diagonal straight king")

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # row, column of the four lines through a cell
_NO_LINE = len(_STEPS)


def _cells(row: int, column: int, down: int, right: int, most: int = 7) -> list[int]:
    """Cells passed on the way from (row, column), which is not among them, to the edge."""
    steps = ((row + i * down, column + i * right) for i in range(1, most + 1))
    return [8 * r + c for r, c in steps if 0 <= r < 8 and 0 <= c < 8]


def _word(cells: list[int]) -> int:
    return sum(1 << cell for cell in cells)


def _leaper_table(jumps: list[tuple[int, int]]) -> np.ndarray:
    """Cells that a piece with these jumps reaches from each cell."""
    return np.array(
        [
            _word(
                [cell for down, right in jumps for cell in _cells(*divmod(at, 8), down, right, 1)]
            )
            for at in range(64)
        ],
        np.uint64,
    )


def _ray_table() -> np.ndarray:
    """``[64, 5, 2]``: the half of each line with lower cells, and the half with higher ones.

    The fifth line is empty: it is the one through two cells that no line joins.
    """
    rays = np.zeros((64, _NO_LINE + 1, 2), np.uint64)
    for at in range(64):
        for line, (down, right) in enumerate(_STEPS):
            rays[at, line, 0] = _word(_cells(*divmod(at, 8), -down, -right))
            rays[at, line, 1] = _word(_cells(*divmod(at, 8), down, right))
    return rays


def _joining_lines() -> np.ndarray:
    """``[64, 64]``: which of the lines joins two cells; 4 where none does."""
    joining = np.full((64, 64), _NO_LINE, np.uint8)
    for at in range(64):
        for line, (down, right) in enumerate(_STEPS):
            for sign in (-1, 1):
                joining[at, _cells(*divmod(at, 8), sign * down, sign * right)] = line
    return joining


KNIGHT_MOVES = _leaper_table([(r, c) for r in (-2, -1, 1, 2) for c in (3 - abs(r), abs(r) - 3)])
KING_MOVES = _leaper_table([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c])
RAYS = _ray_table()
JOINING = _joining_lines()

_COLUMN_A = np.uint64(_word(list(range(0, 64, 8))))
NOT_A = ~_COLUMN_A
NOT_H = ~(_COLUMN_A << np.uint64(7))
NOT_AB = NOT_A & ~(_COLUMN_A << ONE)
NOT_GH = NOT_H & ~(_COLUMN_A << np.uint64(6))
_AFTER_ONE_STEP = np.uint64(0xFF) << np.uint64(40)  # where a pawn that may step twice passes


@rule
def bit_of(cell):
    """The word with this cell alone."""
    return ONE << np.uint64(cell)


@rule
def turned(word):
    """The word as the other player sees it: rows in the opposite order, which is a byte swap."""
    word = (word >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF) | (
        word & np.uint64(0x00FF00FF00FF00FF)
    ) << np.uint64(8)
    word = (word >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF) | (
        word & np.uint64(0x0000FFFF0000FFFF)
    ) << np.uint64(16)
    return word >> np.uint64(32) | word << np.uint64(32)


@rule
def board_of(mine, low, middle, high):
    """Take a position apart: the mover's pieces, and the three bits of every piece's kind."""
    occupied = low | middle | high
    kings = low & middle & ~high
    return Board(
        mine,
        occupied ^ mine,
        occupied,
        low & ~middle & ~high,
        middle & ~low & ~high,
        kings,
        low & high,
        middle & high,
        lowest_bit(kings & mine),
    )


# --- Lines -----------------------------------------------------------------------------------


@rule
def line_attacks(cell, line, occupied):
    """Cells seen from ``cell`` along one line, the first piece on either side included.

    Obstruction difference: ``lower`` keeps all cells from the nearest piece below upwards (from
    cell 0 where there is none), ``upper`` all up to the nearest piece above.
    Source: Michael Hoffmann 2007, in the chess programming wiki, "Obstruction Difference".
    """
    below, above = RAYS[cell, line, 0], RAYS[cell, line, 1]
    blocking = above & occupied
    upper = blocking ^ (blocking - ONE)
    lower = ALL << np.uint64(highest_bit(below & occupied | ONE))
    return (below | above) & upper & lower


@rule
def straight_attacks(cell, occupied):
    """Cells that a rook sees."""
    return line_attacks(cell, 0, occupied) | line_attacks(cell, 1, occupied)


@rule
def diagonal_attacks(cell, occupied):
    """Cells that a bishop sees."""
    return line_attacks(cell, 2, occupied) | line_attacks(cell, 3, occupied)


@rule
def between(first, second):
    """Cells strictly between two that a line joins; none where no line does."""
    line = JOINING[first, second]
    if first < second:
        return RAYS[first, line, 1] & RAYS[second, line, 0]
    return RAYS[first, line, 0] & RAYS[second, line, 1]


@rule
def line_through(first, second):
    """All cells of the line that joins two, but for ``first``."""
    line = JOINING[first, second]
    return RAYS[first, line, 0] | RAYS[first, line, 1]


# --- What the opponent attacks ---------------------------------------------------------------


@rule
def checks_and_pins(board):
    """Opposing pieces that give check, and own pieces that may not leave the king's line."""
    king = board.king
    checkers = board.theirs & (
        board.knights & KNIGHT_MOVES[king] | board.pawns & pawns_that_attack(bit_of(king))
    )
    pinned = ZERO
    # Sliding pieces that would see the king if no own piece stood between.
    snipers = board.theirs & (
        board.straight & straight_attacks(king, board.theirs)
        | board.diagonal & diagonal_attacks(king, board.theirs)
    )
    while snipers:
        sniper = lowest_bit(snipers)
        shield = between(king, sniper) & board.mine
        if shield == ZERO:
            checkers |= bit_of(sniper)
        elif shield & (shield - ONE) == ZERO:
            pinned |= shield
        snipers &= snipers - ONE
    return checkers, pinned


@rule
def pawns_that_attack(cells):
    """Where opposing pawns, which go down, must stand to attack one of ``cells``."""
    return (cells & NOT_A) >> np.uint64(9) | (cells & NOT_H) >> np.uint64(7)


@rule
def pawns_that_take(cells):
    """Where the mover's pawns, which go up, must stand to attack one of ``cells``."""
    return (cells & NOT_H) << np.uint64(9) | (cells & NOT_A) << np.uint64(7)


@rule
def sees_king(board, pieces, occupied):
    """Whether one of the opposing ``pieces`` attacks the mover's king on a board so occupied."""
    king = board.king
    return (
        pieces
        & (
            board.knights & KNIGHT_MOVES[king]
            | board.pawns & pawns_that_attack(bit_of(king))
            | board.straight & straight_attacks(king, occupied)
            | board.diagonal & diagonal_attacks(king, occupied)
        )
        != ZERO
    )


@rule
def fill_up(sliders, free, shift):
    """Cells that sliders reach towards higher numbers, ``shift`` at a step, over ``free`` cells.

    All sliders at once, by doubling (Kogge and Stone). Where the step changes columns, cells that
    it must not enter are not free, and the caller masks the last one.
    """
    sliders |= free & (sliders << shift)
    free &= free << shift
    sliders |= free & (sliders << (shift + shift))
    free &= free << (shift + shift)
    return sliders | free & (sliders << (np.uint64(4) * shift))


@rule
def fill_down(sliders, free, shift):
    """As ``fill_up``, towards lower numbers."""
    sliders |= free & (sliders >> shift)
    free &= free >> shift
    sliders |= free & (sliders >> (shift + shift))
    free &= free >> (shift + shift)
    return sliders | free & (sliders >> (np.uint64(4) * shift))


@rule
def attacked_cells(board):
    """Cells where the mover's king would stand in check; lines go on through where it stands."""
    free = ~(board.occupied ^ (board.kings & board.mine))
    one, seven, eight, nine = np.uint64(1), np.uint64(7), np.uint64(8), np.uint64(9)
    pawns = board.theirs & board.pawns
    attacked = (pawns & NOT_A) << seven | (pawns & NOT_H) << nine
    knights = board.theirs & board.knights
    attacked |= (knights & NOT_A) << np.uint64(15) | (knights & NOT_H) << np.uint64(17)
    attacked |= (knights & NOT_H) >> np.uint64(15) | (knights & NOT_A) >> np.uint64(17)
    attacked |= (knights & NOT_AB) << np.uint64(6) | (knights & NOT_GH) << np.uint64(10)
    attacked |= (knights & NOT_GH) >> np.uint64(6) | (knights & NOT_AB) >> np.uint64(10)
    straight = board.theirs & board.straight
    attacked |= fill_up(straight, free, eight) << eight
    attacked |= fill_down(straight, free, eight) >> eight
    attacked |= fill_up(straight, free & NOT_A, one) << one & NOT_A
    attacked |= fill_down(straight, free & NOT_H, one) >> one & NOT_H
    diagonal = board.theirs & board.diagonal
    attacked |= fill_up(diagonal, free & NOT_A, nine) << nine & NOT_A
    attacked |= fill_down(diagonal, free & NOT_H, nine) >> nine & NOT_H
    attacked |= fill_up(diagonal, free & NOT_H, seven) << seven & NOT_H
    attacked |= fill_down(diagonal, free & NOT_A, seven) >> seven & NOT_A
    return attacked | KING_MOVES[lowest_bit(board.kings & board.theirs)]


# --- Where one piece may go ------------------------------------------------------------------


@rule
def pawn_targets(board, pawn):
    """Steps and captures of one pawn, given as a word; without en passant."""
    free = ~board.occupied
    step = pawn >> np.uint64(8) & free
    double = (step & _AFTER_ONE_STEP) >> np.uint64(8) & free
    return step | double | pawns_that_attack(pawn) & board.theirs


@rule
def attacks_of(kind, cell, occupied):
    """Cells that a knight, bishop, rook or queen attacks where these cells are ``occupied``."""
    if kind == KNIGHT:
        return KNIGHT_MOVES[cell]
    targets = ZERO
    if kind & 1:
        targets |= diagonal_attacks(cell, occupied)
    if kind & 2:
        targets |= straight_attacks(cell, occupied)
    return targets


@rule
def piece_targets(board, cell, kind):
    """Cells that a knight, bishop, rook or queen attacks, those of own pieces among them."""
    return attacks_of(kind, cell, board.occupied)
