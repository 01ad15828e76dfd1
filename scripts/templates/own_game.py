"""Clobber: stones capture their neighbours; whoever cannot move has lost.

This file is a whole game. Everything that Meijin does with a game (self-play, training, search, the
terminal, evaluation) it does with this one; change it into yours. While you do, run

    meijin check FILE

after every step: it says in about a minute what is wrong, where, and in which position.

The rules (Albert, Grossman, Nowakowski and Wolfe 2001): X and O fill the board like a chessboard.
In turn, a player moves one of their stones onto a neighbouring stone of the other, up, down, left
or right, and takes it from the board. The last one who can move wins; there are no draws.

    4 X O X O X      cells are numbered row by row from the top left: a4 is 0, e1 is 19
    3 O X O X O
    2 X O X O X
    1 O X O X O
      a b c d e
"""

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
from games.game import BoardView, InvalidMoveError, InvalidPositionError, Symmetries, state_dtype

# --- Facts -----------------------------------------------------------------------------------

# Parameters: a constant and an entry each. ``meijin play "FILE(width=6)"`` replaces the number in
# the line below before anything is computed from it, so the rest follows by itself.
WIDTH = 5
HEIGHT = 4
PARAMETERS = {
    "WIDTH": (3, 8, "columns of the board"),
    "HEIGHT": (3, 8, "rows of the board"),
}

CELLS = WIDTH * HEIGHT

# An action is a number: here 4 * cell + direction, for the stone that moves and where it goes.
UP, RIGHT, DOWN, LEFT = range(4)
NUM_ACTIONS = 4 * CELLS

# The most legal actions that any position can have. Optional, but search memory is proportional to
# it. Every pair of neighbours gives the player to move one action at most.
MAX_LEGAL = HEIGHT * (WIDTH - 1) + WIDTH * (HEIGHT - 1)

# No game may be longer. Every move takes a stone, and the last stone has nothing to take.
MAX_PLIES = CELLS - 1

OBSERVATION_SHAPE = (2, HEIGHT, WIDTH)  # what a network sees: planes, rows, columns

# The state of a game is ONE record of numbers and arrays of numbers, and it is the whole position:
# copying the record copies the game. Nothing may be remembered anywhere else. The engine puts a
# header before your fields: key, ply, to_play, finished, returns.
STATE = state_dtype(
    ("board", "i1", (CELLS,)),  # what stands on each cell
)
EMPTY, FIRST, SECOND = 0, 1, 2  # FIRST is a stone of player 0 (X), SECOND one of player 1 (O)

