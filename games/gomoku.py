"""Gomoku on a square board: five stones in a line win.

Each player's stones are rows of bits, column a in bit 0, with five empty rows above, between and
below, so that what looks five cells up or down needs no care at the edges. For 15 x 15:

    rows[0..4]      empty
    rows[5..19]     player 0, from the top row down
    rows[20..24]    empty
    rows[25..39]    player 1
    rows[40..44]    empty

Cells, actions and plane cells share one numbering, row by row from the top. People count rows from
the bottom, and columns with all letters, i included: ``h8`` is the middle of 15 x 15.
"""

import numpy as np

from games.authoring import (
    column_letters,
    draw,
    mix,
    read_board,
    row_numbers,
    rule,
    square_symmetries,
    status_line,
)
from games.game import (
    DRAW,
    LOSS,
    UNPROVEN,
    WIN,
    BoardView,
    InvalidMoveError,
    InvalidPositionError,
    state_dtype,
)
from games.row_bits import append_cells

# --- Facts -----------------------------------------------------------------------------------

SIZE = 15
EXACT_FIVE = 0

PARAMETERS = {
    "SIZE": (5, 19, "rows and columns of the board"),
    "EXACT_FIVE": (0, 1, "1: a line of six or more does not win"),
}

NUM_ACTIONS = SIZE * SIZE
MAX_PLIES = SIZE * SIZE
OBSERVATION_SHAPE = (3, SIZE, SIZE)

PAD = 5  # empty rows around a player's rows
ROWS = SIZE + PAD  # from a row of player 0 to the same row of player 1

STATE = state_dtype(
    ("rows", "<u2" if SIZE <= 16 else "<u4", (2 * ROWS + PAD,)),
)

ALL_COLUMNS = (1 << SIZE) - 1

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def completed_by_one(a1, a2, a3, a4, a5, b1, b2, b3, b4, b5):
    """Cells, as bits, where one more stone makes a winning line in one direction.

    ``a1`` says of each cell whether the next one on one side holds a stone, ``a2`` the one after
    it, and so on; ``b1`` to ``b5`` the same on the other side.
    """
    a2 &= a1  # from here on: that many stones without a gap
    a3 &= a2
    a4 &= a3
    b2 &= b1
    b3 &= b2
    b4 &= b3
    if EXACT_FIVE:
        a5 &= a4
        b5 &= b4
        return (
            (a4 & ~a5 & ~b1)
            | (a3 & ~a4 & b1 & ~b2)
            | (a2 & ~a3 & b2 & ~b3)
            | (a1 & ~a2 & b3 & ~b4)
            | (~a1 & b4 & ~b5)
        )
    return a4 | (a3 & b1) | (a2 & b2) | (a1 & b3) | b4


@rule
def winning_columns(state, player, row):
    """Columns of ``row``, as bits, where a stone of ``player`` makes a winning line.

    Bits from ``SIZE`` on mean nothing, and neither do those of cells that are taken.
    """
    rows = state.rows
    at = PAD + player * ROWS + row
    here = np.int64(rows[at])
    a1, b1 = np.int64(rows[at - 1]), np.int64(rows[at + 1])
    a2, b2 = np.int64(rows[at - 2]), np.int64(rows[at + 2])
    a3, b3 = np.int64(rows[at - 3]), np.int64(rows[at + 3])
    a4, b4 = np.int64(rows[at - 4]), np.int64(rows[at + 4])
    a5, b5 = np.int64(rows[at - 5]), np.int64(rows[at + 5])
    return (
        completed_by_one(
            *(here << 1, here << 2, here << 3, here << 4, here << 5),
            *(here >> 1, here >> 2, here >> 3, here >> 4, here >> 5),
        )
        | completed_by_one(a1, a2, a3, a4, a5, b1, b2, b3, b4, b5)
        | completed_by_one(
            *(a1 << 1, a2 << 2, a3 << 3, a4 << 4, a5 << 5),
            *(b1 >> 1, b2 >> 2, b3 >> 3, b4 >> 4, b5 >> 5),
        )
        | completed_by_one(
            *(a1 >> 1, a2 >> 2, a3 >> 3, a4 >> 4, a5 >> 5),
            *(b1 << 1, b2 << 2, b3 << 3, b4 << 4, b5 << 5),
        )
    )


@rule
def empty_columns(state, row):
    """Columns of ``row``, as bits, without a stone."""
    at = PAD + row
    return ALL_COLUMNS & ~(np.int64(state.rows[at]) | np.int64(state.rows[at + ROWS]))


@rule
def stone_key(player, cell):
    """What a stone adds to the key. Whose turn it is follows from the number of stones."""
    return mix(np.uint64(2 * cell + player + 1))


@rule
def initial(state):
    """Set up the start position."""
    state.key = stone_key(0, NUM_ACTIONS)  # of no cell; zero is not a key


@rule
def step(state, action):
    """Place a stone on cell ``action``. Trusts: it is empty."""
    mover = state.to_play
    row = action // SIZE
    column = action - row * SIZE
    wins = (winning_columns(state, mover, row) >> column) & 1
    state.rows[PAD + mover * ROWS + row] |= 1 << column
    state.key ^= stone_key(mover, action)
    state.ply += 1
    state.to_play = 1 - mover
    if wins:
        state.finished = True
        state.returns[mover] = 1.0
        state.returns[1 - mover] = -1.0
    elif state.ply == MAX_PLIES:
        state.finished = True


@rule
def legal_actions(state, actions):
    """Write the empty cells, and return how many."""
    count = 0
    for row in range(SIZE):
        count = append_cells(empty_columns(state, row), SIZE, row * SIZE, actions, count)
    return count


