"""One thread's share of the trees: their memory and the loop that searches them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.records import Evaluation
from engine.search.config import SearchConfig
from engine.search.gumbel import BLOCK, SCHEDULE_COLUMNS
from engine.search.move_choice import summarise
from engine.search.numerics import hash64
from engine.search.roots import gather_root_moves, move_on, plant, prove_root_moves
from engine.search.simulation import (
    BUDGET,
    EXPLORE,
    FINISHED,
    GUMBEL,
    LANE_COLUMNS,
    LEAF_COLUMNS,
    LEAF_TREE,
    NEW,
    NUM_LANES,
    PUCT,
    READY,
    SPENT,
    STATUS,
    TREE_COLUMNS,
    begin,
    finish,
    grow,
    settle,
)
from engine.search.tree import LINE_WORDS, PROOF, UNKNOWN, node_words
from games.game import Game, States

Evaluate = Callable[[States, NDArray[np.int32], NDArray[np.int32]], Evaluation]

_LINE_BYTES = 4 * LINE_WORDS
_MOST_TABLE_BITS = 16  # half a megabyte a tree


class TreeGroup:
    """Trees that are searched together, with all memory they will ever want.

    Rows are counted within the group.
    """

    def __init__(
        self,
        game: Game,
        config: SearchConfig,
        *,
        num_trees: int,
        max_simulations: int,
        seed: int,
        first_stream: int,
    ) -> None:
        self.game = game
        self.config = config
        self._rules = game.rules
        self._algorithm = GUMBEL if config.algorithm == "gumbel" else PUCT
        self._settings = _kernel_settings(config)
        self._choice = np.array(
            [
                config.puct.temperature,
                config.puct.final_temperature,
                config.puct.temperature_half_life,
                config.gumbel.sampled_plies,
            ]
        )
        slots = game.max_legal
        self._state_words = game.state_dtype.itemsize // 4
        nodes = max_simulations + 1
        if config.reuse_tree:
            nodes *= 2
        # An odd number of cache lines: roots of neighbouring trees fall into different sets.
        lines = nodes * node_words(slots, self._state_words) // LINE_WORDS | 1
        self._stride = lines * LINE_WORDS
        self._ints = _aligned_words(num_trees * self._stride)
        self._floats = self._ints.view(np.float32)
        self._spare = _aligned_words(self._stride) if config.reuse_tree else self._ints[:0]

        self.trees = np.zeros((num_trees, TREE_COLUMNS), np.int32)
        self._schedules = np.zeros((num_trees, SCHEDULE_COLUMNS), np.int32)
        self._root_priors = np.zeros((num_trees, slots), np.float32)
        self._noisy_logits = np.zeros((num_trees, slots), np.float32)
        self._new_visits = np.zeros((num_trees, slots), np.int32)
        root_seed = np.uint64(seed)
        self._streams = np.array(
            [hash64(root_seed, np.uint64(first_stream + row)) for row in range(num_trees)],
            np.uint64,
        )
        self._searches = np.zeros(num_trees, np.uint64)
        self._seeds = np.zeros(num_trees, np.uint64)

        self.root_states = np.zeros(num_trees, game.state_dtype)
        self._root_words = _words(self.root_states)
        self._unlooked = np.zeros(num_trees, np.bool_)

        leaves = num_trees * config.leaves_per_tree
        buffered = max(leaves, slots)
        self._leaves = np.zeros((leaves, LEAF_COLUMNS), np.int32)
        self._paths = np.zeros((leaves + NUM_LANES, 2 * (game.max_plies + 2)), np.int32)
        self._scratch = np.zeros((3, -(-slots // BLOCK) * BLOCK), np.float32)
        self._lanes = np.zeros((min(NUM_LANES, num_trees), LANE_COLUMNS), np.int32)
        self._order = np.zeros(leaves, np.int32)
        self._places = np.zeros((buffered, 2), np.int32)
        self._states = np.zeros(buffered, game.state_dtype)
        self._words = _words(self._states)
        self._actions = np.zeros(buffered, np.int32)
        self._outcomes = np.zeros(buffered, np.int8)
        self._distances = np.zeros(buffered, np.int32)
        # What alpha-beta found out about endings: a table a tree, so that a tree's course does not
        # depend on the others.
        self._reach = game.rules.ending_reach(config.ending_nodes)
        self._root_reach = game.rules.ending_reach(config.root_ending_nodes)
        budget = max(config.ending_nodes, config.root_ending_nodes)
        words = _table_words(budget if self._reach or self._root_reach else 0)
        self._tables = np.zeros((num_trees, words), np.uint64)
        self._rows = np.zeros(buffered, np.int32)
        self._legal = np.zeros((buffered, slots), np.int32)
        self._counts = np.zeros(buffered, np.int32)
        self._nothing = Evaluation(
            policy_logits=np.zeros((1, slots), np.float32),
            values=np.zeros((1, 2), np.float32),
            draws=np.zeros(1, np.float32),
        )
        # Views of the first n rows, made once for each n: slicing costs more than a small step.
        self._views: list[_View | None] = [None] * (buffered + 1)

    def set_roots(self, states: States, rows: NDArray[np.int64]) -> None:
        """Start trees anew at the given positions."""
        self._tables[rows] = 0
        self._put_roots(states, rows)

    def _put_roots(self, states: States, rows: NDArray[np.int64]) -> None:
        self.root_states[rows] = states
        self.trees[rows, STATUS] = np.where(states["finished"], FINISHED, NEW)

    def advance(self, actions: NDArray[np.int32]) -> None:
        """Play ``actions[row]`` in every unfinished tree; negative: leave it alone."""
        actions = np.where(self.trees[:, STATUS] == FINISHED, -1, actions).astype(np.int32)
        move_on(
            self._ints, self._stride, self.trees, actions, self.config.reuse_tree,
            self._state_words, self._spare, self._root_words,
        )  # fmt: skip
        self._unlooked |= actions >= 0
        rows = np.flatnonzero((actions >= 0) & (self.trees[:, STATUS] == NEW))
        states = self.root_states[rows]
        self._rules.step(states, actions[rows])
        self._put_roots(states, rows)

    def run(
        self, budgets: NDArray[np.int32], explore: NDArray[np.bool_], evaluate: Evaluate
    ) -> None:
        """Search every tree until its budget is spent or its result is known."""
        self.trees[:, BUDGET] = budgets
        self.trees[:, EXPLORE] = explore
        self.plant_new(evaluate)
        self._look_at_root_moves()
        begin(
            self._ints, self._floats, self._stride, self.trees, self._schedules,
            self._root_priors, self._noisy_logits, self._new_visits,
            self._streams, self._searches, self._seeds, self._algorithm, self._settings,
            self.config.gumbel.max_considered, self.config.gumbel.noise_scale,
        )  # fmt: skip
        self._simulate(evaluate)
        finish(self._ints, self._floats, self._stride, self.trees, self._root_priors)

    def summarise(self, *fields: NDArray[np.generic]) -> None:
        """Write results into the rows given of each field (order as in ``move_choice``)."""
        summarise(
            self._ints, self._floats, self._stride, self.trees, self._noisy_logits,
            self._new_visits, self._seeds, self._algorithm, self._settings, self._choice,
            self._scratch, *fields,
        )  # fmt: skip

    @property
    def spent(self) -> NDArray[np.int32]:
        """Simulations of each tree in the last run."""
        return self.trees[:, SPENT]

    def arena(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The words of one tree, as integers and as floats (see ``tree``)."""
        words = slice(row * self._stride, (row + 1) * self._stride)
        return self._ints[words], self._floats[words]

    def _simulate(self, evaluate: Evaluate) -> None:
        """Steps of descend, play, look ahead, judge and back up, until all trees are done."""
        before = (
            self._ints, self._floats, self._stride, self.trees, self._schedules,
            self._noisy_logits, self._new_visits, self._lanes, self._leaves, self._paths,
            self._order,
        )  # fmt: skip
        buffers = (self._words, self._actions, self._legal, self._counts)
        after = (self._algorithm, self._settings, self.config.leaves_per_tree, self._scratch)
        rules = self._rules
        plies = self.config.prove_plies
        nodes = self.config.ending_nodes
        answer = self._nothing
        judged = 0
        while True:
            found = grow(
                *before, judged, *buffers,
                answer.policy_logits, answer.values, answer.draws, *after,
            )  # fmt: skip
            if found == 0:
                return
            view = self._views[found] or self._view(found)
            rules.step(view.states, view.actions)
            view.rows[:] = self._leaves[:found, LEAF_TREE]
            rules.look_ahead(
                view.states, plies, nodes, self._reach, self._tables, view.rows, view.outcomes,
                view.distances,
            )  # fmt: skip
            judged = settle(
                self._ints, self._floats, self._stride, self._leaves, self._paths, self._order,
                found, self._words, self._outcomes, self._distances, self.config.leaves_per_tree,
            )  # fmt: skip
            if judged:
                view = self._views[judged] or self._view(judged)
                rules.legal_actions(view.states, view.legal, view.counts)
                answer = evaluate(view.states, view.legal, view.counts)

    def plant_new(self, evaluate: Evaluate) -> None:
        """Judge the roots that are new, a buffer at a time, and plant their trees."""
        rows = np.flatnonzero(self.trees[:, STATUS] == NEW).astype(np.int32)
        self._unlooked[rows] = True
        for first in range(0, len(rows), len(self._states)):
            part = rows[first : first + len(self._states)]
            view = self._view(len(part))
            view.states[:] = self.root_states[part]
            self._rules.legal_actions(view.states, view.legal, view.counts)
            answer = evaluate(view.states, view.legal, view.counts)
            plant(
                self._ints, self._floats, self._stride, self.trees, part, self._words,
                self._legal, self._counts, answer.policy_logits, answer.values, answer.draws,
            )  # fmt: skip

    def _look_at_root_moves(self) -> None:
        """Look for settled results after every move of the new roots.

        A win within reach must not depend on whether its prior drew a visit to it.
        """
        rows = np.flatnonzero(self._unlooked & (self.trees[:, STATUS] == READY)).astype(np.int32)
        self._unlooked[:] = False
        first = 0
        while first < len(rows):
            found, first = self._gather(rows, first, visited=False)
            view = self._view(found)
            self._rules.prove(view.states, self.config.prove_plies, view.outcomes)
            view.distances[:] = self.config.prove_plies
            self._prove_root_moves(found)
        if self._root_reach:
            self._settle_roots(rows)

    def _settle_roots(self, rows: NDArray[np.int32]) -> None:
        """Search the moves of roots near the end by alpha-beta, until the root is settled."""
        left = self.game.max_plies - self.root_states["ply"][rows].astype(np.int64)
        proofs = self._ints[rows.astype(np.int64) * self._stride + PROOF]
        # One ply further off than a leaf may be: the moves are searched, not the root.
        rows = rows[(left <= self._root_reach + 1) & (proofs == UNKNOWN)]
        first = 0
        while first < len(rows):
            found, first = self._gather(rows, first, visited=True)
            view = self._view(found)
            view.rows[:] = self._places[:found, 0]
            self._rules.settle_moves(
                view.states,
                self.root_states["to_play"][view.rows],
                self.config.root_ending_nodes,
                self._root_reach,
                self._tables,
                view.rows,
                view.outcomes,
            )
            # What is found this way may be far off: the quick wins found before are preferred.
            view.distances[:] = self.game.max_plies - view.states["ply"]
            self._prove_root_moves(found)

    def _gather(self, rows: NDArray[np.int32], first: int, *, visited: bool) -> tuple[int, int]:
        """Put the positions after unproven root moves into the buffer, as many as fit.

        Returns:
            How many there are, and the index in ``rows`` to go on with.
        """
        found, first = gather_root_moves(
            self._ints, self._stride, self.trees, rows, first, visited, self._places, self._words,
            self._actions,
        )  # fmt: skip
        view = self._view(found)
        self._rules.step(view.states, view.actions)
        return int(found), int(first)

    def _prove_root_moves(self, found: int) -> None:
        """Note the outcomes in the buffer."""
        prove_root_moves(
            self._ints, self._floats, self._stride, self._places, found, self._words,
            self._outcomes, self._distances,
        )  # fmt: skip

    def _view(self, count: int) -> _View:
        view = self._views[count]
        if view is None:
            view = self._views[count] = _View(self, count)
        return view


