"""Alpha-beta search of chess, compiled: iterative deepening over null windows, with all that helps.

Scores are hundredths of a pawn for whoever is to move. A mate in n plies from the root scores
``MATE - n``. Sources, all described in the chess programming wiki: Knuth and Moore 1975
(alpha-beta), Slate and Atkin 1977 (iterative deepening, killers), Zobrist 1970 (hash table),
Marsland and Campbell 1982 (principal variation search), Schaeffer 1983 (history heuristic), Beal
1989 (null move), and quiescence search over captures since Shannon 1950.
"""

from collections import namedtuple

import numpy as np

from agents.deep_blue.kernels.evaluation import evaluate
from agents.deep_blue.kernels.moves import (
    CASTLING,
    CLOCK,
    KEY,
    MOST_MOVES,
    PASSING,
    WORDS,
    WORTH,
    board_at,
    exchange_pays,
    kernel,
    kind_on,
    legal_moves,
    play,
    play_nothing,
    recursive,
)
from agents.exact.kernels.chess_tables import VOID, look_up
from games.bits import count_bits, lowest_bit
from games.chess_attacks import NONE, ONE, PAWN, QUEEN, ZERO, checks_and_pins

MATE = 30_000
MATED = 29_000  # scores beyond it are mates
INFINITE = 32_000
MOST_PLIES = 100  # that a search looks ahead, quiescence included
HISTORY = 1_024  # positions of the game before the root that can be told

#: Places in ``counters``.
NODES, MOST_NODES, STOP, SCORE, DEPTH, FOUND = range(6)
TABLE_HITS, PAST, QUIET_PLIES, LEFT_OUT = range(6, 10)

EXACT, AT_LEAST, AT_MOST = 1, 2, 3  # what a score in the hash table is
_MOVE_BITS = np.uint64(0xFF_FFFF)

_HASH_MOVE, _GOOD_CAPTURE, _KILLER, _BAD_CAPTURE = 1 << 30, 1 << 26, 1 << 25, -(1 << 26)
_MOST_HISTORY = 1 << 24
_NULL_DEPTH = 3
_EVEN_MARGIN = 110  # a ply: so far above the window, a shallow search is not begun
_HOPELESS_MARGIN = 120  # a ply: so far below it, quiet moves near the leaves are not tried
_DELTA = 180  # what a capture may bring besides the piece
_WINDOW = 35  # of the first search of an iteration, round the last score

#: Memory of one search.
#: stack: rows of ``moves``. moves, scores: by ply. lines, lengths: best lines by ply. killers: two
#: by ply. history: by player, kind, target. table: pairs of words. keys: positions so far.
#: left_out: moves of the root that are not to be searched, ``counters[LEFT_OUT]`` of them.
Memory = namedtuple(
    "Memory",
    "stack moves scores lines lengths killers history table keys counters left_out pool offsets",
)


def _reductions():
    """``[64, 64]``: plies less for a quiet move, by depth left and moves tried before."""
    depth, place = np.meshgrid(np.arange(64), np.arange(64), indexing="ij")
    with np.errstate(divide="ignore"):
        plies = 0.4 + np.log(np.maximum(depth, 1)) * np.log(np.maximum(place, 1)) / 2.2
    plies[:3] = plies[:, :3] = 0
    return plies.astype(np.int64)


REDUCTIONS = _reductions()


def new_memory(*, table_bits, pool, offsets):
    """Memory for a search, with ``2**table_bits`` places of 16 bytes in its hash table."""
    return Memory(
        stack=np.zeros((MOST_PLIES + 2, WORDS), np.uint64),
        moves=np.zeros((MOST_PLIES + 2, MOST_MOVES), np.int64),
        scores=np.zeros((MOST_PLIES + 2, MOST_MOVES), np.int64),
        lines=np.zeros((MOST_PLIES + 2, MOST_PLIES + 2), np.int64),
        lengths=np.zeros(MOST_PLIES + 2, np.int64),
        killers=np.zeros((MOST_PLIES + 2, 2), np.int64),
        history=np.zeros((2, 8, 64), np.int64),
        table=np.zeros((1 << table_bits, 2), np.uint64),
        keys=np.zeros(HISTORY + MOST_PLIES + 2, np.uint64),
        counters=np.zeros(10, np.int64),
        left_out=np.zeros(MOST_MOVES, np.int64),
        pool=pool,
        offsets=offsets,
    )


# --- Hash table ------------------------------------------------------------------------------


