"""Go on boards of 2 x 2 to 19 x 19 by the Tromp-Taylor rules, with exact superko.

The board lies in one row of points with a border around it, so that neighbours need no tests. One
column of border serves both sides. For 3 x 3 (``STRIDE`` 4), where ``.`` is the border:

     .   .   .   .
     .   5   6   7      row 3, drawn at the top
     .   9  10  11
     .  13  14  15      row 1
     .   .   .   .

Every point holds one bit that says what is there, and for stones whether their chain has a single
liberty. What may be played is then a matter of the bits of four neighbours, the same few machine
instructions for 16 or 32 points at once; so is whatever concerns all stones of a chain, which are
the points that hold the same number in ``chains``. That is why loops below run over the whole
board without a condition: they are faster than walks along lists of stones would be.

**Superko.** A position is compared with earlier ones by taking moves back, one after the other, on
a copy of the board. A move is kept in 16 bits, and four of them say on which sides it captured:
captured stones fill exactly the empty region that they left there. The walk ends as soon as it
comes to a stone that still stands and was the first of its colour on its point: no position
before it can be the same.
"""

import re
from typing import Any

import numpy as np

from games.authoring import draw, mix, read_board, row_numbers, rule, square_symmetries
from games.game import (
    BoardView,
    InvalidMoveError,
    InvalidPositionError,
    Symmetries,
    state_dtype,
)

# --- Facts -----------------------------------------------------------------------------------

SIZE = 9
KOMI = 7.5
SUPERKO = "positional"
SUICIDE = 0

PARAMETERS = {
    "SIZE": (2, 19, "rows and columns of the board"),
    "KOMI": (-400.0, 400.0, "points that White gets for moving second"),
    "SUPERKO": (
        ("positional", "situational", "simple"),
        "which earlier positions a move may not bring back",
    ),
    "SUICIDE": (0, 1, "1: one's own stones may be taken"),
}

PASS = SIZE * SIZE
NUM_ACTIONS = PASS + 1  # action = row * size + column from the top left, then the pass
MAX_PLIES = 2 * SIZE * SIZE + 40
OBSERVATION_SHAPE = (10, SIZE, SIZE)

STRIDE = SIZE + 1  # from a point to the one below
POINTS = STRIDE * (SIZE + 2)  # border included
FIRST, LAST = STRIDE + 1, STRIDE * SIZE + SIZE  # points of the board, and borders, between
NEIGHBOURS = (-STRIDE, -1, 1, STRIDE)

#: Contents of a point; zero is the border. Indexed by colour where there are two: Black, White.
EMPTY = 1
SAFE = (2, 8)  # stone of a chain with two liberties or more
ATARI = (4, 16)  # stone of a chain with one liberty
STONE = (2 | 4, 8 | 16)  # stone of the colour, as a mask

#: What a point is to the player to move.
CLOSED, OPEN, FORBIDDEN, DOUBTFUL = 0, 1, 2, 3

#: A move as it is kept: its point, and what it takes to take it back.
PASSED, UNKNOWN = 0, 1  # instead of the point (they are points of the border)
POINT_BITS = 511
TAKEN = 9  # bits from here on say on which of the four sides stones were taken
TAKEN_BITS = 15 << TAKEN
FIRST_THERE = 1 << 13  # no stone of this colour had been on the point

ONE, SIX_BITS = np.uint64(1), np.uint64(63)

_POINT = "i1" if LAST < 128 else "<i2"

STATE = state_dtype(
    ("board_hash", "<u8"),  # of the stones alone
    ("passes", "i1"),  # in a row, just played
    ("points", "i1", (POINTS,)),  # EMPTY, SAFE, ATARI
    ("chains", _POINT, (POINTS,)),  # first point of the stone's chain; zero where there is none
    ("playable", "i1", (POINTS,)),  # OPEN, FORBIDDEN by superko, or CLOSED; once finished CLOSED
    ("visited", "i1", (POINTS,)),  # bit c: a stone of colour c is or was here
    ("moves", "<i2", (MAX_PLIES,)),
)
HISTORY_FIELDS = ("visited", "moves")

POINT_OF_ACTION = np.array(
    [(row + 1) * STRIDE + column + 1 for row in range(SIZE) for column in range(SIZE)], np.int32
)


