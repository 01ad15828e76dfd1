"""Chess by the rules of FIDE; a draw that could be claimed happens by itself, if it is so wanted.

A position is seen from the side of the player to move: ``chess_attacks`` draws the cells,
``chess_actions`` the moves. Pieces stand in four words: the mover's pieces, and three bits of every
piece's kind. After each move the words are mirrored for the other player.
"""

import numpy as np

from games.authoring import draw, mix, read_board, rule, status_line
from games.bits import count_bits, lowest_bit
from games.chess_actions import (
    FIRST_UNDERPROMOTION,
    OFFSET_OF,
    PLANE_OF,
    PLANES,
    UNDERPROMOTIONS,
)
from games.chess_attacks import (
    KINDS,
    KING,
    KING_MOVES,
    NONE,
    ONE,
    PAWN,
    QUEEN,
    ROOK,
    ZERO,
    attacked_cells,
    between,
    bit_of,
    board_of,
    checks_and_pins,
    line_through,
    pawn_targets,
    pawns_that_take,
    piece_targets,
    sees_king,
    turned,
)
from games.chess_text import (
    COLUMNS,
    PIECES,
    RIGHTS,
    action_of_move,
    attackers,
    fen,
    move_of_action,
    piece_letter,
    position_of,
    read_fen,
    read_move,
    san,
    swap_rights,
    uci,
)
from games.game import BoardView, InvalidPositionError, state_dtype

# --- Facts -----------------------------------------------------------------------------------

CLAIMS = "automatic"
MAX_PLIES = 512  # AlphaZero: 512; no game that ends by 75 quiet moves is longer than 17697

PARAMETERS = {
    "CLAIMS": (
        ("automatic", "forced"),
        "draw by threefold repetition and 50 moves, or only by fivefold repetition and 75 moves",
    ),
    "MAX_PLIES": (2, 17697, "half-moves after which the game is drawn"),
}

OCCURRENCES = 3 if CLAIMS == "automatic" else 5  # of a position, that make a draw
QUIET_PLIES = 100 if CLAIMS == "automatic" else 150  # without capture and pawn move, likewise

NUM_ACTIONS = 64 * PLANES
MAX_LEGAL = 218  # R6R/3Q4/1Q4Q1/4Q3/2Q4Q/Q4Q2/pp1Q4/kBNN1KB1 w - - 0 1 (Petrović 1964)
OBSERVATION_SHAPE = (20, 8, 8)
OBSERVATION_SCALES = (*(1,) * 12, 1 / (OCCURRENCES - 1), *(1,) * 5, 10 / QUIET_PLIES, 1)

STATE = state_dtype(
    ("castling", "u1"),  # bits: the mover's short and long, the opponent's short and long
    ("passing", "u1"),  # cell of an en passant capture that is legal now; 0: none
    ("clock", "u1"),  # plies since the last capture or pawn move
    ("repetitions", "u1"),  # earlier occurrences of this position
    ("reversible", "u1"),  # how many moves ``track`` holds
    ("mine", "<u8"),  # the mover's pieces
    ("kinds", "<u8", (3,)),  # bit b of the kind of every piece, as in chess_attacks
    # Moves since the last one that cannot be taken back: origin | target << 6 | kind << 12, cells
    # as white sees them.
    ("track", "<u2", (QUIET_PLIES,)),
)
HISTORY_FIELDS = ("clock", "repetitions", "reversible", "track")

