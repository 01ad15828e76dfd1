r"""Breakthrough on boards of 5 to 8: pawns that only go forward; the first on the far row wins.

Cells and bits are numbered row by row from the top, and White (player 0, moving up) begins. The
start on 5 x 5:

    5 |  0  1  2  3  4        5 | B B B B B
    4 |  5  6  7  8  9        4 | B B B B B
    3 | 10 11 12 13 14        3 | . . . . .
    2 | 15 16 17 18 19        2 | W W W W W
    1 | 20 21 22 23 24        1 | W W W W W
         a  b  c  d  e            a b c d e

Actions and planes are as the mover sees the board: Black's is turned top to bottom, so that the
mover always goes up, and files keep their side. With ``cell`` counted on the board so seen,

    action = 3 * cell + direction        0  1  2    left, straight on, right
                                         \ | /
                                           cell

One action is thus one pattern on the planes, whoever moves, and the mirror from left to right is
the same permutation of actions for both.
"""

import re
from dataclasses import replace

import numpy as np

from games.authoring import (
    column_letters,
    draw,
    mirror_symmetries,
    mix,
    read_board,
    row_numbers,
    rule,
    status_line,
)
from games.bits import count_bits, lowest_bit
from games.game import (
    LOSS,
    UNPROVEN,
    WIN,
    BoardView,
    InvalidMoveError,
    InvalidPositionError,
    state_dtype,
)

# --- Facts -----------------------------------------------------------------------------------

SIZE = 8

PARAMETERS = {"SIZE": (5, 8, "rows and columns of the board")}

CELLS = SIZE * SIZE
PAWNS = 2 * SIZE  # of each player at the start
NUM_ACTIONS = 3 * CELLS
MAX_LEGAL = 3 * PAWNS
# Every ply takes a pawn a row on. Before the last one none is on its far row, so a pawn of the
# first row has gone SIZE - 2 rows at most, and one of the second row SIZE - 3.
MAX_PLIES = 2 * SIZE * (2 * SIZE - 5) + 1
OBSERVATION_SHAPE = (3, SIZE, SIZE)

STATE = state_dtype(
    ("pawns", "<u8", (2,)),  # bitboard of each player, cells as drawn above
)

# A constant must be np.uint64 wherever it meets one: Numba turns uint64 with int into a float.
ONE = np.uint64(1)
ROW = np.uint64((1 << SIZE) - 1)  # the top row; White's goal
BOARD = np.uint64((1 << CELLS) - 1)
LEFT_COLUMN = np.uint64(sum(1 << row * SIZE for row in range(SIZE)))
RIGHT_COLUMN = np.uint64(int(LEFT_COLUMN) << SIZE - 1)
ROW_BEFORE_GOAL = np.uint64(int(ROW) << SIZE)
# Bits from a cell to the one above it on the left, above it, and above it on the right.
UP_LEFT, UP, UP_RIGHT = np.uint64(SIZE + 1), np.uint64(SIZE), np.uint64(SIZE - 1)
START = (np.uint64((1 << CELLS) - (1 << CELLS - PAWNS)), np.uint64((1 << PAWNS) - 1))
BLACK_TO_MOVE = np.uint64(0x9E3779B97F4A7C15)  # any number

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def turned(board):
    """The board with its rows in opposite order: what the other player sees."""
    other = np.uint64(0)
    for row in range(SIZE):
        cells = (board >> np.uint64(row * SIZE)) & ROW
        other |= cells << np.uint64((SIZE - 1 - row) * SIZE)
    return other


@rule
def seen(board, player):
    """A bitboard as ``player`` sees it, or one that ``player`` sees as it is drawn."""
    return turned(board) if player == 1 else board


@rule
def reached_left(pawns):
    """Cells that pawns going up attack on their left."""
    return (pawns & ~LEFT_COLUMN) >> UP_LEFT


@rule
def reached_right(pawns):
    """Cells that pawns going up attack on their right."""
    return (pawns & ~RIGHT_COLUMN) >> UP_RIGHT


@rule
def position_key(white, black, to_play):
    """Key of a position."""
    turn = BLACK_TO_MOVE if to_play == 1 else np.uint64(0)
    return max(mix(mix(white) ^ black ^ turn), ONE)


@rule
def initial(state):
    """Set up the start position. ``state`` comes filled with zeros."""
    state.pawns[0] = START[0]
    state.pawns[1] = START[1]
    state.key = position_key(START[0], START[1], 0)


@rule
def step(state, action):
    """Move a pawn. Trusts: the action is legal."""
    mover = state.to_play
    cell, direction = action // 3, action % 3
    target = cell - SIZE - 1 + direction
    origin = seen(ONE << np.uint64(cell), mover)
    arrival = seen(ONE << np.uint64(target), mover)
    state.pawns[mover] ^= origin | arrival
    state.pawns[1 - mover] &= ~arrival
    state.ply += 1
    state.to_play = 1 - mover
    state.key = position_key(state.pawns[0], state.pawns[1], state.to_play)
    if target < SIZE or state.pawns[1 - mover] == 0:
        state.finished = True
        state.returns[mover] = 1.0
        state.returns[1 - mover] = -1.0


