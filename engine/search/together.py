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
        freight = crew.freight
        memory = evaluator if isinstance(evaluator, Remembering) else None
        try:
            while judged := self._collect(crew, freight, memory):
                view = freight.first(judged)
                answer = evaluator.evaluate(view.states, view.legal, view.counts)
                self._land(freight, judged, answer)
        except BaseException:
            with self._landed:
                self._is_over = True
                self._landed.notify_all()
            raise

    def _collect(self, crew: Crew, freight: LeafBatch, memory: Remembering | None) -> int:
        """Find leaves until a batch is full, or nothing is left to find.

        Returns:
            How many of the freight's first leaves make the batch; 0 at the end.
        """
        ints, _, stride, trees = self._arena
        open_trees = int(count_open(ints, stride, trees))  # a stale number does no harm
        full = self._leaves * max(open_trees, 1)
        while freight.in_flight < full:
            lacking = (full - freight.in_flight) / max(open_trees, 1)
            # As many as bring what is lacking, if as many need not be judged as lately.
            sought = lacking / max(1.0 - crew.known_share, 0.01)
            leaves = min(math.ceil(sought), MOST_SOUGHT * self._leaves)
            found = self._take_off(crew.scouts, leaves, may_wait=freight.in_flight == 0)
            if not found:
                break
            self._sort(crew, freight, found, memory)
        if self._is_over:
            self._give_up(freight)
        return min(freight.in_flight, full)

    def _take_off(self, scouts: LeafBatch, leaves: int, *, may_wait: bool) -> int:
        """Find leaves, some of each tree; returns how many."""
        with self._landed:
            while not self._is_over:
                if self._is_ended():
                    self._is_over = True
                    break
                found = self._grow(scouts, leaves)
                if found:
                    scouts.in_flight = found
                    return found
                if not may_wait or not self._is_anything_flying():
                    break
                self._landed.wait()  # all that is worth a visit is on its way
            self._landed.notify_all()
            return 0

    def _is_anything_flying(self) -> bool:
        return any(crew.scouts.in_flight or crew.freight.in_flight for crew in self._crews)

    def _sort(self, crew: Crew, freight: LeafBatch, found: int, memory: Remembering | None) -> None:
        """Back up what is settled or remembered; the rest goes to the freight."""
        scouts = crew.scouts
        self._arrive(scouts, found)
        view = scouts.first(found)
        known = crew.known[:found]
        answer = scouts.answer
        if memory is None:
            known[:] = False
        else:
            answer = memory.recall(view.states, view.legal, view.counts, known)
        brings_proofs = bool((view.outcomes != UNPROVEN).any())
        ints, floats, stride, trees = self._arena
        with self._landed:
            scouts.in_flight = 0  # ``sort_leaves`` takes back the losses of its own leaves
            if brings_proofs:
                self._lose(-1)
            there = sort_leaves(
                ints, floats, stride, trees, scouts.leaves, scouts.paths, scouts.order, found,
                scouts.words, scouts.outcomes, scouts.distances, scouts.legal, scouts.counts,
                known, answer.policy_logits, answer.values, answer.draws,
                freight.leaves, freight.paths, freight.words, freight.legal, freight.counts,
                freight.in_flight, True,
            )  # fmt: skip
            if brings_proofs:
                self._lose(1)
            share = 1.0 - (there - freight.in_flight) / found
            freight.in_flight = there
            self._landed.notify_all()
        crew.known_share += _LEARNING_RATE * (share - crew.known_share)

    def _land(self, freight: LeafBatch, judged: int, answer: Evaluation) -> None:
        """Back up the first leaves of the freight; the others move up."""
        ints, floats, stride, trees = self._arena
        with self._landed:
            freight.in_flight = land_leaves(
                ints, floats, stride, trees, freight.leaves, freight.paths, freight.order, judged,
                freight.in_flight, freight.words, freight.legal, freight.counts,
                answer.policy_logits, answer.values, answer.draws, True,
            )  # fmt: skip
            self._landed.notify_all()

    def _give_up(self, freight: LeafBatch) -> None:
        """Leave unjudged what waits for the next batch: who ends a search does not wait for it."""
        ints, floats, stride, trees = self._arena
        with self._landed:
            give_up_leaves(
                ints, floats, stride, trees, freight.leaves, freight.paths, freight.in_flight
            )
            freight.in_flight = 0
            self._landed.notify_all()

    def _lose(self, visits: int) -> None:
        """Count all that is on its way as lost (1), or take that back (-1)."""
        ints, floats, stride, _ = self._arena
        for crew in self._crews:
            for batch in (crew.scouts, crew.freight):
                if batch.in_flight:
                    lose(ints, floats, stride, batch.leaves, batch.paths, batch.in_flight, visits)
