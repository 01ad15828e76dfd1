"""From finished trees to a ``SearchResult``: policies, values and the moves to play."""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import kernel
from engine.kernels.numerics import exp32, hash64, log64, uniform
from engine.search.gumbel import complete_values, improve_policy
from engine.search.puct import exploration_factor
from engine.search.simulation import EXPLORE, FORCED_PLAYOUTS, GUMBEL, PLY, READY, STATUS
from engine.search.tree import (
    ACTION,
    ACTION_MASK,
    CHILD,
    COUNT,
    DRAW,
    DRAWS,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    MOVER,
    PRIOR,
    PROOF,
    UNKNOWN,
    VALUES,
    VISITS,
    WIN,
    edge_at,
    edge_kind,
    edge_proof,
    proof_kind,
    seen_from,
)

# Settings of the choice as the kernels read them, ``[4]`` float64.
TEMPERATURE, FINAL_TEMPERATURE, HALF_LIFE, SAMPLED_PLIES = 0, 1, 2, 3

_COLDEST = 0.02  # temperatures below this mean: the move with the most visits
_LEAST = np.float32(-1e30)
_SAMPLING = np.uint64(0x5A)  # keeps the stream of the choice apart from that of the noise


@kernel
def summarise(
    ints, floats, stride, trees, noisy_logits, new_visits, seeds, algorithm, settings, choice,
    scratch, actions, counts, priors, policies, visits, q_values, best_actions, sampled_actions,
    values, draws, proven,
):  # fmt: skip
    """Write the result of every tree; the last arrays are the fields of ``SearchResult``.

    Rows of trees that are not searched (finished positions) keep what stands there.
    """
    completed, weights, scores = scratch[0], scratch[1], scratch[2]
    for tree in range(len(trees)):
        if trees[tree, STATUS] != READY:
            continue
        base = np.int64(tree) * stride
        count = ints[base + COUNT]
        counts[tree] = count
        mean = floats[base + VALUES + ints[base + MOVER]] / np.float32(ints[base + VISITS])
        for slot in range(count):
            edge = edge_at(base, slot)
            actions[tree, slot] = ints[edge + ACTION] & ACTION_MASK
            priors[tree, slot] = floats[edge + PRIOR]
            visits[tree, slot] = ints[edge + EDGE_VISITS]
            q_values[tree, slot] = _edge_value(ints, floats, edge, mean)
        seed = hash64(seeds[tree], _SAMPLING)
        proof = ints[base + PROOF]
        if proof != UNKNOWN:
            proven[tree] = proof_kind(proof) - 2
            _settled(ints, base, proof, priors[tree], policies[tree], values[tree])
            draws[tree] = np.float32(proof_kind(proof) == DRAW)
            best = _quickest(ints, floats, base, proof)
            sampled = best
        elif algorithm == GUMBEL:
            _, slope, highest = complete_values(ints, floats, base, settings, completed, weights)
            for slot in range(count):
                scores[slot] = slope * (completed[slot] - highest)
            total = improve_policy(completed, weights, count, slope, highest)
            for slot in range(count):
                policies[tree, slot] = weights[slot] / total
            draws[tree] = _policy_value(ints, floats, base, weights, values[tree])
            best, sampled = _survivors(
                ints, base, scores, priors[tree], noisy_logits[tree], new_visits[tree]
            )
            if trees[tree, EXPLORE] != 0 and trees[tree, PLY] < choice[SAMPLED_PLIES]:
                sampled = _draw_slot(policies[tree], count, uniform(seed, np.uint64(0)))
        else:
            forced = settings[FORCED_PLAYOUTS] if trees[tree, EXPLORE] != 0 else 0.0
            best = _visit_policy(ints, floats, base, settings, forced, policies[tree])
            share = np.float32(1.0) / np.float32(ints[base + VISITS])
            values[tree, 0] = floats[base + VALUES] * share
            values[tree, 1] = floats[base + VALUES + 1] * share
            draws[tree] = floats[base + DRAWS] * share
            sampled = best
            if trees[tree, EXPLORE] != 0:
                fading = exp32(np.float32(-log64(2.0) * trees[tree, PLY] / choice[HALF_LIFE]))
                warmer = choice[TEMPERATURE] - choice[FINAL_TEMPERATURE]
                temperature = choice[FINAL_TEMPERATURE] + warmer * fading
                if temperature >= _COLDEST:
                    _temper(policies[tree], count, temperature, weights)
                    sampled = _draw_slot(weights, count, uniform(seed, np.uint64(0)))
        best_actions[tree] = actions[tree, best]
        sampled_actions[tree] = actions[tree, sampled]


