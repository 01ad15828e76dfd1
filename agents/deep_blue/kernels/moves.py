"""Chess positions and moves as the search keeps them: rows of words, and moves packed in a number.

A row of the stack is a position seen by whoever is to move in it (``games.chess_attacks``), so the
rules of ``games.chess`` say what is legal. The bits of a move::

    0 to 5 origin   6 to 11 target   12 to 14 kind   18 to 20 kind captured   21 en passant
    15 to 17 kind that stands on the target afterwards, another one after a promotion
"""

import numpy as np
from numba import njit

from agents.compiling import kernel_of
from games.bits import lowest_bit
from games.chess import (
    BLACK_KEY,
    CASTLING_KEYS,
    PASSING_KEYS,
    PIECE_KEYS,
    RIGHTS_KEPT,
    allowed_cells,
    king_targets,
    legal_targets,
    swapped_rights,
    takes_passing,
)
from games.chess_attacks import (
    BISHOP,
    KING,
    KING_MOVES,
    KNIGHT,
    KNIGHT_MOVES,
    NONE,
    ONE,
    PAWN,
    QUEEN,
    ROOK,
    ZERO,
    bit_of,
    board_of,
    checks_and_pins,
    diagonal_attacks,
    pawns_that_attack,
    pawns_that_take,
    straight_attacks,
    turned,
)

MINE, LOW, MIDDLE, HIGH, CASTLING, PASSING, CLOCK, KEY = range(8)  # columns of a row
WORDS = 8
EN_PASSANT = 1 << 21
MOST_MOVES = 218
PUTS = np.array([QUEEN, KNIGHT, ROOK, BISHOP], np.int64)
_LAST_ROW = np.uint64(0xFF)

#: Pawn, knight, bishop, rook and queen in hundredths of a pawn, by kind (Michniewski, see
#: ``evaluation``); the king's is for exchanges, which it must never lose.
WORTH = np.zeros(8, np.int64)
WORTH[[PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING]] = 100, 320, 330, 500, 900, 20_000

kernel = kernel_of("agents/exact/kernels", "agents/deep_blue/kernels")

#: For functions that call themselves, and their callers: loaded from the disk, they crash (Numba
#: 0.68.1), so every process compiles them anew.
recursive = njit(nogil=True, error_model="numpy")


@kernel
def board_at(stack, ply):
    """The position of a row taken apart."""
    return board_of(stack[ply, MINE], stack[ply, LOW], stack[ply, MIDDLE], stack[ply, HIGH])


@kernel
def kind_on(stack, ply, cell):
    """Kind of the piece on a cell, 0 for none."""
    shift = np.uint64(cell)
    bits = stack[ply, LOW] >> shift & ONE
    bits |= (stack[ply, MIDDLE] >> shift & ONE) << ONE
    bits |= (stack[ply, HIGH] >> shift & ONE) << np.uint64(2)
    return np.int64(bits)


@kernel
def key_of(stack, ply, player):
    """Hash of a row's position from nothing; ``player`` is to move."""
    turn = 56 * player
    castling = np.int64(stack[ply, CASTLING])
    key = CASTLING_KEYS[castling if player == 0 else swapped_rights(castling)]
    if stack[ply, PASSING]:
        key ^= PASSING_KEYS[np.int64(stack[ply, PASSING]) & 7]
    if player == 1:
        key ^= BLACK_KEY
    for cell in range(64):
        kind = kind_on(stack, ply, cell)
        owner = player if stack[ply, MINE] >> np.uint64(cell) & ONE else 1 - player
        key ^= PIECE_KEYS[owner, kind, cell ^ turn]
    return key


