"""Leaves of trees on their way to the evaluator and back: the memory of batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.records import Evaluation
from engine.search.gumbel import BLOCK
from engine.search.simulation import LANE_COLUMNS, LEAF_COLUMNS, NUM_LANES
from games.game import Game, States

#: Leaves that are looked for at once, for each that a batch of several threads lacks.
MOST_SOUGHT = 2


class LeafBatch:
    """Buffers for up to ``leaves`` leaves, and for K positions at least.

    Attributes:
        leaves, paths, lanes, order, scratch: as ``simulation.grow`` wants them.
        states, words, actions, outcomes, distances, rows, legal, counts: of the positions.
        places: tree and slot of root moves.
        tables: what alpha-beta found out about endings, a row for each tree.
        in_flight: of how many leaves, the first ones, the answers are awaited (by ``together``).
        answer: of the evaluator to the last question.
    """

    def __init__(
        self,
        game: Game,
        *,
        leaves: int,
        num_trees: int,
        table_words: int,
    ) -> None:
        slots = game.max_legal
        buffered = max(leaves, slots)
        self.leaves = np.zeros((leaves, LEAF_COLUMNS), np.int32)
        self.paths = np.zeros((leaves + NUM_LANES, 2 * (game.max_plies + 2)), np.int32)
        self.lanes = np.zeros((min(NUM_LANES, num_trees), LANE_COLUMNS), np.int32)
        self.order = np.zeros(leaves, np.int32)
        self.scratch = np.zeros((3, -(-slots // BLOCK) * BLOCK), np.float32)
        self.places = np.zeros((buffered, 2), np.int32)
        self.states = np.zeros(buffered, game.state_dtype)
        self.words = words_of(self.states)
        self.actions = np.zeros(buffered, np.int32)
        self.outcomes = np.zeros(buffered, np.int8)
        self.distances = np.zeros(buffered, np.int32)
        self.rows = np.zeros(buffered, np.int32)
        self.legal = np.zeros((buffered, slots), np.int32)
        self.counts = np.zeros(buffered, np.int32)
        self.tables = np.zeros((num_trees, table_words), np.uint64)
        self.in_flight = 0
        self.answer = Evaluation(
            policy_logits=np.zeros((1, slots), np.float32),
            values=np.zeros((1, 2), np.float32),
            draws=np.zeros(1, np.float32),
        )
        # Views of the first n rows, made once for each n: slicing costs more than a small step.
        self._views: list[FirstRows | None] = [None] * (buffered + 1)

    def first(self, count: int) -> FirstRows:
        """Views of the first ``count`` rows of the buffers."""
        view = self._views[count]
        if view is None:
            view = self._views[count] = FirstRows(self, count)
        return view


class FirstRows:
    """The first rows of a batch's buffers."""

    __slots__ = ("actions", "counts", "distances", "legal", "outcomes", "rows", "states")

    def __init__(self, batch: LeafBatch, count: int) -> None:
        self.states = batch.states[:count]
        self.actions = batch.actions[:count]
        self.outcomes = batch.outcomes[:count]
        self.distances = batch.distances[:count]
        self.rows = batch.rows[:count]
        self.legal = batch.legal[:count]
        self.counts = batch.counts[:count]


class Crew:
    """The memory of one thread: leaves just found, and those that wait for the evaluator.

    Args:
        game: what is searched.
        num_trees: whose leaves they are.
        leaves_per_tree: in a full batch.
        table_words: of each tree's table of endings.
        is_shared: whether other threads search the same trees.
    """

    def __init__(
        self,
        game: Game,
        *,
        num_trees: int,
        leaves_per_tree: int,
        table_words: int,
        is_shared: bool,
    ) -> None:
        leaves = num_trees * leaves_per_tree
        found = MOST_SOUGHT * leaves if is_shared else leaves
        self.scouts = LeafBatch(game, leaves=found, num_trees=num_trees, table_words=table_words)
        # A full batch, and all that one more descent may bring.
        self.freight = LeafBatch(game, leaves=leaves + found, num_trees=1, table_words=0)
        self.known = np.zeros(len(self.scouts.states), np.bool_)
        self.known_share = 0.0  # of the leaves found lately: remembered or settled

    def clear(self) -> None:
        """Give up what is in flight: a search that an error has ended leaves it so."""
        self.scouts.in_flight = self.freight.in_flight = 0


def words_of(states: States) -> NDArray[np.int32]:
    """States as ``[B, S]`` words of the same memory."""
    return states.view(np.int32).reshape(len(states), -1)