@kernel
def _remember(memory, key, move, score, depth, kind, ply):
    """Keep what was found; deeper entries of the same position stay."""
    place = key & np.uint64(len(memory.table) - 1)
    data = memory.table[place, 1]
    if memory.table[place, 0] == key and kind != EXACT:
        if np.int64(data >> np.uint64(40) & np.uint64(0xFF)) > depth + 2:
            return
    if move == 0 and memory.table[place, 0] == key:
        move = np.int64(data & _MOVE_BITS)
    # Mates are kept by their distance from this position.
    if score > MATED:
        score += ply
    elif score < -MATED:
        score -= ply
    memory.table[place, 0] = key
    memory.table[place, 1] = (
        np.uint64(move)
        | np.uint64(score + INFINITE) << np.uint64(24)
        | np.uint64(max(depth, 0)) << np.uint64(40)
        | np.uint64(kind) << np.uint64(48)
    )


@kernel
def _recalled_score(data, ply):
    """The score of an entry as seen from ``ply``."""
    score = np.int64(data >> np.uint64(24) & np.uint64(0xFFFF)) - INFINITE
    if score > MATED:
        return score - ply
    if score < -MATED:
        return score + ply
    return score


# --- Facts about a position ------------------------------------------------------------------


@kernel
def _is_repeated(memory, ply):
    """Whether the position has been there before, in the search or in the game."""
    here = memory.counters[PAST] + ply
    key = memory.stack[ply, KEY]
    back = np.int64(memory.stack[ply, CLOCK])
    for distance in range(4, min(back, here) + 1, 2):
        if memory.keys[here - distance] == key:
            return True
    return False


@kernel
def _cannot_be_won(board):
    """Whether neither side has more than a lone minor piece."""
    if board.pawns | board.straight:
        return False
    return count_bits(board.occupied) <= 3


@kernel
def table_value(memory, ply, board):
    """Value in the endgame tables for whoever is to move, ``VOID`` where none says anything."""
    if count_bits(board.occupied) > 4:
        return np.int64(VOID)
    if memory.stack[ply, CASTLING] | memory.stack[ply, PASSING]:
        return np.int64(VOID)
    mine = theirs = mine_2 = theirs_2 = np.int64(NONE)
    mine_at = theirs_at = mine_2_at = theirs_2_at = np.int64(0)
    waiting = board.occupied & ~board.kings
    count = 0
    while waiting:
        cell = lowest_bit(waiting)
        waiting &= waiting - ONE
        kind = kind_on(memory.stack, ply, cell)
        if board.mine >> np.uint64(cell) & ONE:
            mine_2, mine_2_at = mine, mine_at
            mine, mine_at = kind, cell
        else:
            theirs_2, theirs_2_at = theirs, theirs_at
            theirs, theirs_at = kind, cell
        count += 1
    if count > 2:
        return np.int64(VOID)
    return look_up(
        memory.pool, memory.offsets, board.king, mine, mine_at, mine_2, mine_2_at,
        lowest_bit(board.kings & board.theirs), theirs, theirs_at, theirs_2, theirs_2_at,
    )  # fmt: skip


@kernel
def _score_of_value(value, ply):
    """A table's value as a score."""
    if value > 0:
        return MATE - (ply + value)
    if value < 0:
        return ply + (-value - 1) - MATE
    return np.int64(0)


# --- Order of moves --------------------------------------------------------------------------


@kernel
def _rate_moves(memory, player, ply, board, count, hash_move):
    """Write how promising each move looks."""
    for index in range(count):
        move = memory.moves[ply, index]
        kind, put, captured = move >> 12 & 7, move >> 15 & 7, move >> 18 & 7
        if move == hash_move:
            score = _HASH_MOVE
        elif captured or (put == QUEEN and kind == PAWN):
            gain = 16 * WORTH[captured] - WORTH[kind] // 16 + (WORTH[put] if put != kind else 0)
            fair = WORTH[captured] >= WORTH[kind] or exchange_pays(board, move, 0)
            score = (_GOOD_CAPTURE if fair else _BAD_CAPTURE) + gain
        elif move == memory.killers[ply, 0]:
            score = _KILLER + 1
        elif move == memory.killers[ply, 1]:
            score = _KILLER
        else:
            score = memory.history[player, put, move >> 6 & 63]
        memory.scores[ply, index] = score


@kernel
def _take_best(memory, ply, start, count):
    """Move the most promising of the moves from ``start`` on to that place and return it."""
    best = start
    for index in range(start + 1, count):
        if memory.scores[ply, index] > memory.scores[ply, best]:
            best = index
    moves, scores = memory.moves, memory.scores
    moves[ply, start], moves[ply, best] = moves[ply, best], moves[ply, start]
    scores[ply, start], scores[ply, best] = scores[ply, best], scores[ply, start]
    return moves[ply, start]


@kernel
def _without_left_out(memory, count):
    """Take the moves that are left out from those of the root; returns how many stay."""
    kept = 0
    for index in range(count):
        move = memory.moves[0, index]
        is_out = False
        for each in range(memory.counters[LEFT_OUT]):
            is_out |= memory.left_out[each] == move
        if not is_out:
            memory.moves[0, kept] = move
            memory.scores[0, kept] = memory.scores[0, index]
            kept += 1
    return kept


