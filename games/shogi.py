"""Shogi on 9 x 9 squares, and minishogi on 5 x 5: captured pieces are dropped back as one's own.

Squares count row by row from the top left, as people print the board: files from the right, ranks
from the top. Rules work in the *view* of a player, in which he plays upwards: Black's view is the
board as printed, White's is turned by half a turn, square v of it being square 80 - v.

        9  8  7  6  5  4  3  2  1              the eight directions, in either view
    a   0  1  2  3  4  5  6  7  8                   7 0 1        0 is ahead
    b   9 10 11 12 13 14 15 16 17                   6   2
    c  18 ...                 26                    5 4 3
    ...                                        (d ^ 4 points back along d)
    i  72 73 74 75 76 77 78 79 80

Actions are AlphaZero's (Silver et al. 2018): square * 139 + plane, all in the view of the mover.

    plane     0 to  63   moves: direction * 8 + distance - 1, from the square
             64,    65   knight's moves, to the left and to the right
             66 to 131   the same 66, and the piece promotes
            132 to 138   drops on the square: pawn, lance, knight, silver, gold, bishop, rook

Minishogi has 4 distances, no knights and lances, so 32 + 32 + 5 = 69 planes.

Beside the board as bytes there are bitboards, one pair a player, each in the player's own view: bit
v of a low word for the first seven rows (63 bits), the rest in a high word, which stays empty in
minishogi. What came before is kept as a log of moves, with which a position is compared exactly:
see ``HISTORY``.
"""

import numpy as np

from games.authoring import draw, mix, rule, status_line
from games.bits import count_bits, highest_bit, lowest_bit
from games.game import (
    BoardView,
    GameError,
    InvalidMoveError,
    InvalidPositionError,
    state_dtype,
)
from games.shogi_text import (
    PLAYER_NAMES,
    Position,
    find_sfen,
    hand_text,
    piece_text,
    read_move,
    read_sfen,
    rows_needed,
    square_text,
    write_sfen,
)

# --- Facts -----------------------------------------------------------------------------------

SIZE = 9

PARAMETERS = {"SIZE": (5, 9, "rows and columns of the board: 9 for shogi, 5 for minishogi")}
if SIZE not in (5, 9):
    raise GameError(f"shogi has 9 rows and minishogi 5; there is no board of {SIZE}")
FULL = SIZE == 9

# Kinds are numbered as in shogi_text.py; a promoted piece is 8 more than what it was.
PAWN, LANCE, KNIGHT, SILVER, GOLD, BISHOP, ROOK, KING = range(1, 9)
PROMOTED = 8
PIECES = (  # how many of each the game has
    {PAWN: 18, LANCE: 4, KNIGHT: 4, SILVER: 4, GOLD: 4, BISHOP: 2, ROOK: 2, KING: 2}
    if FULL
    else {PAWN: 2, SILVER: 2, GOLD: 2, BISHOP: 2, ROOK: 2, KING: 2}
)
IN_HAND = tuple(kind for kind in PIECES if kind != KING)  # in the order of the drop planes
START = (
    "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
    if FULL
    else "rbsgk/4p/5/P4/KGSBR b - 1"
)

SQUARES = SIZE * SIZE
REACH = SIZE - 1  # longest move
KNIGHT_PLANE = 8 * REACH
MOVE_PLANES = KNIGHT_PLANE + (2 if FULL else 0)
DROP_PLANE = 2 * MOVE_PLANES
PLANES = DROP_PLANE + len(IN_HAND)
NUM_ACTIONS = SQUARES * PLANES

# Shogi: the most known of any position that has the game's pieces. Minishogi: a bound. With one
# piece of each of five kinds in hand and x others on the board, at most 5 * (23 - x) drops, 8
# moves of the king, and 16 of a rook, 16 of a bishop, 10 of a silver, 6 of a gold, 2 of a pawn,
# promotions counted twice; fewer kinds in hand give less.
MAX_LEGAL = 593 if FULL else 151
MAX_PLIES = 512 if FULL else 256  # a draw, where the rules of people set no bound

# Plies that a repetition is looked for: four times the same position within them ends the game.
# Each is logged as 32 bits, by which it is undone when the fingerprints of the position before it
# and of the present one agree: comparing is exact, the fingerprint only saves time.
#
#     bits 0..6 from (SQUARES + kind for a drop), 7..13 to, 14 promoted, 15..18 captured kind,
#     19 whether the mover had been in check, 20..31 fingerprint of the position before the move
HISTORY = 192
HISTORY_FIELDS = ("history", "known", "repetitions")

STATE = state_dtype(
    ("position", "<u8"),  # Zobrist hash of board, hands and side to move
    ("own", "<u8", (2, 2)),  # [player][low, high] his pieces, in his view
    ("occupied", "<u8", (2, 2)),  # the same of all pieces
    ("pawn_files", "<u2", (2,)),  # [player] columns, in his view, with an unpromoted pawn of his
    ("hands", "u1", (2, 8)),  # [player][kind]
    ("kings", "i1", (2,)),  # [player] square of his king, in his view
    ("check", "?"),  # whether the player to move is in check
    ("repetitions", "u1"),  # earlier occurrences of the position, among the last HISTORY plies
    ("known", "u1"),  # plies that are in ``history``
    ("board", "i1", (SQUARES,)),  # as printed: kind for player 0, -kind for player 1, 0 empty
    ("history", "<u4", (HISTORY,)),  # ply p at p % HISTORY
)

