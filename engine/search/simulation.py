"""The batched step of the search: descend every tree, and carry the answers back up.

One step of a group of trees is

    grow    writes the leaves that were judged into their trees, then descends again: for each new
            leaf a copy of its parent's state and the action that leads to it
    (the rules play these actions and look ahead for settled results)
    settle  closes the leaves whose result is known, and moves the others together
    (the evaluator judges those)

All kernels trust their arguments.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.search.gumbel import LEFT, plan_halving, select_gumbel, select_gumbel_root
from engine.search.numerics import exp32, gumbel_noise, hash64, log64
from engine.search.puct import add_root_noise, forced_slot, select_puct
from engine.search.tree import (
    ACTION,
    ACTION_MASK,
    CHILD,
    COUNT,
    DRAW,
    EDGE_VALUE,
    EDGE_VISITS,
    MOVER,
    MOVER_BYTE,
    NO_CHILD,
    PENDING,
    PRIOR,
    PROOF,
    UNKNOWN,
    back_up,
    compiled_node_words,
    edge_at,
    edge_kind,
    make_proof,
    seen_from,
    write_node,
)

# Columns of a tree's row in ``trees``.
STATUS, USED, BUDGET, SPENT, EXPLORE, PLY = 0, 1, 2, 3, 4, 5
TREE_COLUMNS = 6

# Values of STATUS.
EMPTY, NEW, READY, FINISHED = 0, 1, 2, 3

# ``algorithm``
PUCT, GUMBEL = 0, 1

# Columns of a leaf's row in ``leaves``.
LEAF_TREE, LEAF_DEPTH = 0, 1
LEAF_COLUMNS = 2

# Settings as the kernels read them, ``[8]`` float64; the first three belong to the algorithm.
NOISE_CONCENTRATION, NOISE_SHARE, ROOT_TEMPERATURE = 3, 4, 5
FORCED_PLAYOUTS = 6
NUM_SETTINGS = 7

UNPROVEN = 2  # of ``games.game``
PLY_BYTE = 8  # of every state record (``games.game.HEADER``)
FINISHED_BYTE = 11


@njit(cache=True, nogil=True)
def leaf_mover(state):
    """Player to move of a state given as words."""
    return (state[MOVER_BYTE // 4] >> (8 * (MOVER_BYTE % 4))) & 1


@njit(cache=True, nogil=True)
def is_finished(state):
    """Whether a state given as words is finished."""
    return (state[FINISHED_BYTE // 4] >> (8 * (FINISHED_BYTE % 4))) & 1 != 0


@njit(cache=True, nogil=True)
def begin(
    ints, floats, stride, trees, schedules, root_priors, noisy_logits, new_visits,
    streams, searches, seeds, algorithm, settings, max_considered, noise_scale,
):  # fmt: skip
    """Prepare every tree for a new search: noise and halving.

    The seed of a search comes from the tree's stream and the number of its searches so far, and
    from nothing that the other trees do. The root's own priors are kept in ``root_priors`` and put
    back by ``finish``, because PUCT's noise is mixed into the tree's copy.
    """
    for tree in range(len(trees)):
        base = np.int64(tree) * stride
        trees[tree, SPENT] = 0
        new_visits[tree] = 0
        if trees[tree, STATUS] != READY:
            continue
        count = ints[base + COUNT]
        explore = trees[tree, EXPLORE] != 0
        seeds[tree] = hash64(streams[tree], searches[tree])
        searches[tree] += np.uint64(1)
        state = base + edge_at(0, count)
        trees[tree, PLY] = ints[state + PLY_BYTE // 4] & 0x7FFF
        for slot in range(count):
            root_priors[tree, slot] = floats[base + edge_at(0, slot) + PRIOR]
        if algorithm == GUMBEL:
            scale = noise_scale if explore else 0.0
            open_edges = 0
            for slot in range(count):
                logit = log64(root_priors[tree, slot])
                if scale > 0.0:
                    logit += scale * gumbel_noise(seeds[tree], np.uint64(slot))
                noisy_logits[tree, slot] = np.float32(logit)
                if edge_kind(ints, base + edge_at(0, slot)) == UNKNOWN:
                    open_edges += 1
            considered = max(1, min(max_considered, open_edges))
            plan_halving(schedules[tree], considered, trees[tree, BUDGET])
        elif explore:
            _temper_root(floats, base, count, settings[ROOT_TEMPERATURE])
            if settings[NOISE_SHARE] > 0.0:
                add_root_noise(
                    ints,
                    floats,
                    base,
                    seeds[tree],
                    settings[NOISE_CONCENTRATION],
                    settings[NOISE_SHARE],
                )


@njit(cache=True, nogil=True)
def _temper_root(floats, base, count, temperature):
    """Priors of the root to the power 1 / temperature, normalised."""
    if temperature == 1.0:
        return
    total = np.float32(0.0)
    for slot in range(count):
        edge = base + edge_at(0, slot)
        power = exp32(np.float32(log64(floats[edge + PRIOR]) / temperature))
        floats[edge + PRIOR] = power
        total += power
    for slot in range(count):
        floats[base + edge_at(0, slot) + PRIOR] /= total


@njit(cache=True, nogil=True)
def finish(ints, floats, stride, trees, root_priors):
    """Put the roots' own priors back."""
    for tree in range(len(trees)):
        if trees[tree, STATUS] == READY:
            base = np.int64(tree) * stride
            for slot in range(ints[base + COUNT]):
                floats[base + edge_at(0, slot) + PRIOR] = root_priors[tree, slot]


