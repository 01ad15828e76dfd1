"""Connect Four on a board of any size: drop stones into columns, four in a line win.

Bitboards as in Pascal Pons's solver and John Tromp's before it: bit = column * (HEIGHT + 1) + row,
row 0 at the bottom. The bit above each column stays empty, so that a line cannot run from the top
of one column into the bottom of the next. For 7 x 6:

     6 13 20 27 34 41 48    always empty
     5 12 19 26 33 40 47    top row
     4 11 18 25 32 39 46
     3 10 17 24 31 38 45
     2  9 16 23 30 37 44
     1  8 15 22 29 36 43
     0  7 14 21 28 35 42    bottom row
"""

import numpy as np

from games.authoring import (
    cells_in_lines,
    draw,
    mirror_symmetries,
    mix,
    read_board,
    rule,
    status_line,
)
from games.bits import count_bits
from games.game import (
    DRAW,
    LOSS,
    UNPROVEN,
    WIN,
    BoardView,
    GameError,
    InvalidMoveError,
    InvalidPositionError,
    state_dtype,
)

# --- Facts -----------------------------------------------------------------------------------

WIDTH = 7
HEIGHT = 6
LENGTH = 4

PARAMETERS = {
    "WIDTH": (3, 12, "columns of the board"),
    "HEIGHT": (3, 12, "rows of the board"),
    "LENGTH": (3, 6, "stones in a line that win"),
}
if (HEIGHT + 1) * WIDTH > 64:
    raise GameError(
        f"a connect_four board needs (height + 1) * width <= 64 bits; {WIDTH} columns of "
        f"{HEIGHT} rows are {(HEIGHT + 1) * WIDTH}"
    )
if max(HEIGHT, WIDTH) < LENGTH:
    raise GameError(f"no line of {LENGTH} fits on {WIDTH} columns of {HEIGHT} rows")

NUM_ACTIONS = WIDTH  # action = column, 0 at the left
MAX_PLIES = WIDTH * HEIGHT
ENDGAME_PLIES = 22  # 2,000 nodes settle seven of ten positions; docs/benchmarks.md
OBSERVATION_SHAPE = (3, HEIGHT, WIDTH)

STATE = state_dtype(
    ("stones", "<u8", (2,)),  # bitboard of each player
)

COLUMN_BITS = HEIGHT + 1
ONE = np.uint64(1)  # Numba turns a uint64 that meets an int into a float, so constants are typed
BOTTOM_ROW = np.uint64(sum(1 << column * COLUMN_BITS for column in range(WIDTH)))
BOARD = np.uint64(int(BOTTOM_ROW) * ((1 << HEIGHT) - 1))
# Bits from one cell of a line to the next: up, right, and right with a row down or up. On a board
# narrower than a line the last three would shift by more bits than a word has.
DIRECTIONS = (1, COLUMN_BITS, COLUMN_BITS - 1, COLUMN_BITS + 1) if LENGTH <= WIDTH else (1,)

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def has_line(stones):
    """Whether ``LENGTH`` stones stand in a line."""
    for direction in DIRECTIONS:
        run = stones
        for distance in range(1, LENGTH):
            run &= stones >> np.uint64(direction * distance)
        if run:
            return True
    return False


@rule
def completing_cells(stones):
    """Cells where one more stone makes a line, whether they can be reached now or not."""
    cells = np.uint64(0)
    for direction in DIRECTIONS:
        for missing in range(LENGTH):  # which stone of the line is the one to come
            run = BOARD
            for present in range(LENGTH):
                if present < missing:
                    run &= stones << np.uint64(direction * (missing - present))
                elif present > missing:
                    run &= stones >> np.uint64(direction * (present - missing))
            cells |= run
    return cells


@rule
def position_key(first, taken):
    """Key without collisions: the first free cell of each column and, below it, player 0's stones.

    ``taken + BOTTOM_ROW`` carries a one to the first free cell of each column and clears those
    below, so both fit into one word. Whose turn it is follows from the number of stones.
    """
    return mix(first | (taken + BOTTOM_ROW))


@rule
def initial(state):
    """Set up the start position."""
    state.key = position_key(state.stones[0], state.stones[0])


@rule
def step(state, action):
    """Drop a stone into column ``action``. Trusts: the column is not full."""
    mover = state.to_play
    taken = state.stones[0] | state.stones[1]
    # The carry of adding the column's lowest bit lands on its first free cell.
    bottom = ONE << np.uint64(action * COLUMN_BITS)
    column = ((ONE << np.uint64(HEIGHT)) - ONE) << np.uint64(action * COLUMN_BITS)
    stone = (taken + bottom) & column
    stones = state.stones[mover] | stone
    state.stones[mover] = stones
    state.ply += 1
    state.to_play = 1 - mover
    state.key = position_key(state.stones[0], taken | stone)
    if has_line(stones):
        state.finished = True
        state.returns[mover] = 1.0
        state.returns[1 - mover] = -1.0
    elif state.ply == MAX_PLIES:
        state.finished = True


