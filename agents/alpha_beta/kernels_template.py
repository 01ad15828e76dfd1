# ruff: noqa: D100, D103, F821
# Not imported: ``compiled.py`` puts this text after the names of one game (STATE, MAX_LEGAL, step,
# legal_actions) and after an ``evaluate``, and imports the whole as one generated module, so that
# everything is inlined.

import numpy as np
from numba import from_dtype, int32, njit, void

_STATES = from_dtype(STATE)[::1]
_WIN = 1_000_000  # minus the ply at which it comes: the sooner, the better for the winner
_INFINITE = 2_000_000


@njit(
    void(_STATES, int32[:, ::1], int32[::1], int32, int32[::1], int32[::1]), cache=True, nogil=True
)
def batched_alpha_beta(states, root_actions, root_counts, plies, chosen, scores):
    # All scores are from the view of player 0, who maximises; player 1 minimises. Whose turn it is
    # comes from each position, so a player may move twice in a row. Among equal root moves the one
    # that stands first in ``root_actions`` is chosen.
    line = np.empty(plies + 1, states.dtype)  # row d lies d half-moves below the root
    actions = np.empty((plies + 1, MAX_LEGAL), np.int32)
    counts = np.empty(plies + 1, np.int32)
    tried = np.empty(plies + 1, np.int32)
    best = np.empty(plies + 1, np.int32)
    alpha = np.empty(plies + 1, np.int32)  # player 0 is sure of this much elsewhere
    beta = np.empty(plies + 1, np.int32)  # player 1 is sure of this little elsewhere
    for b in range(len(states)):
        line[0] = states[b]
        alpha[0] = -_INFINITE
        beta[0] = _INFINITE
        depth = 0
        entering = True
        while True:
            score = np.int32(0)
            done = False
            if entering:
                entering = False
                if line[depth].finished:
                    result = line[depth].returns[0]
                    if result > 0:
                        score = np.int32(_WIN - line[depth].ply)
                    elif result < 0:
                        score = np.int32(line[depth].ply - _WIN)
                    done = True
                elif depth == plies:
                    score = np.int32(evaluate(line[depth]))
                    done = True
                else:
                    if depth == 0:
                        counts[0] = root_counts[b]
                        actions[0, : counts[0]] = root_actions[b, : counts[0]]
                    else:
                        counts[depth] = legal_actions(line[depth], actions[depth])
                    tried[depth] = 0
                    best[depth] = -_INFINITE if line[depth].to_play == 0 else _INFINITE
            if not done:
                if tried[depth] == counts[depth] or alpha[depth] >= beta[depth]:
                    score = best[depth]
                    done = True
                else:
                    line[depth + 1] = line[depth]
                    step(line[depth + 1], actions[depth, tried[depth]])
                    alpha[depth + 1] = alpha[depth]
                    beta[depth + 1] = beta[depth]
                    tried[depth] += 1
                    depth += 1
                    entering = True
                    continue
            if depth == 0:
                scores[b] = score
                break
            depth -= 1
            maximises = line[depth].to_play == 0
            if (maximises and score > best[depth]) or (not maximises and score < best[depth]):
                best[depth] = score
                if depth == 0:
                    chosen[b] = actions[0, tried[0] - 1]
                if maximises:
                    alpha[depth] = max(alpha[depth], score)
                else:
                    beta[depth] = min(beta[depth], score)