@kernel
def legal_moves(stack, ply, board, checkers, pinned, moves, noisy):
    """Write the legal moves into ``moves[ply]`` and return how many.

    ``noisy``: captures and promotions to a queen only.
    """
    allowed = allowed_cells(board, checkers)
    passing = np.int64(stack[ply, PASSING])
    takers = takes_passing(board, passing) if passing else ZERO
    wanted = board.theirs if noisy else ~board.mine
    count = 0
    waiting = board.mine
    while waiting:
        cell = lowest_bit(waiting)
        waiting &= waiting - ONE
        kind = kind_on(stack, ply, cell)
        if kind == KING:
            if noisy and KING_MOVES[cell] & wanted == ZERO:
                continue
            targets = king_targets(board, np.int64(stack[ply, CASTLING]), checkers) & wanted
        elif kind == PAWN:
            targets = legal_targets(board, cell, kind, allowed, pinned)
            if noisy:
                targets &= wanted | _LAST_ROW
            if takers & bit_of(cell):
                targets |= bit_of(passing)
        else:
            targets = legal_targets(board, cell, kind, allowed, pinned) & wanted
        while targets:
            target = lowest_bit(targets)
            targets &= targets - ONE
            captured = kind_on(stack, ply, target)
            move = cell | target << 6 | kind << 12
            if kind != PAWN:
                moves[ply, count] = move | kind << 15 | captured << 18
                count += 1
            elif target >= 8:
                if passing and target == passing:
                    move |= PAWN << 18 | EN_PASSANT
                moves[ply, count] = move | kind << 15 | captured << 18
                count += 1
            else:
                for way in range(1 if noisy else 4):
                    moves[ply, count] = move | PUTS[way] << 15 | captured << 18
                    count += 1
    return count


@kernel
def play(stack, ply, move, player):
    """Write the position after a legal move of ``player`` into the next row."""
    turn = 56 * player
    origin, target = move & 63, move >> 6 & 63
    kind, put, captured = move >> 12 & 7, move >> 15 & 7, move >> 18 & 7
    captured_on = target + 8 if move & EN_PASSANT else target
    rights = np.int64(stack[ply, CASTLING])
    castling = rights & np.int64(RIGHTS_KEPT[origin]) & np.int64(RIGHTS_KEPT[target])
    key = stack[ply, KEY] ^ BLACK_KEY
    if castling != rights:
        before = rights if player == 0 else swapped_rights(rights)
        after = castling if player == 0 else swapped_rights(castling)
        key ^= CASTLING_KEYS[before] ^ CASTLING_KEYS[after]
    if stack[ply, PASSING]:
        key ^= PASSING_KEYS[np.int64(stack[ply, PASSING]) & 7]
    key ^= PIECE_KEYS[player, kind, origin ^ turn] ^ PIECE_KEYS[player, put, target ^ turn]
    key ^= PIECE_KEYS[1 - player, captured, captured_on ^ turn]

    left = ~(bit_of(origin) | bit_of(captured_on))
    goal = bit_of(target)
    mine = stack[ply, MINE] & left | goal
    low = stack[ply, LOW] & left
    middle = stack[ply, MIDDLE] & left
    high = stack[ply, HIGH] & left
    if put & 1:
        low |= goal
    if put & 2:
        middle |= goal
    if put & 4:
        high |= goal
    if kind == KING and abs(target - origin) == 2:
        corner = 63 if target > origin else 56
        beside = (origin + target) // 2
        rook = bit_of(corner) | bit_of(beside)
        mine ^= rook
        middle ^= rook  # a rook's code is 6
        high ^= rook
        key ^= PIECE_KEYS[player, ROOK, corner ^ turn] ^ PIECE_KEYS[player, ROOK, beside ^ turn]

    below = ply + 1
    stack[below, MINE] = turned((low | middle | high) ^ mine)
    stack[below, LOW] = turned(low)
    stack[below, MIDDLE] = turned(middle)
    stack[below, HIGH] = turned(high)
    stack[below, CASTLING] = np.uint64(swapped_rights(castling))
    stack[below, PASSING] = ZERO
    is_quiet = captured == NONE and kind != PAWN
    stack[below, CLOCK] = stack[ply, CLOCK] + ONE if is_quiet else ZERO
    if kind == PAWN and origin - target == 16:
        passed = (target + 8) ^ 56
        if takes_passing(board_at(stack, below), passed):
            stack[below, PASSING] = np.uint64(passed)
            key ^= PASSING_KEYS[passed & 7]
    stack[below, KEY] = key


