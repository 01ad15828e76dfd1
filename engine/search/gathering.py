"""Full batches for an evaluator that remembers: trees whose leaf is known go on, the others wait.

A tree's course is the same as in lockstep: it takes its next leaf when the last one is backed up.
But the network is asked when most trees wait for it, not after every step for the few that do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator, Remembering
from engine.search.leaf_batch import Crew, LeafBatch
from engine.search.simulation import BUDGET, SPENT
from engine.search.sorting import land_leaves, sort_leaves

#: Share of the trees under way that goes on by itself; fewer are not worth a step.
_WORTH_A_STEP = 0.25


def search_gathering(
    crew: Crew,
    arena: tuple[NDArray[np.int32], NDArray[np.float32], int, NDArray[np.int32]],
    evaluator: Evaluator,
    memory: Remembering,
    *,
    grow: Callable[[LeafBatch], int],
    arrive: Callable[[LeafBatch, int], None],
    is_ended: Callable[[], bool],
) -> None:
    """Search until every tree is done, with one leaf of each under way at most.

    Args:
        crew: nothing of which is in flight.
        arena: ``ints``, ``floats`` and ``stride`` of the trees, and their rows.
        evaluator: judges leaves.
        memory: the same evaluator, as one that remembers.
        grow: descends into a batch's buffers; returns how many leaves are found.
        arrive: plays and looks ahead for leaves that were found, and lists their legal actions.
        is_ended: asked before each descent; True ends the search.
    """
    ints, floats, stride, trees = arena
    scouts, freight = crew.scouts, crew.freight
    while True:
        going_on = len(trees)
        while going_on and going_on >= _WORTH_A_STEP * (going_on + freight.in_flight):
            if is_ended():
                trees[:, BUDGET] = trees[:, SPENT]  # what waits is still judged
            found = grow(scouts)
            if not found:
                break
            arrive(scouts, found)
            view = scouts.first(found)
            known = crew.known[:found]
            answer = memory.recall(view.states, view.legal, view.counts, known)
            before = freight.in_flight
            freight.in_flight = sort_leaves(
                ints, floats, stride, trees, scouts.leaves, scouts.paths, scouts.order, found,
                scouts.words, scouts.outcomes, scouts.distances, scouts.legal, scouts.counts,
                known, answer.policy_logits, answer.values, answer.draws,
                freight.leaves, freight.paths, freight.words, freight.legal, freight.counts,
                before, False,
            )  # fmt: skip
            going_on = found - (freight.in_flight - before)
        if not freight.in_flight:
            return
        view = freight.first(freight.in_flight)
        answer = evaluator.evaluate(view.states, view.legal, view.counts)
        freight.in_flight = land_leaves(
            ints, floats, stride, trees, freight.leaves, freight.paths, freight.order,
            freight.in_flight, freight.in_flight, freight.words, freight.legal, freight.counts,
            answer.policy_logits, answer.values, answer.draws, False,
        )  # fmt: skip