@kernel
def _edge_value(ints, floats, edge, unvisited):
    """Value of an edge for its mover: exact where proven, else its mean."""
    kind = edge_kind(ints, edge)
    if kind != UNKNOWN:
        return np.float32(kind - 2)
    if ints[edge + EDGE_VISITS] == 0:
        return unvisited
    return floats[edge + EDGE_VALUE] / np.float32(ints[edge + EDGE_VISITS])


@kernel
def _is_best(ints, edge, proof):
    """Whether a move keeps the root's proven result; of lost ones only those that last longest."""
    known = edge_proof(ints, edge)
    if proof_kind(known) != proof_kind(proof):
        return False
    return proof_kind(proof) != LOSS or (known >> 2) + 1 >= proof >> 2


@kernel
def _settled(ints, base, proof, priors, policy, values):
    """Policy and values of a proven root: its priors over the moves that keep the result."""
    total = np.float32(0.0)
    count = ints[base + COUNT]
    for slot in range(count):
        policy[slot] = np.float32(0.0)
        if _is_best(ints, edge_at(base, slot), proof):
            policy[slot] = priors[slot]
            total += priors[slot]
    for slot in range(count):
        policy[slot] /= total
    mover = ints[base + MOVER]
    for player in range(len(values)):
        values[player] = np.float32(proof_kind(seen_from(proof, mover, player)) - 2)


@kernel
def _quickest(ints, floats, base, proof):
    """Slot that wins soonest; in a draw or loss the most visited of those that keep the result."""
    best = -1
    best_score = np.float64(_LEAST)
    for slot in range(ints[base + COUNT]):
        edge = edge_at(base, slot)
        if not _is_best(ints, edge, proof):
            continue
        if proof_kind(proof) == WIN:
            score = -np.float64(edge_proof(ints, edge))
        else:
            score = np.float64(ints[edge + EDGE_VISITS])
        score += 0.5 * floats[edge + PRIOR]
        if score > best_score:
            best_score = score
            best = slot
    return best


@kernel
def _policy_value(ints, floats, base, weights, values):
    """Value of following the improved policy over the moves tried; returns the draws.

    Unlike the plain mean it does not count the visits that halving spent on bad moves.
    """
    total = np.float32(0.0)
    sums = np.zeros(3, np.float32)
    for slot in range(ints[base + COUNT]):
        edge = edge_at(base, slot)
        child = base + ints[edge + CHILD]
        if edge_kind(ints, edge) == DRAW:
            total += weights[slot]
            sums[2] += weights[slot]
        elif edge_kind(ints, edge) == UNKNOWN and child > base:
            total += weights[slot]
            share = weights[slot] / np.float32(ints[child + VISITS])
            for i in range(3):
                sums[i] += share * floats[child + VALUES + i]
    if total <= 0:
        total = np.float32(ints[base + VISITS])
        for i in range(3):
            sums[i] = floats[base + VALUES + i]
    values[0] = sums[0] / total
    values[1] = sums[1] / total
    return sums[2] / total


