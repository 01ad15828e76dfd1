"""Leaves that are sorted before the evaluator sees them: what is known is backed up at once.

What is not known goes into a second batch, the freight, until that is worth a question.
"""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import kernel
from engine.search.simulation import (
    LEAF_DEPTH,
    LEAF_PATH,
    LEAF_TREE,
    SPENT,
    WAITING,
    expand_leaves,
    is_open,
    leaf_mover,
    lose_visits,
    move_position,
    settle_leaf,
)
from engine.search.tree import CHILD, NO_CHILD, edge_at
from games.game import UNPROVEN


@kernel
def count_open(ints, stride, trees):
    """How many trees want a simulation, those that wait for an answer left out."""
    count = 0
    for tree in range(len(trees)):
        count += is_open(ints, stride, trees, tree)
    return count


@kernel
def lose(ints, floats, stride, leaves, paths, count, visits):
    """Add ``visits`` lost visits (-1: take one back) on the paths of the first leaves."""
    for leaf in range(count):
        lose_visits(ints, floats, stride, leaves[leaf], paths, visits)


@kernel
def sort_leaves(
    ints, floats, stride, trees, leaves, paths, order, found,
    states, outcomes, distances, legal, counts, known, logits, values, draws,
    to_leaves, to_paths, to_states, to_legal, to_counts, there, loses,
):  # fmt: skip
    """Back up leaves that are settled or known; append the others to a batch.

    Takes:
        leaves, paths: ``found`` leaves under way.
        order: scratch ``[L]``.
        states, outcomes, distances, legal, counts: of the leaves; scratch afterwards.
        known: ``[L]`` whether there is an answer (``logits``, ``values``, ``draws``).
        to_leaves, ...: buffers of the other batch, in which ``there`` leaves are.
        loses: whether leaves under way are counted as lost. If not, their trees wait for them.

    Returns:
        Leaves in the other batch after this.
    """
    if loses:
        for leaf in range(found):
            lose_visits(ints, floats, stride, leaves[leaf], paths, -1)
    first = there
    answered = 0
    for leaf in range(found):
        if outcomes[leaf] != UNPROVEN:
            settle_leaf(
                ints, floats, stride, leaves[leaf], paths,
                leaf_mover(states[leaf]), outcomes[leaf], distances[leaf],
            )  # fmt: skip
        elif known[leaf]:
            order[answered] = leaf
            move_position(states, legal, counts, leaf, states, legal, counts, answered)
            for slot in range(counts[leaf]):
                logits[answered, slot] = logits[leaf, slot]
            values[answered, 0] = values[leaf, 0]
            values[answered, 1] = values[leaf, 1]
            draws[answered] = draws[leaf]
            answered += 1
        else:
            _move_leaf(leaves, paths, leaf, to_leaves, to_paths, there)
            move_position(states, legal, counts, leaf, to_states, to_legal, to_counts, there)
            there += 1
    expand_leaves(
        ints, floats, stride, trees, leaves, paths, order, answered,
        states, legal, counts, logits, values, draws,
    )  # fmt: skip
    for leaf in range(first, there):
        if loses:
            lose_visits(ints, floats, stride, to_leaves[leaf], to_paths, 1)
        else:
            trees[to_leaves[leaf, LEAF_TREE], WAITING] = 1
    return there


@kernel
def land_leaves(
    ints, floats, stride, trees, leaves, paths, order, judged, there,
    states, legal, counts, logits, values, draws, loses,
):  # fmt: skip
    """Write the first ``judged`` leaves of a batch into their trees; the others move up.

    Takes:
        leaves, paths: ``there`` leaves under way.
        order: scratch ``[L]``.
        loses: as in ``sort_leaves``.

    Returns:
        Leaves left in the batch.
    """
    for leaf in range(judged):
        order[leaf] = leaf
        trees[leaves[leaf, LEAF_TREE], WAITING] = 0
        if loses:
            lose_visits(ints, floats, stride, leaves[leaf], paths, -1)
    expand_leaves(
        ints, floats, stride, trees, leaves, paths, order, judged,
        states, legal, counts, logits, values, draws,
    )  # fmt: skip
    for leaf in range(judged, there):
        _move_leaf(leaves, paths, leaf, leaves, paths, leaf - judged)
        move_position(states, legal, counts, leaf, states, legal, counts, leaf - judged)
    return there - judged


@kernel
def give_up_leaves(ints, floats, stride, trees, leaves, paths, count):
    """Make the first leaves of a batch what they were before they were found."""
    for leaf in range(count):
        lose_visits(ints, floats, stride, leaves[leaf], paths, -1)
        tree = leaves[leaf, LEAF_TREE]
        path, last = paths[leaves[leaf, LEAF_PATH]], leaves[leaf, LEAF_DEPTH] - 1
        edge = edge_at(np.int64(tree) * stride + path[2 * last], path[2 * last + 1])
        ints[edge + CHILD] = NO_CHILD
        trees[tree, SPENT] -= 1


@kernel
def _move_leaf(leaves, paths, leaf, to_leaves, to_paths, to):
    """Copy a leaf and its path to row ``to`` of these or other buffers."""
    depth = leaves[leaf, LEAF_DEPTH]
    path = leaves[leaf, LEAF_PATH]
    to_leaves[to, LEAF_TREE] = leaves[leaf, LEAF_TREE]
    to_leaves[to, LEAF_DEPTH] = depth
    to_leaves[to, LEAF_PATH] = to
    for step in range(2 * depth):
        to_paths[to, step] = paths[path, step]
