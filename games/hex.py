"""Hex: player 0 joins top and bottom, player 1 left and right; one of them must succeed.

Rows shift to the right by half a cell, so a cell has six neighbours: two in its own row, two above
(its column and the next) and two below (its column and the one before). For size 3, cells as
numbered for actions and planes, and as people call them:

    0 1 2          a1 b1 c1
     3 4 5          a2 b2 c2
      6 7 8          a3 b3 c3

Boards are rows of bits, column a in bit 0, with an empty row above and below. Three of them are
kept for each player: all stones, and those that are linked to the first and to the second of the
player's edges (top and bottom, left and right). A stone enters the last two once and stays, so
keeping them costs no more over a game than looking at each stone twice.
"""

import numpy as np

from games.authoring import column_letters, mix, read_board, rule, status_line
from games.game import (
    LOSS,
    UNPROVEN,
    WIN,
    BoardView,
    InvalidMoveError,
    InvalidPositionError,
    Symmetries,
    state_dtype,
)
from games.row_bits import append_cells

# --- Facts -----------------------------------------------------------------------------------

SIZE = 11
SWAP = 1

PARAMETERS = {
    "SIZE": (3, 19, "rows and columns of the board"),
    "SWAP": (0, 1, "1: the second player may take the first stone over"),
}

CELLS = SIZE * SIZE
NUM_ACTIONS = CELLS + SWAP
SWAPPING = CELLS  # the action
MAX_LEGAL = CELLS
MAX_PLIES = CELLS + SWAP  # a swap leaves as many empty cells as before
OBSERVATION_SHAPE = (4, SIZE, SIZE)

STONES, FIRST, SECOND = 0, 1, 2  # boards of a player: all, linked to the first edge, to the second
STATE = state_dtype(
    ("boards", "<u2" if SIZE <= 16 else "<u4", (2, 3, SIZE + 2)),
)

ALL_COLUMNS = (1 << SIZE) - 1

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def edge_columns(player, edge, line):
    """Cells at an edge of ``player`` in a row of the boards, as bits."""
    if player == 0:
        return ALL_COLUMNS if line == (1 if edge == FIRST else SIZE) else 0
    return 1 if edge == FIRST else 1 << (SIZE - 1)


@rule
def reached_columns(board, player, edge, line):
    """Cells of a row, as bits, that are at the edge or beside a cell of ``board`` linked to it."""
    above, here, below = (
        np.int64(board[line - 1]),
        np.int64(board[line]),
        np.int64(board[line + 1]),
    )
    beside = here << 1 | here >> 1 | above | above >> 1 | below | below << 1
    return beside | edge_columns(player, edge, line)


@rule
def link(state, player, edge, line):
    """Bring a linked board up to date after a stone was placed in row ``line`` of the boards."""
    stones = state.boards[player, STONES]
    linked = state.boards[player, edge]
    last = line
    while line <= last:
        before = np.int64(linked[line])
        more = before | (reached_columns(linked, player, edge, line) & np.int64(stones[line]))
        if more == before:
            line += 1
        else:  # the row may grow further, and so may its neighbours
            linked[line] = more
            last = max(last, min(line + 1, SIZE))
            line = max(line - 1, 1)


@rule
def place(state, player, row, column):
    """Put a stone down; return whether it joins the player's edges."""
    bit = 1 << column
    state.boards[player, STONES, row + 1] |= bit
    state.key ^= stone_key(player, row * SIZE + column)
    for edge in (FIRST, SECOND):
        if reached_columns(state.boards[player, edge], player, edge, row + 1) & bit:
            link(state, player, edge, row + 1)
    return (
        np.int64(state.boards[player, FIRST, row + 1])
        & np.int64(state.boards[player, SECOND, row + 1])
        & bit
    ) != 0


@rule
def stone_key(player, cell):
    """What a stone adds to the key."""
    return mix(np.uint64(2 * cell + player + 1))


@rule
def initial(state):
    """Set up the start position."""
    state.key = stone_key(0, CELLS)  # of no cell; zero is not a key


@rule
def step(state, action):
    """Place a stone on cell ``action``, or swap. Trusts: the action is legal."""
    mover = state.to_play
    if SWAP and action == SWAPPING:
        joined = swap(state)
    else:
        row = action // SIZE
        joined = place(state, mover, row, action - row * SIZE)
    state.ply += 1
    state.to_play = 1 - mover
    state.key ^= stone_key(1, CELLS)  # for whose turn it is
    if joined:
        state.finished = True
        state.returns[mover] = 1.0
        state.returns[1 - mover] = -1.0