# Tables are NumPy arrays, made once by plain Python. Compiled rules can read but not change them.
CHESSBOARD = np.array(
    [FIRST + (cell // WIDTH + cell % WIDTH) % 2 for cell in range(CELLS)], np.int8
)


def neighbours():
    """Neighbour of each cell in each direction, -1 beyond the edge: ``[CELLS, 4]``."""
    table = np.full((CELLS, 4), -1, np.int64)
    for cell in range(CELLS):
        row, column = divmod(cell, WIDTH)
        for direction, down, right in ((UP, -1, 0), (RIGHT, 0, 1), (DOWN, 1, 0), (LEFT, 0, -1)):
            if 0 <= row + down < HEIGHT and 0 <= column + right < WIDTH:
                table[cell, direction] = cell + down * WIDTH + right
    return table


NEIGHBOUR = neighbours()

# --- Rules -----------------------------------------------------------------------------------
# Functions marked ``@rule`` are compiled to machine code. Each works on one state and may call
# other rules. Inside them: numbers, arrays, loops and conditions; no lists, dictionaries, classes
# or text. A compiled rule does not check that an index lies inside its array: ``meijin check``
# does.


@rule
def write_key(state):
    """Set ``state.key``: equal for equal positions, different for different ones, and not zero.

    ``mix`` scrambles 64 bits. Each part of the position is mixed with its place, and the parts are
    joined by ``^``. Numbers that go into ``mix`` must be np.uint64.
    """
    key = mix(np.uint64(1 + state.to_play))
    for cell in range(CELLS):
        key ^= mix(np.uint64(3 + 3 * cell + state.board[cell]))
    state.key = key


@rule
def legal_actions(state, actions):
    """Write the legal actions into ``actions``, in ascending order, and return how many.

    Never asked once the game is finished.
    """
    mine = FIRST + state.to_play
    theirs = SECOND - state.to_play
    count = 0
    for cell in range(CELLS):
        if state.board[cell] == mine:
            for direction in range(4):
                target = NEIGHBOUR[cell, direction]
                if target >= 0 and state.board[target] == theirs:
                    actions[count] = 4 * cell + direction
                    count += 1
    return count


@rule
def can_move(state):
    """Whether the player to move can: some stone of X has a stone of O beside it."""
    for cell in range(CELLS):
        if state.board[cell] == FIRST:
            for direction in range(4):
                target = NEIGHBOUR[cell, direction]
                if target >= 0 and state.board[target] == SECOND:
                    return True
    return False


@rule
def initial(state):
    """Set up the start position in a record that is all zeros."""
    for cell in range(CELLS):
        state.board[cell] = CHESSBOARD[cell]
    write_key(state)


@rule
def step(state, action):
    """Play ``action``, which is legal, and bring every field of the state up to date."""
    mover = state.to_play
    cell = action // 4
    target = NEIGHBOUR[cell, action % 4]
    state.board[target] = state.board[cell]
    state.board[cell] = EMPTY
    state.ply += 1
    state.to_play = 1 - mover  # you say who moves next; it may be the same player again
    write_key(state)
    if not can_move(state):
        state.finished = True
        state.returns[mover] = 1.0  # the result of each player, -1 to 1; together they are zero.
        state.returns[1 - mover] = -1.0  # For a draw they stay zero.


@rule
def observe(state, planes):
    """Fill ``planes`` [2, HEIGHT, WIDTH], all zeros, with what a network sees.

    Always from the view of the player to move, so that one network plays both sides. Plane 0: their
    own stones. Plane 1: the other's. What the planes do not show, no network can learn.
    """
    mine = FIRST + state.to_play
    for cell in range(CELLS):
        if state.board[cell] == mine:
            planes[0, cell // WIDTH, cell % WIDTH] = 1
        elif state.board[cell] != EMPTY:
            planes[1, cell // WIDTH, cell % WIDTH] = 1


# --- For people ------------------------------------------------------------------------------
# Plain Python from here on; nothing below is compiled. ``state["board"]`` reads a field.

PLAYER_NAMES = ("X", "O")
COLUMNS = column_letters(WIDTH)


def symmetries():
    """Which mirror images of the board change nothing. Optional: without it, none do.

    Row 0 is the board itself. ``cells[s, i]`` is the cell that stands at i in image s, and
    ``actions[s, a]`` is what action a becomes there. A mirror that exchanges X and O in the start
    position is none.
    """
    board = np.arange(CELLS).reshape(HEIGHT, WIDTH)
    images = (
        (board, (UP, RIGHT, DOWN, LEFT)),
        (board[:, ::-1], (UP, LEFT, DOWN, RIGHT)),
        (board[::-1], (DOWN, RIGHT, UP, LEFT)),
        (board[::-1, ::-1], (DOWN, LEFT, UP, RIGHT)),
    )
    cells, actions = [], []
    for image, directions in images:
        shown = image.ravel()
        if (CHESSBOARD[shown] == CHESSBOARD).all():
            place = np.argsort(shown)  # where each cell has gone
            cells.append(shown)
            actions.append([4 * place[a // 4] + directions[a % 4] for a in range(NUM_ACTIONS)])
    return Symmetries(cells=np.array(cells, np.int32), actions=np.array(actions, np.int32))


def cell_to_text(cell):
    """A cell as on a chessboard."""
    return f"{COLUMNS[cell % WIDTH]}{HEIGHT - cell // WIDTH}"


def action_to_text(state, action):
    """Move as text: from where to where, for instance ``b2b3``."""
    direction = (-WIDTH, 1, WIDTH, -1)[action % 4]
    if NEIGHBOUR[action // 4, action % 4] < 0:
        return f"{cell_to_text(action // 4)} off the board"  # never legal
    return cell_to_text(action // 4) + cell_to_text(action // 4 + direction)


def text_to_action(state, text):
    """Read a move. Whether it is legal is checked for you, but here you say what is no move."""
    word = text.strip().lower()
    names = [cell_to_text(cell) for cell in range(CELLS)]
    if word[:2] in names and word[2:] in names:
        cell, target = names.index(word[:2]), names.index(word[2:])
        for direction in range(4):
            if NEIGHBOUR[cell, direction] == target:
                return 4 * cell + direction
    raise InvalidMoveError(f"{text!r} is no move; moves are two neighbouring cells such as b2b3")


def cell_of_action(action):
    """Where a click means this action: row and column of the stone that moves. Optional."""
    return action // 4 // WIDTH, action // 4 % WIDTH


def board_view(state):
    """What a terminal draws: a glyph and an owner (-1: nobody) for each cell."""
    owners = tuple(
        tuple(int(stone) - 1 for stone in row) for row in state["board"].reshape(HEIGHT, WIDTH)
    )
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else PLAYER_NAMES[p] for p in row) for row in owners),
        owners=owners,
        row_labels=row_numbers(HEIGHT),
        column_labels=COLUMNS,
        player_names=PLAYER_NAMES,
    )


def state_to_text(state):
    """A position as text, from which ``text_to_state`` makes the same record again."""
    return draw(board_view(state), status_line(state, PLAYER_NAMES))


def text_to_state(text):
    """Read a drawn position; the stones that are missing say how many plies were played."""
    cells = read_board(text, height=HEIGHT, width=WIDTH, glyphs=".XO").ravel()
    state = np.zeros(1, STATE)[0]
    initial(state)
    ply = int((cells == EMPTY).sum())
    for player, stone, lost in ((0, FIRST, ply // 2), (1, SECOND, (ply + 1) // 2)):
        expected = int((CHESSBOARD == stone).sum()) - lost
        found = int((cells == stone).sum())
        if found != expected:
            raise InvalidPositionError(
                f"after {ply} plies {PLAYER_NAMES[player]} has {expected} stones, not {found}"
            )
    state["board"] = cells
    state["ply"] = ply
    state["to_play"] = ply % 2
    write_key(state)
    if not can_move(state):
        last = 1 - state["to_play"]
        state["finished"] = True
        state["returns"][last], state["returns"][1 - last] = 1, -1
    return state
