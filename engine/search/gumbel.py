"""Gumbel AlphaZero: sequential halving at the root, deterministic selection below it.

Source: Danihelka, Guez, Schrittwieser and Silver 2022, "Policy improvement by planning with
Gumbel". Priors stand for logits everywhere: softmax(logits + x) is proportional to P exp(x).
"""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import inlined, kernel
from engine.kernels.numerics import exp32
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
    word_at,
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

BLOCK = 8  # scratch rows are as long as a multiple of this

_LEAST = np.float32(-1e30)
_UNTRIED = np.float32(9.0)  # marks a move without a value of its own; values lie in -1..+1


@inlined
def complete_values(ints, floats, head, settings, values, priors):
    """Write the completed Q of every edge of a node, and say how steeply sigma rises with it.

    A move that was tried has its mean, a proven one its exact result, the others the mixed value
    (equation 33): the raw value, mixed with the prior-weighted mean of the moves tried. Moves
    known to lose take no part: their prior is written as 0, and a value below all others, since
    ``exp32`` knows no arguments above 0 (0 times what it makes of them may be no number).

    Takes:
        ints, floats, head: the node, at absolute word ``head``.
        settings: see the constants above.
        values: out ``[K8]`` float32, for the node's mover.
        priors: out ``[K8]`` float32; both are filled up to whole blocks, as if by lost moves.

    Returns:
        Visits of all edges not known to lose; the slope of sigma(q) = slope * q + constant, that is
        (c_visit + max N) * c_scale with q moved to 0..1 or stretched over the node's own range; and
        the highest value.
    """
    count = ints[head + COUNT]
    total = 0
    most = 0
    prior_sum = np.float32(0.0)
    value_sum = np.float32(0.0)
    highest, lowest = _LEAST, -_LEAST
    is_complete = True
    for slot in range(count):
        edge = edge_at(head, slot)
        kind = edge_kind(ints, edge)
        visits = ints[edge + EDGE_VISITS]
        prior = floats[edge + PRIOR]
        if kind == UNKNOWN:
            total += visits
            most = max(most, visits)
            if visits == 0:
                values[slot] = _UNTRIED
                priors[slot] = prior
                is_complete = False
                continue
            value = floats[edge + EDGE_VALUE] / np.float32(visits)
        elif kind == LOSS:
            values[slot] = _LEAST
            priors[slot] = np.float32(0.0)
            continue
        else:
            total += visits
            most = max(most, visits)
            value = np.float32(kind - 2)
        prior_sum += prior
        value_sum += prior * value
        highest = max(highest, value)
        lowest = min(lowest, value)
        values[slot] = value
        priors[slot] = prior
    for slot in range(count, (count + BLOCK - 1) // BLOCK * BLOCK):
        values[slot] = _LEAST
        priors[slot] = np.float32(0.0)
    if not is_complete:
        mixed = floats[head + RAW_VALUE]
        if prior_sum > 0:
            mixed = (mixed + np.float32(total) * value_sum / prior_sum) / np.float32(total + 1)
        for slot in range(count):
            if values[slot] == _UNTRIED:
                values[slot] = mixed
        highest = max(highest, mixed)
        lowest = min(lowest, mixed)
    slope = np.float32((settings[VISIT_OFFSET] + most) * settings[VALUE_SCALE])
    if settings[RESCALE] > 0:
        # As mctx stretches them (``_rescale_qvalues``).
        return total, slope / max(highest - lowest, np.float32(1e-8)), highest
    return total, slope * np.float32(0.5), highest


@inlined
def improve_policy(values, weights, count, slope, highest):
    """Turn priors into P exp(sigma(completed Q)), up to a factor, in place.

    Takes:
        values: completed Q ``[K8]`` as ``complete_values`` writes it; used up.
        weights: priors ``[K8]``, as it writes them.
        count: edges.
        slope, highest: what it returned.

    Returns:
        The sum: ``weights / sum`` is the improved policy, softmax(logits + sigma(completed Q)).
    """
    # Blocks of a fixed length in a single array become vector instructions.
    for block in range((count + BLOCK - 1) // BLOCK):
        first = word_at(block * BLOCK)
        for i in range(BLOCK):
            values[first + i] = exp32(slope * (values[first + i] - highest))
    total = np.float32(0.0)
    for slot in range(count):
        weights[slot] *= values[slot]
        total += weights[slot]
    return total


@inlined
def select_gumbel(ints, floats, base, node, settings, values, weights):
    """Slot with the highest improved policy less its share of visits; -1 if none may be taken.

    argmax pi'(a) - N(a) / (1 + sum N), equation 14: visits follow the improved policy, without
    noise. Equal scores: the lowest slot. ``values`` and ``weights`` are scratch ``[K8]`` float32.
    """
    head = word_at(base + node)
    count = ints[head + COUNT]
    visits, slope, highest = complete_values(ints, floats, head, settings, values, weights)
    total = improve_policy(values, weights, count, slope, highest)
    share = np.float32(1.0) / total
    per_visit = np.float32(1.0) / np.float32(1 + visits)
    best = -1
    best_score = _LEAST
    for slot in range(count):
        edge = edge_at(head, slot)
        score = weights[slot] * share - np.float32(ints[edge + EDGE_VISITS]) * per_visit
        if score > best_score and edge_kind(ints, edge) != LOSS and ints[edge + CHILD] != PENDING:
            best_score = score
            best = slot
    return best


@kernel
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


@kernel
def _rounds(schedule):
    """Rounds of a phase with the present number of considered moves."""
    return max(1, schedule[BUDGET] // max(1, schedule[PHASES] * schedule[CONSIDERED]))


@kernel
def close_round(schedule):
    """Close a round; after the last one of a phase, half of the moves drop out."""
    schedule[LEVEL] += 1
    schedule[ROUNDS] -= 1
    if schedule[ROUNDS] <= 0:
        if schedule[CONSIDERED] > 1:
            schedule[CONSIDERED] = max(2, schedule[CONSIDERED] // 2)
        schedule[ROUNDS] = _rounds(schedule)
    schedule[LEFT] = schedule[CONSIDERED]


@inlined
def select_gumbel_root(
    ints, floats, base, settings, schedule, noisy_logits, new_visits, scores, weights
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
        scores, weights: scratch ``[K8]``.
    """
    head = word_at(base)
    _, slope, highest = complete_values(ints, floats, head, settings, scores, weights)
    for slot in range(ints[base + COUNT]):
        edge = edge_at(base, slot)
        if edge_kind(ints, edge) != UNKNOWN or ints[edge + CHILD] == PENDING:
            scores[slot] = _LEAST
        else:
            scores[slot] = noisy_logits[slot] + slope * (scores[slot] - highest)
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


@inlined
def _best_at_level(count, level, new_visits, scores):
    """Slot of the highest score among those with ``level`` visits, or -1."""
    best = -1
    best_score = _LEAST
    for slot in range(count):
        if new_visits[slot] == level and scores[slot] > best_score:
            best_score = scores[slot]
            best = slot
    return best