@kernel
def _learn_order(memory, player, ply, depth, tried, move):
    """A quiet move has cut: killers and history learn it, and those tried before it lose."""
    if memory.killers[ply, 0] != move:
        memory.killers[ply, 1] = memory.killers[ply, 0]
        memory.killers[ply, 0] = move
    gain = min(depth * depth, 400)
    for index in range(tried + 1):
        each = memory.moves[ply, index]
        if each >> 18 & 7 or each >> 12 & 7 != each >> 15 & 7:
            continue
        kind, target = each >> 12 & 7, each >> 6 & 63
        old = memory.history[player, kind, target]
        step = gain if index == tried else -gain
        memory.history[player, kind, target] = old + 64 * step - old * gain // 16_384


@kernel
def _extend_line(memory, ply, move):
    """The best line from ``ply`` is ``move`` and the best line below it."""
    memory.lines[ply, ply] = move
    end = max(memory.lengths[ply + 1], ply + 1)
    for index in range(ply + 1, end):
        memory.lines[ply, index] = memory.lines[ply + 1, index]
    memory.lengths[ply] = end


@kernel
def root_moves(memory):
    """Write the legal moves of row 0 into ``moves[0]`` and return how many."""
    board = board_at(memory.stack, 0)
    checkers, pinned = checks_and_pins(board)
    return legal_moves(memory.stack, 0, board, checkers, pinned, memory.moves, False)


# --- Search ----------------------------------------------------------------------------------


@kernel
def _count_node(memory):
    """Count a position; returns whether the search is to stop."""
    counters = memory.counters
    counters[NODES] += 1
    if counters[NODES] >= counters[MOST_NODES]:
        counters[STOP] = 1
    return counters[STOP] != 0


@recursive
def quiesce(memory, player, alpha, beta, ply):
    """Score once captures and promotions have been played out; checks are answered in full."""
    memory.lengths[ply] = ply
    if _count_node(memory):
        return np.int64(0)
    board = board_at(memory.stack, ply)
    if _cannot_be_won(board):
        return np.int64(0)
    checkers, pinned = checks_and_pins(board)
    best = np.int64(-INFINITE)
    floor = best
    if ply >= MOST_PLIES:
        return evaluate(board)
    if checkers == ZERO:
        best = evaluate(board)
        if best >= beta:
            return best
        floor = best + _DELTA
        alpha = max(alpha, best)
    count = legal_moves(memory.stack, ply, board, checkers, pinned, memory.moves, checkers == ZERO)
    if count == 0:
        return np.int64(ply - MATE) if checkers else best
    _rate_moves(memory, player, ply, board, count, 0)
    for index in range(count):
        move = _take_best(memory, ply, index, count)
        if checkers == ZERO:
            if memory.scores[ply, index] < 0:
                break  # from here on, exchanges that lose
            promotes = move >> 12 & 7 != move >> 15 & 7
            if not promotes and floor + WORTH[move >> 18 & 7] <= alpha:
                continue
        play(memory.stack, ply, move, player)
        score = -quiesce(memory, 1 - player, -beta, -alpha, ply + 1)
        if memory.counters[STOP]:
            return np.int64(0)
        if score > best:
            best = score
            if score > alpha:
                alpha = score
                _extend_line(memory, ply, move)
                if score >= beta:
                    break
    return best