def _numbers(first: int, count: int) -> np.ndarray:
    """Random 64-bit numbers, the same everywhere."""
    return np.array([mix(np.uint64(number)) for number in range(first, first + count)], np.uint64)


# Zobrist hashing: a position is the exclusive or of the numbers of what it consists of.
STONE_NUMBERS = _numbers(1, 2 * POINTS).reshape(2, POINTS)
FORBIDDEN_NUMBERS = _numbers(1001, POINTS)
SITUATION_NUMBERS = _numbers(2001, 12).reshape(2, 2, 3)  # finished, player to move, passes

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def count_liberties(points, chains, chain):
    """Empty points beside a chain."""
    count = 0
    for i in range(FIRST, LAST + 1):
        beside = (
            (chains[i - 1] == chain)
            | (chains[i + 1] == chain)
            | (chains[i - STRIDE] == chain)
            | (chains[i + STRIDE] == chain)
        )
        count += (points[i] == EMPTY) & beside
    return count


@rule
def mark_chain(points, chains, chain, content):
    """Write the same content to all points of a chain."""
    for i in range(FIRST, LAST + 1):
        points[i] = content if chains[i] == chain else points[i]


@rule
def remove_chain(points, chains, chain, colour):
    """Take a chain off the board; returns the hash of its stones."""
    removed = np.uint64(0)
    for i in range(FIRST, LAST + 1):
        if chains[i] == chain:
            points[i] = EMPTY
            chains[i] = 0
            removed ^= STONE_NUMBERS[colour, i]
            for step_to in NEIGHBOURS:
                # Whatever it gains here is no liberty that it had, so it has two now.
                if points[i + step_to] == ATARI[1 - colour]:
                    mark_chain(points, chains, chains[i + step_to], SAFE[1 - colour])
    return removed


@rule
def place_stone(state, point, colour):
    """Put a stone down and take what has no liberty left; returns the move as it is kept."""
    points, chains = state.points, state.chains
    move = point
    if state.visited[point] & (1 << colour) == 0:
        move |= FIRST_THERE
        state.visited[point] |= 1 << colour
    chain = point
    for step_to in NEIGHBOURS:
        if points[point + step_to] & STONE[colour]:
            chain = min(chain, chains[point + step_to])
    grown = False
    for step_to in NEIGHBOURS:
        other = chains[point + step_to]
        if points[point + step_to] & STONE[colour]:
            grown = True
            if other != chain:
                for i in range(FIRST, LAST + 1):
                    chains[i] = chain if chains[i] == other else chains[i]
    points[point] = SAFE[colour]
    chains[point] = chain
    state.board_hash ^= STONE_NUMBERS[colour, point]
    for side, step_to in enumerate(NEIGHBOURS):
        if points[point + step_to] == ATARI[1 - colour]:  # this was its last liberty
            move |= 1 << (TAKEN + side)
            state.board_hash ^= remove_chain(points, chains, chains[point + step_to], 1 - colour)
    liberties = count_liberties(points, chains, chain)
    if liberties == 0:
        state.board_hash ^= remove_chain(points, chains, chain, colour)
        return move
    content = ATARI[colour] if liberties == 1 else SAFE[colour]
    if grown:
        mark_chain(points, chains, chain, content)
    else:
        points[point] = content
    for step_to in NEIGHBOURS:
        if points[point + step_to] == SAFE[1 - colour]:
            other = chains[point + step_to]
            if count_liberties(points, chains, other) == 1:
                mark_chain(points, chains, other, ATARI[1 - colour])
    return move


@rule
def fill_region(board, point, stone, stack):
    """Fill an empty region with stones of one kind; returns how many points are in ``stack``."""
    board[point] = stone
    stack[0] = point
    filled, looked_at = 1, 0
    while looked_at < filled:
        for step_to in NEIGHBOURS:
            near = stack[looked_at] + step_to
            if board[near] == EMPTY:
                board[near] = stone
                stack[filled] = near
                filled += 1
        looked_at += 1
    return filled


