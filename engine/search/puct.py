"""Selection by PUCT, as AlphaZero does it, with first-play urgency and exact results."""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import inlined, kernel
from engine.kernels.numerics import gamma_noise, hash64, log64
from engine.search.tree import (
    CHILD,
    COUNT,
    DRAW,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    MOVER,
    PENDING,
    PRIOR,
    UNKNOWN,
    VALUES,
    VISITS,
    edge_at,
    edge_kind,
    word_at,
)

# Settings as the kernels read them: ``[3]`` float64.
EXPLORATION, EXPLORATION_BASE, FIRST_PLAY_REDUCTION = 0, 1, 2

_LEAST = np.float32(-1e30)


@inlined
def exploration_factor(visits, settings):
    """AlphaZero's c(s) = c_init + log((1 + N + c_base) / c_base), float32."""
    base = settings[EXPLORATION_BASE]
    return np.float32(settings[EXPLORATION] + log64((visits + base + 1.0) / base))


@inlined
def select_puct(ints, floats, base, node, settings):
    """Slot with the highest Q + c(s) P sqrt(N) / (1 + n); -1 if none may be taken.

    Q is the mean for the mover of the node. Edges known to lose are passed over, and so are those
    whose leaf is being evaluated. Equal scores: the lowest slot.

    Source: Silver et al. 2018, "A general reinforcement learning algorithm that masters chess,
    shogi, and Go through self-play", pseudocode; first-play urgency as in KataGo.
    """
    head = word_at(base + node)
    visits = np.float32(ints[head + VISITS])
    factor = exploration_factor(np.float64(visits), settings) * np.sqrt(visits)
    explored = np.float32(0.0)
    best, best_score = -1, _LEAST
    # Unvisited edges have the same value, so the one with the highest prior stands for them all.
    new, new_prior = -1, np.float32(-1.0)
    for slot in range(ints[head + COUNT]):
        edge = edge_at(head, slot)
        kind = edge_kind(ints, edge)
        child = ints[edge + CHILD]
        edge_visits = ints[edge + EDGE_VISITS]
        prior = floats[edge + PRIOR]
        if kind == LOSS:
            continue
        if edge_visits > 0 or kind == DRAW:
            explored += prior if edge_visits > 0 else np.float32(0.0)
            times = np.float32(edge_visits)
            value = floats[edge + EDGE_VALUE] / times if kind != DRAW else np.float32(0.0)
            score = value + factor * prior / (np.float32(1.0) + times)
            if score > best_score and child != PENDING:
                best, best_score = slot, score
        elif prior > new_prior and child != PENDING:
            new, new_prior = slot, prior
    if new >= 0:
        mean = floats[head + VALUES + ints[head + MOVER]] / visits
        unvisited = mean - np.float32(settings[FIRST_PLAY_REDUCTION]) * np.sqrt(explored)
        score = unvisited + factor * new_prior
        if score > best_score or (score == best_score and new < best):
            best = new
    return best


@kernel
def forced_slot(ints, floats, base, forced):
    """A root edge that has not had its forced playouts yet, or -1.

    Source: Wu 2019, "Accelerating self-play learning in Go", 3.2: a child visited at all gets at
    least sqrt(k P N) visits.
    """
    visits = np.float64(ints[base + VISITS])
    for slot in range(ints[base + COUNT]):
        edge = edge_at(base, slot)
        n = ints[edge + EDGE_VISITS]
        if n > 0 and edge_kind(ints, edge) == UNKNOWN and ints[edge + CHILD] != PENDING:
            if np.float64(n) * n < forced * floats[edge + PRIOR] * visits:
                return slot
    return -1


@kernel
def add_root_noise(ints, floats, base, seed, concentration, share):
    """Mix Dirichlet noise into the root's priors: (1 - share) P + share Dir(concentration / n).

    ``seed`` is used up.
    """
    count = ints[base + COUNT]
    noise = np.empty(count, np.float64)
    total = 0.0
    for slot in range(count):
        noise[slot] = gamma_noise(hash64(seed, np.uint64(slot)), concentration / count)
        total += noise[slot]
    if total <= 0.0:
        return
    for slot in range(count):
        edge = edge_at(base, slot)
        prior = np.float64(floats[edge + PRIOR])
        floats[edge + PRIOR] = np.float32((1.0 - share) * prior + share * noise[slot] / total)