# Planes, in the view of the mover: pieces on the board, theirs, counts in hand, theirs, and three
# that are equal all over the board.
SHOWN = (*(k for k in PIECES), *(k + PROMOTED for k in PIECES if k not in (GOLD, KING)))
HAND_PLANE = 2 * len(SHOWN)
FACT_PLANE = HAND_PLANE + 2 * len(IN_HAND)
OBSERVATION_SHAPE = (FACT_PLANE + 3, SIZE, SIZE)
OBSERVATION_SCALES = (
    *(1.0,) * HAND_PLANE,
    *(1.0 / PIECES[kind] for kind in IN_HAND * 2),
    *(1.0 / 3.0, 1.0, 1.0),  # repetitions, check, colour
)

# --- Tables ----------------------------------------------------------------------------------

NONE = np.uint64(0)
ONE = np.uint64(1)
ALL = ~NONE
LOW_SQUARES = 63 if FULL else 25
BOARD_LOW = np.uint64((1 << LOW_SQUARES) - 1)
BOARD_HIGH = np.uint64((1 << SQUARES - LOW_SQUARES) - 1)
EVERY_LOW_ROW = np.uint64(sum(1 << SIZE * row for row in range(LOW_SQUARES // SIZE)))
EVERY_HIGH_ROW = np.uint64(sum(1 << SIZE * row for row in range(SIZE - LOW_SQUARES // SIZE)))
TOP_ROW = np.uint64((1 << SIZE) - 1)
ZONE_ROWS = 3 if FULL else 1
ZONE = ZONE_ROWS * SIZE  # squares below this one, in one's view, are where pieces promote
ZONE_BITS = np.uint64((1 << ZONE) - 1)

STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # row, column
STRIDES = np.array([row * SIZE + column for row, column in STEPS])
# Bits of directions; then by kind those in which it moves (a knight in none), and any distance.
AHEAD, STRAIGHTS, DIAGONALS, GOLD_STEPS = 0b00000001, 0b01010101, 0b10101010, 0b11010111
MOVES = np.array(
    [0, AHEAD, AHEAD, 0, AHEAD | DIAGONALS, GOLD_STEPS, DIAGONALS, STRAIGHTS, 255]
    + [GOLD_STEPS] * 4
    + [0, 255, 255],
)
SLIDES = np.array(
    [0, 0, AHEAD, 0, 0, 0, DIAGONALS, STRAIGHTS, 0, 0, 0, 0, 0, 0, DIAGONALS, STRAIGHTS]
)
CAN_PROMOTE = np.array([1 <= kind < KING and kind != GOLD for kind in range(16)])
DEAD = np.array([rows_needed(kind) * SIZE for kind in range(16)])  # squares where it cannot stay
HAND_KINDS = np.array(IN_HAND)
DROP_PLANES = np.array([IN_HAND.index(kind) if kind in IN_HAND else -1 for kind in range(8)])
SHOWN_PLANES = np.array([SHOWN.index(kind) if kind in SHOWN else -1 for kind in range(16)])


def _on_board(square: int, row: int, column: int) -> int:
    """Square that many rows and columns away, or -1."""
    row, column = square // SIZE + row, square % SIZE + column
    return row * SIZE + column if 0 <= row < SIZE and 0 <= column < SIZE else -1


def _words(squares: list[int]) -> tuple[int, int]:
    """Low and high word of a set of squares; those off the board are left out."""
    bits = sum(1 << square for square in squares if square >= 0)
    return bits & int(BOARD_LOW), bits >> LOW_SQUARES


def _rays() -> list[list[list[int]]]:
    """[direction][square] squares that lie there, nearest first."""
    return [
        [[_on_board(s, row * n, column * n) for n in range(1, SIZE)] for s in range(SQUARES)]
        for row, column in STEPS
    ]


def _knight_jumps(row: int) -> list[list[int]]:
    """[square] squares two rows away (-2: ahead) and one column to the left and right, or -1."""
    return [[_on_board(s, row, column) for column in (-1, 1)] for s in range(SQUARES)]


def _first_steps() -> list[list[tuple[int, int]]]:
    """[kind][square] where a piece can get in one step, knight's moves included."""
    rays, jumps = _rays(), _knight_jumps(-2)
    return [
        [
            _words(
                [rays[d][s][0] for d in range(8) if MOVES[kind] >> d & 1]
                + (jumps[s] if kind == KNIGHT else [])
            )
            for s in range(SQUARES)
        ]
        for kind in range(16)
    ]


def _directions() -> list[list[int]]:
    """[from][to] direction of the line between two squares, or -1."""
    table = [[-1] * SQUARES for _ in range(SQUARES)]
    for direction, rays in enumerate(_rays()):
        for square, ray in enumerate(rays):
            for target in ray:
                if target >= 0:
                    table[square][target] = direction
    return table


def _random_words(first: int, *shape: int) -> np.ndarray:
    """Fixed random 64-bit words: numbers from ``first`` on, scrambled."""
    count = int(np.prod(shape))
    words = [int(mix(np.uint64((first + i) * 0x9E3779B97F4A7C15 % 2**64))) for i in range(count)]
    return np.array(words, np.uint64).reshape(shape)


BITS = np.array([_words([square]) for square in range(SQUARES)], np.uint64)
RAYS = np.array([[_words(ray) for ray in rays] for rays in _rays()], np.uint64)
ROOM = np.array([[sum(t >= 0 for t in ray) for ray in rays] for rays in _rays()])  # squares there
FIRST_STEPS = np.array(_first_steps(), np.uint64)
DIRECTIONS = np.array(_directions(), np.int8)
JUMPS = np.array(_knight_jumps(-2))
JUMPS_BACK = np.array(_knight_jumps(2))
OFFSETS = np.array(  # from a square to the target of a plane
    [int(stride) * distance for stride in STRIDES for distance in range(1, SIZE)]
    + ([-2 * SIZE - 1, -2 * SIZE + 1] if FULL else [])
)
PIECE_WORDS = _random_words(1, 2, 16, SQUARES)
HAND_WORDS = _random_words(10_001, 2, 8, 19)
WHITE_MOVES = np.uint64(_random_words(20_001, 1)[0])
START_BOARD = np.array(read_sfen(START, size=SIZE, pieces=PIECES).board, np.int8)

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def has(low, high, square):
    """Whether a set of squares holds one of them."""
    return (low & BITS[square, 0]) | (high & BITS[square, 1]) != NONE


@rule
def first_on_ray(direction, square, low, high):
    """Nearest of a set of squares in a direction from a square, or -1."""
    low &= RAYS[direction, square, 0]
    high &= RAYS[direction, square, 1]
    if 2 <= direction <= 5:  # squares count upwards there
        if low:
            return lowest_bit(low)
        if high:
            return LOW_SQUARES + lowest_bit(high)
    else:
        if high:
            return LOW_SQUARES + highest_bit(high)
        if low:
            return highest_bit(low)
    return -1


@rule
def attacked(state, player, square, low, high):
    """Whether the other side attacks a square, all in the view of ``player``.

    ``low, high`` are the squares that block: all pieces, but for instance without the king that is
    about to step away. A blocker that stands on no piece of the board attacks nothing.
    """
    sign = 1 - 2 * player
    corner = (SQUARES - 1) * player
    for direction in range(8):
        at = first_on_ray(direction, square, low, high)
        if at >= 0:
            kind = -sign * state.board[corner + sign * at]
            if kind > 0:
                # Their directions are ours turned by half a turn, and they look from there to here.
                reach = MOVES if at == square + STRIDES[direction] else SLIDES
                if (reach[kind] >> direction) & 1:
                    return True
    if FULL:
        for side in range(2):
            at = JUMPS[square, side]
            if at >= 0 and -sign * state.board[corner + sign * at] == KNIGHT:
                return True
    return False


@rule
def king_lines(state, player):
    """What bears on a player's king.

    Returns:
        Number of checks; squares that answer the only check, by capture or in between (all squares
        if there is none); the player's pinned pieces. Sets of squares as low and high word.
    """
    sign = 1 - 2 * player
    corner = (SQUARES - 1) * player
    king = np.int64(state.kings[player])
    low, high = state.occupied[player, 0], state.occupied[player, 1]
    checks = 0
    answer_low, answer_high = ALL, ALL
    pinned_low, pinned_high = NONE, NONE
    for direction in range(8):
        at = first_on_ray(direction, king, low, high)
        if at < 0:
            continue
        kind = -sign * state.board[corner + sign * at]
        if kind > 0:
            reach = MOVES if at == king + STRIDES[direction] else SLIDES
            if (reach[kind] >> direction) & 1:
                checks += 1
                answer_low = RAYS[direction, king, 0] & ~RAYS[direction, at, 0]
                answer_high = RAYS[direction, king, 1] & ~RAYS[direction, at, 1]
        else:
            beyond = first_on_ray(direction, at, low, high)
            if beyond >= 0:
                kind = -sign * state.board[corner + sign * beyond]
                if kind > 0 and (SLIDES[kind] >> direction) & 1:
                    pinned_low |= BITS[at, 0]
                    pinned_high |= BITS[at, 1]
    if FULL:
        for side in range(2):
            at = JUMPS[king, side]
            if at >= 0 and -sign * state.board[corner + sign * at] == KNIGHT:
                checks += 1
                answer_low, answer_high = BITS[at, 0], BITS[at, 1]
    return checks, answer_low, answer_high, pinned_low, pinned_high


@rule
def king_steps(state, player):
    """Directions in which a player's king may step, as bits."""
    king = np.int64(state.kings[player])
    low = state.occupied[player, 0] & ~BITS[king, 0]
    high = state.occupied[player, 1] & ~BITS[king, 1]
    steps = 0
    for direction in range(8):
        if ROOM[direction, king]:
            to = king + STRIDES[direction]
            if not has(state.own[player, 0], state.own[player, 1], to) and not attacked(
                state, player, to, low, high
            ):
                steps |= 1 << direction
    return steps


@rule
def pinned(state, player, square, low, high):
    """Whether a piece of the player may not leave the line of his king, pieces being as given."""
    king = np.int64(state.kings[player])
    direction = np.int64(DIRECTIONS[king, square])
    if direction < 0 or first_on_ray(direction, king, low, high) != square:
        return False
    beyond = first_on_ray(direction, square, low, high)
    if beyond < 0:
        return False
    sign = 1 - 2 * player
    kind = -sign * state.board[(SQUARES - 1) * player + sign * beyond]
    return kind > 0 and (SLIDES[kind] >> direction) & 1 == 1


@rule
def mated_by_pawn(state, player):
    """Whether a pawn dropped now before a player's king would mate him.

    Trusts: the square before his king is empty and he is in no check. The pawn is adjacent, so it
    can only be captured or run from.
    """
    sign = 1 - 2 * player
    corner = (SQUARES - 1) * player
    king = np.int64(state.kings[player])
    front = king - SIZE
    low = state.occupied[player, 0] | BITS[front, 0]
    high = state.occupied[player, 1] | BITS[front, 1]
    for direction in range(8):
        if ROOM[direction, king]:
            to = king + STRIDES[direction]
            if not has(state.own[player, 0], state.own[player, 1], to) and not attacked(
                state, player, to, low & ~BITS[king, 0], high & ~BITS[king, 1]
            ):
                return False
    # A piece that takes the pawn may be pinned; one that is pinned along the file of king and pawn
    # would stand behind the pawn, which then is in between.
    for direction in range(8):
        at = first_on_ray(direction, front, low, high)
        if at >= 0 and at != king:
            kind = sign * state.board[corner + sign * at]
            if kind > 0:
                reach = MOVES if at == front + STRIDES[direction] else SLIDES
                if (reach[kind] >> (direction ^ 4)) & 1 and not pinned(
                    state, player, at, low, high
                ):
                    return False
    if FULL:
        for side in range(2):
            at = JUMPS_BACK[front, side]
            if at >= 0 and sign * state.board[corner + sign * at] == KNIGHT:
                if not pinned(state, player, at, low, high):
                    return False
    return True


@rule
def pawn_drops(state, low, high):
    """Of the squares on which the mover may drop pieces, those where it may be a pawn."""
    mover = np.int64(state.to_play)
    files = np.uint64(state.pawn_files[mover])
    low &= ~(files * EVERY_LOW_ROW | TOP_ROW)
    high &= ~(files * EVERY_HIGH_ROW)
    front = SQUARES - 1 - np.int64(state.kings[1 - mover]) + SIZE
    if front < SQUARES and has(low, high, front) and mated_by_pawn(state, 1 - mover):
        low &= ~BITS[front, 0]
        high &= ~BITS[front, 1]
    return low, high


@rule
def count_legal(state):
    """How many legal actions there are, without naming them. Never asked once finished.

    Optional in a game: the number of leaves of a tree of moves is then counted faster.
    """
    mover = np.int64(state.to_play)
    sign = 1 - 2 * mover
    corner = (SQUARES - 1) * mover
    king = np.int64(state.kings[mover])
    count = count_bits(np.uint64(king_steps(state, mover)))
    checks, answer_low, answer_high, pinned_low, pinned_high = king_lines(state, mover)
    if checks > 1:
        return count
    occupied_low, occupied_high = state.occupied[mover, 0], state.occupied[mover, 1]
    own_low, own_high = state.own[mover, 0], state.own[mover, 1]
    goal_low, goal_high = answer_low & ~own_low, answer_high & ~own_high
    own_low &= ~BITS[king, 0]
    own_high &= ~BITS[king, 1]
    while own_low | own_high:
        if own_low:
            square = lowest_bit(own_low)
            own_low &= own_low - ONE
        else:
            square = LOW_SQUARES + lowest_bit(own_high)
            own_high &= own_high - ONE
        kind = sign * state.board[corner + sign * square]
        low, high = FIRST_STEPS[kind, square, 0], FIRST_STEPS[kind, square, 1]
        slides = np.uint64(SLIDES[kind])
        while slides:
            direction = lowest_bit(slides)
            slides &= slides - ONE
            low |= RAYS[direction, square, 0]
            high |= RAYS[direction, square, 1]
            at = first_on_ray(direction, square, occupied_low, occupied_high)
            if at >= 0:
                low &= ~RAYS[direction, at, 0]
                high &= ~RAYS[direction, at, 1]
        if has(pinned_low, pinned_high, square):
            direction = DIRECTIONS[king, square]
            low &= RAYS[direction, king, 0]
            high &= RAYS[direction, king, 1]
        low &= goal_low
        high &= goal_high
        targets = count_bits(low) + count_bits(high)
        count += targets
        if CAN_PROMOTE[kind]:
            count += targets if square < ZONE else count_bits(low & ZONE_BITS)
            count -= count_bits(low & ((ONE << np.uint64(DEAD[kind])) - ONE))
    low = answer_low & ~occupied_low & BOARD_LOW
    high = answer_high & ~occupied_high & BOARD_HIGH
    free = count_bits(low) + count_bits(high)
    if free == 0:
        return count
    for kind in HAND_KINDS:
        if state.hands[mover, kind]:
            if kind == PAWN:
                pawn_low, pawn_high = pawn_drops(state, low, high)
                count += count_bits(pawn_low) + count_bits(pawn_high)
            else:
                count += free - count_bits(low & ((ONE << np.uint64(DEAD[kind])) - ONE))
    return count


@rule
def may_end(kind, square, to, promotes):
    """Whether a move may end as said: promoted it touches the zone, else the piece can move on."""
    return (square < ZONE or to < ZONE) if promotes else to >= DEAD[kind]


@rule
def legal_actions(state, actions):
    """Write the legal actions, ascending, and return how many. Never asked once finished."""
    mover = np.int64(state.to_play)
    sign = 1 - 2 * mover
    corner = (SQUARES - 1) * mover
    king = np.int64(state.kings[mover])
    checks, answer_low, answer_high, pinned_low, pinned_high = king_lines(state, mover)
    low, high = BITS[king, 0], BITS[king, 1]  # from where a piece moves, or where it drops
    pawn_low, pawn_high = NONE, NONE
    held = 0  # kinds in hand other than pawns, as bits
    if checks < 2:
        low, high = state.own[mover, 0], state.own[mover, 1]
        free_low = answer_low & ~state.occupied[mover, 0] & BOARD_LOW
        free_high = answer_high & ~state.occupied[mover, 1] & BOARD_HIGH
        for kind in HAND_KINDS[1:]:
            if state.hands[mover, kind]:
                held |= 1 << kind
        if state.hands[mover, PAWN]:
            pawn_low, pawn_high = pawn_drops(state, free_low, free_high)
        if held:
            low |= free_low
            high |= free_high
        else:
            low |= pawn_low
            high |= pawn_high
    count = 0
    while low | high:
        if low:
            square = lowest_bit(low)
            low &= low - ONE
        else:
            square = LOW_SQUARES + lowest_bit(high)
            high &= high - ONE
        first = square * PLANES
        kind = sign * state.board[corner + sign * square]
        if kind == 0:
            if has(pawn_low, pawn_high, square):
                actions[count] = first + DROP_PLANE
                count += 1
            kinds = np.uint64(held)
            while kinds:
                kind = lowest_bit(kinds)
                kinds &= kinds - ONE
                if square >= DEAD[kind]:
                    actions[count] = first + DROP_PLANE + DROP_PLANES[kind]
                    count += 1
        elif kind == KING:
            steps = np.uint64(king_steps(state, mover))
            while steps:
                actions[count] = first + lowest_bit(steps) * REACH
                count += 1
                steps &= steps - ONE
        else:
            moves = MOVES[kind]
            is_pinned = has(pinned_low, pinned_high, square)
            if is_pinned:
                direction = np.int64(DIRECTIONS[king, square])
                moves &= (1 << direction) | (1 << (direction ^ 4))
            for promotes in range(2):
                if promotes:
                    first += MOVE_PLANES
                    if not CAN_PROMOTE[kind]:
                        break
                directions = np.uint64(moves)
                while directions:
                    direction = lowest_bit(directions)
                    directions &= directions - ONE
                    reach = ROOM[direction, square]
                    if reach and not (SLIDES[kind] >> direction) & 1:
                        reach = 1
                    to = square
                    for distance in range(reach):
                        to += STRIDES[direction]
                        other = sign * state.board[corner + sign * to]
                        if other > 0:
                            break
                        if may_end(kind, square, to, promotes) and (
                            checks == 0 or has(answer_low, answer_high, to)
                        ):
                            actions[count] = first + direction * REACH + distance
                            count += 1
                        if other:
                            break
                if FULL and kind == KNIGHT and not is_pinned:
                    for side in range(2):
                        to = JUMPS[square, side]
                        if (
                            to >= 0
                            and sign * state.board[corner + sign * to] <= 0
                            and may_end(kind, square, to, promotes)
                            and (checks == 0 or has(answer_low, answer_high, to))
                        ):
                            actions[count] = first + KNIGHT_PLANE + side
                            count += 1
    return count


@rule
def can_move(state):
    """Whether the player to move has a legal action; mostly seen without looking for all."""
    mover = np.int64(state.to_play)
    if not state.check:
        for kind in range(SILVER, KING):
            if state.hands[mover, kind]:
                return True  # some square is always free
        sign = 1 - 2 * mover
        corner = (SQUARES - 1) * mover
        king = np.int64(state.kings[mover])
        low, high = state.own[mover, 0], state.own[mover, 1]
        own_low, own_high = low, high
        while low | high:
            if low:
                square = lowest_bit(low)
                low &= low - ONE
            else:
                square = LOW_SQUARES + lowest_bit(high)
                high &= high - ONE
            if square != king and DIRECTIONS[king, square] < 0:  # nothing can pin it
                kind = sign * state.board[corner + sign * square]
                if (FIRST_STEPS[kind, square, 0] & ~own_low) | (
                    FIRST_STEPS[kind, square, 1] & ~own_high
                ):
                    return True
    return count_legal(state) > 0


@rule
def may_declare(state):
    """Whether the player to move has entered with his king: the declaration of the CSA's rules.

    His king and ten pieces more stand in the three last rows, he is not in check, and pieces there
    and in hand make 28 points for Black, 27 for White: 5 for rook and bishop, 1 for others.
    """
    mover = np.int64(state.to_play)
    if not FULL or state.kings[mover] >= ZONE or state.check:
        return False
    sign = 1 - 2 * mover
    inside = state.own[mover, 0] & ZONE_BITS
    if count_bits(inside) < 11:
        return False
    points = -1  # the king gives none
    while inside:
        square = lowest_bit(inside)
        inside &= inside - ONE
        kind = (sign * state.board[(SQUARES - 1) * mover + sign * square]) & 7
        points += 5 if kind == BISHOP or kind == ROOK else 1
    for kind in HAND_KINDS:
        points += state.hands[mover, kind] * (5 if kind == BISHOP or kind == ROOK else 1)
    return points >= 28 - mover


@rule
def exchange(cells, now, cell, value):
    """Write a cell of ``cells``; returns by how much the cells that differ from ``now`` grow."""
    before = cells[cell] != now[cell]
    cells[cell] = value
    return np.int64(cells[cell] != now[cell]) - np.int64(before)


@rule
def look_back(state):
    """Count the earlier occurrences of the position, by undoing the moves of the log.

    Returns:
        Occurrences, at most three; whether since the earliest of them the player to move has been
        in check at his every move; whether the other has.
    """
    now = np.empty(SQUARES + 16, np.int8)  # the board, then both hands
    for square in range(SQUARES):
        now[square] = state.board[square]
    for player in range(2):
        for kind in range(8):
            now[SQUARES + 8 * player + kind] = state.hands[player, kind]
    cells = now.copy()
    differing = 0
    occurrences = 0
    always_checked = np.ones(2, np.bool_)
    player = np.int64(state.to_play)
    for back in range(1, np.int64(state.known) + 1):
        player = 1 - player
        sign = 1 - 2 * player
        entry = np.int64(state.history[(state.ply - back) % HISTORY])
        origin, target, captured = entry & 127, (entry >> 7) & 127, (entry >> 15) & 15
        if origin >= SQUARES:
            hand = origin + 8 * player
            differing += exchange(cells, now, hand, cells[hand] + 1)
            differing += exchange(cells, now, target, 0)
        else:
            piece = cells[target] - sign * PROMOTED * ((entry >> 14) & 1)
            differing += exchange(cells, now, origin, piece)
            differing += exchange(cells, now, target, -sign * captured)
            if captured:
                hand = SQUARES + 8 * player + (captured & 7)
                differing += exchange(cells, now, hand, cells[hand] - 1)
        if (entry >> 19) & 1 == 0:
            always_checked[player] = False
        if differing == 0 and back % 2 == 0:
            occurrences += 1
            if occurrences == 3:
                break
    return occurrences, always_checked[player], always_checked[1 - player]


@rule
def judge(state):
    """End the game if it is over; ``position``, ``check`` and ``history`` are right already."""
    mover = np.int64(state.to_play)
    winner = -1
    state.repetitions = 0
    fingerprint = np.uint32(state.position >> np.uint64(52))
    alike = 0
    for i in range(HISTORY):
        alike += (state.history[i] >> np.uint32(20)) == fingerprint
    if alike:
        occurrences, mover_checked, other_checked = look_back(state)
        state.repetitions = occurrences
        if occurrences == 3:
            state.finished = True
            if mover_checked != other_checked:  # who gave check all the time loses
                winner = mover if mover_checked else 1 - mover
            elif not FULL:
                winner = 1
    if not can_move(state):
        state.finished = True
        winner = 1 - mover
    elif may_declare(state):
        state.finished = True
        winner = mover
    elif state.ply >= MAX_PLIES:
        state.finished = True
    if winner >= 0:
        state.returns[winner] = 1.0
        state.returns[1 - winner] = -1.0
    state.key = position_key(state)


@rule
def position_key(state):
    """Position, result and how often it has been there, in 64 bits."""
    result = 0
    if state.finished:
        result = 2 + np.int64(state.returns[0])
    return mix(state.position ^ np.uint64(result * 4 + state.repetitions))


@rule
def settle(state):
    """Fill in all that follows from board, hands, ``to_play`` and ``ply``, without a history."""
    state.position = WHITE_MOVES if state.to_play else NONE
    for player in range(2):
        sign = 1 - 2 * player
        for view in range(SQUARES):
            kind = sign * state.board[(SQUARES - 1) * player + sign * view]
            if kind == 0:
                continue
            state.occupied[player, 0] |= BITS[view, 0]
            state.occupied[player, 1] |= BITS[view, 1]
            if kind > 0:
                square = (SQUARES - 1) * player + sign * view
                state.position ^= PIECE_WORDS[player, kind, square]
                state.own[player, 0] |= BITS[view, 0]
                state.own[player, 1] |= BITS[view, 1]
                if kind == PAWN:
                    state.pawn_files[player] |= 1 << (view % SIZE)
                elif kind == KING:
                    state.kings[player] = view
        for kind in HAND_KINDS:
            state.position ^= HAND_WORDS[player, kind, state.hands[player, kind]]
    state.check = in_check(state, np.int64(state.to_play))


@rule
def in_check(state, player):
    """Whether a player's king is attacked."""
    return attacked(
        state,
        player,
        np.int64(state.kings[player]),
        state.occupied[player, 0],
        state.occupied[player, 1],
    )


@rule
def initial(state):
    """Set up the start position."""
    for square in range(SQUARES):
        state.board[square] = START_BOARD[square]
    settle(state)
    state.key = position_key(state)


@rule
def flip(words, view, player):
    """Add a square, given in a player's view, to a pair of boards, or take it away."""
    other = SQUARES - 1 - view
    words[player, 0] ^= BITS[view, 0]
    words[player, 1] ^= BITS[view, 1]
    words[1 - player, 0] ^= BITS[other, 0]
    words[1 - player, 1] ^= BITS[other, 1]


@rule
def change_hand(state, player, kind, by):
    """Put a piece into a player's hand, or take it out; returns what that does to the hash."""
    before = np.int64(state.hands[player, kind])
    state.hands[player, kind] = before + by
    return HAND_WORDS[player, kind, before] ^ HAND_WORDS[player, kind, before + by]


@rule
def step(state, action):
    """Play ``action``. Trusts: it is legal."""
    mover = np.int64(state.to_play)
    sign = 1 - 2 * mover
    corner = (SQUARES - 1) * mover
    square = np.int64(action) // PLANES
    plane = np.int64(action) - square * PLANES
    entry = np.int64(state.position >> np.uint64(52)) << 20 | np.int64(state.check) << 19
    position = state.position ^ WHITE_MOVES
    if plane >= DROP_PLANE:
        kind = HAND_KINDS[plane - DROP_PLANE]
        to = square
        entry |= SQUARES + kind
        position ^= change_hand(state, mover, kind, -1)
        if kind == PAWN:
            state.pawn_files[mover] ^= 1 << (to % SIZE)
    else:
        promotes = plane >= MOVE_PLANES
        to = square + OFFSETS[plane - MOVE_PLANES * promotes]
        origin, target = corner + sign * square, corner + sign * to
        kind = np.int64(sign * state.board[origin])
        captured = np.int64(-sign * state.board[target])
        entry |= origin | np.int64(promotes) << 14 | captured << 15
        state.board[origin] = 0
        state.own[mover, 0] ^= BITS[square, 0]
        state.own[mover, 1] ^= BITS[square, 1]
        flip(state.occupied, square, mover)
        position ^= PIECE_WORDS[mover, kind, origin]
        if captured:
            there = SQUARES - 1 - to
            state.own[1 - mover, 0] ^= BITS[there, 0]
            state.own[1 - mover, 1] ^= BITS[there, 1]
            flip(state.occupied, to, mover)
            position ^= PIECE_WORDS[1 - mover, captured, target]
            position ^= change_hand(state, mover, captured & 7, 1)
            if captured == PAWN:
                state.pawn_files[1 - mover] ^= 1 << (there % SIZE)
        if promotes:
            if kind == PAWN:
                state.pawn_files[mover] ^= 1 << (square % SIZE)
            kind += PROMOTED
        elif kind == KING:
            state.kings[mover] = to
    target = corner + sign * to
    entry |= target << 7
    state.board[target] = sign * kind
    state.own[mover, 0] ^= BITS[to, 0]
    state.own[mover, 1] ^= BITS[to, 1]
    flip(state.occupied, to, mover)
    state.position = position ^ PIECE_WORDS[mover, kind, target]
    state.history[state.ply % HISTORY] = entry
    state.known = min(np.int64(state.known) + 1, HISTORY)
    state.ply += 1
    state.to_play = 1 - mover
    state.check = in_check(state, 1 - mover)
    judge(state)


@rule
def observe(state, planes):
    """Write what a network sees, in the view of the player to move.

    Pieces of the mover by kind, of the other, pieces in hand of the mover as counts, of the other,
    earlier occurrences of the position, whether the mover is in check, whether he is White.
    """
    mover = np.int64(state.to_play)
    sign = 1 - 2 * mover
    corner = (SQUARES - 1) * mover
    for row in range(SIZE):
        for column in range(SIZE):
            piece = sign * state.board[corner + sign * (row * SIZE + column)]
            if piece > 0:
                planes[SHOWN_PLANES[piece], row, column] = 1
            elif piece < 0:
                planes[len(SHOWN) + SHOWN_PLANES[-piece], row, column] = 1
    for plane in range(HAND_PLANE, FACT_PLANE + 3):
        held = plane - HAND_PLANE
        if held < len(IN_HAND):
            value = np.int64(state.hands[mover, HAND_KINDS[held]])
        elif held < 2 * len(IN_HAND):
            value = np.int64(state.hands[1 - mover, HAND_KINDS[held - len(IN_HAND)]])
        elif plane == FACT_PLANE:
            value = np.int64(state.repetitions)
        elif plane == FACT_PLANE + 1:
            value = np.int64(state.check)
        else:
            value = mover
        if value:
            for row in range(SIZE):
                for column in range(SIZE):
                    planes[plane, row, column] = value


# --- For people: plain Python ----------------------------------------------------------------


def action_to_text(state, action):
    """Move as USI writes it: ``7g7f``, ``8h2b+``, ``P*5e``."""
    view, plane = divmod(int(action), PLANES)
    turned = bool(state["to_play"])
    if plane >= DROP_PLANE:
        square = SQUARES - 1 - view if turned else view
        return f"{piece_text(IN_HAND[plane - DROP_PLANE])}*{square_text(square, SIZE)}"
    promotes, plane = divmod(plane, MOVE_PLANES)
    if plane >= KNIGHT_PLANE:
        target = int(JUMPS[view, plane - KNIGHT_PLANE])
    else:
        direction, distance = divmod(plane, REACH)
        row, column = STEPS[direction]
        target = _on_board(view, row * (distance + 1), column * (distance + 1))
    if target < 0:
        return f"action {action} leaves the board"
    squares = (SQUARES - 1 - s if turned else s for s in (view, target))
    return "".join(square_text(square, SIZE) for square in squares) + "+" * promotes


def text_to_action(state, text):
    """Read a move as USI or CSA writes it; whether it is legal is checked by the caller."""
    turned = bool(state["to_play"])
    board = [int(piece) for piece in state["board"]]
    move = read_move(text, board=board, to_play=int(turned), size=SIZE)
    target = SQUARES - 1 - move.target if turned else move.target
    if move.origin is None:
        if move.dropped not in IN_HAND:
            raise InvalidMoveError(f"{text!r} drops a piece that this game has not")
        return target * PLANES + DROP_PLANE + IN_HAND.index(move.dropped)
    origin = SQUARES - 1 - move.origin if turned else move.origin
    direction = int(DIRECTIONS[origin, target])
    if direction >= 0:
        apart = max(
            abs(target // SIZE - origin // SIZE),
            abs(target % SIZE - origin % SIZE),
        )
        plane = direction * REACH + apart - 1
    elif FULL and target in JUMPS[origin]:
        plane = KNIGHT_PLANE + JUMPS[origin].tolist().index(target)
    else:
        raise InvalidMoveError(f"{text!r} is a move that no piece makes")
    return origin * PLANES + plane + MOVE_PLANES * move.promotes


def board_view(state):
    """What a terminal draws."""
    rows = [[int(p) for p in state["board"][r * SIZE : (r + 1) * SIZE]] for r in range(SIZE)]
    return BoardView(
        pieces=tuple(tuple(piece_text(p) if p else "" for p in row) for row in rows),
        owners=tuple(tuple(-1 if p == 0 else int(p < 0) for p in row) for row in rows),
        row_labels=tuple("abcdefghi"[:SIZE]),
        column_labels=tuple(str(file) for file in range(SIZE, 0, -1)),
        player_names=PLAYER_NAMES,
    )


def state_to_text(state):
    """Draw a position, with the pieces in hand, and write it as SFEN."""
    first, second = (tuple(int(count) for count in hand) for hand in state["hands"])
    hands = first, second
    position = Position(
        board=tuple(int(piece) for piece in state["board"]),
        hands=hands,
        to_play=int(state["to_play"]),
        ply=int(state["ply"]),
    )
    held = ", ".join(f"{PLAYER_NAMES[p]} {hand_text(hands[p], p) or '-'}" for p in (0, 1))
    sfen = write_sfen(position, SIZE)
    return draw(board_view(state), f"in hand: {held}\nsfen {sfen}\n{status(state)}")


def status(state):
    """Who moves, or how and by what the game ended."""
    line = status_line(state, PLAYER_NAMES)
    if not state["finished"]:
        return line
    if state["repetitions"] == 3:
        return f"{line} by repetition"
    if state["returns"][0] == 0:
        return f"{line} by the limit of {MAX_PLIES} plies"
    if state["returns"][state["to_play"]] > 0:
        return f"{line} by declaration"
    return f"{line} by {'checkmate' if state['check'] else 'leaving no move'}"


def text_to_state(text):
    """Read a drawn position or a bare SFEN; what came before it is not known.

    A game that ended by repetition is one only where the last line says so.
    """
    read = read_sfen(find_sfen(text), size=SIZE, pieces=PIECES)
    if read.ply > MAX_PLIES:
        raise InvalidPositionError(f"a game ends after {MAX_PLIES} plies; this is ply {read.ply}")
    state = np.zeros(1, STATE)[0]
    state["board"], state["hands"] = read.board, read.hands
    state["to_play"], state["ply"] = read.to_play, read.ply
    settle(state)
    if in_check(state, 1 - read.to_play):
        raise InvalidPositionError(
            f"{PLAYER_NAMES[1 - read.to_play]} is in check, but {PLAYER_NAMES[read.to_play]} moves"
        )
    judge(state)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        return state
    if lines[-1].endswith("by repetition") and not state["finished"]:
        state["finished"], state["repetitions"] = True, 3
        for player, name in enumerate(PLAYER_NAMES):
            if lines[-1].startswith(name):
                state["returns"][player], state["returns"][1 - player] = 1, -1
        state["key"] = position_key(state)
    written = [" ".join(line.split()) for line in state_to_text(state).splitlines()]
    if lines != written:
        raise InvalidPositionError(
            "the drawing, its sfen line and the line about the result do not agree; the sfen line "
            "alone is enough"
        )
    return state
