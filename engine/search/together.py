"""Several threads in the same trees: one descends while the batches of the others are judged.

Every thread has an evaluator of its own. Trees are touched under one lock, for a small part of the
time that a network takes. What is on its way counts as a lost visit on every edge of its path
("virtual loss", Chaslot et al. 2008), so that others go elsewhere. Before proofs are carried up,
the losses of all threads are taken back for a moment: a proof moves what came through an edge, and
must find there what really came.

Positions that an evaluator remembers are backed up at once, and others sought in their stead, until
a batch is full: a network is faster with full batches, and with batches of one size.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator, Remembering
from engine.records import Evaluation
from engine.search.leaf_batch import MOST_SOUGHT, Crew, LeafBatch
from engine.search.sorting import count_open, give_up_leaves, land_leaves, lose, sort_leaves
from games.game import UNPROVEN

_LEARNING_RATE = 0.1  # of the share that need not be judged


class Together:
    """One search of some trees by as many threads as there are crews.

    Args:
        crews: one for each thread, nothing of which is in flight.
        arena: ``ints``, ``floats`` and ``stride`` of the trees, and their rows.
        leaves: of each tree in a full batch.
        grow: descends into a batch's buffers, to so many leaves a tree at most; returns how many
            leaves are found.
        arrive: plays and looks ahead for leaves that were found, and lists their legal actions.
        is_ended: asked before each descent; True ends the search.
    """

    def __init__(
        self,
        crews: Sequence[Crew],
        arena: tuple[NDArray[np.int32], NDArray[np.float32], int, NDArray[np.int32]],
        *,
        leaves: int,
        grow: Callable[[LeafBatch, int], int],
        arrive: Callable[[LeafBatch, int], None],
        is_ended: Callable[[], bool],
    ) -> None:
        self._crews = crews
        self._arena = arena
        self._leaves = leaves
        self._grow = grow
        self._arrive = arrive
        self._is_ended = is_ended
        self._landed = threading.Condition(threading.Lock())  # its lock is that of the trees
        self._is_over = False  # ended, or broken: no more descents

    def run(self, evaluators: Sequence[Evaluator], pool: Executor) -> None:
        """Search until every tree is done; the caller's thread is one of those that do.

        What an evaluator raises is raised here; the trees have to be begun anew then.
        """
        others: list[Future[None]] = [
            pool.submit(self._fly, crew, evaluator)
            for crew, evaluator in zip(self._crews[1:], evaluators[1:], strict=True)
        ]
        try:
            self._fly(self._crews[0], evaluators[0])
        finally:
            for each in others:
                each.exception()  # waits for it
        for each in others:
            each.result()

    def _fly(self, crew: Crew, evaluator: Evaluator) -> None:
        """Find leaves and have them judged, until nothing is left to find.

        Every turn takes the lock once: what came back is backed up, and the next leaves are found.
        """
        scouts, freight = crew.scouts, crew.freight
        memory = evaluator if isinstance(evaluator, Remembering) else None
        back_up: Callable[[], None] = _nothing
        try:
            while True:
                with self._landed:
                    back_up()
                    judged = self._descend(crew)
                    self._landed.notify_all()
                if scouts.in_flight:
                    answer = self._look(crew, memory)
                    back_up = partial(self._sort, crew, answer)
                elif judged:
                    view = freight.first(judged)
                    answer = evaluator.evaluate(view.states, view.legal, view.counts)
                    back_up = partial(self._land, freight, judged, answer)
                else:
                    return
        except BaseException:
            with self._landed:
                self._is_over = True
                self._landed.notify_all()
            raise

    def _descend(self, crew: Crew) -> int:
        """Find leaves, as long as the freight makes no full batch.

        Returns:
            How many of the freight's first leaves are to be judged now. 0: leaves have been found
            (the scouts are in flight), or the search is at its end.
        """
        scouts, freight = crew.scouts, crew.freight
        ints, _, stride, trees = self._arena
        while not self._is_over:
            if self._is_ended():
                self._is_over = True
                break
            open_trees = max(int(count_open(ints, stride, trees)), 1) if len(trees) > 1 else 1
            full = self._leaves * open_trees
            if freight.in_flight >= full:
                return full
            # As many as bring what is lacking, if as many need not be judged as lately.
            lacking = (full - freight.in_flight) / open_trees / max(1.0 - crew.known_share, 0.01)
            scouts.in_flight = self._grow(
                scouts, min(math.ceil(lacking), MOST_SOUGHT * self._leaves)
            )
            if scouts.in_flight:
                return 0
            if freight.in_flight or not self._is_anything_flying():
                return freight.in_flight
            self._landed.wait()  # all that is worth a visit is on its way
        self._give_up(freight)
        return 0

    def _is_anything_flying(self) -> bool:
        return any(crew.scouts.in_flight or crew.freight.in_flight for crew in self._crews)

    def _look(self, crew: Crew, memory: Remembering | None) -> Evaluation:
        """Look at the leaves that were found; returns what is remembered of them."""
        scouts = crew.scouts
        self._arrive(scouts, scouts.in_flight)
        known = crew.known[: scouts.in_flight]
        if memory is None:
            known[:] = False
            return scouts.answer
        view = scouts.first(scouts.in_flight)
        return memory.recall(view.states, view.legal, view.counts, known)

    def _sort(self, crew: Crew, answer: Evaluation) -> None:
        """Back up what is settled or remembered of the leaves found; the rest is freight."""
        scouts, freight = crew.scouts, crew.freight
        found, before = scouts.in_flight, freight.in_flight
        brings_proofs = bool((scouts.first(found).outcomes != UNPROVEN).any())
        ints, floats, stride, trees = self._arena
        scouts.in_flight = 0  # ``sort_leaves`` takes back the losses of its own leaves
        if brings_proofs:
            self._lose(-1)
        there = sort_leaves(
            ints, floats, stride, trees, scouts.leaves, scouts.paths, scouts.order, found,
            scouts.words, scouts.outcomes, scouts.distances, scouts.legal, scouts.counts,
            crew.known, answer.policy_logits, answer.values, answer.draws,
            freight.leaves, freight.paths, freight.words, freight.legal, freight.counts,
            before, True,
        )  # fmt: skip
        if brings_proofs:
            self._lose(1)
        freight.in_flight = there
        share = 1.0 - (there - before) / found
        crew.known_share += _LEARNING_RATE * (share - crew.known_share)

    def _land(self, freight: LeafBatch, judged: int, answer: Evaluation) -> None:
        """Back up the first leaves of the freight; the others move up."""
        ints, floats, stride, trees = self._arena
        freight.in_flight = land_leaves(
            ints, floats, stride, trees, freight.leaves, freight.paths, freight.order, judged,
            freight.in_flight, freight.words, freight.legal, freight.counts,
            answer.policy_logits, answer.values, answer.draws, True,
        )  # fmt: skip

    def _give_up(self, freight: LeafBatch) -> None:
        """Leave unjudged what waits for the next batch: who ends a search does not wait for it."""
        ints, floats, stride, trees = self._arena
        give_up_leaves(
            ints, floats, stride, trees, freight.leaves, freight.paths, freight.in_flight
        )
        freight.in_flight = 0

    def _lose(self, visits: int) -> None:
        """Count all that is on its way as lost (1), or take that back (-1)."""
        ints, floats, stride, _ = self._arena
        for crew in self._crews:
            for batch in (crew.scouts, crew.freight):
                if batch.in_flight:
                    lose(ints, floats, stride, batch.leaves, batch.paths, batch.in_flight, visits)


def _nothing() -> None:
    pass
