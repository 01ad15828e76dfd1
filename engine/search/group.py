"""One thread's share of the trees: their memory and the loop that searches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator, Remembering
from engine.kernels.numerics import hash64
from engine.records import Evaluation
from engine.search.arena_size import too_large, tree_words
from engine.search.config import SearchConfig
from engine.search.gathering import search_gathering
from engine.search.gumbel import SCHEDULE_COLUMNS
from engine.search.leaf_batch import Crew, LeafBatch, words_of
from engine.search.move_choice import summarise
from engine.search.roots import gather_root_moves, move_on, plant, prove_root_moves
from engine.search.simulation import (
    BUDGET,
    EXPLORE,
    FINISHED,
    GUMBEL,
    LEAF_TREE,
    NEW,
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
from engine.search.together import Together
from engine.search.tree import LINE_WORDS, PROOF, UNKNOWN
from games.game import Game, States

Evaluate = Callable[[States, NDArray[np.int32], NDArray[np.int32]], Evaluation]

_LINE_BYTES = 4 * LINE_WORDS
_MOST_TABLE_BITS = 16  # half a megabyte, which stays in the second cache


class TreeGroup:
    """Trees that are searched together, with all memory they will ever want.

    Rows are counted within the group.
    """

    def __init__(
        self,
        game: Game,
        config: SearchConfig,
        *,
        seed: int,
        streams: Sequence[int],
        max_simulations: int,
        threads: int = 1,
    ) -> None:
        """Allocate.

        Args:
            game: what is searched.
            config: how.
            seed: of all randomness.
            streams: the number of each tree's stream of random numbers.
            max_simulations: largest budget of one search.
            threads: that search the same trees.

        Raises:
            SearchSizeError: there is not the memory.
        """
        num_trees = len(streams)
        self.game = game
        self.config = config
        assert config.prove_plies is not None  # the search has settled it
        self._prove_plies: int = config.prove_plies
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
        self._stride = tree_words(game, simulations=max_simulations, reuse=config.reuse_tree)
        arena = num_trees * self._stride
        try:
            self._ints = _aligned_words(arena)
        except (MemoryError, ValueError):  # the latter for what no array can have
            raise too_large(
                game, games=num_trees, simulations=max_simulations, words=arena
            ) from None
        self._floats = self._ints.view(np.float32)
        self._spare = _aligned_words(self._stride) if config.reuse_tree else self._ints[:0]

        self.trees = np.zeros((num_trees, TREE_COLUMNS), np.int32)
        self._schedules = np.zeros((num_trees, SCHEDULE_COLUMNS), np.int32)
        self._root_priors = np.zeros((num_trees, slots), np.float32)
        self._noisy_logits = np.zeros((num_trees, slots), np.float32)
        self._new_visits = np.zeros((num_trees, slots), np.int32)
        root_seed = np.uint64(seed)
        self._streams = np.array(
            [hash64(root_seed, np.uint64(stream)) for stream in streams], np.uint64
        )
        self._searches = np.zeros(num_trees, np.uint64)
        self._seeds = np.zeros(num_trees, np.uint64)

        self.root_states = np.zeros(num_trees, game.state_dtype)
        self._root_words = words_of(self.root_states)
        self._unlooked = np.zeros(num_trees, np.bool_)

        # What alpha-beta found out about endings: a table a tree, so that a tree's course does not
        # depend on the others. Tables are small, so that those of many trees stay in the caches;
        # the long searches of root moves have a large one, which is begun anew for every root.
        self._reach = game.rules.ending_reach(config.ending_nodes)
        self._root_reach = game.rules.ending_reach(config.root_ending_nodes)
        words = _table_words(config.ending_nodes if self._reach else 0)
        self._root_table = np.zeros(
            _table_words(config.root_ending_nodes if self._root_reach else 0), np.uint64
        )
        self._crews = [
            Crew(
                game,
                num_trees=num_trees,
                leaves_per_tree=config.leaves_per_tree,
                table_words=words,
                is_shared=threads > 1,
            )
            for _ in range(threads)
        ]
        self._batch = self._crews[0].scouts
        self._nothing = self._batch.answer

    def set_roots(self, states: States, rows: NDArray[np.int64]) -> None:
        """Start trees anew at the given positions."""
        for crew in self._crews:
            crew.scouts.tables[rows] = 0
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
        self,
        budgets: NDArray[np.int32],
        explore: NDArray[np.bool_],
        evaluators: Sequence[Evaluator],
        *,
        leaves: int,
        pool: Executor | None = None,
        is_ended: Callable[[], bool] | None = None,
    ) -> None:
        """Search every tree until its budget is spent or its result is known.

        Args:
            budgets: simulations of each tree.
            explore: whether to add noise, of each.
            evaluators: what to ask; several: one for each thread, which search together where
                ``leaves`` is more than 1.
            leaves: of a tree in one batch.
            pool: gives the other threads.
            is_ended: asked before each descent; True ends the search.
        """
        evaluate = evaluators[0].evaluate
        self.trees[:, BUDGET] = budgets
        self.trees[:, EXPLORE] = explore
        for crew in self._crews:
            crew.clear()
        self.plant_new(evaluate)
        self._look_at_root_moves()
        begin(
            self._ints, self._floats, self._stride, self.trees, self._schedules,
            self._root_priors, self._noisy_logits, self._new_visits,
            self._streams, self._searches, self._seeds, self._algorithm, self._settings,
            self.config.gumbel.max_considered, self.config.gumbel.noise_scale,
        )  # fmt: skip
        if pool is not None and leaves > 1:
            self._simulate_together(evaluators, leaves, pool, is_ended or _never)
        elif leaves == 1 and isinstance(evaluators[0], Remembering):
            search_gathering(
                self._crews[0],
                (self._ints, self._floats, self._stride, self.trees),
                evaluators[0],
                evaluators[0],
                grow=lambda batch: self._grow(batch, 0, self._nothing, 1, loses=False),
                arrive=self._arrive,
                is_ended=is_ended or _never,
            )
        else:
            self._simulate(evaluate, leaves, is_ended or _never)
        finish(self._ints, self._floats, self._stride, self.trees, self._root_priors)

    def summarise(self, *fields: NDArray[np.generic]) -> None:
        """Write results into the rows given of each field (order as in ``move_choice``)."""
        summarise(
            self._ints, self._floats, self._stride, self.trees, self._noisy_logits,
            self._new_visits, self._seeds, self._algorithm, self._settings, self._choice,
            self._batch.scratch, *fields,
        )  # fmt: skip

    @property
    def spent(self) -> NDArray[np.int32]:
        """Simulations of each tree in the last run."""
        return self.trees[:, SPENT]

    def arena(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The words of one tree, as integers and as floats (see ``tree``)."""
        words = slice(row * self._stride, (row + 1) * self._stride)
        return self._ints[words], self._floats[words]

    def _simulate(self, evaluate: Evaluate, leaves: int, is_ended: Callable[[], bool]) -> None:
        """Steps of descend, play, look ahead, judge and back up, until all trees are done."""
        batch = self._batch
        answer = self._nothing
        loses = leaves > 1
        judged = 0
        while True:
            if is_ended():
                self.trees[:, BUDGET] = self.trees[:, SPENT]  # what is judged is still backed up
            found = self._grow(batch, judged, answer, leaves, loses=loses)
            if not found:
                return
            self._arrive(batch, found)
            judged = settle(
                self._ints, self._floats, self._stride, batch.leaves, batch.paths, batch.order,
                found, batch.words, batch.outcomes, batch.distances, batch.legal, batch.counts,
                loses,
            )  # fmt: skip
            if judged:
                view = batch.first(judged)
                answer = evaluate(view.states, view.legal, view.counts)

    def _simulate_together(
        self,
        evaluators: Sequence[Evaluator],
        leaves: int,
        pool: Executor,
        is_ended: Callable[[], bool],
    ) -> None:
        """The same by several threads."""
        Together(
            self._crews,
            (self._ints, self._floats, self._stride, self.trees),
            leaves=leaves,
            grow=lambda batch, most: self._grow(batch, 0, self._nothing, most, loses=True),
            arrive=self._arrive,
            is_ended=is_ended,
        ).run(evaluators, pool)

    def _grow(
        self, batch: LeafBatch, judged: int, answer: Evaluation, leaves: int, *, loses: bool
    ) -> int:
        """Expand what was judged, and descend; returns how many leaves are found."""
        found: int = grow(
            self._ints, self._floats, self._stride, self.trees, self._schedules,
            self._noisy_logits, self._new_visits, batch.lanes, batch.leaves, batch.paths,
            batch.order, judged, batch.words, batch.actions, batch.legal, batch.counts,
            answer.policy_logits, answer.values, answer.draws,
            self._algorithm, self._settings, leaves, loses, batch.scratch,
        )  # fmt: skip
        return found

    def _arrive(self, batch: LeafBatch, found: int) -> None:
        """Play the moves that lead to the leaves, look ahead, and list the legal actions."""
        view = batch.first(found)
        view.rows[:] = batch.leaves[:found, LEAF_TREE]
        self._rules.arrive(
            view.states, view.actions,
            self._prove_plies, self.config.ending_nodes, self._reach,
            batch.tables, view.rows, view.outcomes, view.distances, view.legal, view.counts,
        )  # fmt: skip

    def plant_new(self, evaluate: Evaluate) -> None:
        """Judge the roots that are new, a buffer at a time, and plant their trees."""
        rows = np.flatnonzero(self.trees[:, STATUS] == NEW).astype(np.int32)
        self._unlooked[rows] = True
        for first in range(0, len(rows), len(self._batch.states)):
            part = rows[first : first + len(self._batch.states)]
            view = self._batch.first(len(part))
            view.states[:] = self.root_states[part]
            self._rules.legal_actions(view.states, view.legal, view.counts)
            answer = evaluate(view.states, view.legal, view.counts)
            plant(
                self._ints, self._floats, self._stride, self.trees, part, self._batch.words,
                self._batch.legal, self._batch.counts,
                answer.policy_logits, answer.values, answer.draws,
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
            view = self._batch.first(found)
            self._rules.prove(view.states, self._prove_plies, view.outcomes)
            view.distances[:] = self._prove_plies
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
            view = self._batch.first(found)
            view.rows[:] = self._batch.places[:found, 0]
            self._rules.settle_moves(
                view.states,
                self.root_states["to_play"][view.rows],
                self.config.root_ending_nodes,
                self._root_reach,
                self._root_table,
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
            self._ints, self._floats, self._stride, self.trees, rows, first, visited,
            self._batch.places, self._batch.words, self._batch.actions,
        )  # fmt: skip
        view = self._batch.first(found)
        self._rules.step(view.states, view.actions)
        return int(found), int(first)

    def _prove_root_moves(self, found: int) -> None:
        """Note the outcomes in the buffer."""
        prove_root_moves(
            self._ints, self._floats, self._stride, self._batch.places, found, self._batch.words,
            self._batch.outcomes, self._batch.distances,
        )  # fmt: skip


def _never() -> bool:
    return False


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