@rule
def legal_actions(state, actions):
    """Write the columns that are not full, and return how many."""
    tops = (state.stones[0] | state.stones[1]) >> np.uint64(HEIGHT - 1)
    count = 0
    for column in range(WIDTH):
        if (tops >> np.uint64(column * COLUMN_BITS)) & ONE == 0:
            actions[count] = column
            count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees, row 0 at the top.

    Plane 0: stones of the player to move. Plane 1: stones of the other. Plane 2: cells where a
    stone can land now. The last spares a convolution from working out what lies below a cell,
    which takes it a layer.
    """
    mine = state.stones[state.to_play]
    theirs = state.stones[1 - state.to_play]
    landing = (mine | theirs) + BOTTOM_ROW
    for row in range(HEIGHT):
        for column in range(WIDTH):
            bit = np.uint64(column * COLUMN_BITS + HEIGHT - 1 - row)
            planes[0, row, column] = (mine >> bit) & ONE
            planes[1, row, column] = (theirs >> bit) & ONE
            planes[2, row, column] = (landing >> bit) & ONE


@rule
def settled_in_two(state):
    """What two half-moves of exhaustive search prove, from bit patterns alone.

    Optional in a game: it makes ``prove`` of connect four thirty times as fast.
    """
    mine = state.stones[state.to_play]
    theirs = state.stones[1 - state.to_play]
    landing = ((mine | theirs) + BOTTOM_ROW) & BOARD
    if landing & completing_cells(mine):
        return WIN
    threats = completing_cells(theirs)
    # A move must stop what they threaten at once, and not put a stone under another threat.
    holding = landing & ~(threats >> ONE)
    urgent = landing & threats
    if urgent:
        # Two threats cannot both be stopped: the cells of a single one pass this test.
        holding = holding & urgent if urgent & (urgent - ONE) == 0 else np.uint64(0)
    if holding == 0:
        return LOSS
    if state.ply + 2 >= MAX_PLIES:
        return DRAW
    return UNPROVEN


@rule
def promise(state, mover):
    """Cells that would complete a line of ``mover``: alpha-beta tries moves with many first.

    Optional in a game. Source: Pascal Pons's solver, "Move score".
    """
    taken = state.stones[0] | state.stones[1]
    return count_bits(completing_cells(state.stones[mover]) & ~taken)


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("X", "O")


def symmetries():
    """Left and right are alike."""
    return mirror_symmetries(HEIGHT, WIDTH, range(WIDTH - 1, -1, -1))


def action_to_text(state, action):
    """Column, counted from 1 at the left."""
    return str(action + 1)


def text_to_action(state, text):
    """Read a column, as number or letter; whether it is full is checked by the caller."""
    word = text.strip().lower()
    letters = "abcdefghijkl"[:WIDTH]
    if len(word) == 1 and word in letters:
        return letters.index(word)
    if word.isdecimal() and 1 <= int(word) <= WIDTH:
        return int(word) - 1
    raise InvalidMoveError(f"{text!r} is no column; columns are 1 to {WIDTH}")


def cell_of_action(action):
    """A click anywhere in the column."""
    return -1, action


def board_view(state):
    """What a terminal draws."""
    first, second = (int(stones) for stones in state["stones"])
    owners = []
    for row in range(HEIGHT - 1, -1, -1):
        bits = [column * COLUMN_BITS + row for column in range(WIDTH)]
        owners.append(
            tuple(0 if first >> bit & 1 else 1 if second >> bit & 1 else -1 for bit in bits)
        )
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else PLAYER_NAMES[p] for p in row) for row in owners),
        owners=tuple(owners),
        row_labels=("",) * HEIGHT,
        column_labels=tuple(str(column + 1) for column in range(WIDTH)),
        player_names=PLAYER_NAMES,
        deciding=cells_in_lines(owners, LENGTH),
    )


def state_to_text(state):
    """Draw a position."""
    return draw(board_view(state), status_line(state, PLAYER_NAMES))


def text_to_state(text):
    """Read a drawn position; the numbers of stones say who moves."""
    cells = read_board(text, height=HEIGHT, width=WIDTH, glyphs=".XO")
    if ((cells[:-1] > 0) & (cells[1:] == 0)).any():
        raise InvalidPositionError("a stone hangs in the air; every stone needs one below it")
    first, second = int((cells == 1).sum()), int((cells == 2).sum())
    if first - second not in (0, 1):
        raise InvalidPositionError(f"X moves first, but there are {first} X and {second} O")
    state = np.zeros(1, STATE)[0]
    for player in (0, 1):
        bits = [
            int(column) * COLUMN_BITS + HEIGHT - 1 - int(row)
            for row, column in np.argwhere(cells == player + 1)
        ]
        state["stones"][player] = sum(1 << bit for bit in bits)
    state["ply"] = first + second
    state["to_play"] = first - second
    state["key"] = position_key(state["stones"][0], state["stones"][0] | state["stones"][1])
    last = 1 - state["to_play"]
    if has_line(state["stones"][1 - last]):
        raise InvalidPositionError(f"{PLAYER_NAMES[1 - last]} has a line but did not move last")
    if has_line(state["stones"][last]):
        state["finished"] = True
        state["returns"][last], state["returns"][1 - last] = 1, -1
    elif first + second == MAX_PLIES:
        state["finished"] = True
    return state
