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
_ENDGAME_NODES = 2000  # spent on one ending at most: about a network evaluation on a CPU


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


@njit(int8(_STATES, int32[:, ::1], int64, int8, int8, int64[::1]), cache=True, nogil=True)
def _ending(line, actions, depth, alpha, beta, nodes):
    # Alpha-beta to the end for the mover of line[depth]; unproven once ``nodes`` are spent.
    mover = line[depth].to_play
    if line[depth].finished:
        result = line[depth].returns[mover]
        return np.int8(1 if result > 0 else (-1 if result < 0 else 0))
    if SETTLES_IN_TWO:
        outcome = np.int8(settled_in_two(line[depth]))
        if outcome != _UNPROVEN:
            return outcome
    nodes[0] -= 1
    if nodes[0] < 0:
        return np.int8(_UNPROVEN)
    count = legal_actions(line[depth], actions[depth])
    best = np.int8(-1)
    for i in range(count):
        # From the middle slot outwards: on most boards the better half comes first.
        k = (count - 1) // 2 + ((i + 1) // 2 if i % 2 else -(i // 2))
        line[depth + 1] = line[depth]
        step(line[depth + 1], actions[depth, k])
        if line[depth + 1].to_play == mover:
            outcome = _ending(line, actions, depth + 1, alpha, beta, nodes)
        else:
            outcome = _ending(line, actions, depth + 1, np.int8(-beta), np.int8(-alpha), nodes)
            if outcome != _UNPROVEN:
                outcome = np.int8(-outcome)
        if outcome == _UNPROVEN:
            return outcome
        best = max(best, outcome)
        alpha = max(alpha, best)
        if alpha >= beta:
            break
    return best


@njit(void(_STATES, int64, int8[::1]), cache=True, nogil=True)
def batched_look_ahead(states, plies, outcomes):
    deepest = max(plies, ENDGAME_PLIES)
    line = np.empty(deepest + 1, states.dtype)
    actions = np.empty((deepest + 1, MAX_LEGAL), np.int32)
    nodes = np.empty(1, np.int64)
    for b in range(len(states)):
        line[0] = states[b]
        outcomes[b] = _UNPROVEN
        if MAX_PLIES - states[b].ply <= ENDGAME_PLIES:
            nodes[0] = _ENDGAME_NODES
            outcomes[b] = _ending(line, actions, 0, np.int8(-1), np.int8(1), nodes)
        if outcomes[b] == _UNPROVEN:
            line[0] = states[b]
            outcomes[b] = _proven_outcome(line, actions, 0, plies)


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
