"""Gardner's minichess: chess on a board of 5 x 5, each side with one of every piece.

Boards are seen from the player to move, whose pawns go up: after every move ranks change places
(files do not), so that White's and Black's start positions look alike. Bit i of a board is:

    5 | 20 21 22 23 24
    4 | 15 16 17 18 19      ranks as White says them when White is to move,
    3 | 10 11 12 13 14      5 to 1 upwards when Black is
    2 |  5  6  7  8  9
    1 |  0  1  2  3  4
         a  b  c  d  e

An action is ``square * 49 + plane``: the piece's square in that view, and where it goes from
there. Planes 0 to 39 are the queen's and the knight's moves, numbered upwards as squares are, so
that actions ascend when squares do; forward is up and ``*`` the piece:

    37  .  .  . 38  .  .  . 39
     . 34  .  . 35  .  . 36  .
     .  . 29 30 31 32 33  .  .
     .  . 24 25 26 27 28  .  .        A pawn that reaches the last rank by one of these becomes
    16 17 18 19  * 20 21 22 23        a queen. 40 to 48 make it a knight (40 capturing to the
     .  . 11 12 13 14 15  .  .        left, 41 straight on, 42 to the right), a bishop (43 to
     .  .  6  7  8  9 10  .  .        45) or a rook (46 to 48).
     .  3  .  .  4  .  .  5  .
     0  .  .  .  1  .  .  .  2

Sliding pieces see along a line by a table: a multiplication brings the five squares of a rank, file
or diagonal side by side, and their 32 occupations are looked up.
"""

import re
from functools import partial

import numpy as np

from games.authoring import (
    column_letters,
    draw,
    mix,
    read_board,
    row_numbers,
    rule,
    status_line,
)
from games.game import BoardView, InvalidMoveError, InvalidPositionError, state_dtype

# --- Facts -----------------------------------------------------------------------------------

MAX_PLIES = 200

PARAMETERS = {
    "MAX_PLIES": (10, 1000, "half-moves after which a game is drawn"),
}

SIZE = 5
SQUARES = 25
PLANES = 49
UNDERPROMOTIONS = 40  # first plane of the moves that make a pawn something else than a queen
NUM_ACTIONS = SQUARES * PLANES
MAX_LEGAL = 128  # more than a king (8), six queens (16 each), rook, bishop and knight (8 each) have
NO_PROGRESS_LIMIT = 100  # half-moves without a capture or a pawn's move: a draw
SHOWN_PROGRESS = 10  # half-moves of that count that look alike to a network
OBSERVATION_SHAPE = (15, SIZE, SIZE)
OBSERVATION_SCALES = (1.0,) * 13 + (SHOWN_PROGRESS / NO_PROGRESS_LIMIT, 1.0)

PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING, MINE, THEIRS = range(8)  # rows of ``boards``
MOVES_A_WORD = 3  # of ten bits each