@kernel
def _survivors(ints, base, scores, priors, noisy_logits, new_visits):
    """Winner of the halving without and with the noise: two slots.

    In the race at the end are the open moves with the most visits of this search, and every move
    that is proven to draw.
    """
    count = ints[base + COUNT]
    most = 0
    for slot in range(count):
        if edge_kind(ints, edge_at(base, slot)) == UNKNOWN:
            most = max(most, new_visits[slot])
    best, sampled = -1, -1
    best_score, sampled_score = -np.inf, -np.inf
    for slot in range(count):
        kind = edge_kind(ints, edge_at(base, slot))
        if kind == LOSS or (kind == UNKNOWN and new_visits[slot] < most):
            continue
        score = log64(priors[slot]) + scores[slot]
        if score > best_score:
            best_score = score
            best = slot
        score = np.float64(noisy_logits[slot]) + scores[slot]
        if score > sampled_score:
            sampled_score = score
            sampled = slot
    return best, sampled


@kernel
def _visit_policy(ints, floats, base, settings, forced, policy):
    """Write the visit shares over moves not known to lose; returns the most visited one's slot.

    With forced playouts, as many visits are taken from each move but the best as leave its PUCT
    score below the best's: they were not what the search would have chosen (Wu 2019, 3.2).
    """
    count = ints[base + COUNT]
    best = -1
    best_score = -1.0
    for slot in range(count):
        edge = edge_at(base, slot)
        policy[slot] = np.float32(0.0)
        if edge_kind(ints, edge) != LOSS:
            policy[slot] = np.float32(ints[edge + EDGE_VISITS])
            score = np.float64(policy[slot]) + 0.5 * floats[edge + PRIOR]
            if score > best_score:
                best_score = score
                best = slot
    if forced > 0.0:
        _prune_forced(ints, floats, base, settings, forced, best, policy)
    total = np.float32(0.0)
    for slot in range(count):
        total += policy[slot]
    if total > 0:
        for slot in range(count):
            policy[slot] /= total
        return best
    for slot in range(count):
        edge = edge_at(base, slot)
        if edge_kind(ints, edge) != LOSS:
            policy[slot] = floats[edge + PRIOR]
            total += policy[slot]
    for slot in range(count):
        policy[slot] /= total
    return best


@kernel
def _prune_forced(ints, floats, base, settings, forced, best, policy):
    """Take forced playouts out of the visit counts in ``policy``."""
    visits = np.float64(ints[base + VISITS])
    factor = np.float64(exploration_factor(visits, settings)) * np.sqrt(visits)
    edge = edge_at(base, best)
    mean = _edge_value(ints, floats, edge, np.float32(0.0))
    ceiling = mean + factor * floats[edge + PRIOR] / (1.0 + policy[best])
    for slot in range(ints[base + COUNT]):
        if slot == best or policy[slot] == 0:
            continue
        edge = edge_at(base, slot)
        mean = _edge_value(ints, floats, edge, np.float32(0.0))
        spare = np.sqrt(forced * floats[edge + PRIOR] * visits)
        fewest = policy[slot]
        if mean < ceiling:
            # The fewest visits with which this move would still score below the best one.
            fewest = np.float32(np.ceil(factor * floats[edge + PRIOR] / (ceiling - mean) - 1.0))
        kept = min(policy[slot], max(fewest, policy[slot] - np.float32(np.floor(spare))))
        policy[slot] = kept if kept > 1 else np.float32(0.0)


@kernel
def _temper(policy, count, temperature, weights):
    """Write policy ** (1 / temperature), up to a factor."""
    highest = np.float32(0.0)
    for slot in range(count):
        highest = max(highest, policy[slot])
    for slot in range(count):
        weights[slot] = np.float32(0.0)
        if policy[slot] > 0:
            ratio = log64(policy[slot] / highest) / temperature
            weights[slot] = exp32(np.float32(ratio))


@kernel
def _draw_slot(weights, count, u):
    """Slot drawn in proportion to the weights by a number in (0, 1)."""
    total = 0.0
    for slot in range(count):
        total += weights[slot]
    left = u * total
    last = 0
    for slot in range(count):
        if weights[slot] > 0:
            last = slot
            left -= weights[slot]
            if left < 0:
                break
    return last
