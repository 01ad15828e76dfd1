"""Othello (Reversi with the fixed start) on boards of 4, 6 and 8: enclose discs and turn them over.

Cells, actions, bits and plane cells share one numbering, row by row from the top, and row 1 is at
the top as in all Othello literature. The start, Black (X) to move:

    1 |  0  1  2  3  4  5  6  7        1 | . . . . . . . .
    2 |  8  9 10 11 12 13 14 15        2 | . . . . . . . .
    3 | 16 17 18 19 20 21 22 23        3 | . . . . . . . .
    4 | 24 25 26 27 28 29 30 31        4 | . . . O X . . .
    5 | 32 33 34 35 36 37 38 39        5 | . . . X O . . .
    6 | 40 41 42 43 44 45 46 47        6 | . . . . . . . .
    7 | 48 49 50 51 52 53 54 55        7 | . . . . . . . .
    8 | 56 57 58 59 60 61 62 63        8 | . . . . . . . .
         a  b  c  d  e  f  g  h            a b c d e f g h

There is no action for a pass: whoever cannot move is passed over, and the other moves again. So a
ply is a disc, and every position that is not finished has a legal move.
"""

import re
from dataclasses import replace

import numpy as np

from games.authoring import (
    column_letters,
    draw,
    mix,
    read_board,
    rule,
    square_symmetries,
    status_line,
)
from games.bits import count_bits, lowest_bit
from games.game import (
    BoardView,
    GameError,
    InvalidMoveError,
    InvalidPositionError,
    Symmetries,
    state_dtype,
)

# --- Facts -----------------------------------------------------------------------------------

SIZE = 8

PARAMETERS = {"SIZE": (4, 8, "rows and columns of the board, an even number")}
if SIZE % 2:
    raise GameError(f"an othello board has an even size, 4, 6 or 8, not {SIZE}")

NUM_ACTIONS = SIZE * SIZE  # action = cell
# Most legal moves of any arrangement of discs, whether a game reaches it or not. 8: Takizawa 2023,
# "The maximum number of legal moves of Othello in reachable positions is 33" (34 with the others).
MAX_LEGAL = {4: 8, 6: 20, 8: 34}[SIZE]
MAX_PLIES = SIZE * SIZE - 4
ENDGAME_PLIES = 9  # the budget settles 84 in 100 of these on 8 x 8, and 99 with 8 left
OBSERVATION_SHAPE = (4, SIZE, SIZE)

STATE = state_dtype(
    ("stones", "<u8", (2,)),  # bitboard of each player
    ("moves", "<u8"),  # cells where the player to move may play; none once finished
)