@rule
def first_in_question(state):
    """Earliest ply whose position a move might bring back; the present ply if there is none.

    No move can bring back a position in which a stone is missing that cannot be taken now. And
    where nothing has been taken since, stones have only been added.
    """
    now = np.int64(state.ply)
    earliest = max(now - 1, 0) if SUPERKO == "simple" else 0
    anything_taken = SUICIDE
    for ply in range(now - 1, earliest - 1, -1):
        move = np.int64(state.moves[ply])
        colour = ply & 1
        stays = state.points[move & POINT_BITS] == SAFE[colour]
        if not SUICIDE and colour == state.to_play:
            stays |= state.points[move & POINT_BITS] == ATARI[colour]
        if move == UNKNOWN or (stays and move & FIRST_THERE):
            earliest = ply + 1
            break
        anything_taken |= move & TAKEN_BITS
    return earliest if anything_taken else now


@rule
def change_by(state, point):
    """Hash of what a stone of the player to move would change."""
    points, chains = state.points, state.chains
    colour = state.to_play
    takes = survives = False
    for step_to in NEIGHBOURS:
        near = points[point + step_to]
        takes |= near == ATARI[1 - colour]
        survives |= near == EMPTY or near == SAFE[colour]
    if not takes and survives:
        return STONE_NUMBERS[colour, point]
    taken = 1 - colour if takes else colour
    change = STONE_NUMBERS[colour, point] if takes else np.uint64(0)
    for side, step_to in enumerate(NEIGHBOURS):
        chain = chains[point + step_to]
        new = points[point + step_to] == ATARI[taken]
        for earlier in range(side):
            new &= chains[point + NEIGHBOURS[earlier]] != chain
        if new:
            for i in range(FIRST, LAST + 1):
                change ^= STONE_NUMBERS[taken, i] if chains[i] == chain else np.uint64(0)
    return change


@rule
def take_back(board, move, colour, stack):
    """Take back a move of a stone on a board without chains; returns the hash of the changes."""
    place = move & POINT_BITS
    change = STONE_NUMBERS[colour, place]
    if board[place] == EMPTY:  # it was suicide
        for k in range(fill_region(board, place, SAFE[colour], stack)):
            change ^= STONE_NUMBERS[colour, stack[k]]
    elif move & TAKEN_BITS:
        for side, step_to in enumerate(NEIGHBOURS):
            if move & (1 << (TAKEN + side)):
                for k in range(fill_region(board, place + step_to, SAFE[1 - colour], stack)):
                    change ^= STONE_NUMBERS[1 - colour, stack[k]]
    board[place] = EMPTY
    return change


@rule
def forbid_repetitions(state, earliest):
    """Decide about the doubtful points by going back to a ply; returns the hash of the forbidden.

    What is hashed on the way is the difference to the present. It is compared with what the moves
    in doubt would change.
    """
    now = np.int64(state.ply)
    doubtful = np.empty(PASS, np.int16)
    changes = np.empty(PASS, np.uint64)
    count = 0
    some_bits = np.uint64(0)  # of all changes: most differences are seen to be none of them at once
    for i in range(FIRST, LAST + 1):
        if state.playable[i] == DOUBTFUL:
            state.playable[i] = OPEN
            doubtful[count] = i
            changes[count] = change_by(state, i)
            some_bits |= ONE << (changes[count] & SIX_BITS)
            count += 1
    board = state.points.copy()
    stack = np.empty(POINTS, np.int16)
    difference = np.uint64(0)
    forbidden = np.uint64(0)
    for ply in range(now, earliest - 1, -1):
        if ply < now:
            move = np.int64(state.moves[ply])
            if move != PASSED:
                difference ^= take_back(board, move, ply & 1, stack)
        # Situations differ in who is to move, too. The simple rule looks two plies back.
        if SUPERKO == "situational" and (now - ply) % 2 == 0:
            continue
        if SUPERKO == "simple" and now - ply != 1:
            continue
        if (some_bits >> (difference & SIX_BITS)) & ONE:
            for k in range(count):
                if changes[k] == difference and state.playable[doubtful[k]] == OPEN:
                    state.playable[doubtful[k]] = FORBIDDEN
                    forbidden ^= FORBIDDEN_NUMBERS[doubtful[k]]
    return forbidden