@kernel
def play_nothing(stack, ply, player):
    """Write the position with the other player to move into the next row."""
    key = stack[ply, KEY] ^ BLACK_KEY
    if stack[ply, PASSING]:
        key ^= PASSING_KEYS[np.int64(stack[ply, PASSING]) & 7]
    below = ply + 1
    occupied = stack[ply, LOW] | stack[ply, MIDDLE] | stack[ply, HIGH]
    stack[below, MINE] = turned(occupied ^ stack[ply, MINE])
    for word in range(LOW, HIGH + 1):
        stack[below, word] = turned(stack[ply, word])
    stack[below, CASTLING] = np.uint64(swapped_rights(np.int64(stack[ply, CASTLING])))
    stack[below, PASSING] = ZERO
    stack[below, CLOCK] = ZERO  # no repetition reaches back over it
    stack[below, KEY] = key


@kernel
def exchange_pays(board, move, least):
    """Whether the exchange on a move's target leaves the mover at least ``least`` ahead.

    Both sides capture with the least valuable piece first and stop when they like; pins are not
    seen. Source: the static exchange evaluation of the chess programming wiki, "SEE - The Swap
    Algorithm", in the form that asks for a threshold.
    """
    target = move >> 6 & 63
    balance = WORTH[move >> 18 & 7] - least
    if balance < 0:
        return False
    balance = WORTH[move >> 12 & 7] - balance
    if balance <= 0:
        return True
    goal = bit_of(target)
    occupied = board.occupied & ~bit_of(move & 63) | goal
    if move & EN_PASSANT:
        occupied &= ~(goal << np.uint64(8))
    attackers = (
        board.knights & KNIGHT_MOVES[target]
        | board.kings & KING_MOVES[target]
        | board.diagonal & diagonal_attacks(target, occupied)
        | board.straight & straight_attacks(target, occupied)
        | board.pawns & board.mine & pawns_that_take(goal)
        | board.pawns & board.theirs & pawns_that_attack(goal)
    )
    pays = True
    side = board.theirs
    while True:
        attackers &= occupied
        able = attackers & side
        if able == ZERO:
            return pays
        pays = not pays
        needed = 1 if pays else 0
        if able & board.pawns:
            piece, worth = able & board.pawns, WORTH[PAWN]
        elif able & board.knights:
            piece, worth = able & board.knights, WORTH[KNIGHT]
        elif able & board.diagonal & ~board.straight:
            piece, worth = able & board.diagonal & ~board.straight, WORTH[BISHOP]
        elif able & board.straight & ~board.diagonal:
            piece, worth = able & board.straight & ~board.diagonal, WORTH[ROOK]
        elif able & board.diagonal:
            piece, worth = able & board.diagonal, WORTH[QUEEN]
        else:  # the king takes only what is not defended
            return not pays if attackers & ~side else pays
        balance = worth - balance
        if balance < needed:
            return pays
        occupied &= ~bit_of(lowest_bit(piece))
        attackers |= board.diagonal & diagonal_attacks(target, occupied)
        attackers |= board.straight & straight_attacks(target, occupied)
        side = board.theirs if side == board.mine else board.mine


@recursive
def count_lines(stack, moves, ply, depth, player):
    """Lines of play of ``depth`` plies (perft): the test of everything above."""
    from_here = board_at(stack, ply)
    checkers, pinned = checks_and_pins(from_here)
    count = legal_moves(stack, ply, from_here, checkers, pinned, moves, False)
    if depth == 1:
        return count
    total = 0
    for index in range(count):
        play(stack, ply, np.int64(moves[ply, index]), player)
        total += count_lines(stack, moves, ply + 1, depth - 1, 1 - player)
    return total