@rule
def observe(state, planes):
    """Write what a network sees, row 0 at the top.

    Plane 0: stones of the player to move. Plane 1: stones of the other. Plane 2: empty cells, which
    a convolution would not tell from what lies beyond the edge.
    """
    for row in range(SIZE):
        mine = np.int64(state.rows[PAD + state.to_play * ROWS + row])
        theirs = np.int64(state.rows[PAD + (1 - state.to_play) * ROWS + row])
        for column in range(SIZE):
            planes[0, row, column] = (mine >> column) & 1
            planes[1, row, column] = (theirs >> column) & 1
            planes[2, row, column] = ~((mine | theirs) >> column) & 1


@rule
def settled_in_two(state):
    """What two half-moves of exhaustive search prove, from the bits of the rows alone.

    A stone takes away the other side's winning cell only by standing on it: all other cells of
    that line hold stones already.
    """
    threats = 0
    if state.ply >= 7:  # four stones of one player, and that player to move now or next
        for row in range(SIZE):
            empty = empty_columns(state, row)
            if winning_columns(state, state.to_play, row) & empty:
                return WIN
            stoppable = winning_columns(state, 1 - state.to_play, row) & empty
            while stoppable:
                stoppable &= stoppable - 1
                threats += 1
    if threats >= 2:
        return LOSS
    return DRAW if state.ply + 2 >= MAX_PLIES else UNPROVEN


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("X", "O")
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows down, columns to the right


def symmetries():
    """The eight turns and mirrors of the board."""
    return square_symmetries(SIZE)


def action_to_text(state, action):
    """Cell: column letter and row number."""
    return f"{column_letters(SIZE)[action % SIZE]}{SIZE - action // SIZE}"


def text_to_action(state, text):
    """Read a cell; whether it is empty is checked by the caller."""
    word = text.strip().lower()
    letters, numbers = column_letters(SIZE), row_numbers(SIZE)
    if word[:1] not in letters or word[1:] not in numbers:
        raise InvalidMoveError(f"{text!r} is no cell; cells are a1 to {letters[-1]}{SIZE}")
    return numbers.index(word[1:]) * SIZE + letters.index(word[0])


def cell_of_action(action):
    """Row and column of the drawn board that belong to a move."""
    return action // SIZE, action % SIZE


def cell_owners(state):
    """Who has a stone where: 0, 1 or -1, as rows from the top."""
    first, second = (
        [int(bits) for bits in state["rows"][PAD + player * ROWS :][:SIZE]] for player in (0, 1)
    )
    return tuple(
        tuple(0 if a >> column & 1 else 1 if b >> column & 1 else -1 for column in range(SIZE))
        for a, b in zip(first, second, strict=True)
    )


def winning_lines(owners, player):
    """Lines of ``player`` that win, each as a set of (row, column)."""

    def has_stone(row, column):
        return 0 <= row < SIZE and 0 <= column < SIZE and owners[row][column] == player

    lines = []
    for row, column in np.ndindex(SIZE, SIZE):
        for down, right in DIRECTIONS:
            line, r, c = [], row, column
            if not has_stone(row - down, column - right):  # where a line begins
                while has_stone(r, c):
                    line.append((r, c))
                    r, c = r + down, c + right
            if len(line) == 5 or (len(line) > 5 and not EXACT_FIVE):
                lines.append(set(line))
    return lines


def board_view(state):
    """What a terminal draws."""
    owners = cell_owners(state)
    deciding = set()
    if state["finished"]:
        deciding = set().union(*winning_lines(owners, 0), *winning_lines(owners, 1))
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else PLAYER_NAMES[p] for p in row) for row in owners),
        owners=owners,
        row_labels=row_numbers(SIZE),
        column_labels=column_letters(SIZE),
        player_names=PLAYER_NAMES,
        deciding=tuple(sorted(deciding)),
    )


def state_to_text(state):
    """Draw a position."""
    return draw(board_view(state), status_line(state, PLAYER_NAMES))


def text_to_state(text):
    """Read a drawn position; the numbers of stones say who moves."""
    owners = read_board(text, height=SIZE, width=SIZE, glyphs=".XO") - 1
    first, second = int((owners == 0).sum()), int((owners == 1).sum())
    if first - second not in (0, 1):
        raise InvalidPositionError(f"X moves first, but there are {first} X and {second} O")
    state = np.zeros(1, STATE)[0]
    initial(state)
    for row, column in np.argwhere(owners >= 0):
        player = int(owners[row, column])
        state["rows"][PAD + player * ROWS + row] |= 1 << int(column)
        state["key"] ^= stone_key(player, int(row) * SIZE + int(column))
    state["ply"] = first + second
    state["to_play"] = first - second
    last = 1 - state["to_play"]
    if winning_lines(owners, 1 - last):
        raise InvalidPositionError(f"{PLAYER_NAMES[1 - last]} has a line but did not move last")
    lines = winning_lines(owners, last)
    if lines:
        if not may_be_last_moves(owners, last, lines):
            raise InvalidPositionError(
                f"{PLAYER_NAMES[last]} has two lines, and no last stone can have made both"
            )
        state["finished"] = True
        state["returns"][last], state["returns"][1 - last] = 1, -1
    elif first + second == MAX_PLIES:
        state["finished"] = True
    return state


def may_be_last_moves(owners, player, lines):
    """Whether ``player`` had no winning line before one of the stones that all lines share."""
    for cell in set.intersection(*lines):
        before = owners.copy()
        before[cell] = -1
        if not winning_lines(before, player):
            return True
    return False