@rule
def find_playable(state):
    """Fill ``playable`` for the player to move; returns the hash of what superko forbids.

    Only a stone where one of its colour has been before can bring back a position, or a suicide.
    """
    points, playable = state.points, state.playable
    colour = state.to_play
    welcome = EMPTY | SAFE[colour] | ATARI[1 - colour]
    earliest = first_in_question(state)
    visited_bit = 1 << colour if earliest < state.ply or SUICIDE else 0
    any_doubt = 0
    for i in range(FIRST, LAST + 1):
        near = points[i - 1] | points[i + 1] | points[i - STRIDE] | points[i + STRIDE]
        survives = near & welcome != 0
        doubtful = state.visited[i] & visited_bit != 0
        if SUICIDE:
            content = OPEN if survives and not doubtful else DOUBTFUL
        else:
            content = (DOUBTFUL if doubtful else OPEN) if survives else CLOSED
        content = content if points[i] == EMPTY else CLOSED
        playable[i] = content
        any_doubt |= content
    return forbid_repetitions(state, earliest) if any_doubt & FORBIDDEN else np.uint64(0)


@rule
def reached(points):
    """For each point of the board the colours (bits) of the stones that it is or leads to."""
    colours = np.zeros(POINTS, np.int8)
    for i in range(FIRST, LAST + 1):
        if points[i] & STONE[0]:
            colours[i] = 1
        elif points[i] & STONE[1]:
            colours[i] = 2
    changed = True
    while changed:
        changed = False
        for k in range(2 * (LAST + 1 - FIRST)):
            i = FIRST + k if k <= LAST - FIRST else 2 * LAST + 1 - FIRST - k  # there and back
            if points[i] == EMPTY:
                near = colours[i - 1] | colours[i + 1] | colours[i - STRIDE] | colours[i + STRIDE]
                if near & ~colours[i]:
                    colours[i] |= near
                    changed = True
    return colours


@rule
def final_ownership(state, owners):
    """Area of the board as it stands, as Tromp and Taylor count: all stones are alive.

    Writes ``owners`` [size, size]: 1 for points of player 0 (stones, and empty points that lead to
    no other colour), -1 for those of player 1, 0 for the rest. Returns by how many points player 0
    leads, komi included.
    """
    colours = reached(state.points)
    lead = 0
    for row in range(SIZE):
        for column in range(SIZE):
            reach = colours[(row + 1) * STRIDE + column + 1]
            owner = (reach == 1) - (reach == 2)
            owners[row, column] = owner
            lead += owner
    return lead - KOMI


@rule
def position_key(state, forbidden):
    """Hash of the position and of the points that superko forbids in it."""
    situation = SITUATION_NUMBERS[int(state.finished), state.to_play, state.passes]
    return mix(state.board_hash ^ forbidden ^ situation)


@rule
def settle(state):
    """What follows from the board: what may be played next, or who won; and the key."""
    if state.passes == 2 or state.ply == MAX_PLIES:
        state.finished = True
        for i in range(POINTS):
            state.playable[i] = CLOSED
        lead = final_ownership(state, np.empty((SIZE, SIZE), np.int8))
        state.returns[0] = np.sign(lead)
        state.returns[1] = -np.sign(lead)
        forbidden = np.uint64(0)
    else:
        forbidden = find_playable(state)
    state.key = position_key(state, forbidden)


@rule
def initial(state):
    """Set up the empty board."""
    for point in POINT_OF_ACTION:
        state.points[point] = EMPTY
    settle(state)


@rule
def step(state, action):
    """Play a stone or pass. Trusts: it is legal."""
    if action == PASS:
        state.passes += 1
        move = PASSED
    else:
        state.passes = 0
        move = place_stone(state, np.int64(POINT_OF_ACTION[action]), np.int64(state.to_play))
    state.moves[state.ply] = move
    state.ply += 1
    state.to_play = 1 - state.to_play
    settle(state)


@rule
def legal_actions(state, actions):
    """Write the open points and the pass, and return how many."""
    count = 0
    for row in range(SIZE):
        for column in range(SIZE):
            actions[count] = row * SIZE + column
            count += state.playable[(row + 1) * STRIDE + column + 1] == OPEN
    actions[count] = PASS
    return count + 1