@rule
def legal_actions(state, actions):
    """Write the legal actions, ascending, and return how many: the foremost pawn always has one."""
    mine = seen(state.pawns[state.to_play], state.to_play)
    theirs = seen(state.pawns[1 - state.to_play], state.to_play)
    free = BOARD & ~mine  # where a diagonal step may end
    empty = free & ~theirs  # where a step straight on may end
    left = mine & ~LEFT_COLUMN & (free << UP_LEFT)
    straight = mine & (empty << UP)
    right = mine & ~RIGHT_COLUMN & (free << UP_RIGHT)
    count = 0
    movable = left | straight | right
    while movable:
        cell = lowest_bit(movable)
        for direction, able in enumerate((left, straight, right)):
            if (able >> np.uint64(cell)) & ONE:
                actions[count] = 3 * cell + direction
                count += 1
        movable &= movable - ONE
    return count


@rule
def observe(state, planes):
    """Write what a network sees: the board turned so that the player to move goes up.

    Plane 0: pawns of the player to move. Plane 1: pawns of the other. Plane 2: empty cells.
    """
    mine = seen(state.pawns[state.to_play], state.to_play)
    theirs = seen(state.pawns[1 - state.to_play], state.to_play)
    for row in range(SIZE):
        for column in range(SIZE):
            bit = np.uint64(row * SIZE + column)
            planes[0, row, column] = (mine >> bit) & ONE
            planes[1, row, column] = (theirs >> bit) & ONE
            planes[2, row, column] = (~(mine | theirs) >> bit) & ONE


@rule
def settled_in_two(state):
    """What two half-moves of exhaustive search prove, from bit patterns alone."""
    mine = seen(state.pawns[state.to_play], state.to_play)
    theirs = seen(state.pawns[1 - state.to_play], state.to_play)
    attacked = reached_left(mine) | reached_right(mine)
    # A pawn before the goal always gets there: no own pawn can stand on the goal.
    if mine & ROW_BEFORE_GOAL != 0 or (count_bits(theirs) == 1 and theirs & ~attacked == 0):
        return WIN
    # Seen from here they go down, and theirs in the last row but one reach their goal next.
    urgent = theirs & (ROW_BEFORE_GOAL << np.uint64(SIZE * (SIZE - 3)))
    if urgent & ~attacked != 0 or count_bits(urgent) > 1:
        return LOSS
    if count_bits(mine) > 1:
        return UNPROVEN
    # The last pawn is lost wherever it goes if each of its cells is attacked.
    goals = (attacked & ~mine) | ((mine >> UP) & ~theirs)
    if urgent:
        goals &= urgent
    while goals:
        goal = goals & (~goals + ONE)
        others = turned(theirs & ~goal)
        if turned(goal) & (reached_left(others) | reached_right(others)) == 0:
            return UNPROVEN
        goals ^= goal
    return LOSS


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("White", "Black")
DISCS = "○●"  # what a terminal paints as discs
LETTERS = "WB"  # what stands in text
OTHER_GLYPHS = str.maketrans("○w●b-", "WWBB.")  # read as well: discs, OpenSpiel


def symmetries():
    """Left and right are alike."""
    mirrored = [
        3 * (row * SIZE + SIZE - 1 - column) + 2 - direction
        for row in range(SIZE)
        for column in range(SIZE)
        for direction in range(3)
    ]
    return mirror_symmetries(SIZE, SIZE, mirrored)


def cell_name(row, column):
    """Letter and number of a cell of the drawn board."""
    return f"{column_letters(SIZE)[column]}{SIZE - row}"


def action_to_text(state, action):
    """From cell and to cell, ``a2a3``, with an x between them for a capture, ``a2xb3``."""
    mover = int(state["to_play"])
    cell, direction = divmod(action, 3)
    row, column = divmod(cell, SIZE)
    ends = [(row, column), (row - 1, column - 1 + direction)]
    if row == 0 or not 0 <= ends[1][1] < SIZE:
        return f"{cell_name(SIZE - 1 - row if mover else row, column)}-"  # off the board: illegal
    (row, column), (to_row, to_column) = ((SIZE - 1 - r if mover else r, c) for r, c in ends)
    captures = int(state["pawns"][1 - mover]) >> to_row * SIZE + to_column & 1
    return f"{cell_name(row, column)}{'x' if captures else ''}{cell_name(to_row, to_column)}"


def text_to_action(state, text):
    """Read a move, with x, - or nothing between the cells; OpenSpiel's star is read over.

    Whether the move is legal is checked by the caller.
    """
    word = re.fullmatch(r"([a-h])([1-8])[x-]?([a-h])([1-8])\*?", text.strip().lower())
    letters = column_letters(SIZE)
    if not word or not {word[1], word[3]} <= set(letters) or int(max(word[2], word[4])) > SIZE:
        raise InvalidMoveError(
            f"{text!r} is no move; a move is two cells out of a1 to {letters[-1]}{SIZE}, like a2a3"
        )
    mover = int(state["to_play"])
    column, to_column = letters.index(word[1]), letters.index(word[3])
    number, to_number = int(word[2]), int(word[4])
    if to_number - number != 1 - 2 * mover or abs(to_column - column) > 1:
        raise InvalidMoveError(
            f"{text!r} is no move of {PLAYER_NAMES[mover]}, whose pawns go one row "
            f"{'down' if mover else 'up'}, straight on or diagonally"
        )
    row = number - 1 if mover else SIZE - number  # as the mover sees it
    return 3 * (row * SIZE + column) + to_column - column + 1


