"""Gumbel AlphaZero: sequential halving at the root, deterministic selection below it.

Source: Danihelka, Guez, Schrittwieser and Silver 2022, "Policy improvement by planning with
Gumbel". Priors stand for logits everywhere: softmax(logits + x) is proportional to P exp(x).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.search.numerics import exp32
from engine.search.tree import (
    CHILD,
    COUNT,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    PENDING,
    PRIOR,
    RAW_VALUE,
    UNKNOWN,
    edge_at,
    edge_kind,
)

# Settings as the kernels read them: ``[3]`` float64.
VISIT_OFFSET, VALUE_SCALE, RESCALE = 0, 1, 2

# Where a tree stands in sequential halving: columns of an int32 row.
CONSIDERED = 0  # moves still in the race
LEVEL = 1  # visits that the next move to be visited has had in this search
LEFT = 2  # visits left in this round, in which every move in the race gets one
ROUNDS = 3  # rounds left, this one included, before half of the moves drop out
BUDGET = 4  # simulations that the phases were planned for
PHASES = 5  # halvings in the plan
SCHEDULE_COLUMNS = 6

_LEAST = np.float32(-1e30)


@njit(cache=True, nogil=True)
def complete_values(ints, floats, base, node, settings, scores):
    """Write sigma(completed Q) of each edge; returns the visits of all edges not known to lose.

    A move that was tried has its mean, a proven one its exact result, the others the mixed value
    (equation 33): the raw value, mixed with the prior-weighted mean of the moves tried. Moves
    known to lose take no part and get a score that no policy can see.

    Takes:
        ints, floats, base, node: where the node stands.
        settings: see the constants above.
        scores: out ``[K]`` float32, sigma(q) = (c_visit + max N) * c_scale * q. Here q is the value
            for the node's mover, moved from -1..+1 to 0..1, or stretched over the node's range.
    """
    count = ints[base + node + COUNT]
    total = 0
    most = 0
    prior_sum = np.float32(0.0)
    value_sum = np.float32(0.0)
    for slot in range(count):
        edge = base + edge_at(node, slot)
        kind = edge_kind(ints, edge)
        visits = ints[edge + EDGE_VISITS]
        if kind == LOSS:
            scores[slot] = _LEAST
            continue
        total += visits
        most = max(most, visits)
        if kind != UNKNOWN:
            value = np.float32(kind - 2)
        elif visits > 0:
            value = floats[edge + EDGE_VALUE] / np.float32(visits)
        else:
            continue
        prior = floats[edge + PRIOR]
        prior_sum += prior
        value_sum += prior * value
        scores[slot] = value
    mixed = floats[base + node + RAW_VALUE]
    if prior_sum > 0:
        share = np.float32(total) * value_sum / prior_sum
        mixed = (mixed + share) / np.float32(total + 1)
    scale = np.float32((settings[VISIT_OFFSET] + most) * settings[VALUE_SCALE])
    for slot in range(count):
        edge = base + edge_at(node, slot)
        if edge_kind(ints, edge) == UNKNOWN and ints[edge + EDGE_VISITS] == 0:
            scores[slot] = mixed
    if settings[RESCALE] > 0:
        shift, stretch = _range(scores, count)
    else:
        shift, stretch = np.float32(-1.0), np.float32(0.5)
    for slot in range(count):
        if scores[slot] > _LEAST:
            scores[slot] = scale * (scores[slot] - shift) * stretch
    return total


@njit(cache=True, nogil=True)
def _range(values, count):
    """Lowest of the values, and what stretches them to 0..1 (mctx's ``_rescale_qvalues``)."""
    lowest, highest = np.float32(1e30), np.float32(-1e30)
    for slot in range(count):
        if values[slot] > _LEAST:
            lowest = min(lowest, values[slot])
            highest = max(highest, values[slot])
    return lowest, np.float32(1.0) / max(highest - lowest, np.float32(1e-8))


@njit(cache=True, nogil=True)
def improve_policy(ints, floats, base, node, scores, weights):
    """Write P exp(score) / (largest such factor) per edge, zero where the edge loses.

    Returns:
        Their sum: ``weights / sum`` is the improved policy, softmax(logits + sigma(completed Q)).
    """
    count = ints[base + node + COUNT]
    highest = _LEAST
    for slot in range(count):
        highest = max(highest, scores[slot])
    total = np.float32(0.0)
    for slot in range(count):
        weight = np.float32(0.0)
        if scores[slot] > _LEAST:
            prior = floats[base + edge_at(node, slot) + PRIOR]
            weight = prior * exp32(scores[slot] - highest)
        weights[slot] = weight
        total += weight
    return total


@njit(cache=True, nogil=True)
def select_gumbel(ints, floats, base, node, settings, scores, weights):
    """Slot with the highest improved policy less its share of visits; -1 if none may be taken.

    argmax pi'(a) - N(a) / (1 + sum N), equation 14: visits follow the improved policy, without
    noise. Equal scores: the lowest slot. ``scores`` and ``weights`` are scratch ``[K]`` float32.
    """
    visits = complete_values(ints, floats, base, node, settings, scores)
    total = improve_policy(ints, floats, base, node, scores, weights)
    share = np.float32(1.0) / total
    per_visit = np.float32(1.0) / np.float32(1 + visits)
    best = -1
    best_score = _LEAST
    for slot in range(ints[base + node + COUNT]):
        edge = base + edge_at(node, slot)
        if scores[slot] == _LEAST or ints[edge + CHILD] == PENDING:
            continue
        score = weights[slot] * share - np.float32(ints[edge + EDGE_VISITS]) * per_visit
        if score > best_score:
            best_score = score
            best = slot
    return best


@njit(cache=True, nogil=True)
def plan_halving(schedule, considered, simulations):
    """Start sequential halving among ``considered`` moves with a budget of simulations.

    Source: Karnin et al. 2013; rounds per phase as in algorithm 2 of the paper.
    """
    phases = 0
    while (1 << phases) < considered:
        phases += 1
    schedule[CONSIDERED] = considered
    schedule[LEVEL] = 0
    schedule[LEFT] = considered
    schedule[BUDGET] = simulations
    schedule[PHASES] = phases
    schedule[ROUNDS] = _rounds(schedule)


@njit(cache=True, nogil=True)
def _rounds(schedule):
    """Rounds of a phase with the present number of considered moves."""
    return max(1, schedule[BUDGET] // max(1, schedule[PHASES] * schedule[CONSIDERED]))


@njit(cache=True, nogil=True)
def close_round(schedule):
    """Close a round; after the last one of a phase, half of the moves drop out."""
    schedule[LEVEL] += 1
    schedule[ROUNDS] -= 1
    if schedule[ROUNDS] <= 0:
        if schedule[CONSIDERED] > 1:
            schedule[CONSIDERED] = max(2, schedule[CONSIDERED] // 2)
        schedule[ROUNDS] = _rounds(schedule)
    schedule[LEFT] = schedule[CONSIDERED]


@njit(cache=True, nogil=True)
def select_gumbel_root(
    ints, floats, base, settings, schedule, noisy_logits, new_visits, scores
):  # fmt: skip
    """The root edge that sequential halving visits next; -1 if none may be taken.

    Among the edges that were visited ``LEVEL`` times in this search: the highest
    g + logits + sigma(completed Q). Only visits of this search count for the halving; what was kept
    from the search before sharpens the values. Proven edges are not visited: their value is known,
    and their turns fall to the others.

    Takes:
        ints, floats, base: arena of the tree.
        settings: see the constants above.
        schedule: row of this tree; it is advanced.
        noisy_logits: ``[K]`` Gumbel noise + log prior.
        new_visits: ``[K]`` visits of each edge in this search; the chosen one's is raised.
        scores: scratch ``[K]``.
    """
    complete_values(ints, floats, base, 0, settings, scores)
    for slot in range(ints[base + COUNT]):
        edge = base + edge_at(0, slot)
        if edge_kind(ints, edge) != UNKNOWN or ints[edge + CHILD] == PENDING:
            scores[slot] = _LEAST
        else:
            scores[slot] += noisy_logits[slot]
    if schedule[LEFT] == 0:
        close_round(schedule)
    best = _best_at_level(ints[base + COUNT], schedule[LEVEL], new_visits, scores)
    if best < 0:
        # Proofs have emptied this round: go on with those that have come furthest.
        furthest = -1
        for slot in range(ints[base + COUNT]):
            if scores[slot] > _LEAST:
                furthest = max(furthest, new_visits[slot])
        if furthest < 0:
            return -1
        close_round(schedule)
        schedule[LEVEL] = furthest
        best = _best_at_level(ints[base + COUNT], furthest, new_visits, scores)
    schedule[LEFT] -= 1
    new_visits[best] += 1
    return best


@njit(cache=True, nogil=True)
def _best_at_level(count, level, new_visits, scores):
    """Slot of the highest score among those with ``level`` visits, or -1."""
    best = -1
    best_score = _LEAST
    for slot in range(count):
        if new_visits[slot] == level and scores[slot] > best_score:
            best_score = scores[slot]
            best = slot
    return best