@rule
def observe(state, planes):
    """Write what a network sees, from the view of the player to move.

    Planes 0 to 2: own stones; those of chains with one liberty; with two. Planes 3 to 5: the same
    of the other player. Plane 6: empty points. Plane 7: points that superko forbids. Plane 8: ones
    if the other player has just passed. Plane 9: ones if White is to move.
    """
    points, chains = state.points, state.chains
    colour = state.to_play
    liberties = np.empty(POINTS, np.int16)  # by first point of a chain
    for row in range(SIZE):
        for column in range(SIZE):
            i = (row + 1) * STRIDE + column + 1
            chain = chains[i]
            if chain == i:
                liberties[i] = count_liberties(points, chains, chain)
            if points[i] == EMPTY:
                planes[6, row, column] = 1
                planes[7, row, column] = state.playable[i] == FORBIDDEN
            else:
                plane = 0 if points[i] & STONE[colour] else 3
                planes[plane, row, column] = 1
                if liberties[chain] <= 2:
                    planes[plane + liberties[chain], row, column] = 1
            planes[8, row, column] = state.passes == 1
            planes[9, row, column] = colour == 1


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("Black", "White")
GLYPHS = "XO"
COLUMNS = "abcdefghjklmnopqrst"[:SIZE]  # people of the game leave out i


def symmetries():
    """The eight turns and mirrors of the board; the pass stays the pass."""
    board = square_symmetries(SIZE)
    passes = np.full((board.count, 1), PASS, np.int32)
    return Symmetries(cells=board.cells, actions=np.hstack([board.actions, passes]))


def action_to_text(state, action):
    """Column letter without i and row number, as in GTP, or ``pass``."""
    return "pass" if action == PASS else f"{COLUMNS[action % SIZE]}{SIZE - action // SIZE}"


def text_to_action(state, text):
    """Read a move; whether it is legal is checked by the caller."""
    word = text.strip().lower()
    if word == "pass":
        return PASS
    column, row = COLUMNS.find(word[:1]), word[1:]
    if not (word and column >= 0 and row.isascii() and row.isdigit() and 1 <= int(row) <= SIZE):
        raise InvalidMoveError(f"{text!r} is no move; moves are a1 to {COLUMNS[-1]}{SIZE} and pass")
    return (SIZE - int(row)) * SIZE + column


def cell_of_action(action):
    """Row and column of the drawn board that belong to a move; none to a pass."""
    return None if action == PASS else divmod(action, SIZE)


def board_view(state):
    """What a terminal draws."""
    board = state["points"][POINT_OF_ACTION].reshape(SIZE, SIZE)
    owners = np.where(board & STONE[0], 0, np.where(board & STONE[1], 1, -1)).tolist()
    return BoardView(
        pieces=tuple(tuple("" if p < 0 else GLYPHS[p] for p in row) for row in owners),
        owners=tuple(tuple(row) for row in owners),
        row_labels=row_numbers(SIZE),
        column_labels=tuple(COLUMNS),
        player_names=PLAYER_NAMES,
    )


def state_to_text(state):
    """Draw a position.

    The line below the board says what the stones do not: who moves, after how many plies, passes
    just played, and the points that superko forbids (``ko``).
    """
    if state["finished"]:
        lead = float(final_ownership(state, np.empty((SIZE, SIZE), np.int8)))
        status = f"{PLAYER_NAMES[lead < 0]} won by {abs(lead):g}" if lead else "draw"
    else:
        status = f"{PLAYER_NAMES[state['to_play']]} to move"
    facts = [f"{status} after {state['ply']} plies"]
    if state["passes"]:
        facts.append(f"{state['passes']} passes" if state["passes"] > 1 else "1 pass")
    forbidden = np.flatnonzero(state["playable"][POINT_OF_ACTION] == FORBIDDEN)
    if forbidden.size:
        facts.append(" ".join(["ko", *(action_to_text(state, action) for action in forbidden)]))
    return draw(board_view(state), ", ".join(facts))