# The clock is shown to networks, and told apart by the key, in tens of plies from 60 on: until the
# rule comes near, positions share their evaluations whatever the clock says.
SHOWN_TENS = np.array([plies // 10 if plies >= 60 else 0 for plies in range(QUIET_PLIES + 1)])

PIECE_PLANES = np.array([KINDS.index(kind) if kind in KINDS else 0 for kind in range(8)])

SHORT, LONG = 1, 2  # the mover's castling rights; the opponent's are two bits higher
KING_HOME = 60
SHORT_WAY = np.uint64(0b11 << 61)  # that the king goes
LONG_WAY = np.uint64(0b11 << 58)
LONG_FREE = np.uint64(0b111 << 57)  # the rook's way is longer
RIGHTS_KEPT = np.full(64, 0b1111, np.uint8)  # after a move from or to a cell
RIGHTS_KEPT[[63, 56, 60, 7, 0, 4]] = 0b1110, 0b1101, 0b1100, 0b1011, 0b0111, 0b0011
START_FEN = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
START_KINDS = np.array([0x3CFF00000000FF3C, 0xDB000000000000DB, 0xAD000000000000AD], np.uint64)
LIGHT_CELLS = np.uint64(0xAA55_AA55_AA55_AA55)


def _random_words(seed, *shape):
    """Words for hashing."""
    count = int(np.prod(shape))
    words = [mix(np.uint64(seed << 32 | i)) for i in range(1, count + 1)]
    return np.array(words, np.uint64).reshape(shape)


# Zobrist 1970, "A new hashing method with application for game playing".
PIECE_KEYS = _random_words(1, 2, 8, 64)  # player, kind, cell as white sees it
PIECE_KEYS[:, NONE] = 0
CASTLING_KEYS = _random_words(2, 16)  # rights in white's order
PASSING_KEYS = _random_words(3, 8)  # column
REPETITION_KEYS = _random_words(4, OCCURRENCES)
CLOCK_KEYS = _random_words(5, QUIET_PLIES // 10 + 1)
BLACK_KEY, FINISHED_KEY = _random_words(6, 2)


# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def board_now(state):
    """The position taken apart."""
    return board_of(state.mine, state.kinds[0], state.kinds[1], state.kinds[2])


@rule
def kind_at(kinds, cell):
    """Kind of the piece on a cell, 0 for none."""
    shift = np.uint64(cell)
    bits = kinds[0] >> shift & ONE
    bits |= (kinds[1] >> shift & ONE) << ONE
    bits |= (kinds[2] >> shift & ONE) << np.uint64(2)
    return np.int64(bits)


@rule
def allowed_cells(board, checkers):
    """Where pieces other than the king may go: where they end the check, if there is one."""
    if checkers == ZERO:
        return ~board.mine
    if checkers & (checkers - ONE):
        return ZERO
    return checkers | between(board.king, lowest_bit(checkers))


@rule
def takes_passing(board, passing):
    """The mover's pawns, as a word, that can take en passant on ``passing`` without a check."""
    passed = bit_of(passing)
    captured = passed << np.uint64(8)
    able = ZERO
    waiting = board.mine & board.pawns & pawns_that_take(passed)
    while waiting:
        pawn = bit_of(lowest_bit(waiting))
        occupied = board.occupied ^ pawn ^ captured | passed
        if not sees_king(board, board.theirs & ~captured, occupied):
            able |= pawn
        waiting ^= pawn
    return able


@rule
def legal_targets(board, cell, kind, allowed, pinned):
    """Where a piece other than the king may go; en passant is left out."""
    piece = bit_of(cell)
    if kind == PAWN:
        targets = pawn_targets(board, piece) & allowed
    else:
        targets = piece_targets(board, cell, kind) & allowed
    if pinned & piece:
        targets &= line_through(board.king, cell)
    return targets


@rule
def king_targets(board, castling, checkers):
    """Where the king may go, castling included."""
    attacked = attacked_cells(board)
    targets = KING_MOVES[board.king] & ~(board.mine | attacked)
    if checkers == ZERO and castling & (SHORT | LONG):
        barred = board.occupied | attacked
        if castling & SHORT and barred & SHORT_WAY == ZERO:
            targets |= bit_of(KING_HOME + 2)
        if castling & LONG and barred & LONG_WAY == ZERO and board.occupied & LONG_FREE == ZERO:
            targets |= bit_of(KING_HOME - 2)
    return targets


@rule
def can_move(state, board, checkers, pinned):
    """Whether there is a legal move; looks no further than the first."""
    steps = (board.mine & board.pawns & ~pinned) >> np.uint64(8) & ~board.occupied
    if steps and checkers == ZERO:
        return True
    allowed = allowed_cells(board, checkers)
    waiting = board.mine & ~board.kings
    while waiting and allowed:
        cell = lowest_bit(waiting)
        if legal_targets(board, cell, kind_at(state.kinds, cell), allowed, pinned):
            return True
        waiting &= waiting - ONE
    # Castling is never the only move: where it is legal, the king can go half of the way.
    return state.passing != 0 or king_targets(board, 0, checkers) != ZERO


@rule
def earlier_occurrences(state):
    """How often the position has been there before, by taking back the moves of ``track``.

    What differs from the position now is kept in four words; where they are zero again, it is the
    same position: rights cannot have changed, since such moves start the track anew.
    """
    low, middle, high, movers = ZERO, ZERO, ZERO, ZERO
    occurrences = 0
    for back in range(state.reversible):
        moved = np.uint64(state.track[state.reversible - 1 - back])
        cells = bit_of(moved & np.uint64(63)) | bit_of(moved >> np.uint64(6) & np.uint64(63))
        low ^= cells * (moved >> np.uint64(12) & ONE)
        middle ^= cells * (moved >> np.uint64(13) & ONE)
        high ^= cells * (moved >> np.uint64(14) & ONE)
        if back & 1:
            movers ^= cells
            if low | middle | high | movers == ZERO:
                occurrences += 1
    return occurrences


@rule
def too_few_to_mate(board):
    """Whether neither side could ever mate: a lone bishop or knight, or bishops of one colour."""
    if board.pawns | board.straight:
        return False
    others = board.occupied & ~board.kings
    if count_bits(others) <= 1:
        return True
    on_light = others & LIGHT_CELLS
    return board.knights == ZERO and (on_light == ZERO or on_light == others)


@rule
def settle(state, board):
    """End the game if it is over."""
    checkers, pinned = checks_and_pins(board)
    if not can_move(state, board, checkers, pinned):
        state.finished = True
        if checkers:
            state.returns[state.to_play] = -1.0
            state.returns[1 - state.to_play] = 1.0
    elif (
        state.repetitions >= OCCURRENCES - 1
        or state.clock >= QUIET_PLIES
        or state.ply >= MAX_PLIES
        or too_few_to_mate(board)
    ):
        state.finished = True


@rule
def swapped_rights(castling):
    """Castling rights as the other player counts them."""
    return castling >> 2 | (castling & 3) << 2


@rule
def circumstances_key(state):
    """The part of the key that is not the pieces."""
    key = CASTLING_KEYS[state.castling if state.to_play == 0 else swapped_rights(state.castling)]
    key ^= REPETITION_KEYS[state.repetitions] ^ CLOCK_KEYS[SHOWN_TENS[state.clock]]
    if state.passing:
        key ^= PASSING_KEYS[state.passing & 7]
    if state.to_play == 1:
        key ^= BLACK_KEY
    if state.finished:
        key ^= FINISHED_KEY
    return key


@rule
def complete(state):
    """Work out everything that follows from pieces, rights, clock and whose turn it is."""
    board = board_now(state)
    if state.passing and takes_passing(board, state.passing) == ZERO:
        state.passing = 0
    settle(state, board)
    key = circumstances_key(state)
    turn = 56 * state.to_play
    for cell in range(64):
        player = state.to_play if board.mine >> np.uint64(cell) & ONE else 1 - state.to_play
        key ^= PIECE_KEYS[player, kind_at(state.kinds, cell), cell ^ turn]
    state.key = key


@rule
def initial(state):
    """Set up the start position."""
    state.castling = 0b1111
    state.mine = np.uint64(0xFFFF) << np.uint64(48)
    state.kinds[:] = START_KINDS
    complete(state)


@rule
def step(state, action):
    """Play ``action``. Trusts: it is legal."""
    mover = np.int64(state.to_play)
    turn = 56 * mover  # cell ^ turn is the cell as white sees it
    origin = np.int64(action) // PLANES
    plane = np.int64(action) - origin * PLANES
    kind = kind_at(state.kinds, origin)
    put = kind
    if plane < FIRST_UNDERPROMOTION:
        target = origin + OFFSET_OF[plane]
        if kind == PAWN and target < 8:
            put = QUEEN
    else:
        target = origin - 9 + (plane - FIRST_UNDERPROMOTION) % 3
        put = UNDERPROMOTIONS[(plane - FIRST_UNDERPROMOTION) // 3]
    captured_on = target
    if kind == PAWN and state.passing and target == state.passing:
        captured_on = target + 8
    captured = kind_at(state.kinds, captured_on)
    quiet = kind != PAWN and captured == NONE
    castling = state.castling & RIGHTS_KEPT[origin] & RIGHTS_KEPT[target]

    key = state.key ^ circumstances_key(state)
    key ^= PIECE_KEYS[mover, kind, origin ^ turn] ^ PIECE_KEYS[mover, put, target ^ turn]
    key ^= PIECE_KEYS[1 - mover, captured, captured_on ^ turn]
    state.clock = state.clock + 1 if quiet else 0
    if quiet and castling == state.castling and state.passing == 0:
        seen_by_white = (origin ^ turn) | (target ^ turn) << 6 | kind << 12
        state.track[state.reversible] = seen_by_white
        state.reversible += 1
    else:
        state.reversible = 0

    left = ~(bit_of(origin) | bit_of(captured_on))
    mine = state.mine & left | bit_of(target)
    for b in range(3):
        state.kinds[b] = state.kinds[b] & left | np.uint64(put >> b & 1) << np.uint64(target)
    if kind == KING and abs(target - origin) == 2:
        corner = 63 if target > origin else 56
        beside = (origin + target) // 2
        rook = bit_of(corner) | bit_of(beside)
        mine ^= rook
        for b in range(3):
            state.kinds[b] ^= rook * np.uint64(ROOK >> b & 1)
        key ^= PIECE_KEYS[mover, ROOK, corner ^ turn] ^ PIECE_KEYS[mover, ROOK, beside ^ turn]

    # From here on the other player sees the board.
    theirs = (state.kinds[0] | state.kinds[1] | state.kinds[2]) ^ mine
    state.mine = turned(theirs)
    for b in range(3):
        state.kinds[b] = turned(state.kinds[b])
    state.castling = swapped_rights(castling)
    state.to_play = 1 - mover
    state.ply += 1
    board = board_now(state)
    state.passing = 0
    if kind == PAWN and origin - target == 16:
        passed = (target + 8) ^ 56
        if takes_passing(board, passed):
            state.passing = passed
    state.repetitions = earlier_occurrences(state)
    settle(state, board)
    state.key = key ^ circumstances_key(state)


@rule
def legal_actions(state, actions):
    """Write the legal actions, ascending, and return how many."""
    board = board_now(state)
    checkers, pinned = checks_and_pins(board)
    allowed = allowed_cells(board, checkers)
    takers = ZERO
    if state.passing:
        takers = takes_passing(board, state.passing)
    count = 0
    waiting = board.mine
    while waiting:
        cell = lowest_bit(waiting)
        waiting &= waiting - ONE
        kind = kind_at(state.kinds, cell)
        if kind == KING:
            targets = king_targets(board, state.castling, checkers)
        else:
            targets = legal_targets(board, cell, kind, allowed, pinned)
            if takers & bit_of(cell):
                targets |= bit_of(state.passing)
        first = cell * PLANES
        # Bits 0 to 2: whether a pawn gets to the last row to the left, straight on, to the right.
        promoted = (targets << ONE) >> np.uint64(cell - 8) if kind == PAWN and cell < 16 else ZERO
        while targets:
            actions[count] = first + np.int64(PLANE_OF[cell, lowest_bit(targets)])
            targets &= targets - ONE
            count += 1
        if promoted:
            for way in range(PLANES - FIRST_UNDERPROMOTION):
                if promoted >> np.uint64(way % 3) & ONE:
                    actions[count] = first + FIRST_UNDERPROMOTION + way
                    count += 1
    return count


@rule
def observe(state, planes):
    """Write what a network sees; ``planes`` [20, 8, 8] comes filled with zeros.

    Planes 0 to 5: the mover's pawns, knights, bishops, rooks, queens, king. 6 to 11: the
    opponent's. 12: how often the position was there before. 13 to 16: castling, the mover's short
    and long, the opponent's short and long. 17: the cell where en passant is legal. 18: tens of
    plies without capture or pawn move, from 60 on. 19: ones where black is to move.
    """
    for cell in range(64):
        row, column = cell // 8, cell % 8
        kind = kind_at(state.kinds, cell)
        if kind != NONE:
            own = state.mine >> np.uint64(cell) & ONE
            planes[PIECE_PLANES[kind] + (0 if own else 6), row, column] = 1
        planes[12, row, column] = state.repetitions
        for right in range(4):
            planes[13 + right, row, column] = state.castling >> right & 1
        planes[18, row, column] = SHOWN_TENS[state.clock]
        planes[19, row, column] = state.to_play
    if state.passing:
        planes[17, state.passing // 8, state.passing % 8] = 1


# --- For people: plain Python ----------------------------------------------------------------

PLAYER_NAMES = ("White", "Black")

REPETITION = f"{'threefold' if OCCURRENCES == 3 else 'fivefold'} repetition"


def state_of(position, *, repetitions=0):
    """The state that a FEN describes; its moves so far are not known."""
    black = not position.white_to_move
    turn = 56 * black
    state = np.zeros(1, STATE)[0]
    for cell, piece in enumerate(position.cells):
        if piece != ".":
            bit = np.uint64(1 << (cell ^ turn))
            kind = KINDS[PIECES.index(piece.upper())]
            if piece.isupper() == position.white_to_move:
                state["mine"] |= bit
            for b in range(3):
                if kind >> b & 1:
                    state["kinds"][b] |= bit
    rights = sum(1 << RIGHTS.index(right) for right in position.castling)
    state["castling"] = swap_rights(rights) if black else rights
    state["passing"] = 0 if position.passing is None else position.passing ^ turn
    state["clock"], state["ply"], state["to_play"] = position.clock, position.ply, black
    state["repetitions"] = repetitions
    complete(state)
    return state


def legal_moves(state, position):
    """Legal moves of a state, none once it is finished."""
    if state["finished"]:
        return []
    actions = np.empty(MAX_LEGAL, np.int32)
    return [move_of_action(position, int(a)) for a in actions[: legal_actions(state, actions)]]


def action_to_text(state, action):
    """The move in SAN; one that cannot be played in UCI's form, as far as that can name it."""
    position = position_of(state)
    move = move_of_action(position, action)
    if move is None:
        return f"action {action}"
    legal = legal_moves(state, position)
    if move not in legal:
        return uci(move)
    after = np.array([state], STATE)[0]
    step(after, np.int32(action))
    if after["finished"] and after["returns"].any():
        sign = "#"
    else:
        cells = position_of(after).cells
        king = cells.index(piece_letter("K", white=not position.white_to_move))
        sign = "+" if attackers(cells, king, by_white=position.white_to_move) else ""
    return san(position, move, legal) + sign


def text_to_action(state, text):
    """Read a move in SAN or UCI; -1, which is never legal, where no legal move fits its SAN."""
    position = position_of(state)
    move = read_move(text, position, legal_moves(state, position))
    return -1 if move is None else action_of_move(position, move)


def board_view(state):
    """What a terminal draws: white below, whoever is to move; at mate, what gives it."""
    position = position_of(state)
    owners = [-1 if piece == "." else int(piece.islower()) for piece in position.cells]
    deciding: tuple[tuple[int, int], ...] = ()
    if state["returns"].any():
        loser = position.white_to_move
        king = position.cells.index(piece_letter("K", white=loser))
        deciding = tuple(
            divmod(cell, 8) for cell in attackers(position.cells, king, by_white=not loser)
        )
    pieces = [piece.replace(".", "") for piece in position.cells]
    return BoardView(
        pieces=tuple(tuple(pieces[row : row + 8]) for row in range(0, 64, 8)),
        owners=tuple(tuple(owners[row : row + 8]) for row in range(0, 64, 8)),
        row_labels=tuple("87654321"),
        column_labels=tuple(COLUMNS),
        player_names=PLAYER_NAMES,
        deciding=deciding,
    )


def state_to_text(state):
    """Draw a position; its FEN stands below the line of status."""
    status = status_line(state, PLAYER_NAMES)
    if state["finished"] and state["repetitions"] >= OCCURRENCES - 1:
        status = f"draw by {REPETITION}"  # which neither board nor FEN can tell
    return f"{draw(board_view(state), status)}\n{fen(position_of(state))}"


def text_to_state(text):
    """Read a FEN, or what ``state_to_text`` writes; a drawing must agree with the FEN below it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fens = [line for line in lines if "/" in line]
    if len(fens) != 1:
        raise InvalidPositionError(
            f"a chess position needs one line of FEN, such as {START_FEN!r}; found {len(fens)}"
        )
    position = read_fen(fens[0])
    if position.clock > QUIET_PLIES:
        raise InvalidPositionError(
            f"the FEN {fens[0]!r} has {position.clock} plies without capture or pawn move; the "
            f"game ends at {QUIET_PLIES}"
        )
    if position.ply > MAX_PLIES:
        raise InvalidPositionError(
            f"the FEN {fens[0]!r} is {position.ply} plies into a game that ends after {MAX_PLIES}; "
            "max_plies is a parameter"
        )
    lines.remove(fens[0])
    if lines:
        glyphs = f".{PIECES}{PIECES.lower()}"
        drawn = read_board("\n".join(lines), height=8, width=8, glyphs=glyphs)
        if "".join(glyphs[index] for index in drawn.ravel()) != position.cells:
            raise InvalidPositionError(f"the drawn board is not that of the FEN {fens[0]!r}")
    repeated = f"draw by {REPETITION}" in lines
    return state_of(position, repetitions=OCCURRENCES - 1 if repeated else 0)