def board_view(state):
    """What a terminal draws."""
    white, black = (int(pawns) for pawns in state["pawns"])
    owners = tuple(
        tuple(
            0 if white >> cell & 1 else 1 if black >> cell & 1 else -1
            for cell in range(row * SIZE, (row + 1) * SIZE)
        )
        for row in range(SIZE)
    )
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else DISCS[p] for p in row) for row in owners),
        owners=owners,
        row_labels=row_numbers(SIZE),
        column_labels=column_letters(SIZE),
        player_names=PLAYER_NAMES,
        deciding=tuple(
            (row, column)
            for player, row in ((0, 0), (1, SIZE - 1))
            for column in range(SIZE)
            if owners[row][column] == player
        ),
    )


def state_to_text(state):
    """Draw a position; the line below it says who moves, and after how many plies."""
    view = board_view(state)
    pieces = tuple(tuple("" if p < 0 else LETTERS[p] for p in row) for row in view.owners)
    status = f"{status_line(state, PLAYER_NAMES)} after {state['ply']} plies"
    return draw(replace(view, pieces=pieces), status)


def text_to_state(text):
    """Read a drawn position. Without a number of plies, it is the least that can be."""
    cells = read_board(text.translate(OTHER_GLYPHS), height=SIZE, width=SIZE, glyphs="." + LETTERS)
    winner = _winner_of(cells)
    mover = _mover_said(text, winner)
    least, most = _plies_possible(cells, mover)
    counted = re.search(r"\bafter\s+(\d{1,4})\s+pl(?:y|ies)\b", text, re.IGNORECASE)
    ply = least if counted is None else int(counted[1])
    if ply % 2 != mover or not least <= ply <= most:
        raise InvalidPositionError(
            f"these pawns, with {PLAYER_NAMES[mover]} to follow, come up in no game"
            + ("" if counted is None else f" after {ply} plies")
        )
    state = np.zeros(1, STATE)[0]
    for player in (0, 1):
        own = np.flatnonzero(cells.ravel() == player + 1)
        state["pawns"][player] = sum(1 << int(cell) for cell in own)
    state["ply"], state["to_play"] = ply, mover
    state["key"] = position_key(*state["pawns"], mover)
    if winner is not None:
        state["finished"] = True
        state["returns"][winner], state["returns"][1 - winner] = 1, -1
    return state


def _winner_of(cells):
    """Who has won with these pawns: 0, 1 or None."""
    arrived = [int((cells[0] == 1).sum()), int((cells[-1] == 2).sum())]
    if sum(arrived) > 1:
        raise InvalidPositionError("more than one pawn is on its far row; the first ends the game")
    gone = [not (cells == player + 1).any() for player in (0, 1)]
    if all(gone):
        raise InvalidPositionError("there are no pawns")
    for player in (0, 1):
        if gone[player] and arrived[player] == 0:
            return 1 - player
    return arrived.index(1) if 1 in arrived else None


def _mover_said(text, winner):
    """Who moves next; once the game is won, who would."""
    said = re.search(r"\b(white|black)\s+(to\s+move|won)\b", text, re.IGNORECASE)
    if winner is not None:
        if said is not None and said[0].lower() != f"{PLAYER_NAMES[winner].lower()} won":
            raise InvalidPositionError(f"{PLAYER_NAMES[winner]} has won with these pawns")
        return 1 - winner
    if said is None or said[2].lower() == "won":
        raise InvalidPositionError(
            "nobody has won with these pawns; add a line 'White to move' or 'Black to move'"
        )
    return PLAYER_NAMES.index(said[1].capitalize())


def _plies_possible(cells, mover):
    """Fewest and most plies after which these pawns can stand with ``mover`` to follow."""
    least, most = [], []
    lost = [PAWNS - int((cells == player + 1).sum()) for player in (0, 1)]
    for player in (0, 1):
        rows = np.nonzero((cells if player else cells[::-1]) == player + 1)[0]
        # Steps are rows gone: none of a pawn on the first row, and of the others as many as can
        # be have begun on the second. Each pawn that the other lost was taken by a step as well.
        steps = int(rows.sum()) - min(int((rows > 0).sum()), SIZE)
        least.append(max(steps, lost[1 - player]))
        # A pawn that was lost had gone to the row before its goal at most.
        most.append(int(rows.sum()) + lost[player] * (SIZE - 2) - SIZE)
    # White has made one step more than Black where Black is to follow.
    fewest, at_most = max(least[0] - mover, least[1]), min(most[0] - mover, most[1])
    return 2 * fewest + mover, (2 * at_most + mover if min(lost) >= 0 else -1)