def text_to_state(text):
    """Read a drawn position.

    The line below the board may be left out, or parts of it: then the side with fewer stones is to
    move (Black, where both have as many), after as few plies as these stones need, and no point is
    forbidden. What was on the board earlier is not known: no move brings it back.
    """
    cells = read_board(text, height=SIZE, width=SIZE, glyphs="." + GLYPHS).ravel()
    stones = (int((cells == 1).sum()), int((cells == 2).sum()))
    status = _read_status(text)
    passes = status.get("passes", 0)
    to_play = status.get("to_play", int(stones[0] > stones[1]))
    if "plies" in status:
        ply = status["plies"]
        if "to_play" in status and ply % 2 != to_play:
            raise InvalidPositionError(
                f"after {ply} plies {PLAYER_NAMES[ply % 2]} is to move, not {PLAYER_NAMES[to_play]}"
            )
    else:
        ply = next(
            p for p in range(passes, MAX_PLIES) if p % 2 == to_play and _fits(stones, p, passes)
        )
    if ply > MAX_PLIES or passes > min(ply, 2) or not _fits(stones, ply, passes):
        raise InvalidPositionError(
            f"{stones[0]} black and {stones[1]} white stones and {passes} passes do not fit "
            f"{ply} plies; a game has at most {MAX_PLIES}"
        )
    state = np.zeros(1, STATE)[0]
    state["ply"], state["to_play"], state["passes"] = ply, ply % 2, passes
    state["points"][POINT_OF_ACTION] = EMPTY
    _set_up_chains(state, cells)
    if ply:
        state["moves"][ply - 1] = UNKNOWN
    settle(state)
    if bool(state["finished"]) != status.get("over", bool(state["finished"])):
        raise InvalidPositionError(
            f"a game is over after two passes or {MAX_PLIES} plies, and only then; "
            f"here are {passes} passes and {ply} plies"
        )
    _forbid(state, status.get("ko", ()))
    return state


def _fits(stones: tuple[int, int], ply: int, passes: int) -> bool:
    """Whether so many stones can be on the board: every one was a ply of its colour."""
    played = ply - passes
    return stones[0] <= (played + 1) // 2 and stones[1] <= played // 2


def _read_status(text: str) -> dict[str, Any]:
    """What the line below a drawn board says; what it does not say is left out."""
    status: dict[str, Any] = {}
    if found := re.search(r"\b(black|white)\b[^,\n]* to move", text, re.IGNORECASE):
        status["to_play"] = int(found[1].lower() == "white")
        status["over"] = False
    elif re.search(r"\b(won|draw)\b", text, re.IGNORECASE):
        status["over"] = True
    if found := re.search(r"\bafter (\d{1,5}) pl(y|ies)\b", text, re.IGNORECASE):
        status["plies"] = int(found[1])
    if found := re.search(r"\b(\d) pass(es)?\b", text, re.IGNORECASE):
        status["passes"] = int(found[1])
    if found := re.search(r"\bko((?: +[a-z]\d{1,2})+)", text, re.IGNORECASE):
        status["ko"] = found[1].split()
    return status


def _set_up_chains(state: np.void, cells: np.ndarray) -> None:
    """Fill what says what stands on the board, chain by chain."""
    points, chains = state["points"], state["chains"]
    colour_of = {int(p): int(c) - 1 for p, c in zip(POINT_OF_ACTION, cells, strict=True) if c}
    for first in sorted(colour_of):
        if chains[first]:
            continue
        colour = colour_of[first]
        chain, liberties = [first], set()
        for point in chain:  # it grows while we walk
            for near in (point + step_to for step_to in NEIGHBOURS):
                if colour_of.get(near) == colour:
                    if near not in chain:
                        chain.append(near)
                elif near not in colour_of and points[near] == EMPTY:
                    liberties.add(near)
        if not liberties:
            action = int(np.flatnonzero(POINT_OF_ACTION == first)[0])
            raise InvalidPositionError(
                f"the {PLAYER_NAMES[colour].lower()} stones at {action_to_text(state, action)} "
                "have no liberty"
            )
        for point in chain:
            points[point] = ATARI[colour] if len(liberties) == 1 else SAFE[colour]
            chains[point] = first
            state["visited"][point] = 1 << colour
            state["board_hash"] ^= STONE_NUMBERS[colour, point]


def _forbid(state: np.void, moves: list[str]) -> None:
    """Forbid moves as superko does, by their text."""
    forbidden = np.uint64(0)
    for move in moves:
        try:
            point = POINT_OF_ACTION[text_to_action(state, move)]
        except (InvalidMoveError, IndexError) as error:
            raise InvalidPositionError(f"ko {move}: there is no such point") from error
        if state["playable"][point] == CLOSED:
            raise InvalidPositionError(f"ko {move}: nothing can be played there anyway")
        state["playable"][point] = FORBIDDEN
    for point in np.flatnonzero(state["playable"] == FORBIDDEN):
        forbidden ^= FORBIDDEN_NUMBERS[point]
    state["key"] = position_key(state, forbidden)