@njit(cache=True, nogil=True)
def grow(
    ints, floats, stride, trees, schedules, noisy_logits, new_visits, leaves, paths, order, judged,
    states, actions, legal, counts, logits, values, draws,
    algorithm, settings, leaves_per_tree,
):  # fmt: skip
    """Expand and back up the judged leaves, then descend every tree that has budget left.

    Takes:
        ints, floats: arenas of all trees, one after the other.
        stride: words of one arena.
        trees, schedules, noisy_logits, new_visits: rows of the trees.
        leaves, paths, order: leaves under way; ``order[j]`` is the leaf of the j-th judged state.
        judged: leaves judged since the last call.
        states: in and out, words of the leaves' states ``[L, S]``.
        actions: out ``[L]`` what leads from each parent (now in ``states``) to its leaf.
        legal, counts, logits, values, draws: of the judged leaves.
        algorithm, settings, leaves_per_tree: how to select.

    Returns:
        Number of new leaves; 0 when all trees are done.
    """
    _expand_leaves(
        ints,
        floats,
        stride,
        trees,
        leaves,
        paths,
        order,
        judged,
        states,
        legal,
        counts,
        logits,
        values,
        draws,
    )
    scores = np.empty(legal.shape[1], np.float32)
    weights = np.empty(legal.shape[1], np.float32)
    found = 0
    for tree in range(len(trees)):
        base = np.int64(tree) * stride
        misses = 0
        in_flight = 0
        while (
            in_flight < leaves_per_tree
            and misses == 0
            and trees[tree, SPENT] < trees[tree, BUDGET]
            and trees[tree, STATUS] == READY
            and ints[base + PROOF] == UNKNOWN
        ):
            path = paths[found]
            depth = _descend(
                ints,
                floats,
                base,
                path,
                algorithm,
                settings,
                schedules[tree],
                noisy_logits[tree],
                new_visits[tree],
                scores,
                weights,
                trees[tree, EXPLORE],
            )
            if depth < 0:
                misses += 1
                continue
            trees[tree, SPENT] += 1
            node = path[2 * depth - 2]
            edge = base + edge_at(node, path[2 * depth - 1])
            if edge_kind(ints, edge) == DRAW:
                zero = np.float32(0.0)
                back_up(ints, floats, base, path, depth, zero, zero, np.float32(1.0), UNKNOWN)
                continue
            ints[edge + CHILD] = PENDING
            if leaves_per_tree > 1:
                _add_virtual_loss(ints, floats, base, path, depth, 1)
            leaves[found, LEAF_TREE] = tree
            leaves[found, LEAF_DEPTH] = depth
            actions[found] = ints[edge + ACTION] & ACTION_MASK
            words = base + edge_at(node, ints[base + node + COUNT])
            for i in range(states.shape[1]):
                states[found, i] = ints[words + i]
            found += 1
            in_flight += 1
    return found


