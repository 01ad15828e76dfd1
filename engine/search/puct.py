"""Selection by PUCT, as AlphaZero does it, with first-play urgency and exact results."""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.search.numerics import gamma_noise, hash64, log64
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
)

# Settings as the kernels read them: ``[3]`` float64.
EXPLORATION, EXPLORATION_BASE, FIRST_PLAY_REDUCTION = 0, 1, 2


@njit(cache=True, nogil=True)
def exploration_factor(visits, settings):
    """AlphaZero's c(s) = c_init + log((1 + N + c_base) / c_base), float32."""
    base = settings[EXPLORATION_BASE]
    return np.float32(settings[EXPLORATION] + log64((visits + base + 1.0) / base))


@njit(cache=True, nogil=True)
def select_puct(ints, floats, base, node, settings):
    """Slot with the highest Q + c(s) P sqrt(N) / (1 + n); -1 if none may be taken.

    Q is the mean for the mover of the node. Edges known to lose are passed over, and so are those
    whose leaf is being evaluated. Equal scores: the lowest slot.

    Source: Silver et al. 2018, "A general reinforcement learning algorithm that masters chess,
    shogi, and Go through self-play", pseudocode; first-play urgency as in KataGo.
    """
    head = base + node
    count = ints[head + COUNT]
    visits = np.float32(ints[head + VISITS])
    explored = np.float32(0.0)
    for slot in range(count):
        edge = base + edge_at(node, slot)
        if ints[edge + EDGE_VISITS] > 0 and edge_kind(ints, edge) != LOSS:
            explored += floats[edge + PRIOR]
    mean = floats[head + VALUES + ints[head + MOVER]] / visits
    unvisited = mean - np.float32(settings[FIRST_PLAY_REDUCTION]) * np.sqrt(explored)
    factor = exploration_factor(np.float64(visits), settings) * np.sqrt(visits)
    best = -1
    best_score = np.float32(-1e30)
    for slot in range(count):
        edge = base + edge_at(node, slot)
        kind = edge_kind(ints, edge)
        if kind == LOSS or ints[edge + CHILD] == PENDING:
            continue
        edge_visits = np.float32(ints[edge + EDGE_VISITS])
        if kind == DRAW:
            value = np.float32(0.0)
        elif edge_visits > 0:
            value = floats[edge + EDGE_VALUE] / edge_visits
        else:
            value = unvisited
        score = value + factor * floats[edge + PRIOR] / (np.float32(1.0) + edge_visits)
        if score > best_score:
            best_score = score
            best = slot
    return best


@njit(cache=True, nogil=True)
def forced_slot(ints, floats, base, forced):
    """A root edge that has not had its forced playouts yet, or -1.

    Source: Wu 2019, "Accelerating self-play learning in Go", 3.2: a child visited at all gets at
    least sqrt(k P N) visits.
    """
    visits = np.float64(ints[base + VISITS])
    for slot in range(ints[base + COUNT]):
        edge = base + edge_at(0, slot)
        n = ints[edge + EDGE_VISITS]
        if n > 0 and edge_kind(ints, edge) == UNKNOWN and ints[edge + CHILD] != PENDING:
            if np.float64(n) * n < forced * floats[edge + PRIOR] * visits:
                return slot
    return -1


@njit(cache=True, nogil=True)
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
        edge = base + edge_at(0, slot)
        prior = np.float64(floats[edge + PRIOR])
        floats[edge + PRIOR] = np.float32((1.0 - share) * prior + share * noise[slot] / total)