# A constant must be np.uint64 wherever it meets one: Numba turns uint64 with int into a float.
ONE = np.uint64(1)
BOARD = np.uint64((1 << SIZE * SIZE) - 1)
# Discs that a line along a row or a diagonal can run through: those on the side columns end it.
MIDDLE_COLUMNS = np.uint64(
    sum(1 << cell for cell in range(SIZE * SIZE) if 0 < cell % SIZE < SIZE - 1)
)
# Bits from a cell to the next one right, below, below left and below right.
RIGHT, BELOW, BELOW_LEFT, BELOW_RIGHT = (np.uint64(n) for n in (1, SIZE, SIZE - 1, SIZE + 1))
UPPER_LEFT = SIZE * (SIZE // 2 - 1) + SIZE // 2 - 1  # cell of the four in the middle
START = (  # each player's discs: the diagonal that rises to the right is Black's
    np.uint64(1 << UPPER_LEFT + 1 | 1 << UPPER_LEFT + SIZE),
    np.uint64(1 << UPPER_LEFT | 1 << UPPER_LEFT + SIZE + 1),
)
TURN_KEYS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # any two numbers

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def run_up(discs, through, step):
    """Cells of ``through`` that an unbroken run from one of ``discs`` reaches by shifting left.

    Kogge-Stone: runs of one, two, four and six cells, as long as a line on 8 x 8 has between ends.
    """
    run = through & (discs << step)
    run |= through & (run << step)
    pairs = through & (through << step)
    run |= pairs & (run << (step + step))
    run |= pairs & (run << (step + step))
    return run


@rule
def run_down(discs, through, step):
    """As ``run_up``, by shifting right."""
    run = through & (discs >> step)
    run |= through & (run >> step)
    pairs = through & (through >> step)
    run |= pairs & (run >> (step + step))
    run |= pairs & (run >> (step + step))
    return run


@rule
def ends_of_runs(mine, theirs, step):
    """Cells just past the runs of ``theirs`` that begin at ``mine``, both ways along one line."""
    return run_up(mine, theirs, step) << step | run_down(mine, theirs, step) >> step


@rule
def legal_cells(mine, theirs):
    """Cells where the owner of ``mine`` may play."""
    inner = theirs & MIDDLE_COLUMNS
    ends = (
        ends_of_runs(mine, inner, RIGHT)
        | ends_of_runs(mine, theirs, BELOW)
        | ends_of_runs(mine, inner, BELOW_LEFT)
        | ends_of_runs(mine, inner, BELOW_RIGHT)
    )
    return ends & BOARD & ~(mine | theirs)


@rule
def enclosed(disc, mine, theirs, step):
    """Discs of ``theirs`` between the new ``disc`` and ``mine``, both ways along one line."""
    up, down = run_up(disc, theirs, step), run_down(disc, theirs, step)
    turned = np.uint64(0)
    if mine & (up << step):
        turned = up
    if mine & (down >> step):
        turned |= down
    return turned


@rule
def turned_by(disc, mine, theirs):
    """Discs of ``theirs`` that a new ``disc`` turns over."""
    inner = theirs & MIDDLE_COLUMNS
    return (
        enclosed(disc, mine, inner, RIGHT)
        | enclosed(disc, mine, theirs, BELOW)
        | enclosed(disc, mine, inner, BELOW_LEFT)
        | enclosed(disc, mine, inner, BELOW_RIGHT)
    )


@rule
def settle(state, next_player):
    """Set what follows from the stones: who moves and where, the result if nobody can, the key."""
    stones = state.stones
    to_play = next_player
    moves = legal_cells(stones[to_play], stones[1 - to_play])
    if moves == 0:
        to_play = 1 - next_player  # the next player is passed over
        moves = legal_cells(stones[to_play], stones[1 - to_play])
        if moves == 0:
            to_play = 0  # says nothing any more: finished positions have the same one
            state.finished = True
            lead = count_bits(stones[0]) - count_bits(stones[1])
            state.returns[0] = np.sign(lead)
            state.returns[1] = -np.sign(lead)
    state.to_play = to_play
    state.moves = moves
    state.key = max(mix(mix(stones[0]) ^ stones[1] ^ TURN_KEYS[to_play]), ONE)


@rule
def initial(state):
    """Set up the start position. ``state`` comes filled with zeros."""
    state.stones[0] = START[0]
    state.stones[1] = START[1]
    settle(state, 0)


@rule
def step(state, action):
    """Put a disc on the cell ``action``. Trusts: it is legal."""
    mover = state.to_play
    disc = ONE << np.uint64(action)
    turned = turned_by(disc, state.stones[mover], state.stones[1 - mover])
    state.stones[mover] |= disc | turned
    state.stones[1 - mover] ^= turned
    state.ply += 1
    settle(state, 1 - mover)


@rule
def legal_actions(state, actions):
    """Write the cells where the player to move may play, ascending, and return how many."""
    moves = state.moves
    count = 0
    while moves:
        actions[count] = lowest_bit(moves)
        moves &= moves - ONE
        count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees, row 0 at the top.

    Plane 0: discs of the player to move. Plane 1: discs of the other. Plane 2: empty cells.
    Plane 3: where the player to move may play.
    """
    mine = state.stones[state.to_play]
    theirs = state.stones[1 - state.to_play]
    for row in range(SIZE):
        for column in range(SIZE):
            bit = np.uint64(row * SIZE + column)
            planes[0, row, column] = (mine >> bit) & ONE
            planes[1, row, column] = (theirs >> bit) & ONE
            planes[2, row, column] = (~(mine | theirs) >> bit) & ONE
            planes[3, row, column] = (state.moves >> bit) & ONE


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("Black", "White")
DISCS = "●○"  # what a terminal paints as discs
LETTERS = "XO"  # what stands in text
OTHER_GLYPHS = str.maketrans("●*x○o-", "XXXOO.")  # read as well: discs, GGF, OpenSpiel


def symmetries():
    """The four turns and mirrors of the board that keep the start position.

    A quarter turn and the mirrors from side to side exchange the colours of its four discs.
    """
    every = square_symmetries(SIZE)
    first, second = (
        np.array([int(stones) >> cell & 1 for cell in range(SIZE * SIZE)]) for stones in START
    )
    keeps = [(first[c] == first).all() and (second[c] == second).all() for c in every.cells]
    return Symmetries(cells=every.cells[keeps], actions=every.actions[keeps])


def action_to_text(state, action):
    """Column letter and row number, row 1 at the top."""
    return f"{column_letters(SIZE)[action % SIZE]}{action // SIZE + 1}"


def text_to_action(state, text):
    """Read a cell in either case; whether it is legal is checked by the caller."""
    word = text.strip().lower()
    letters, numbers = "".join(column_letters(SIZE)), "12345678"[:SIZE]
    if word in ("pass", "pa", "ps", "--"):
        raise InvalidMoveError(f"{text!r}: passes are not written; the same player moves again")
    if len(word) != 2 or word[0] not in letters or word[1] not in numbers:
        raise InvalidMoveError(f"{text!r} is no cell; cells are a1 to {letters[-1]}{SIZE}")
    return (int(word[1]) - 1) * SIZE + letters.index(word[0])


def cell_of_action(action):
    """Row and column of the drawn board that belong to a move."""
    return action // SIZE, action % SIZE


def board_view(state):
    """What a terminal draws."""
    first, second = (int(stones) for stones in state["stones"])
    owners = tuple(
        tuple(
            0 if first >> cell & 1 else 1 if second >> cell & 1 else -1
            for cell in range(row * SIZE, (row + 1) * SIZE)
        )
        for row in range(SIZE)
    )
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else DISCS[p] for p in row) for row in owners),
        owners=owners,
        row_labels=tuple(str(row + 1) for row in range(SIZE)),
        column_labels=column_letters(SIZE),
        player_names=PLAYER_NAMES,
    )


def state_to_text(state):
    """Draw a position, in letters that every terminal and every keyboard has."""
    view = board_view(state)
    pieces = tuple(tuple("" if p < 0 else LETTERS[p] for p in row) for row in view.owners)
    return draw(replace(view, pieces=pieces), status_line(state, PLAYER_NAMES))


def text_to_state(text):
    """Read a drawn position; where both players could move, a line must say who does."""
    cells = read_board(text.translate(OTHER_GLYPHS), height=SIZE, width=SIZE, glyphs="." + LETTERS)
    _check_discs(cells)
    state = np.zeros(1, STATE)[0]
    flat = cells.ravel()
    for player in (0, 1):
        state["stones"][player] = sum(1 << int(c) for c in np.flatnonzero(flat == player + 1))
    state["ply"] = int((flat > 0).sum()) - 4
    said = re.search(r"\b(black|white|x|o)\s+to\s+move\b", text, re.IGNORECASE)
    mover = None if said is None else int(said[1].lower() in ("white", "o"))
    can_move = [bool(legal_cells(*state["stones"][::turn])) for turn in (1, -1)]
    if all(can_move) and mover is None:
        raise InvalidPositionError(
            "both players could move here; add a line 'Black to move' or 'White to move'"
        )
    if any(can_move) and mover is not None and not can_move[mover]:
        raise InvalidPositionError(
            f"{PLAYER_NAMES[mover]} has no move here, so {PLAYER_NAMES[1 - mover]} is to move"
        )
    settle(state, mover or 0)  # passes over a side that cannot move
    return state


def _check_discs(cells):
    """Refuse discs that no game can leave: they grow from the four in the middle and stay."""
    reached = np.zeros((SIZE + 2, SIZE + 2), bool)
    middle = slice(SIZE // 2, SIZE // 2 + 2)
    reached[middle, middle] = True
    if (cells[reached[1:-1, 1:-1]] == 0).any():
        raise InvalidPositionError("one of the four cells in the middle is empty")
    for _ in range(SIZE * SIZE):  # more than enough steps
        around = np.lib.stride_tricks.sliding_window_view(reached, (3, 3)).any(axis=(2, 3))
        reached[1:-1, 1:-1] = around & (cells > 0)
    if (cells > 0).sum() > reached.sum():
        row, column = np.argwhere((cells > 0) & ~reached[1:-1, 1:-1])[0]
        raise InvalidPositionError(
            f"the disc on {action_to_text(None, int(row * SIZE + column))} touches no other that "
            "leads to the middle"
        )
