# ruff: noqa: D100, D103, F821
# Not imported: ``registry.make`` appends this text to a copy of a game's source, and the names that
# are undefined here (STATE, initial, step, ...) are that game's. One file means that everything is
# inlined, and that Numba's disk cache is right. ``batched_rules.py`` says what each kernel does.

# --- Appended: the rules over arrays of states -------------------------------------------------

import numpy as np
from numba import float32, from_dtype, int8, int32, int64, njit, uint8, uint64, void

from games.authoring import mix as _mix
from games.game import UNPROVEN as _UNPROVEN

_STATES = from_dtype(STATE)[::1]


@njit(void(_STATES), cache=True, nogil=True)
def batched_initial(states):
    for b in range(len(states)):
        initial(states[b])


@njit(void(_STATES, int32[::1]), cache=True, nogil=True)
def batched_step(states, actions):
    for b in range(len(states)):
        step(states[b], actions[b])


@njit(void(_STATES, int32[:, ::1], int32[::1]), cache=True, nogil=True)
def batched_legal_actions(states, actions, counts):
    for b in range(len(states)):
        count = 0
        if not states[b].finished:
            count = legal_actions(states[b], actions[b])
        counts[b] = count
        for k in range(count, actions.shape[1]):
            actions[b, k] = -1


@njit(void(_STATES, uint8[:, :, :, ::1]), cache=True, nogil=True)
def batched_observe(states, planes):
    planes[:] = 0
    for b in range(len(states)):
        observe(states[b], planes[b])


@njit(int8(_STATES, int32[:, ::1], int64, int64), cache=True, nogil=True)
def _proven_outcome(line, actions, depth, plies):
    # Outcome for the mover of line[depth]; the rows below are scratch for the moves tried.
    mover = line[depth].to_play
    if line[depth].finished:
        result = line[depth].returns[mover]
        return np.int8(1 if result > 0 else (-1 if result < 0 else 0))
    if depth == plies:
        return np.int8(_UNPROVEN)
    if SETTLES_IN_TWO and depth + 2 <= plies:
        outcome = np.int8(settled_in_two(line[depth]))
        if outcome != _UNPROVEN or depth + 2 == plies:
            return outcome
    count = legal_actions(line[depth], actions[depth])
    # Moves that win at once first: they spare the search of everything else.
    if not (SETTLES_IN_TWO and depth + 2 <= plies):
        all_moves_end = True
        for k in range(count):
            line[depth + 1] = line[depth]
            step(line[depth + 1], actions[depth, k])
            if not line[depth + 1].finished:
                all_moves_end = False
            elif line[depth + 1].returns[mover] > 0:
                return np.int8(1)
        if depth + 1 == plies and not all_moves_end:
            return np.int8(_UNPROVEN)
    best = np.int8(-1)
    some_unproven = False
    for k in range(count):
        line[depth + 1] = line[depth]
        step(line[depth + 1], actions[depth, k])
        outcome = _proven_outcome(line, actions, depth + 1, plies)
        if outcome == _UNPROVEN:
            some_unproven = True
            continue
        if line[depth + 1].to_play != mover:
            outcome = np.int8(-outcome)
        if outcome == 1:
            return outcome
        best = max(best, outcome)
    return np.int8(_UNPROVEN) if some_unproven else best


@njit(void(_STATES, int64, int8[::1]), cache=True, nogil=True)
def batched_prove(states, plies, outcomes):
    line = np.empty(plies + 1, states.dtype)
    actions = np.empty((plies + 1, MAX_LEGAL), np.int32)
    for b in range(len(states)):
        line[0] = states[b]
        outcomes[b] = _proven_outcome(line, actions, 0, plies)


@njit(int8(_STATES, int64, int64), cache=True, nogil=True)
def _at_once(line, depth, mover):
    # What line[depth] is worth to ``mover`` without any search, or unproven.
    if line[depth].finished:
        result = line[depth].returns[mover]
        return np.int8(1 if result > 0 else (-1 if result < 0 else 0))
    if SETTLES_IN_TWO:
        outcome = np.int8(settled_in_two(line[depth]))
        if outcome != _UNPROVEN and line[depth].to_play != mover:
            return np.int8(-outcome)
        return outcome
    return np.int8(_UNPROVEN)


