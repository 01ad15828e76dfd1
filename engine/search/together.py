"""Several threads in the same trees: one descends while the batches of the others are judged.

Every thread has an evaluator of its own. Trees are touched under one lock, for a small part of the
time that a network takes. What is on its way counts as a lost visit on every edge of its path
("virtual loss", Chaslot et al. 2008), so that others go elsewhere. Before answers are carried up,
the losses of all threads are taken back for a moment: proofs move what came through an edge, and
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
    add_virtual_loss,
    expand_leaves,
    is_open,
)
from games.game import Game, States

LegalActions = Callable[[States, NDArray[np.int32], NDArray[np.int32]], None]

_MOST_SOUGHT = 2  # leaves for each that a batch lacks
_LEARNING_RATE = 0.1  # of the share that is remembered


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
        self.known_share = 0.0  # of the leaves found lately


class Together:
    """One search of some trees by as many threads as there are crews.

    Args:
        crews: one for each thread, with freight, nothing of which is in flight.
        arena: ``ints``, ``floats`` and ``stride`` of the trees, and their rows.
        leaves: of each tree in a full batch.
        grow: descends into a batch's buffers, to so many leaves a tree at most; returns how many
            leaves are found.
        play: plays and looks ahead for leaves that were found.
        settle: backs up what is settled of them; returns how many are left.
        legal_actions: of the rules.
        is_ended: asked before each descent; True ends the search.
    """

    def __init__(
        self,
        crews: Sequence[Crew],
        arena: tuple[NDArray[np.int32], NDArray[np.float32], int, NDArray[np.int32]],
        *,
        leaves: int,
        grow: Callable[[LeafBatch, int], int],
        play: Callable[[LeafBatch, int], None],
        settle: Callable[[LeafBatch, int], int],
        legal_actions: LegalActions,
        is_ended: Callable[[], bool],
    ) -> None:
        self._crews = crews
        self._arena = arena
        self._leaves = leaves
        self._grow = grow
        self._play = play
        self._settle = settle
        self._legal_actions = legal_actions
        self._is_ended = is_ended
        self._landed = threading.Condition(threading.Lock())  # its lock is that of the trees
        self._is_broken = False

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
                self._is_broken = True
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
            # As many as bring what is lacking, if as many are remembered as lately.
            sought = lacking / max(1.0 - crew.known_share, 0.01)
            leaves = min(math.ceil(sought), _MOST_SOUGHT * self._leaves)
            found = self._take_off(crew.scouts, leaves, may_wait=freight.in_flight == 0)
            if not found:
                break
            self._sort(crew, freight, found, memory)
        return min(freight.in_flight, full)

    def _take_off(self, scouts: LeafBatch, leaves: int, *, may_wait: bool) -> int:
        """Find leaves, some of each tree; returns how many."""
        with self._landed:
            while not (self._is_broken or self._is_ended()):
                found = self._grow(scouts, leaves)
                if found:
                    scouts.flying[:found] = np.arange(found)
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
        self._play(scouts, found)
        view = scouts.first(found)
        self._legal_actions(view.states, view.legal, view.counts)
        known = crew.known[:found]
        answer = scouts.answer
        if memory is None:
            known[:] = False
        else:
            answer = memory.recall(view.states, view.legal, view.counts, known)
            share = np.count_nonzero(known) / found
            crew.known_share += _LEARNING_RATE * (share - crew.known_share)
        ints, floats, stride, trees = self._arena
        with self._landed:
            scouts.in_flight = 0  # ``settle`` takes back the losses of its own leaves
            self._lose(-1)
            left = self._settle(scouts, found)
            there = sort_leaves(
                ints, floats, stride, trees, scouts.leaves, scouts.paths, scouts.order, left,
                known, scouts.words, scouts.legal, scouts.counts,
                answer.policy_logits, answer.values, answer.draws,
                freight.leaves, freight.paths, freight.words, freight.legal, freight.counts,
                freight.in_flight,
            )  # fmt: skip
            freight.flying[:there] = np.arange(there)
            freight.in_flight = there
            self._lose(1)
            self._landed.notify_all()

    def _land(self, freight: LeafBatch, judged: int, answer: Evaluation) -> None:
        """Back up the first leaves of the freight; the others move up."""
        with self._landed:
            self._lose(-1)
            ints, floats, stride, trees = self._arena
            freight.in_flight = land_leaves(
                ints, floats, stride, trees, freight.leaves, freight.paths, freight.flying, judged,
                freight.in_flight, freight.words, freight.legal, freight.counts,
                answer.policy_logits, answer.values, answer.draws,
            )  # fmt: skip
            self._lose(1)
            self._landed.notify_all()

    def _lose(self, visits: int) -> None:
        """Count all that is on its way as lost (1), or take that back (-1)."""
        ints, floats, stride, _ = self._arena
        for crew in self._crews:
            for batch in (crew.scouts, crew.freight):
                if batch and batch.in_flight:
                    lose(
                        ints, floats, stride, batch.leaves, batch.paths, batch.flying,
                        batch.in_flight, visits,
                    )  # fmt: skip


@kernel
def count_open(ints, stride, trees):
    """How many trees want a simulation."""
    count = 0
    for tree in range(len(trees)):
        count += is_open(ints, stride, trees, tree)
    return count


@kernel
def lose(ints, floats, stride, leaves, paths, flying, count, visits):
    """Add ``visits`` lost visits (-1: take one back) on the paths of the first leaves flying."""
    for j in range(count):
        leaf = flying[j]
        base = np.int64(leaves[leaf, LEAF_TREE]) * stride
        add_virtual_loss(
            ints, floats, base, paths[leaves[leaf, LEAF_PATH]], leaves[leaf, LEAF_DEPTH], visits
        )


@kernel
def sort_leaves(
    ints, floats, stride, trees, leaves, paths, order, left, known,
    states, legal, counts, logits, values, draws,
    to_leaves, to_paths, to_states, to_legal, to_counts, there,
):  # fmt: skip
    """Write known leaves into their trees and back them up; append the others to a batch.

    Takes:
        order: in and out, the leaf of each of the ``left`` states, which lie together; what else
            belongs to a leaf lies in the leaf's own row.
        known: ``[L]`` whether the answer is there.
        to_leaves, ...: buffers of the other batch, in which ``there`` leaves are.

    Returns:
        Leaves in the other batch after this.
    """
    sorted_out = 0
    for j in range(left):
        leaf = order[j]
        if known[leaf]:
            order[sorted_out] = leaf
            for i in range(states.shape[1]):
                states[sorted_out, i] = states[j, i]
            counts[sorted_out] = counts[leaf]
            for slot in range(counts[leaf]):
                legal[sorted_out, slot] = legal[leaf, slot]
                logits[sorted_out, slot] = logits[leaf, slot]
            values[sorted_out, 0] = values[leaf, 0]
            values[sorted_out, 1] = values[leaf, 1]
            draws[sorted_out] = draws[leaf]
            sorted_out += 1
            continue
        to_leaves[there, LEAF_TREE] = leaves[leaf, LEAF_TREE]
        to_leaves[there, LEAF_DEPTH] = leaves[leaf, LEAF_DEPTH]
        to_leaves[there, LEAF_PATH] = there
        for step in range(2 * leaves[leaf, LEAF_DEPTH]):
            to_paths[there, step] = paths[leaves[leaf, LEAF_PATH], step]
        _move_position(states[j], legal[leaf], counts[leaf], to_states, to_legal, to_counts, there)
        there += 1
    expand_leaves(
        ints, floats, stride, trees, leaves, paths, order, sorted_out,
        states, legal, counts, logits, values, draws,
    )  # fmt: skip
    return there


@kernel
def land_leaves(
    ints, floats, stride, trees, leaves, paths, flying, judged, there,
    states, legal, counts, logits, values, draws,
):  # fmt: skip
    """Write the first ``judged`` leaves of a batch into their trees; the others move up.

    Returns:
        Leaves left in the batch.
    """
    expand_leaves(
        ints, floats, stride, trees, leaves, paths, flying, judged,
        states, legal, counts, logits, values, draws,
    )  # fmt: skip
    for j in range(judged, there):
        to = j - judged
        leaves[to, LEAF_TREE] = leaves[j, LEAF_TREE]
        leaves[to, LEAF_DEPTH] = leaves[j, LEAF_DEPTH]
        leaves[to, LEAF_PATH] = to
        for step in range(2 * leaves[j, LEAF_DEPTH]):
            paths[to, step] = paths[leaves[j, LEAF_PATH], step]
        _move_position(states[j], legal[j], counts[j], states, legal, counts, to)
    return there - judged


@kernel
def _move_position(state, legal, count, to_states, to_legal, to_counts, to):
    """Copy a position and its legal actions to row ``to`` of other buffers."""
    for i in range(len(state)):
        to_states[to, i] = state[i]
    to_counts[to] = count
    for slot in range(len(legal)):
        to_legal[to, slot] = legal[slot]