@rule
def swap(state):
    """Replace the only stone by one of player 1 on the mirror cell, row and column exchanged."""
    for line in range(1, SIZE + 1):
        stone = np.int64(state.boards[0, STONES, line])
        for column in range(SIZE):
            if stone >> column & 1:
                state.key ^= stone_key(0, (line - 1) * SIZE + column)
                for board in range(3):
                    state.boards[0, board, line] = 0
                return place(state, 1, column, line - 1)
    return False


@rule
def empty_columns(state, line):
    """Cells without a stone in a row of the boards, as bits."""
    taken = np.int64(state.boards[0, STONES, line]) | np.int64(state.boards[1, STONES, line])
    return ALL_COLUMNS & ~taken


@rule
def legal_actions(state, actions):
    """Write the empty cells and, as the second ply of a game, the swap; return how many."""
    count = 0
    for row in range(SIZE):
        count = append_cells(empty_columns(state, row + 1), SIZE, row * SIZE, actions, count)
    if SWAP and state.ply == 1:
        actions[count] = SWAPPING
        count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees, row 0 at the top, whoever moves.

    Plane 0: stones of the player to move. Plane 1: stones of the other. Plane 2: the cells at the
    two edges that the player to move joins. Plane 3: those at the edges of the other.
    """
    for plane in range(2):
        player = state.to_play if plane == 0 else 1 - state.to_play
        for row in range(SIZE):
            stones = np.int64(state.boards[player, STONES, row + 1])
            edges = edge_columns(player, FIRST, row + 1) | edge_columns(player, SECOND, row + 1)
            for column in range(SIZE):
                planes[plane, row, column] = (stones >> column) & 1
                planes[plane + 2, row, column] = (edges >> column) & 1


@rule
def joining_columns(state, player, line):
    """Empty cells of a row, as bits, where a stone of ``player`` wins."""
    return (
        reached_columns(state.boards[player, FIRST], player, FIRST, line)
        & reached_columns(state.boards[player, SECOND], player, SECOND, line)
        & empty_columns(state, line)
    )


@rule
def settled_in_two(state):
    """What two half-moves of exhaustive search prove, from the linked boards alone.

    A stone takes away the other side's winning cell only by standing on it: what that cell joins
    is linked already. A swap comes too early to win or to lose.
    """
    threats = 0
    if state.ply >= SIZE - 1:  # fewer stones than it takes
        for line in range(1, SIZE + 1):
            if joining_columns(state, state.to_play, line):
                return WIN
            stoppable = joining_columns(state, 1 - state.to_play, line)
            while stoppable:
                stoppable &= stoppable - 1
                threats += 1
    return LOSS if threats >= 2 else UNPROVEN


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("X", "O")
ROW_NUMBERS = tuple(str(row + 1) for row in range(SIZE))  # row 1 at the top


def symmetries():
    """The identity and the half turn, after which each player joins the same edges."""
    cells = np.arange(CELLS)
    turned = [*range(CELLS - 1, -1, -1), *range(CELLS, NUM_ACTIONS)]
    return Symmetries(
        cells=np.stack([cells, cells[::-1]]).astype(np.int32),
        actions=np.array([range(NUM_ACTIONS), turned], np.int32),
    )


def action_to_text(state, action):
    """Cell as column letter and row number, or ``swap``."""
    if action >= CELLS:
        return "swap"
    return f"{column_letters(SIZE)[action % SIZE]}{ROW_NUMBERS[action // SIZE]}"


def text_to_action(state, text):
    """Read a cell or ``swap``; whether it is legal is checked by the caller."""
    word = text.strip().lower()
    letters = column_letters(SIZE)
    if SWAP and word == "swap":
        return SWAPPING
    if word[:1] not in letters or word[1:] not in ROW_NUMBERS:
        known = f"cells are a1 to {letters[-1]}{SIZE}" + (", or swap" if SWAP else "")
        raise InvalidMoveError(f"{text!r} is no cell; {known}")
    return ROW_NUMBERS.index(word[1:]) * SIZE + letters.index(word[0])


def cell_of_action(action):
    """Row and column of the drawn board that belong to a move; none for the swap."""
    return divmod(action, SIZE) if action < CELLS else None


def board_view(state):
    """What a terminal draws."""
    first, second = state["boards"][:, STONES, 1:-1].tolist()
    owners = tuple(
        tuple(0 if a >> column & 1 else 1 if b >> column & 1 else -1 for column in range(SIZE))
        for a, b in zip(first, second, strict=True)
    )
    deciding = ()
    if state["finished"]:
        winner = 0 if state["returns"][0] > 0 else 1
        deciding = tuple(sorted(shortest_chain(np.array(owners), winner)))
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else PLAYER_NAMES[p] for p in row) for row in owners),
        owners=owners,
        row_labels=ROW_NUMBERS,
        column_labels=column_letters(SIZE),
        player_names=PLAYER_NAMES,
        deciding=deciding,
        slanted=True,
    )


def state_to_text(state):
    """Draw a position, each row half a cell further to the right."""
    margin = len(ROW_NUMBERS[-1])
    lines = [" " * (margin + 1) + " ".join(column_letters(SIZE))]
    for row, pieces in enumerate(board_view(state).pieces):
        cells = " ".join(piece or "." for piece in pieces)
        lines.append(f"{' ' * row}{ROW_NUMBERS[row].rjust(margin)} {cells}")
    return "\n".join([*lines, status_line(state, PLAYER_NAMES)])


def text_to_state(text):
    """Read a drawn position.

    The numbers of stones say who moves. A swap leaves X with one stone less than usual, so where
    both have as many, X is to move unless a line says ``O to move``.
    """
    owners = read_board(text, height=SIZE, width=SIZE, glyphs=".XO") - 1
    first, second = int((owners == 0).sum()), int((owners == 1).sum())
    allowed = {0: 0, 1: 1}  # X's stones more than O's, and who moves then
    if SWAP:
        allowed[-1] = 0
    if first - second not in allowed:
        raise InvalidPositionError(
            f"X moves first{' unless O swaps' if SWAP else ''}, but there are {first} X and "
            f"{second} O"
        )
    winners = [player for player in (0, 1) if shortest_chain(owners, player)]
    to_play = allowed[first - second]
    lines = [line.strip() for line in text.splitlines()]
    if winners:
        to_play = 1 - winners[0]
    elif "O to move" in lines or ("X to move" in lines and to_play == 1):
        to_play = 1 if "O to move" in lines else 0
    swapped = to_play - (first - second)  # 1 where X has one stone less than usual
    if swapped not in ((0, 1) if SWAP else (0,)) or (swapped and not second):
        raise InvalidPositionError(
            f"{first} X and {second} O cannot be with {PLAYER_NAMES[to_play]} to move"
        )
    if winners and not may_be_new(owners, winners[0]):
        raise InvalidPositionError(
            f"{PLAYER_NAMES[winners[0]]} has joined the edges twice over: one stone cannot do that"
        )
    state = np.zeros(1, STATE)[0]
    initial(state)
    for row, column in np.argwhere(owners >= 0).tolist():
        place(state, int(owners[row, column]), row, column)
    state["ply"] = first + second + swapped
    state["to_play"] = to_play
    if to_play:
        state["key"] ^= stone_key(1, CELLS)
    if winners:
        state["finished"] = True
        state["returns"][winners[0]], state["returns"][1 - winners[0]] = 1, -1
    return state


def shortest_chain(owners, player):
    """Cells of a shortest chain that joins the edges of ``player``; none until the end."""
    # By breadth: stones, and the stone before each on the way from the edge.
    reached_from: dict[tuple[int, int], tuple[int, int] | None] = {}
    for place in range(SIZE):
        cell = (0, place) if player == 0 else (place, 0)
        if owners[cell] == player:
            reached_from[cell] = None
    waiting = list(reached_from)
    for cell in waiting:  # grows while it is walked
        if cell[player] == SIZE - 1:
            chain = [cell]
            while (before := reached_from[chain[-1]]) is not None:
                chain.append(before)
            return chain
        for down, right in ((0, 1), (0, -1), (-1, 0), (-1, 1), (1, 0), (1, -1)):
            other = cell[0] + down, cell[1] + right
            if min(other) >= 0 and max(other) < SIZE and owners[other] == player:
                if other not in reached_from:
                    reached_from[other] = cell
                    waiting.append(other)
    return []


def may_be_new(owners, player):
    """Whether ``player`` had not joined the edges before one of the stones, the last."""
    for cell in shortest_chain(owners, player):
        before = owners.copy()
        before[cell] = -1
        if not shortest_chain(before, player):
            return True
    return False