@njit(int8(_STATES, int64, int8, int8, int8, uint64[::1]), cache=True, nogil=True)
def _recalled(line, depth, mover, alpha, beta, table):
    # What the table says line[depth] is worth to ``mover``; unproven where the window needs more.
    key = line[depth].key
    entry = table[key & np.uint64(len(table) - 1)]
    if (entry ^ key) >> np.uint64(4) != 0:
        return np.int8(_UNPROVEN)
    low = np.int8(np.int64((entry >> np.uint64(2)) & np.uint64(3)) - 1)
    high = np.int8(np.int64(entry & np.uint64(3)) - 1)
    if line[depth].to_play != mover:
        low, high = np.int8(-high), np.int8(-low)
    if low == high or low >= beta:
        return low
    return high if high <= alpha else np.int8(_UNPROVEN)


@njit(
    int8(_STATES, int32[:, ::1], int64[:, ::1], int64, int8, int8, int64[::1], uint64[::1]),
    cache=True,
    nogil=True,
)
def _ending(line, actions, order, depth, alpha, beta, nodes, table):
    # Alpha-beta to the end for the mover of line[depth], whom nothing settles at once; unproven
    # when ``nodes`` are spent. ``table`` keeps bounds by key: 60 bits of it, two of each bound.
    # Every argument of the recursion has exactly the declared type: another one compiles and runs,
    # but cannot be found again by the next process.
    mover = line[depth].to_play
    key = line[depth].key
    place = key & np.uint64(len(table) - 1)
    low, high = np.int8(-1), np.int8(1)
    if (table[place] ^ key) >> np.uint64(4) == 0:
        low = np.int8(np.int64((table[place] >> np.uint64(2)) & np.uint64(3)) - 1)
        high = np.int8(np.int64(table[place] & np.uint64(3)) - 1)
        if low == high or low >= beta:
            return np.int8(low)
        if high <= alpha:
            return np.int8(high)
    nodes[0] -= 1
    if nodes[0] < 0:
        return np.int8(_UNPROVEN)
    alpha, beta = max(alpha, low), min(beta, high)
    floor = alpha
    best = np.int8(-1)
    count = legal_actions(line[depth], actions[depth])
    open_moves = 0
    for i in range(count):
        # From the middle slot outwards: on most boards the better half comes first.
        k = (count - 1) // 2 + ((i + 1) // 2 if i % 2 else -(i // 2))
        line[depth + 1] = line[depth]
        step(line[depth + 1], actions[depth, k])
        outcome = _at_once(line, depth + 1, mover)
        if outcome == _UNPROVEN:
            outcome = _recalled(line, depth + 1, mover, alpha, beta, table)
        if outcome != _UNPROVEN:
            best = max(best, outcome)
            if best >= beta:
                break
            continue
        rank = (np.int64(count - i) << 16) | np.int64(actions[depth, k])
        if HAS_PROMISE:
            rank += np.int64(promise(line[depth + 1], mover)) << 32
        slot = open_moves
        while slot > 0 and order[depth, slot - 1] < rank:
            order[depth, slot] = order[depth, slot - 1]
            slot -= 1
        order[depth, slot] = rank
        open_moves += 1
    alpha = max(alpha, best)
    for i in range(open_moves):
        if alpha >= beta:
            break
        line[depth + 1] = line[depth]
        step(line[depth + 1], order[depth, i] & 0xFFFF)
        if line[depth + 1].to_play == mover:
            outcome = _ending(line, actions, order, depth + 1, alpha, beta, nodes, table)
        else:
            outcome = _ending(
                line, actions, order, depth + 1, np.int8(-beta), np.int8(-alpha), nodes, table
            )
            if outcome != _UNPROVEN:
                outcome = np.int8(-outcome)
        if outcome == _UNPROVEN:
            return outcome
        best = max(best, outcome)
        alpha = max(alpha, best)
    if best > floor:
        low = best
    if best < beta:
        high = best
    table[place] = (key & ~np.uint64(15)) | np.uint64(low + 1) << np.uint64(2) | np.uint64(high + 1)
    return best


