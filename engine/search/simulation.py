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

from engine.kernels.compiling import borrow, inlined, kernel
from engine.kernels.numerics import exp32, gumbel_noise, hash64, log64
from engine.search.gumbel import LEFT, plan_halving, select_gumbel, select_gumbel_root
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
    prefetch_node,
    seen_from,
    write_node,
)

# Columns of a tree's row in ``trees``.
STATUS, USED, BUDGET, SPENT, EXPLORE, PLY, WAITING = 0, 1, 2, 3, 4, 5, 6
TREE_COLUMNS = 7

# Values of STATUS.
EMPTY, NEW, READY, FINISHED = 0, 1, 2, 3

# ``algorithm``
PUCT, GUMBEL = 0, 1

# Columns of a leaf's row in ``leaves``.
LEAF_TREE, LEAF_DEPTH, LEAF_PATH = 0, 1, 2
LEAF_COLUMNS = 3

# Descents under way at once, and the columns of a descent's row in ``lanes``.
NUM_LANES = 16
LANE_TREE, LANE_NODE, LANE_DEPTH, LANE_PATH, LANE_LEAVES = 0, 1, 2, 3, 4
LANE_COLUMNS = 5

# What a step down came to.
WALKING, ARRIVED, BLOCKED = 0, 1, 2

# Settings as the kernels read them, ``[7]`` float64; the first three belong to the algorithm.
NOISE_CONCENTRATION, NOISE_SHARE, ROOT_TEMPERATURE = 3, 4, 5
FORCED_PLAYOUTS = 6

UNPROVEN = 2  # of ``games.game``
PLY_BYTE = 8  # of every state record (``games.game.HEADER``)
FINISHED_BYTE = 11


