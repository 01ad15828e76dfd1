"""Tic-tac-toe: three in a row wins. The smallest game, and the file to copy for a new one.

A game is one plain Python file. The functions marked ``@rule`` are compiled; each works on ONE
state, and the engine makes them run over thousands at once. Everything below them is ordinary
Python for people: moves and positions as text, what a terminal draws.

Cells, actions and plane cells share one numbering; people say ``a3`` for 0 and ``c1`` for 8:

    3 | 0 1 2
    2 | 3 4 5
    1 | 6 7 8
        a b c
"""

import numpy as np

from games.authoring import (
    cells_in_lines,
    column_letters,
    draw,
    mix,
    read_board,
    row_numbers,
    rule,
    square_symmetries,
    status_line,
)
from games.game import BoardView, InvalidMoveError, InvalidPositionError, state_dtype

# --- Facts -----------------------------------------------------------------------------------

PARAMETERS: dict[str, tuple[int, int, str]] = {}  # what a user may set; connect_four.py has some

NUM_ACTIONS = 9
MAX_PLIES = 9
OBSERVATION_SHAPE = (3, 3, 3)  # planes, rows, columns

# One record is a whole position. The header (key, ply, to_play, finished, returns) is put before.
STATE = state_dtype(
    ("stones", "<u8", (2,)),  # bit i of stones[p]: player p has cell i
)

# A constant must be np.uint64 wherever it meets one: Numba turns uint64 with int into a float.
ONE = np.uint64(1)
ALL_CELLS = np.uint64(0b111_111_111)
LINES = np.array(
    [0b111, 0b111000, 0b111000000, 0b1001001, 0b10010010, 0b100100100, 0b100010001, 0b1010100],
    np.uint64,
)

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def has_line(stones):
    """Whether one of the eight lines is full."""
    for line in LINES:
        if stones & line == line:
            return True
    return False


@rule
def position_key(first, second, to_play):
    """Everything that play from here depends on, in 64 bits."""
    return mix(
        ONE | first << np.uint64(1) | second << np.uint64(11) | np.uint64(to_play) << np.uint64(21)
    )


@rule
def initial(state):
    """Set up the start position. ``state`` comes filled with zeros."""
    state.key = position_key(state.stones[0], state.stones[1], 0)


@rule
def step(state, action):
    """Play ``action``. Trusts: it is legal."""
    mover = state.to_play
    state.stones[mover] |= ONE << np.uint64(action)
    state.ply += 1
    state.to_play = 1 - mover
    state.key = position_key(state.stones[0], state.stones[1], state.to_play)
    if has_line(state.stones[mover]):
        state.finished = True
        state.returns[mover] = 1.0
        state.returns[1 - mover] = -1.0
    elif state.stones[0] | state.stones[1] == ALL_CELLS:
        state.finished = True  # a draw: returns stay zero


@rule
def legal_actions(state, actions):
    """Write the legal actions, ascending, and return how many. Never asked once finished."""
    taken = state.stones[0] | state.stones[1]
    count = 0
    for cell in range(NUM_ACTIONS):
        if (taken >> np.uint64(cell)) & ONE == 0:
            actions[count] = cell
            count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees; ``planes`` [3, 3, 3] comes filled with zeros.

    Plane 0: stones of the player to move. Plane 1: stones of the other. Plane 2: empty cells.
    """
    mine = state.stones[state.to_play]
    theirs = state.stones[1 - state.to_play]
    for cell in range(NUM_ACTIONS):
        row, column = cell // 3, cell % 3
        if (mine >> np.uint64(cell)) & ONE:
            planes[0, row, column] = 1
        elif (theirs >> np.uint64(cell)) & ONE:
            planes[1, row, column] = 1
        else:
            planes[2, row, column] = 1


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("X", "O")


def symmetries():
    """Which turns and mirrors of the board change nothing."""
    return square_symmetries(3)


def action_to_text(state, action):
    """Move as text: column letter and row number."""
    return f"{'abc'[action % 3]}{3 - action // 3}"


def text_to_action(state, text):
    """Read a move; whether it is legal is checked by the caller."""
    word = text.strip().lower()
    if len(word) != 2 or word[0] not in "abc" or word[1] not in "123":
        raise InvalidMoveError(f"{text!r} is no cell; cells are a1 to c3")
    return (3 - int(word[1])) * 3 + "abc".index(word[0])


def cell_of_action(action):
    """Row and column of the drawn board that belong to a move."""
    return action // 3, action % 3


def board_view(state):
    """What a terminal draws."""
    owners = tuple(
        tuple(
            next((p for p in (0, 1) if int(state["stones"][p]) >> row * 3 + column & 1), -1)
            for column in range(3)
        )
        for row in range(3)
    )
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else PLAYER_NAMES[p] for p in row) for row in owners),
        owners=owners,
        row_labels=row_numbers(3),
        column_labels=column_letters(3),
        player_names=PLAYER_NAMES,
        deciding=cells_in_lines(owners, 3),
    )


def state_to_text(state):
    """Draw a position."""
    return draw(board_view(state), status_line(state, PLAYER_NAMES))


def text_to_state(text):
    """Read a drawn position; the numbers of stones say who moves."""
    cells = read_board(text, height=3, width=3, glyphs=".XO").ravel()
    first, second = int((cells == 1).sum()), int((cells == 2).sum())
    if first - second not in (0, 1):
        raise InvalidPositionError(f"X moves first, but there are {first} X and {second} O")
    state = np.zeros(1, STATE)[0]
    for player in (0, 1):
        state["stones"][player] = sum(1 << int(c) for c in np.flatnonzero(cells == player + 1))
    state["ply"] = first + second
    state["to_play"] = first - second
    state["key"] = position_key(*state["stones"], state["to_play"])
    last = 1 - state["to_play"]
    if has_line(state["stones"][1 - last]):
        raise InvalidPositionError(f"{PLAYER_NAMES[1 - last]} has a line but did not move last")
    if has_line(state["stones"][last]):
        state["finished"] = True
        state["returns"][last], state["returns"][1 - last] = 1, -1
    elif first + second == 9:
        state["finished"] = True
    return state
