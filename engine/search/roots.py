"""What happens to roots between searches: planting, looking at every move, moving on."""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import inlined, kernel
from engine.search.simulation import NEW, READY, STATUS, UNPROVEN, USED, is_finished, leaf_mover
from engine.search.tree import (
    ACTION,
    ACTION_MASK,
    CHILD,
    COUNT,
    MOVER,
    PRIOR,
    UNKNOWN,
    compiled_node_words,
    edge_at,
    edge_kind,
    keep_subtree,
    make_proof,
    prove_edge,
    seen_from,
    write_node,
)


@kernel
def plant(ints, floats, stride, trees, rows, states, legal, counts, logits, values, draws):
    """Make judged positions the roots of trees ``rows``. Trusts: they are unfinished."""
    for i in range(len(rows)):
        tree = rows[i]
        base = np.int64(tree) * stride
        write_node(
            ints, floats, base, states[i], legal[i], counts[i], logits[i], values[i], draws[i]
        )
        trees[tree, USED] = compiled_node_words(counts[i], states.shape[1])
        trees[tree, STATUS] = READY


@kernel
def gather_root_moves(
    ints, floats, stride, trees, rows, first_row, visited, places, states, actions
):
    """Collect the unproven moves of some roots, those with the highest priors first.

    Takes:
        ints, floats, stride: arenas.
        trees, rows: whose roots.
        first_row: index in ``rows`` to begin with.
        visited: whether to take moves with a node behind them as well.
        places: out ``[N, 2]`` tree and slot of each move.
        states: out ``[N, S]`` words of the root's state.
        actions: out ``[N]``.

    Returns:
        Moves collected, and the index in ``rows`` to go on with; a row is never split.
    """
    found = 0
    i = first_row
    while i < len(rows):
        tree = rows[i]
        base = np.int64(tree) * stride
        count = ints[base + COUNT]
        if trees[tree, STATUS] == READY:
            if found + count > len(places):
                break
            words = edge_at(base, count)
            first = found
            for slot in range(count):
                edge = edge_at(base, slot)
                if edge_kind(ints, edge) == UNKNOWN and (visited or ints[edge + CHILD] <= 0):
                    place = found
                    while place > first and _prior(floats, base, places[place - 1, 1]) < _prior(
                        floats, base, slot
                    ):
                        places[place, 1] = places[place - 1, 1]
                        place -= 1
                    places[found, 0] = tree
                    places[place, 1] = slot
                    found += 1
            for place in range(first, found):
                actions[place] = ints[edge_at(base, places[place, 1]) + ACTION] & ACTION_MASK
                for word in range(states.shape[1]):
                    states[place, word] = ints[words + word]
        i += 1
    return found, i


@inlined
def _prior(floats, base, slot):
    return floats[edge_at(base, slot) + PRIOR]


@kernel
def prove_root_moves(ints, floats, stride, places, found, states, outcomes, distances):
    """Note which root moves lead to settled results (``outcomes`` for the movers after them).

    ``distances`` are the most plies from there to the end.
    """
    for i in range(found):
        if outcomes[i] == UNPROVEN:
            continue
        base = np.int64(places[i, 0]) * stride
        plies = 0 if is_finished(states[i]) else distances[i]
        proof = make_proof(np.int32(outcomes[i]), plies)
        proof = seen_from(proof, leaf_mover(states[i]), ints[base + MOVER])
        prove_edge(ints, floats, base, 0, places[i, 1], proof)


@kernel
def move_on(ints, stride, trees, actions, reuse, state_words, spare, root_states):
    """Play a move in every tree.

    Takes:
        ints, stride, trees: the trees.
        actions: ``[B]``; negative: leave the tree alone.
        reuse: keep what is below the move.
        state_words: words of a state.
        spare: scratch of one arena.
        root_states: in and out, words of the roots' states ``[B, S]``; kept roots are written.

    Trees whose move has no node below it become ``NEW``: their new state is left to the caller.
    """
    for tree in range(len(actions)):
        if actions[tree] < 0:
            continue
        base = np.int64(tree) * stride
        child = 0
        if reuse and trees[tree, STATUS] == READY:
            for slot in range(ints[base + COUNT]):
                edge = edge_at(base, slot)
                if (ints[edge + ACTION] & ACTION_MASK) == actions[tree]:
                    child = ints[edge + CHILD]
        if child > 0:
            trees[tree, USED] = keep_subtree(ints, base, child, state_words, spare)
            words = edge_at(base, ints[base + COUNT])
            for word in range(state_words):
                root_states[tree, word] = ints[words + word]
        else:
            trees[tree, STATUS] = NEW