@njit(int8(_STATES, int32[:, ::1], int64[:, ::1], int64[::1], uint64[::1]), cache=True, nogil=True)
def _settled(line, actions, order, nodes, table):
    # The exact outcome for the mover of line[0], or unproven: whether it loses, then whether it
    # wins; two narrow windows take fewer nodes than a wide one.
    outcome = _ending(line, actions, order, 0, np.int8(-1), np.int8(0), nodes, table)
    if outcome == 0:
        outcome = _ending(line, actions, order, 0, np.int8(0), np.int8(1), nodes, table)
    return outcome


@njit(
    void(_STATES, int64, int64, int64, uint64[:, ::1], int32[::1], int8[::1], int32[::1]),
    cache=True,
    nogil=True,
)
def batched_look_ahead(states, plies, budget, reach, tables, rows, outcomes, distances):
    deepest = max(plies, reach)
    line = np.empty(deepest + 2, states.dtype)
    actions = np.empty((deepest + 2, MAX_LEGAL), np.int32)
    order = np.empty((deepest + 2, MAX_LEGAL), np.int64)
    nodes = np.empty(1, np.int64)
    for b in range(len(states)):
        line[0] = states[b]
        outcomes[b] = _proven_outcome(line, actions, 0, plies)
        distances[b] = 0 if states[b].finished else plies
        left = MAX_PLIES - states[b].ply
        if outcomes[b] == _UNPROVEN and left <= reach:
            line[0] = states[b]
            nodes[0] = budget
            distances[b] = left
            outcomes[b] = _settled(line, actions, order, nodes, tables[rows[b]])


@njit(
    void(
        _STATES, int32[::1], int64, int64, int64, uint64[:, ::1], int32[::1], int8[::1], int32[::1],
        int32[:, ::1], int32[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def batched_arrive(
    states, played, plies, budget, reach, tables, rows, outcomes, distances, legal, counts
):
    for b in range(len(states)):
        step(states[b], played[b])
    batched_look_ahead(states, plies, budget, reach, tables, rows, outcomes, distances)
    for b in range(len(states)):
        count = 0
        if outcomes[b] == _UNPROVEN:
            count = legal_actions(states[b], legal[b])
        counts[b] = count
        for k in range(count, legal.shape[1]):
            legal[b, k] = -1


@njit(
    void(_STATES, int8[::1], int64, int64, uint64[::1], int32[::1], int8[::1]),
    cache=True,
    nogil=True,
)
def batched_settle_moves(states, movers, budget, reach, table, rows, outcomes):
    line = np.empty(reach + 2, states.dtype)
    actions = np.empty((reach + 2, MAX_LEGAL), np.int32)
    order = np.empty((reach + 2, MAX_LEGAL), np.int64)
    nodes = np.empty(1, np.int64)
    first = 0
    while first < len(states):
        last = first + 1
        while last < len(states) and rows[last] == rows[first]:
            last += 1
        nodes[0] = budget
        is_clean = False
        for b in range(first, last):
            outcomes[b] = _UNPROVEN
        for b in range(first, last):
            if MAX_PLIES - states[b].ply > reach:
                break
            line[0] = states[b]
            mover = np.int64(states[b].to_play)
            outcomes[b] = _at_once(line, 0, mover)
            if outcomes[b] == _UNPROVEN:
                if not is_clean:
                    table[:] = np.uint64(0)
                    is_clean = True
                outcomes[b] = _settled(line, actions, order, nodes, table)
            if outcomes[b] == (1 if mover == movers[b] else -1):
                break
        first = last


if HAS_OWNERSHIP:

    @njit(void(_STATES, int8[:, :, ::1], float32[::1]), cache=True, nogil=True)
    def batched_final_ownership(states, owners, leads):
        for b in range(len(states)):
            leads[b] = final_ownership(states[b], owners[b])


@njit(void(_STATES, uint64[::1]), cache=True, nogil=True)
def batched_play_out(states, rng):
    actions = np.empty(MAX_LEGAL, np.int32)
    for b in range(len(states)):
        while not states[b].finished:
            count = legal_actions(states[b], actions)
            rng[0] += np.uint64(0x9E3779B97F4A7C15)
            # The high half of a product picks one of ``count`` without the cost of a remainder.
            chosen = ((_mix(rng[0]) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)
            step(states[b], actions[chosen])
