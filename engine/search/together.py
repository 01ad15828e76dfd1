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
from engine.search.compiling import kernel
from engine.search.leaf_batch import LeafBatch
from engine.search.simulation import (
    LEAF_DEPTH,
    LEAF_PATH,
    LEAF_TREE,
    SPENT,
    expand_leaves,
    is_open,
    leaf_mover,
    lose_visits,
    move_position,
    settle_leaf,
)
from engine.search.tree import CHILD, NO_CHILD, edge_at
from games.game import UNPROVEN, Game

_MOST_SOUGHT = 2  # leaves for each that a batch lacks
_LEARNING_RATE = 0.1  # of the share that need not be judged


class Crew:
    """The memory of one thread: leaves just found, and those collected for the evaluator."""

    def __init__(
        self,
        game: Game,
        *,
        num_trees: int,
        leaves_per_tree: int,
        table_words: int,
        has_freight: bool,
    ) -> None:
        leaves = num_trees * leaves_per_tree
        found = _MOST_SOUGHT * leaves if has_freight else leaves
        self.scouts = LeafBatch(game, leaves=found, num_trees=num_trees, table_words=table_words)
        self.freight: LeafBatch | None = None
        if has_freight:
            # A full batch, and all that one more descent may bring.
            self.freight = LeafBatch(game, leaves=leaves + found, num_trees=1, table_words=0)
        self.known = np.zeros(len(self.scouts.states), np.bool_)
        self.known_share = 0.0  # of the leaves found lately: remembered or settled


class Together:
    """One search of some trees by as many threads as there are crews.

    Args:
        crews: one for each thread, with freight, nothing of which is in flight.
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
        assert freight is not None
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
            leaves = min(math.ceil(sought), _MOST_SOUGHT * self._leaves)
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
        return any(
            batch.in_flight
            for crew in self._crews
            for batch in (crew.scouts, crew.freight)
            if batch is not None
        )

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
                freight.in_flight,
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
                answer.policy_logits, answer.values, answer.draws,
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
                if batch and batch.in_flight:
                    lose(ints, floats, stride, batch.leaves, batch.paths, batch.in_flight, visits)


@kernel
def count_open(ints, stride, trees):
    """How many trees want a simulation."""
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
    to_leaves, to_paths, to_states, to_legal, to_counts, there,
):  # fmt: skip
    """Back up leaves that are settled or known; append the others to a batch.

    Takes:
        leaves, paths: ``found`` leaves under way, counted as lost; those appended still are after.
        order: scratch ``[L]``.
        states, outcomes, distances, legal, counts: of the leaves; scratch afterwards.
        known: ``[L]`` whether there is an answer (``logits``, ``values``, ``draws``).
        to_leaves, ...: buffers of the other batch, in which ``there`` leaves are.

    Returns:
        Leaves in the other batch after this.
    """
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
        lose_visits(ints, floats, stride, to_leaves[leaf], to_paths, 1)
    return there


@kernel
def land_leaves(
    ints, floats, stride, trees, leaves, paths, order, judged, there,
    states, legal, counts, logits, values, draws,
):  # fmt: skip
    """Write the first ``judged`` leaves of a batch into their trees; the others move up.

    Takes:
        leaves, paths: ``there`` leaves under way, counted as lost.
        order: scratch ``[L]``.

    Returns:
        Leaves left in the batch.
    """
    for leaf in range(judged):
        order[leaf] = leaf
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