STATE = state_dtype(
    ("boards", "<u4", (8,)),  # six kinds of piece, both sides'; the mover's pieces; the other's
    # The moves since the last capture or pawn's move, each as its mover saw it: square from
    # | square to << 5. Taking them back gives every position that could come again. A zero is no
    # move: what lies before it is unknown (positions that were read and not played).
    ("moves", "<u4", (-(-NO_PROGRESS_LIMIT // MOVES_A_WORD),)),
    ("clock", "u1"),  # half-moves since the last capture or pawn's move
    ("repeats", "u1"),  # how often the position stood on the board before
)
HISTORY_FIELDS = ("moves", "clock", "repeats")

ONE = np.uint64(1)  # Numba turns a uint64 that meets an int into a float, so constants are typed
WHOLE_BOARD = np.uint64((1 << SQUARES) - 1)
LAST_RANK = np.uint64(0b11111 << 20)
LIGHT = np.uint64(sum(1 << square for square in range(1, SQUARES, 2)))
FIVE = np.uint64(5)  # bits from a square to the one above it
NO_SQUARES = np.uint64(0)

KNIGHT_OFFSETS = tuple(
    (up, right) for up in (-2, -1, 1, 2) for right in (-2, -1, 1, 2) if abs(up) != abs(right)
)
KING_OFFSETS = tuple(
    (up, right) for up in (-1, 0, 1) for right in (-1, 0, 1) if (up, right) != (0, 0)
)
LINES = ((0, 1), (1, 0), (1, 1), (1, -1))  # rank, file, and the diagonals


def _make_offsets():
    """Where each plane leads, as (up, right)."""
    queen = {(up * n, right * n) for up, right in KING_OFFSETS for n in range(1, SIZE)}
    promotions = tuple((1, right) for right in (-1, 0, 1))
    return (*sorted(queen | set(KNIGHT_OFFSETS)), *promotions, *promotions, *promotions)


def _beside(square, up, right):
    """The square that lies there, or None off the board."""
    row, column = square // SIZE + up, square % SIZE + right
    return row * SIZE + column if 0 <= row < SIZE and 0 <= column < SIZE else None


def _ray(square, up, right):
    """Squares in one direction, the nearest first."""
    squares = (_beside(square, up * n, right * n) for n in range(1, SIZE))
    return [other for other in squares if other is not None]


def _make_leaps(offsets):
    """Squares that a piece reaches by one of the offsets: a board for each square."""
    return np.array(
        [
            sum(1 << other for o in offsets if (other := _beside(square, *o)) is not None)
            for square in range(SQUARES)
        ],
        np.uint64,
    )


def _make_lines():
    """Masks and multipliers [4, 25], and reach by occupation [4, 25, 32], of the four lines.

    ``(occupied & mask) * multiplier`` has the line's squares in bits 20 to 24: by column, as the
    ones of a file's bottom squares move each square of the line up to the last rank; a file's own
    squares by row. No two squares of a line meet in another bit, so nothing carries.
    """
    masks = np.zeros((4, SQUARES), np.uint64)
    multipliers = np.zeros((4, SQUARES), np.uint64)
    reach = np.zeros((4, SQUARES, 32), np.uint32)
    first_file = sum(1 << row * SIZE for row in range(SIZE))
    gather_rows = sum(1 << 4 * row for row in range(SIZE))
    for line, (up, right) in enumerate(LINES):
        for square in range(SQUARES):
            rays = _ray(square, up, right), _ray(square, -up, -right)
            masks[line, square] = sum(1 << other for other in (square, *rays[0], *rays[1]))
            is_file = right == 0
            multipliers[line, square] = gather_rows << 4 - square % SIZE if is_file else first_file
            for occupation in range(32):
                for ray in rays:
                    for other in ray:
                        reach[line, square, occupation] |= 1 << other
                        if occupation >> (other // SIZE if is_file else other % SIZE) & 1:
                            break
    return masks, multipliers, reach


def _make_between():
    """Squares strictly between two, and the whole line through two: boards [25, 25] each."""
    between = np.zeros((SQUARES, SQUARES), np.uint64)
    through = np.zeros((SQUARES, SQUARES), np.uint64)
    for square in range(SQUARES):
        for up, right in KING_OFFSETS:
            ray = _ray(square, up, right)
            line = sum(1 << other for other in (square, *ray, *_ray(square, -up, -right)))
            for n, other in enumerate(ray):
                between[square, other] = sum(1 << nearer for nearer in ray[:n])
                through[square, other] = line
    return between, through


def _make_action_of():
    """The action from one square to another, underpromotions aside: [25, 25], -1 for none."""
    actions = np.full((SQUARES, SQUARES), -1, np.int32)
    for square in range(SQUARES):
        for plane, (up, right) in enumerate(OFFSETS[:UNDERPROMOTIONS]):
            other = _beside(square, up, right)
            if other is not None:
                actions[square, other] = square * PLANES + plane
    return actions


def _make_bit_index():
    """The place of a board's only bit, by the five bits to which ``DE_BRUIJN`` brings it."""
    index = np.zeros(32, np.uint64)
    for bit in range(32):
        index[(int(DE_BRUIJN) << bit >> 27) & 31] = bit
    return index


OFFSETS = _make_offsets()
STEPS = np.array([up * SIZE + right for up, right in OFFSETS], np.int64)
KNIGHT_REACH = _make_leaps(KNIGHT_OFFSETS)
KING_REACH = _make_leaps(KING_OFFSETS)
PAWN_REACH = _make_leaps(((1, -1), (1, 1)))
LINE_MASKS, LINE_MULTIPLIERS, LINE_REACH = _make_lines()
STRAIGHT = (LINE_MASKS[0] | LINE_MASKS[1]) & ~(ONE << np.arange(SQUARES, dtype=np.uint64))
DIAGONAL = (LINE_MASKS[2] | LINE_MASKS[3]) & ~(ONE << np.arange(SQUARES, dtype=np.uint64))
BETWEEN, THROUGH = _make_between()
ACTION_OF = _make_action_of()
DE_BRUIJN = np.uint64(0x077CB531)
BIT_INDEX = _make_bit_index()

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def lowest(board):
    """Index of the lowest bit. Trusts: there is one."""
    only = board & (~board + ONE)
    return BIT_INDEX[(only * DE_BRUIJN >> np.uint64(27)) & np.uint64(31)]


@rule
def turn(boards):
    """See the boards from the other side: ranks in opposite order, and mine are theirs."""
    for i in range(8):
        board = np.uint64(boards[i])
        boards[i] = (
            (board >> np.uint64(20)) & np.uint64(0x1F)
            | (board >> np.uint64(10)) & np.uint64(0x3E0)
            | board & np.uint64(0x7C00)
            | (board << np.uint64(10)) & np.uint64(0xF8000)
            | (board << np.uint64(20)) & np.uint64(0x1F00000)
        )
    mine = boards[MINE]
    boards[MINE] = boards[THEIRS]
    boards[THEIRS] = mine


@rule
def kind_on(boards, bit):
    """Which piece stands there. Trusts: one does."""
    kind = PAWN
    while np.uint64(boards[kind]) & bit == 0:
        kind += 1
    return kind


@rule
def along(line, square, occupied):
    """Squares of a line that a slider sees, the first piece in each direction included."""
    squares = (occupied & LINE_MASKS[line, square]) * LINE_MULTIPLIERS[line, square]
    return np.uint64(LINE_REACH[line, square, (squares >> np.uint64(20)) & np.uint64(31)])


@rule
def is_attacked(boards, square, occupied):
    """Whether the other side attacks a square when sliders see these occupied ones."""
    theirs = np.uint64(boards[THEIRS])
    leapers = (
        KNIGHT_REACH[square] & np.uint64(boards[KNIGHT])
        | KING_REACH[square] & np.uint64(boards[KING])
        | PAWN_REACH[square] & np.uint64(boards[PAWN])
    )
    if leapers & theirs:
        return True
    queens = np.uint64(boards[QUEEN])
    straight = theirs & (np.uint64(boards[ROOK]) | queens)
    if straight & STRAIGHT[square]:
        if straight & (along(0, square, occupied) | along(1, square, occupied)):
            return True
    diagonal = theirs & (np.uint64(boards[BISHOP]) | queens)
    if diagonal & DIAGONAL[square]:
        if diagonal & (along(2, square, occupied) | along(3, square, occupied)):
            return True
    return False


@rule
def in_check(boards):
    """Whether the mover's king is attacked."""
    mine = np.uint64(boards[MINE])
    king = lowest(mine & np.uint64(boards[KING]))
    return is_attacked(boards, king, mine | np.uint64(boards[THEIRS]))


@rule
def restrictions(boards):
    """The king's square, where other pieces may go (while in check), and which are pinned."""
    mine, theirs = np.uint64(boards[MINE]), np.uint64(boards[THEIRS])
    king = lowest(mine & np.uint64(boards[KING]))
    checking = theirs & (
        KNIGHT_REACH[king] & np.uint64(boards[KNIGHT]) | PAWN_REACH[king] & np.uint64(boards[PAWN])
    )
    queens = np.uint64(boards[QUEEN])
    sliders = theirs & (
        STRAIGHT[king] & (np.uint64(boards[ROOK]) | queens)
        | DIAGONAL[king] & (np.uint64(boards[BISHOP]) | queens)
    )
    answers = checking
    pinned = NO_SQUARES
    while sliders:
        slider = lowest(sliders)
        sliders &= sliders - ONE
        between = BETWEEN[king, slider]
        screens = between & (mine | theirs)
        if screens == 0:
            checking |= ONE << slider
            answers |= between | ONE << slider
        elif screens & (screens - ONE) == 0:
            pinned |= screens & mine
    if checking == 0:
        answers = WHOLE_BOARD & ~mine
    elif checking & (checking - ONE):
        answers = NO_SQUARES  # two pieces give check: only the king can move
    return king, answers, pinned


@rule
def reached(boards, square, king, answers, pinned):
    """Squares that the mover's piece may go to; the rest is what ``restrictions`` returned."""
    bit = ONE << square
    mine, theirs = np.uint64(boards[MINE]), np.uint64(boards[THEIRS])
    occupied = mine | theirs
    if square == king:
        squares = NO_SQUARES
        asked = KING_REACH[square] & ~mine
        while asked:
            only = asked & (~asked + ONE)
            asked ^= only
            if not is_attacked(boards, lowest(only), occupied ^ bit):
                squares |= only
        return squares
    if np.uint64(boards[PAWN]) & bit:
        squares = (bit << FIVE) & ~occupied | PAWN_REACH[square] & theirs
    elif np.uint64(boards[KNIGHT]) & bit:
        squares = KNIGHT_REACH[square]
    else:
        squares = NO_SQUARES
        if np.uint64(boards[BISHOP]) & bit == 0:
            squares |= along(0, square, occupied) | along(1, square, occupied)
        if np.uint64(boards[ROOK]) & bit == 0:
            squares |= along(2, square, occupied) | along(3, square, occupied)
    squares &= answers
    return squares & THROUGH[king, square] if pinned & bit else squares


@rule
def has_move(boards):
    """Whether the mover has a legal move."""
    king, answers, pinned = restrictions(boards)
    pieces = np.uint64(boards[MINE])
    while pieces:
        if reached(boards, lowest(pieces), king, answers, pinned):
            return True
        pieces &= pieces - ONE
    return False


@rule
def is_dead(boards):
    """Whether no moves whatever can mate: bare kings, one minor piece, bishops of one colour."""
    if boards[PAWN] | boards[ROOK] | boards[QUEEN]:
        return False
    knights, bishops = np.uint64(boards[KNIGHT]), np.uint64(boards[BISHOP])
    minor = knights | bishops
    if minor & (minor - ONE) == 0:
        return True
    return knights == 0 and (bishops & LIGHT == 0 or bishops & ~LIGHT == 0)


@rule
def move_back(state, plies):
    """The move that was played so many plies ago (1: the last), or 0 where it is not known."""
    slot = state.clock - plies
    word = np.uint64(state.moves[slot // MOVES_A_WORD])
    return (word >> np.uint64(10 * (slot % MOVES_A_WORD))) & np.uint64(1023)


@rule
def is_as_before(state, plies):
    """Whether taking back that many moves, an even number, gives the same position."""
    boards = state.boards.copy()
    for back in range(1, plies + 1):
        turn(boards)
        move = move_back(state, back)
        start, end = ONE << (move & np.uint64(31)), ONE << (move >> FIVE)
        boards[kind_on(boards, end)] ^= start | end
        boards[MINE] ^= start | end
    for i in range(8):
        if boards[i] != state.boards[i]:
            return False
    return True


@rule
def count_repeats(state):
    """How often, two at most, the position stood on the board before; exact, by taking back."""
    found = 0
    # Squares of each side that are not occupied now as they were then: cheap, and seldom none.
    changed = NO_SQUARES
    for back in range(1, state.clock + 1):
        move = move_back(state, back)
        if move == 0:
            break
        squares = ONE << (move & np.uint64(31)) | ONE << (move >> FIVE)
        changed ^= squares << np.uint64(32 * (back % 2))
        if changed == 0 and back % 2 == 0 and is_as_before(state, back):
            found += 1
            if found == 2:
                break
    return found


@rule
def position_key(state):
    """Everything that a position is now: 100 bits of board, and what is shown of its history."""
    boards = state.boards
    bishops, queens, kings = boards[BISHOP], boards[QUEEN], boards[KING]
    # The kinds as three binary digits of 1 to 6, a board each.
    low = np.uint64(boards[PAWN] | bishops | queens)
    low |= np.uint64(boards[KNIGHT] | bishops | kings) << np.uint64(25)
    high = np.uint64(boards[ROOK] | queens | kings)
    high |= np.uint64(boards[MINE]) << np.uint64(25)
    high |= np.uint64(state.to_play) << np.uint64(50)
    high |= np.uint64(state.repeats > 0) << np.uint64(51)
    high |= np.uint64(state.finished) << np.uint64(52)
    high |= np.uint64(state.clock // SHOWN_PROGRESS) << np.uint64(53)
    return mix(high ^ mix(low))


@rule
def settle(state):
    """Write how the game stands, and the key. Trusts: all other fields are written."""
    if not has_move(state.boards):
        state.finished = True
        if in_check(state.boards):
            state.returns[state.to_play] = -1.0
            state.returns[1 - state.to_play] = 1.0
    elif (
        state.clock >= NO_PROGRESS_LIMIT
        or state.repeats >= 2
        or state.ply >= MAX_PLIES
        or is_dead(state.boards)
    ):
        state.finished = True
    state.key = position_key(state)


@rule
def initial(state):
    """Set up the start position: RNBQK and pawns before them, files alike on both sides."""
    for kind in range(KNIGHT, QUEEN + 1):
        column = np.uint64(kind if kind < ROOK else (0 if kind == ROOK else 3))
        state.boards[kind] = (ONE | ONE << np.uint64(20)) << column
    state.boards[KING] = ONE << np.uint64(4) | ONE << np.uint64(24)
    state.boards[PAWN] = np.uint64(0x1F << 5 | 0x1F << 15)
    state.boards[MINE] = np.uint64(0x3FF)
    state.boards[THEIRS] = np.uint64(0x3FF << 15)
    state.key = position_key(state)


@rule
def step(state, action):
    """Play ``action``. Trusts: it is legal."""
    boards = state.boards
    square, plane = action // PLANES, action % PLANES
    start = ONE << np.uint64(square)
    end = ONE << np.uint64(square + STEPS[plane])
    kind = kind_on(boards, start)
    placed = kind
    if plane >= UNDERPROMOTIONS:
        placed = KNIGHT + (plane - UNDERPROMOTIONS) // 3
    elif kind == PAWN and end & LAST_RANK:
        placed = QUEEN
    if kind == PAWN or np.uint64(boards[THEIRS]) & end:
        state.clock = 0
    else:
        move = np.uint64(square) | np.uint64(square + STEPS[plane]) << FIVE
        word, place = state.clock // MOVES_A_WORD, state.clock % MOVES_A_WORD
        if place == 0:
            state.moves[word] = move
        else:
            state.moves[word] |= move << np.uint64(10 * place)
        state.clock += 1
    for i in range(KING):
        boards[i] &= ~end
    boards[THEIRS] &= ~end
    boards[kind] &= ~start
    boards[placed] |= end
    boards[MINE] ^= start | end
    turn(boards)
    state.ply += 1
    state.to_play = 1 - state.to_play
    state.repeats = count_repeats(state)
    settle(state)


@rule
def legal_actions(state, actions):
    """Write the legal actions, ascending, and return how many."""
    boards = state.boards
    king, answers, pinned = restrictions(boards)
    count = 0
    pieces = np.uint64(boards[MINE])
    while pieces:
        square = lowest(pieces)
        only = pieces & (~pieces + ONE)
        pieces ^= only
        squares = reached(boards, square, king, answers, pinned)
        promoting = NO_SQUARES
        if np.uint64(boards[PAWN]) & only:
            promoting = squares & LAST_RANK
        while squares:
            actions[count] = ACTION_OF[square, lowest(squares)]
            squares &= squares - ONE
            count += 1
        if promoting:
            first = np.int64(square) * PLANES + UNDERPROMOTIONS
            for kind in range(3):
                rest = promoting
                while rest:
                    right = np.int64(lowest(rest)) - np.int64(square) - SIZE
                    actions[count] = first + 3 * kind + right + 1
                    rest &= rest - ONE
                    count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees, from the mover's side, the last rank at the top.

    Planes 0 to 5: the mover's pawns, knights, bishops, rooks, queens, king. 6 to 11: the other's.
    12: all ones if the position stood on the board before. 13: tens of half-moves without a
    capture or a pawn's move, everywhere. 14: all ones if Black moves.
    """
    mine = np.uint64(state.boards[MINE])
    repeated = state.repeats > 0
    progress = state.clock // SHOWN_PROGRESS
    for square in range(SQUARES):
        row, column = SIZE - 1 - square // SIZE, square % SIZE
        shift = np.uint64(square)
        other = 0 if (mine >> shift) & ONE else 6
        for kind in range(6):
            planes[other + kind, row, column] = (np.uint64(state.boards[kind]) >> shift) & ONE
        planes[12, row, column] = repeated
        planes[13, row, column] = progress
        planes[14, row, column] = state.to_play


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("White", "Black")
LETTERS = "PNBRQK"  # by kind; White's in capitals
REPETITION = "draw by threefold repetition"
FEN = re.compile(
    r"(?P<board>[1-5PNBRQKpnbrqk]+(?:/[1-5PNBRQKpnbrqk]+){4})\s+(?P<side>[wb])"
    r"(?:\s+-\s+-)?(?:\s+(?P<clock>\d{1,4})\s+(?P<number>\d{1,4}))?"
)
COORDINATES = re.compile(r"([a-e][1-5])([a-e][1-5])([qrbn]?)")
SAN = re.compile(r"(?:([NBRQK])([a-e]?[1-5]?)|([a-e])(?=x))?x?([a-e][1-5])(?:=?([QRBN]))?")


def _name(state, square):
    """A square of the mover's view in words."""
    row = square // SIZE
    return f"{'abcde'[square % SIZE]}{SIZE - row if state['to_play'] else row + 1}"


def _square(state, name):
    """A named square in the mover's view."""
    row = SIZE - int(name[1]) if state["to_play"] else int(name[1]) - 1
    return row * SIZE + "abcde".index(name[0])


def _letter(state, square):
    """The piece on a square of the mover's view, as a capital, or ""."""
    return next((LETTERS[k] for k in range(6) if int(state["boards"][k]) >> square & 1), "")


def _legal(state):
    """Legal actions of a position, none once the game is over."""
    actions = np.empty(MAX_LEGAL, np.int32)
    return [] if state["finished"] else actions[: legal_actions(state, actions)].tolist()


def _parts(state, action):
    """Square from, square to (None off the board), and the letter of a promotion or ""."""
    square, plane = divmod(int(action), PLANES)
    end = _beside(square, *OFFSETS[plane])
    if plane >= UNDERPROMOTIONS:
        return square, end, LETTERS[KNIGHT + (plane - UNDERPROMOTIONS) // 3]
    queening = end is not None and end >= 20 and _letter(state, square) == "P"
    return square, end, "Q" if queening else ""


def action_to_text(state, action):
    """Move in algebraic notation (``Nxb4+``); one that is not legal by its squares (``b1b4``)."""
    square, end, promotion = _parts(state, action)
    if end is None:
        return f"{_name(state, square)}-off-the-board"
    legal = _legal(state)
    if action not in legal:
        return f"{_name(state, square)}{_name(state, end)}{promotion.lower()}"
    letter = _letter(state, square)
    capture = "x" if _letter(state, end) else ""
    start = _name(state, square)
    if letter == "P":
        text = f"{start[0] if capture else ''}{capture}{_name(state, end)}"
        text += f"={promotion}" if promotion else ""
    else:
        parts = (_parts(state, other) for other in legal if other != action)
        rivals = [_name(state, s) for s, e, _ in parts if e == end and _letter(state, s) == letter]
        if not rivals:
            start = ""
        elif all(rival[0] != start[0] for rival in rivals):
            start = start[0]
        elif all(rival[1] != start[1] for rival in rivals):
            start = start[1]
        text = f"{letter}{start}{capture}{_name(state, end)}"
    after = np.array([state])
    step(after[0], action)
    if after[0]["returns"].any():
        return f"{text}#"
    return f"{text}+" if in_check(after[0]["boards"]) else text


def text_to_action(state, text):
    """Read a move in algebraic notation or by its squares (``a4a5q``).

    Returns -1, which is never legal, where the move can be read but nothing moves so.
    """
    word = text.strip().rstrip("+#!?")
    if coordinates := COORDINATES.fullmatch(word):
        return _read_coordinates(state, text, *coordinates.groups())
    if not (san := SAN.fullmatch(word)):
        raise InvalidMoveError(f"{text!r} is no move; moves look like b3, Nxa3, bxa5=Q or b2b3")
    letter, origin, file, end, promotion = san.groups(default="")
    found = []
    for action in _legal(state):
        square, to, promoted = _parts(state, action)
        start = _name(state, square)
        if (
            _name(state, to) == end
            and _letter(state, square) == (letter or "P")
            and set(origin + file) <= set(start)
            and promotion in ("", promoted)
        ):
            found.append(action)
    if len(found) > 1:
        meant = " or ".join(action_to_text(state, action) for action in found)
        raise InvalidMoveError(f"{text!r} may mean {meant}")
    return found[0] if found else -1


def _read_coordinates(state, text, start, end, promotion):
    """The action that leads from one named square to another."""
    square, to = _square(state, start), _square(state, end)
    needed = to >= 20 and _letter(state, square) == "P"
    if promotion in ("n", "b", "r"):
        kind, right = "nbr".index(promotion), to % SIZE - square % SIZE
        if to // SIZE - square // SIZE != 1 or abs(right) > 1:
            raise InvalidMoveError(f"{text!r} is no move of a pawn to the last rank")
        return square * PLANES + UNDERPROMOTIONS + 3 * kind + right + 1
    if promotion and not needed:
        raise InvalidMoveError(f"{text!r} is no move of a pawn to the last rank")
    if needed and not promotion:
        raise InvalidMoveError(f"{text!r} must name the new piece, as in {start}{end}q")
    return int(ACTION_OF[square, to])


def board_view(state):
    """What a terminal draws: White below."""
    pieces, owners = [], []
    for row in range(SIZE, 0, -1):
        squares = [_square(state, f"{column}{row}") for column in "abcde"]
        letters = [_letter(state, square) for square in squares]
        movers = [int(state["boards"][MINE]) >> square & 1 for square in squares]
        black = [bool(mine) == bool(state["to_play"]) for mine in movers]
        pieces.append(tuple(x.lower() if b else x for x, b in zip(letters, black, strict=True)))
        owners.append(tuple(int(b) if x else -1 for x, b in zip(letters, black, strict=True)))
    return BoardView(
        pieces=tuple(pieces),
        owners=tuple(owners),
        row_labels=row_numbers(SIZE),
        column_labels=column_letters(SIZE),
        player_names=PLAYER_NAMES,
    )


def _fen(state):
    """The position in Forsyth-Edwards notation."""
    rows = ["".join(piece or "." for piece in row) for row in board_view(state).pieces]
    board = re.sub(r"\.+", lambda empty: str(len(empty[0])), "/".join(rows))
    return f"{board} {'wb'[state['to_play']]} - - {state['clock']} {state['ply'] // 2 + 1}"


def _status(state):
    """Who moves, or how the game ended and why it was drawn."""
    if not state["finished"] or state["returns"].any():
        return status_line(state, PLAYER_NAMES)
    if not has_move(state["boards"]):
        return "draw by stalemate"
    if state["repeats"] >= 2:
        return REPETITION
    if is_dead(state["boards"]):
        return "draw by insufficient material"
    limit = "fifty moves" if state["clock"] >= NO_PROGRESS_LIMIT else f"{MAX_PLIES} plies"
    return f"draw by {limit}"


def state_to_text(state):
    """Draw a position; under it, its FEN and who moves."""
    return draw(board_view(state), f"{_fen(state)}\n{_status(state)}")


def text_to_state(text):
    """Read a FEN, or a drawn position with its FEN under it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cells, to_play, clock, number = _read_fen(lines)
    _check_pieces(cells)
    ply = 2 * (number - 1) + to_play
    if number < 1 or ply > MAX_PLIES:
        raise InvalidPositionError(f"move {number} is not within the {MAX_PLIES} plies of a game")
    if clock > min(ply, NO_PROGRESS_LIMIT):
        raise InvalidPositionError(
            f"{clock} half-moves without progress cannot be at move {number}, nor more than "
            f"{NO_PROGRESS_LIMIT} at all"
        )
    states = np.zeros(1, STATE)
    state = states[0]
    white = (cells > 0) & (cells <= 6)
    for kind in range(6):
        state["boards"][kind] = _bits((cells == kind + 1) | (cells == kind + 7))
    state["boards"][MINE], state["boards"][THEIRS] = _bits(white), _bits(cells > 6)
    state["ply"], state["to_play"], state["clock"] = ply, to_play, clock
    if to_play == 0:
        turn(state["boards"])
    if in_check(state["boards"]):
        raise InvalidPositionError(f"{PLAYER_NAMES[1 - to_play]} is in check but not to move")
    turn(state["boards"])
    if REPETITION in lines:
        state["repeats"] = 2
    settle(state)
    return states[0]


def _read_fen(lines):
    """Pieces [5, 5], rank 5 first, as 0 or 1 + a place in ``PNBRQKpnbrqk``; side, clock, move."""
    fen = next((match for line in lines if (match := FEN.fullmatch(line))), None)
    if fen is None:
        raise InvalidPositionError(
            "there is no line with the position's FEN, such as rnbqk/ppppp/5/PPPPP/RNBQK w - - 0 1"
        )
    board = re.sub("[1-5]", lambda empty: "." * int(empty[0]), fen["board"])
    if any(len(row) != SIZE for row in board.split("/")):
        raise InvalidPositionError(f"every rank of {fen['board']!r} needs {SIZE} squares")
    glyphs = f".{LETTERS}{LETTERS.lower()}"
    read = partial(read_board, height=SIZE, width=SIZE, glyphs=glyphs)
    cells = read(board.replace("/", "\n"))
    drawn = [line for line in lines if line != fen[0]]
    if len(drawn) >= SIZE and (read("\n".join(drawn)) != cells).any():
        raise InvalidPositionError("the drawing and the FEN under it are different positions")
    return cells, "wb".index(fen["side"]), int(fen["clock"] or 0), int(fen["number"] or 1)


def _bits(cells):
    """Squares of a drawing, rank 5 first, as a board seen from White's side."""
    return sum(1 << int(square) for square in np.flatnonzero(cells[::-1]))


def _check_pieces(cells):
    """Refuse pieces that cannot have come about, as far as their numbers tell."""
    if np.isin(cells[[0, -1]], (PAWN + 1, PAWN + 7)).any():
        raise InvalidPositionError("a pawn cannot stand on the first or the last rank")
    for name, first in zip(PLAYER_NAMES, (1, 7), strict=True):
        pawns, *pieces, kings = (int((cells == first + kind).sum()) for kind in range(6))
        if kings != 1:
            raise InvalidPositionError(f"{name} has {kings} kings instead of one")
        if pawns + sum(max(0, count - 1) for count in pieces) > SIZE:
            raise InvalidPositionError(f"{name} has more pieces than five pawns can become")