@recursive
def search(memory, player, depth, alpha, beta, ply, may_pass):
    """Score of the position in row ``ply``, exact within the window, else a bound.

    What is found before ``counters[STOP]`` is set counts; afterwards the answer means nothing.
    """
    stack, counters = memory.stack, memory.counters
    memory.lengths[ply] = ply
    is_root = ply == 0
    is_wide = beta - alpha > 1
    board = board_at(stack, ply)
    memory.keys[counters[PAST] + ply] = stack[ply, KEY]
    checkers, pinned = checks_and_pins(board)
    if not is_root:
        if _is_repeated(memory, ply) or _cannot_be_won(board):
            return np.int64(0)
        if stack[ply, CLOCK] >= np.uint64(counters[QUIET_PLIES]) and checkers == ZERO:
            return np.int64(0)
        alpha = max(alpha, ply - MATE)
        beta = min(beta, MATE - ply - 1)
        if alpha >= beta:
            return np.int64(alpha)
        value = table_value(memory, ply, board)
        if value != VOID:
            counters[TABLE_HITS] += 1
            return _score_of_value(value, ply)
    if checkers:
        depth += 1
    if depth <= 0 or ply >= MOST_PLIES:
        return quiesce(memory, player, alpha, beta, ply)
    if _count_node(memory):
        return np.int64(0)

    key = stack[ply, KEY]
    place = key & np.uint64(len(memory.table) - 1)
    hash_move = np.int64(0)
    if memory.table[place, 0] == key:
        data = memory.table[place, 1]
        hash_move = np.int64(data & _MOVE_BITS)
        if not is_wide and np.int64(data >> np.uint64(40) & np.uint64(0xFF)) >= depth:
            score = _recalled_score(data, ply)
            kind = np.int64(data >> np.uint64(48) & np.uint64(3))
            if kind == EXACT or (score >= beta if kind == AT_LEAST else score <= alpha):
                return score

    standing = np.int64(0)
    if checkers == ZERO:
        standing = evaluate(board)
        if not is_wide and abs(beta) < MATED:
            if depth <= 4 and standing - _EVEN_MARGIN * depth >= beta:
                return standing
            has_pieces = board.mine & ~(board.pawns | board.kings) != ZERO
            if may_pass and depth >= _NULL_DEPTH and standing >= beta and has_pieces:
                play_nothing(stack, ply, player)
                less = 3 + depth // 5
                score = -search(
                    memory, 1 - player, depth - 1 - less, -beta, 1 - beta, ply + 1, False
                )
                if counters[STOP]:
                    return np.int64(0)
                if score >= beta:
                    return min(score, MATED)

    count = legal_moves(stack, ply, board, checkers, pinned, memory.moves, False)
    if count == 0:
        return np.int64(ply - MATE) if checkers else np.int64(0)
    _rate_moves(memory, player, ply, board, count, hash_move)
    first_alpha = alpha
    best, best_move = np.int64(-INFINITE), np.int64(0)
    is_hopeless = (
        checkers == ZERO
        and not is_wide
        and depth <= 3
        and standing + _HOPELESS_MARGIN * depth <= alpha
        and abs(alpha) < MATED
    )
    if is_root and counters[LEFT_OUT]:
        count = _without_left_out(memory, count)
    for index in range(count):
        move = _take_best(memory, ply, index, count)
        is_quiet = move >> 18 & 7 == NONE and move >> 12 & 7 == move >> 15 & 7
        play(stack, ply, move, player)
        reduced = 0
        if index >= 1 and is_quiet and checkers == ZERO:
            gives_check = checks_and_pins(board_at(stack, ply + 1))[0] != ZERO
            if not gives_check:
                if is_hopeless and best > -MATED:
                    continue
                reduced = REDUCTIONS[min(depth, 63), min(index, 63)]
                if is_wide and reduced:
                    reduced -= 1
        if index == 0:
            score = -search(memory, 1 - player, depth - 1, -beta, -alpha, ply + 1, True)
        else:
            score = -search(
                memory, 1 - player, depth - 1 - reduced, -alpha - 1, -alpha, ply + 1, True
            )
            if score > alpha and reduced:
                score = -search(memory, 1 - player, depth - 1, -alpha - 1, -alpha, ply + 1, True)
            if alpha < score < beta:
                score = -search(memory, 1 - player, depth - 1, -beta, -alpha, ply + 1, True)
        if counters[STOP]:
            return np.int64(0)
        if score > best:
            best, best_move = score, move
            if score > alpha:
                alpha = score
                _extend_line(memory, ply, move)
                if is_root:
                    counters[FOUND] = move
                    counters[SCORE] = score
                if score >= beta:
                    if is_quiet:
                        _learn_order(memory, player, ply, depth, index, move)
                    break
    if is_root and counters[LEFT_OUT]:
        return best  # of some moves only: nothing to remember
    kind = AT_LEAST if best >= beta else EXACT if best > first_alpha else AT_MOST
    _remember(memory, key, best_move if best > first_alpha else 0, best, depth, kind, ply)
    return best


@recursive
def think(memory, player, first_depth, last_depth):
    """Search the position in row 0 deeper and deeper until the depth, the nodes or ``STOP``.

    ``counters`` tells how it goes: ``FOUND`` is the move, ``SCORE`` its score, ``DEPTH`` the last
    depth that was finished. ``lines[0]`` holds the best line.
    """
    counters = memory.counters
    score = counters[SCORE]
    for depth in range(first_depth, last_depth + 1):
        width = np.int64(_WINDOW)
        low, high = np.int64(-INFINITE), np.int64(INFINITE)
        if depth >= 5 and abs(score) < MATED:
            low, high = score - width, score + width
        while True:
            found = search(memory, player, depth, low, high, 0, False)
            if counters[STOP]:
                return
            width *= 4
            if found <= low:
                low = max(found - width, -INFINITE)
            elif found >= high:
                high = min(found + width, INFINITE)
            else:
                break
        score = found
        counters[SCORE] = score
        counters[DEPTH] = depth
        if abs(score) > MATED and MATE - abs(score) <= depth:
            return  # no faster mate is left to find