class _View:
    """The first rows of a group's leaf buffers."""

    __slots__ = ("actions", "counts", "distances", "legal", "outcomes", "rows", "states")

    def __init__(self, group: TreeGroup, count: int) -> None:
        self.states = group._states[:count]
        self.actions = group._actions[:count]
        self.outcomes = group._outcomes[:count]
        self.distances = group._distances[:count]
        self.rows = group._rows[:count]
        self.legal = group._legal[:count]
        self.counts = group._counts[:count]


def _kernel_settings(config: SearchConfig) -> NDArray[np.float64]:
    """Settings in the order of the constants in ``puct``, ``gumbel`` and ``simulation``."""
    puct, gumbel = config.puct, config.gumbel
    if config.algorithm == "gumbel":
        own = [gumbel.visit_offset, gumbel.value_scale, float(gumbel.rescale_values)]
    else:
        own = [puct.exploration, puct.exploration_base, puct.first_play_reduction]
    root = [puct.noise_concentration, puct.noise_share, puct.root_temperature]
    return np.array([*own, *root, puct.forced_playouts])


def _table_words(nodes: int) -> int:
    """Size of a tree's table of endings: about a place for every other node of a search."""
    return 1 << min((nodes // 2).bit_length(), _MOST_TABLE_BITS)


def _aligned_words(count: int) -> NDArray[np.int32]:
    """Memory that starts on a cache line; the system gives pages only to what is touched."""
    memory = np.empty(count + LINE_WORDS, np.int32)
    skipped = -memory.ctypes.data % _LINE_BYTES // 4
    return memory[skipped : skipped + count]


def _words(states: States) -> NDArray[np.int32]:
    """States as ``[B, S]`` words of the same memory."""
    return states.view(np.int32).reshape(len(states), -1)