@njit(cache=True, nogil=True)
def _expand_leaves(
    ints, floats, stride, trees, leaves, paths, order, judged,
    states, legal, counts, logits, values, draws,
):  # fmt: skip
    """Write judged leaves as nodes, where there is room, and back their values up."""
    for j in range(judged):
        leaf = order[j]
        tree = leaves[leaf, LEAF_TREE]
        depth = leaves[leaf, LEAF_DEPTH]
        base = np.int64(tree) * stride
        path = paths[leaf]
        edge = base + edge_at(path[2 * depth - 2], path[2 * depth - 1])
        node = trees[tree, USED]
        words = compiled_node_words(counts[j], states.shape[1])
        if node + words <= stride:
            write_node(
                ints,
                floats,
                base + node,
                states[j],
                legal[j],
                counts[j],
                logits[j],
                values[j],
                draws[j],
            )
            ints[edge + CHILD] = node
            trees[tree, USED] = node + words
        else:
            ints[edge + CHILD] = NO_CHILD
        back_up(ints, floats, base, path, depth, values[j, 0], values[j, 1], draws[j], UNKNOWN)


@njit(cache=True, nogil=True)
def _descend(
    ints, floats, base, path, algorithm, settings, schedule, noisy_logits, new_visits,
    scores, weights, explore,
):  # fmt: skip
    """Walk from the root to an edge without a child; returns the steps taken, or -1.

    ``path`` receives node and slot of each step. -1: every way leads to a leaf under way.
    """
    node = 0
    depth = 0
    while True:
        slot = -1
        if algorithm == PUCT:
            if node == 0 and explore != 0 and settings[FORCED_PLAYOUTS] > 0.0:
                slot = forced_slot(ints, floats, base, settings[FORCED_PLAYOUTS])
            if slot < 0:
                slot = select_puct(ints, floats, base, node, settings)
        elif node == 0:
            slot = select_gumbel_root(
                ints, floats, base, settings, schedule, noisy_logits, new_visits, scores
            )
        else:
            slot = select_gumbel(ints, floats, base, node, settings, scores, weights)
        if slot < 0:
            if depth > 0 and algorithm == GUMBEL:
                new_visits[path[1]] -= 1
                schedule[LEFT] += 1
            return -1
        path[2 * depth] = node
        path[2 * depth + 1] = slot
        depth += 1
        edge = base + edge_at(node, slot)
        if edge_kind(ints, edge) != UNKNOWN or ints[edge + CHILD] <= 0:
            return depth
        node = ints[edge + CHILD]


@njit(cache=True, nogil=True)
def _add_virtual_loss(ints, floats, base, path, depth, visits):
    """Count leaves under way as lost visits (``visits`` = 1), or take that back (-1)."""
    for step in range(depth):
        edge = base + edge_at(path[2 * step], path[2 * step + 1])
        ints[edge + EDGE_VISITS] += visits
        floats[edge + EDGE_VALUE] -= np.float32(visits)


@njit(cache=True, nogil=True)
def settle(
    ints,
    floats,
    stride,
    leaves,
    paths,
    order,
    found,
    states,
    outcomes,
    prove_plies,
    leaves_per_tree,
):
    """Back up the leaves whose result is known; move the states of the others together.

    Takes:
        ints, floats, stride: arenas.
        leaves, paths: the leaves.
        order: out, the leaf of each state that is left.
        found: number of leaves.
        states: in and out, words of the leaves' states.
        outcomes: exact results for the leaves' movers, or ``UNPROVEN``.
        prove_plies: how far the rules looked ahead for them.
        leaves_per_tree: as in ``grow``.

    Returns:
        Number of states left to be judged.
    """
    if leaves_per_tree > 1:
        for leaf in range(found):
            base = np.int64(leaves[leaf, LEAF_TREE]) * stride
            _add_virtual_loss(ints, floats, base, paths[leaf], leaves[leaf, LEAF_DEPTH], -1)
    left = 0
    for leaf in range(found):
        if outcomes[leaf] == UNPROVEN:
            if left < leaf:
                for i in range(states.shape[1]):
                    states[left, i] = states[leaf, i]
            order[left] = leaf
            left += 1
            continue
        base = np.int64(leaves[leaf, LEAF_TREE]) * stride
        depth = leaves[leaf, LEAF_DEPTH]
        path = paths[leaf]
        node = path[2 * depth - 2]
        ints[base + edge_at(node, path[2 * depth - 1]) + CHILD] = NO_CHILD
        mover = leaf_mover(states[leaf])
        outcome = np.int32(outcomes[leaf])
        plies = 0 if is_finished(states[leaf]) else prove_plies
        value = np.float32(outcome)
        value_0 = value if mover == 0 else -value
        proof = seen_from(make_proof(outcome, plies), mover, ints[base + node + MOVER])
        back_up(
            ints,
            floats,
            base,
            path,
            depth,
            value_0,
            -value_0,
            np.float32(outcome == 0),
            proof,
        )
    return left