@kernel
def leaf_mover(state):
    """Player to move of a state given as words."""
    return (state[MOVER_BYTE // 4] >> (8 * (MOVER_BYTE % 4))) & 1


@kernel
def is_finished(state):
    """Whether a state given as words is finished."""
    return (state[FINISHED_BYTE // 4] >> (8 * (FINISHED_BYTE % 4))) & 1 != 0


@kernel
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
        trees[tree, WAITING] = 0
        for slot in range(new_visits.shape[1]):
            new_visits[tree, slot] = 0
        if trees[tree, STATUS] != READY:
            continue
        count = ints[base + COUNT]
        explore = trees[tree, EXPLORE] != 0
        seeds[tree] = hash64(streams[tree], searches[tree])
        searches[tree] += np.uint64(1)
        state = edge_at(base, count)
        trees[tree, PLY] = ints[state + PLY_BYTE // 4] & 0x7FFF
        for slot in range(count):
            root_priors[tree, slot] = floats[edge_at(base, slot) + PRIOR]
        if algorithm == GUMBEL:
            scale = noise_scale if explore else 0.0
            open_edges = 0
            for slot in range(count):
                logit = log64(root_priors[tree, slot])
                if scale > 0.0:
                    logit += scale * gumbel_noise(seeds[tree], np.uint64(slot))
                noisy_logits[tree, slot] = np.float32(logit)
                if edge_kind(ints, edge_at(base, slot)) == UNKNOWN:
                    open_edges += 1
            considered = max(1, min(max_considered, open_edges))
            plan_halving(schedules[tree], considered, trees[tree, BUDGET])
        elif explore:
            _temper_root(floats, base, count, settings[ROOT_TEMPERATURE])
            if settings[NOISE_SHARE] > 0.0:
                concentration, share = settings[NOISE_CONCENTRATION], settings[NOISE_SHARE]
                add_root_noise(ints, floats, base, seeds[tree], concentration, share)


@kernel
def _temper_root(floats, base, count, temperature):
    """Priors of the root to the power 1 / temperature, normalised."""
    if temperature == 1.0:
        return
    total = np.float32(0.0)
    for slot in range(count):
        edge = edge_at(base, slot)
        power = exp32(np.float32(log64(floats[edge + PRIOR]) / temperature))
        floats[edge + PRIOR] = power
        total += power
    for slot in range(count):
        floats[edge_at(base, slot) + PRIOR] /= total


@kernel
def finish(ints, floats, stride, trees, root_priors):
    """Put the roots' own priors back."""
    for tree in range(len(trees)):
        if trees[tree, STATUS] == READY:
            base = np.int64(tree) * stride
            for slot in range(ints[base + COUNT]):
                floats[edge_at(base, slot) + PRIOR] = root_priors[tree, slot]


@kernel
def grow(
    ints, floats, stride, trees, schedules, noisy_logits, new_visits, lanes, leaves, paths, order,
    judged, states, actions, legal, counts, logits, values, draws,
    algorithm, settings, leaves_per_tree, loses, scratch,
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
        loses: whether leaves under way count as lost visits, so that the next ones go elsewhere.
        scratch: ``[3, K8]`` float32.

    Returns:
        Number of new leaves; 0 when all trees are done.
    """
    ints, floats, trees, schedules = borrow(ints), borrow(floats), borrow(trees), borrow(schedules)
    noisy_logits, new_visits, lanes = borrow(noisy_logits), borrow(new_visits), borrow(lanes)
    leaves, paths, order, states = borrow(leaves), borrow(paths), borrow(order), borrow(states)
    actions, legal, counts, logits = borrow(actions), borrow(legal), borrow(counts), borrow(logits)
    values, draws = borrow(values), borrow(draws)
    settings, scratch = borrow(settings), borrow(scratch)
    expand_leaves(
        ints, floats, stride, trees, leaves, paths, order, judged,
        states, legal, counts, logits, values, draws,
    )  # fmt: skip
    scores, weights = scratch[0], scratch[1]
    found = 0
    active = 0
    next_tree = _next_open(ints, stride, trees, 0)
    while active < len(lanes) and next_tree < len(trees):
        _enter(ints, stride, lanes[active], next_tree, active)
        active += 1
        next_tree = _next_open(ints, stride, trees, next_tree + 1)
    rows = active  # of ``paths`` given out
    while active > 0:
        lane = 0
        while lane < active:
            row = lanes[lane]
            tree = row[LANE_TREE]
            base = np.int64(tree) * stride
            came_to = _walk(
                ints, floats, base, row, paths[row[LANE_PATH]], algorithm, settings,
                schedules[tree], noisy_logits[tree], new_visits[tree], scores, weights,
                trees[tree, EXPLORE],
            )  # fmt: skip
            if came_to == WALKING:
                lane += 1
                continue
            if came_to == ARRIVED:
                trees[tree, SPENT] += 1
                if _take_leaf(
                    ints, floats, base, row, paths, leaves, found, states, actions, loses
                ):
                    prefetch_node(ints, base + trees[tree, USED])
                    found += 1
                    row[LANE_LEAVES] += 1
                    row[LANE_PATH] = rows
                    rows += 1
                if row[LANE_LEAVES] < leaves_per_tree and is_open(ints, stride, trees, tree):
                    row[LANE_NODE] = 0
                    row[LANE_DEPTH] = 0
                    continue
            if next_tree < len(trees):
                _enter(ints, stride, row, next_tree, row[LANE_PATH])
                next_tree = _next_open(ints, stride, trees, next_tree + 1)
                lane += 1
            else:
                active -= 1
                for column in range(LANE_COLUMNS):
                    row[column] = lanes[active, column]
    return found


@inlined
def _take_leaf(ints, floats, base, lane, paths, leaves, found, states, actions, loses):
    """Note the leaf at which a lane has arrived as number ``found``.

    Returns:
        Whether there is one; a move proven to draw needs no judge and is backed up at once.
    """
    path = paths[lane[LANE_PATH]]
    depth = lane[LANE_DEPTH]
    node = base + path[2 * depth - 2]
    edge = edge_at(node, path[2 * depth - 1])
    if edge_kind(ints, edge) == DRAW:
        zero, one = np.float32(0.0), np.float32(1.0)
        back_up(ints, floats, base, path, depth, zero, zero, one, UNKNOWN)
        return False
    ints[edge + CHILD] = PENDING
    if loses:
        add_virtual_loss(ints, floats, base, path, depth, 1)
    leaves[found, LEAF_TREE] = lane[LANE_TREE]
    leaves[found, LEAF_DEPTH] = depth
    leaves[found, LEAF_PATH] = lane[LANE_PATH]
    actions[found] = ints[edge + ACTION] & ACTION_MASK
    words = edge_at(node, ints[node + COUNT])
    for i in range(states.shape[1]):
        states[found, i] = ints[words + i]
    return True


@inlined
def is_open(ints, stride, trees, tree):
    """Whether a tree wants another simulation."""
    return (
        trees[tree, STATUS] == READY
        and trees[tree, SPENT] < trees[tree, BUDGET]
        and trees[tree, WAITING] == 0
        and ints[np.int64(tree) * stride + PROOF] == UNKNOWN
    )


@inlined
def _next_open(ints, stride, trees, tree):
    """The first tree from ``tree`` on that wants another simulation, or the number of trees."""
    while tree < len(trees) and not is_open(ints, stride, trees, tree):
        tree += 1
    return tree


@inlined
def _enter(ints, stride, lane, tree, path):
    """Put a lane at the root of a tree, to write its way into row ``path``."""
    lane[LANE_TREE] = tree
    lane[LANE_NODE] = 0
    lane[LANE_DEPTH] = 0
    lane[LANE_PATH] = path
    lane[LANE_LEAVES] = 0
    prefetch_node(ints, np.int64(tree) * stride)


@inlined
def expand_leaves(
    ints, floats, stride, trees, leaves, paths, order, judged,
    states, legal, counts, logits, values, draws,
):  # fmt: skip
    """Write judged leaves as nodes, where there is room, and back their values up."""
    for j in range(judged):
        leaf = order[j]
        tree = leaves[leaf, LEAF_TREE]
        depth = leaves[leaf, LEAF_DEPTH]
        base = np.int64(tree) * stride
        path = paths[leaves[leaf, LEAF_PATH]]
        edge = edge_at(base + path[2 * depth - 2], path[2 * depth - 1])
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


@inlined
def _walk(
    ints, floats, base, lane, path, algorithm, settings, schedule, noisy_logits, new_visits,
    scores, weights, explore,
):  # fmt: skip
    """Take one step down from where a lane stands.

    Returns:
        ``WALKING``, ``ARRIVED`` (at an edge without a node behind it) or ``BLOCKED`` (every way
        leads to a leaf under way).
    """
    node = np.int64(lane[LANE_NODE])
    depth = lane[LANE_DEPTH]
    slot = -1
    if algorithm == PUCT:
        if node == 0 and explore != 0 and settings[FORCED_PLAYOUTS] > 0.0:
            slot = forced_slot(ints, floats, base, settings[FORCED_PLAYOUTS])
        if slot < 0:
            slot = select_puct(ints, floats, base, node, settings)
    elif node == 0:
        slot = select_gumbel_root(
            ints, floats, base, settings, schedule, noisy_logits, new_visits, scores, weights
        )
    else:
        slot = select_gumbel(ints, floats, base, node, settings, scores, weights)
    if slot < 0:
        if depth > 0 and algorithm == GUMBEL:
            new_visits[path[1]] -= 1
            schedule[LEFT] += 1
        return BLOCKED
    path[2 * depth] = node
    path[2 * depth + 1] = slot
    lane[LANE_DEPTH] = depth + 1
    edge = edge_at(base + node, slot)
    child = ints[edge + CHILD]
    if edge_kind(ints, edge) != UNKNOWN or child <= 0:
        return ARRIVED
    lane[LANE_NODE] = child
    prefetch_node(ints, base + child)
    return WALKING


@kernel
def add_virtual_loss(ints, floats, base, path, depth, visits):
    """Count leaves under way as lost visits (``visits`` = 1), or take that back (-1)."""
    for step in range(depth):
        edge = edge_at(base + path[2 * step], path[2 * step + 1])
        ints[edge + EDGE_VISITS] += visits
        floats[edge + EDGE_VALUE] -= np.float32(visits)


@kernel
def settle(
    ints, floats, stride, leaves, paths, order, found,
    states, outcomes, distances, legal, counts, loses,
):  # fmt: skip
    """Back up the leaves whose result is known; move what belongs to the others together.

    Takes:
        ints, floats, stride: arenas.
        leaves, paths: the leaves.
        order: out, the leaf of each state that is left.
        found: number of leaves.
        states: in and out, words of the leaves' states.
        outcomes: exact results for the leaves' movers, or ``UNPROVEN``.
        distances: most plies from there to the end, where the result is known.
        legal, counts: in and out, of the leaves whose result is not known.
        loses: as in ``grow``.

    Returns:
        Number of states left to be judged.
    """
    if loses:
        for leaf in range(found):
            lose_visits(ints, floats, stride, leaves[leaf], paths, -1)
    left = 0
    for leaf in range(found):
        if outcomes[leaf] != UNPROVEN:
            settle_leaf(
                ints, floats, stride, leaves[leaf], paths,
                leaf_mover(states[leaf]), outcomes[leaf], distances[leaf],
            )  # fmt: skip
            continue
        if left < leaf:
            move_position(states, legal, counts, leaf, states, legal, counts, left)
        order[left] = leaf
        left += 1
    return left


@inlined
def settle_leaf(ints, floats, stride, leaf, paths, mover, outcome, plies):
    """Back up an exact result for the mover of a leaf, given by its row of ``leaves``."""
    base = np.int64(leaf[LEAF_TREE]) * stride
    depth = leaf[LEAF_DEPTH]
    path = paths[leaf[LEAF_PATH]]
    node = path[2 * depth - 2]
    ints[edge_at(base + node, path[2 * depth - 1]) + CHILD] = NO_CHILD
    value = np.float32(outcome)
    value_0 = value if mover == 0 else -value
    proof = seen_from(make_proof(np.int32(outcome), plies), mover, ints[base + node + MOVER])
    draw = np.float32(outcome == 0)
    back_up(ints, floats, base, path, depth, value_0, -value_0, draw, proof)


@kernel
def lose_visits(ints, floats, stride, leaf, paths, visits):
    """``add_virtual_loss`` on the path of a leaf, given by its row of ``leaves``."""
    base = np.int64(leaf[LEAF_TREE]) * stride
    add_virtual_loss(ints, floats, base, paths[leaf[LEAF_PATH]], leaf[LEAF_DEPTH], visits)


@inlined
def move_position(states, legal, counts, row, to_states, to_legal, to_counts, to):
    """Copy a position and its legal actions to row ``to`` of these or other buffers."""
    for i in range(states.shape[1]):
        to_states[to, i] = states[row, i]
    to_counts[to] = counts[row]
    for slot in range(legal.shape[1]):
        to_legal[to, slot] = legal[row, slot]
