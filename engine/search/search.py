"""Tree search over many games at once: the public face of this folder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator
from engine.records import Evaluation, SearchResult
from engine.search.config import SearchConfig
from engine.search.group import TreeGroup
from engine.search.look_ahead import settled
from engine.search.root_moves import RootMove, keep_to, root_moves
from engine.search.simulation import EMPTY, FINISHED, NEW, READY, STATUS
from engine.search.tree import VISITS, principal_line
from games.game import NUM_PLAYERS, UNPROVEN, Game, States


class Search:
    """Searches up to ``num_trees`` positions in lockstep.

    Whose turn it is comes from the states. Each tree draws its random numbers from a stream of its
    own, so its result does not depend on the trees beside it, nor on the number of threads.

    Under Gumbel, a kept subtree brings its statistics along: they sharpen the values (and max N in
    sigma), but the halving counts the visits of the present search alone, so every considered move
    gets its share of the new budget.
    """

    def __init__(
        self,
        game: Game,
        evaluator: Evaluator,
        config: SearchConfig | None = None,
        *,
        num_trees: int = 256,
        max_simulations: int | None = None,
        seed: int = 0,
        first_stream: int = 0,
        threads: int = 1,
        helpers: Sequence[Evaluator] = (),
    ) -> None:
        """Allocate the trees.

        Args:
            game: what is searched.
            evaluator: judges leaves. Alone with several threads, it is asked by one at a time.
            config: how to search.
            num_trees: most positions searched at once.
            max_simulations: largest budget of one search; the default is the config's.
            seed: of all randomness.
            first_stream: number of the stream of row 0; row r has stream ``first_stream + r``.
            threads: groups that the trees are dealt out to in turn, each searched by a thread.
            helpers: further evaluators that judge as the first does. With several threads, one for
                each but the first, or none. Otherwise each for one more thread: all of them search
                the same trees then (``together``), as long as a run allows more than one leaf a
                tree, and what comes out depends on their timing.

        Raises:
            ValueError: a game whose states do not start with the common header, or that has more
                actions than an edge can name; or helpers whose number does not fit the threads, or
                that are to search the same trees under Gumbel.
        """
        _check_game(game)
        threads = max(min(threads, num_trees), 1)
        if threads > 1 and len(helpers) not in (0, threads - 1):
            raise ValueError(f"{threads} threads take no helpers or {threads - 1}")
        if threads == 1 and helpers and (config or SearchConfig()).algorithm != "puct":
            raise ValueError("helpers in the same trees are for PUCT")
        self.game = game
        self.evaluator = evaluator
        self.config = settled(config or SearchConfig(), game)
        self.num_trees = num_trees
        self.max_simulations = max_simulations or self.config.simulations
        self._width = 0
        self._groups = [
            TreeGroup(
                game,
                self.config,
                seed=seed,
                streams=range(first_stream + index, first_stream + num_trees, threads),
                max_simulations=self.max_simulations,
                threads=1 + len(helpers) if threads == 1 else 1,
            )
            for index in range(threads)
        ]
        #: The rows of each group.
        self._shares = [slice(index, num_trees, threads) for index in range(threads)]
        self._pool = ThreadPoolExecutor(threads, "search") if threads > 1 else None
        self._lock = threading.Lock()
        self._helpers = list(helpers)
        shares_trees = bool(helpers) and threads == 1
        self._helping = ThreadPoolExecutor(len(helpers), "search") if shares_trees else None
        self._kept: dict[int, frozenset[int]] = {}  # root moves of rows that are restricted

    def set_roots(self, states: States, rows: NDArray[np.integer] | None = None) -> None:
        """Start trees anew.

        Args:
            states: ``[B]`` positions; finished ones are allowed and are not searched.
            rows: the tree of each; ``None``: trees 0 to B - 1, and no others are searched.

        Raises:
            ValueError: more positions than trees, or a row that does not exist.
        """
        if rows is None:
            if len(states) > self.num_trees:
                raise ValueError(f"{len(states)} positions for a search of {self.num_trees} trees")
            rows = np.arange(len(states))
            for group in self._groups:
                group.trees[:, STATUS] = EMPTY
            self._width = len(states)
        elif len(rows) != len(states):
            raise ValueError(f"{len(states)} positions for {len(rows)} rows")
        elif len(rows) and not (0 <= min(rows) and max(rows) < self.num_trees):
            raise ValueError(f"rows must lie in 0..{self.num_trees - 1}, not {rows!r}")
        elif len(rows):
            self._width = max(self._width, int(max(rows)) + 1)
        for row in rows.tolist():
            self._kept.pop(row, None)
        states = np.ascontiguousarray(states)
        for index, group in enumerate(self._groups):
            mine = rows % len(self._groups) == index
            if mine.any():
                group.set_roots(states[mine], rows[mine] // len(self._groups))

    def advance(self, actions: NDArray[np.integer]) -> None:
        """Play ``actions[b]`` in tree b, keeping what is below it when ``config.reuse_tree``.

        Negative actions and finished trees are left alone.
        """
        padded = np.full(self.num_trees, -1, np.int32)
        padded[: self._width] = actions
        self._kept = {row: kept for row, kept in self._kept.items() if padded[row] < 0}
        for group, share in zip(self._groups, self._shares, strict=True):
            group.advance(padded[share])

    def run(
        self,
        simulations: int | NDArray[np.integer] | None = None,
        explore: bool | NDArray[np.bool_] = False,
        *,
        leaves: int | None = None,
        is_ended: Callable[[], bool] | None = None,
    ) -> SearchResult:
        """Search all trees.

        Args:
            simulations: budget, of each tree or of all; the default is the config's. Less is spent
                where the result becomes known.
            explore: whether to add noise, of each tree or of all.
            leaves: of a tree in one batch, at most the config's ``leaves_per_tree``, which is the
                default.
            is_ended: asked before each descent, by any thread; True ends the search before its
                budget is spent.

        Returns:
            Results of trees 0 to B - 1. Finished positions have no actions, and -1 as moves.

        Raises:
            ValueError: a budget that the trees have no memory for, or too many leaves.
        """
        most_leaves = self.config.leaves_per_tree
        if leaves is not None and not 1 <= leaves <= most_leaves:
            raise ValueError(f"leaves must lie in 1..{most_leaves}, not {leaves}")
        budgets = np.zeros(self.num_trees, np.int32)
        budgets[: self._width] = self.config.simulations if simulations is None else simulations
        if budgets.min(initial=0) < 0 or budgets.max(initial=0) > self.max_simulations:
            raise ValueError(
                f"budgets must lie in 0..{self.max_simulations}, the max_simulations that this "
                f"search was made for, not {simulations!r}"
            )
        exploring = np.zeros(self.num_trees, np.bool_)
        exploring[: self._width] = explore
        fields = _empty_fields(self.num_trees, self.game.max_legal)

        def work(index: int) -> None:
            group, share = self._groups[index], self._shares[index]
            group.run(
                budgets[share],
                exploring[share],
                self._evaluators_of(index),
                leaves=leaves or most_leaves,
                pool=self._helping,
                is_ended=is_ended,
            )
            own = _empty_fields(len(group.trees), self.game.max_legal)
            group.summarise(*own.values())
            for name, field in fields.items():
                field[share] = own[name]

        if self._pool is None:
            work(0)
        else:
            list(self._pool.map(work, range(len(self._groups))))
        spent = np.zeros(self.num_trees, np.int32)
        for group, share in zip(self._groups, self._shares, strict=True):
            spent[share] = group.spent
        self._fill_finished(fields)
        cut = {name: field[: self._width] for name, field in fields.items()}
        return SearchResult(**cut, simulations=spent[: self._width])

    def principal_variation(self, row: int) -> list[int]:
        """The line that the search expects from a tree's root on, as actions."""
        group, place = self._place(row)
        if group.trees[place, STATUS] in (EMPTY, FINISHED):
            return []
        line: list[int] = principal_line(*group.arena(place))
        return line

    def root_moves(self, row: int) -> list[RootMove]:
        """The moves of a tree that was searched, the one to play first; none where it is over."""
        group, place = self._place(row)
        if group.trees[place, STATUS] != READY:
            return []
        return root_moves(*group.arena(place), kept=self._kept.get(row))

    def visits(self, row: int) -> int:
        """Visits of a tree's root: what is known of it already; 0 before its first search."""
        group, place = self._place(row)
        return int(group.arena(place)[0][VISITS]) if group.trees[place, STATUS] == READY else 0

    def close(self) -> None:
        """End the threads; the search is not used afterwards."""
        for pool in (self._pool, self._helping):
            if pool is not None:
                pool.shutdown()

    def restrict(self, row: int, actions: Collection[int]) -> None:
        """Keep the choice at a root to some moves, until the tree is moved on or begun anew.

        Results and values are then those of a player who has no other moves.

        Args:
            row: a tree that was begun anew and has not been searched.
            actions: the moves; the others are never played nor searched.

        Raises:
            ValueError: the tree has been searched, is over, or none of the moves is legal.
        """
        group, place = self._place(row)
        if group.trees[place, STATUS] != NEW:
            raise ValueError(f"row {row} is not a tree begun anew, so it cannot be restricted")
        kept = frozenset(actions) & set(self.game.legal(group.root_states[place]))
        if not kept:
            raise ValueError(f"none of the moves {sorted(actions)} is legal in row {row}")
        group.plant_new(self.evaluator.evaluate)
        keep_to(group.arena(place)[0], kept)
        self._kept[row] = kept

    def _place(self, row: int) -> tuple[TreeGroup, int]:
        """The group of a tree, and its row there."""
        if not 0 <= row < self.num_trees:
            raise ValueError(f"row {row} is not in 0..{self.num_trees - 1}")
        return self._groups[row % len(self._groups)], row // len(self._groups)

    def _evaluators_of(self, index: int) -> Sequence[Evaluator]:
        """What judges for a group: several where several threads search the same trees."""
        if self._pool is None:
            return [self.evaluator, *self._helpers]
        if self._helpers:
            return [self._helpers[index - 1] if index else self.evaluator]
        return [_InTurn(self._evaluate_in_turn)]

    def _evaluate_in_turn(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Ask the evaluator as the only thread, and copy what would not outlast the next call."""
        with self._lock:
            answer = self.evaluator.evaluate(states, actions, counts)
            return Evaluation(
                policy_logits=answer.policy_logits.copy(),
                values=answer.values.copy(),
                draws=answer.draws.copy(),
            )

    def _fill_finished(self, fields: dict[str, NDArray[np.generic]]) -> None:
        """Results of positions that were finished before the search."""
        for index, group in enumerate(self._groups):
            places = np.flatnonzero(group.trees[:, STATUS] == FINISHED)
            if len(places):
                states = group.root_states[places]
                returns = states["returns"]
                mover = states["to_play"].astype(np.int64)
                rows = index + len(self._groups) * places
                fields["values"][rows] = returns
                fields["draws"][rows] = (returns == 0).all(1)
                outcomes = np.sign(returns[np.arange(len(rows)), mover])
                fields["proven"][rows] = outcomes.astype(np.int8)


class _InTurn:
    """An evaluator behind a function."""

    def __init__(
        self, evaluate: Callable[[States, NDArray[np.int32], NDArray[np.int32]], Evaluation]
    ) -> None:
        self.evaluate = evaluate


def _empty_fields(rows: int, slots: int) -> dict[str, NDArray[Any]]:
    """Arrays of a ``SearchResult``, in the order in which ``move_choice.summarise`` takes them."""
    return {
        "actions": np.full((rows, slots), -1, np.int32),
        "counts": np.zeros(rows, np.int32),
        "priors": np.zeros((rows, slots), np.float32),
        "policies": np.zeros((rows, slots), np.float32),
        "visits": np.zeros((rows, slots), np.int32),
        "q_values": np.zeros((rows, slots), np.float32),
        "best_actions": np.full(rows, -1, np.int32),
        "sampled_actions": np.full(rows, -1, np.int32),
        "values": np.zeros((rows, NUM_PLAYERS), np.float32),
        "draws": np.zeros(rows, np.float32),
        "proven": np.full(rows, UNPROVEN, np.int8),
    }


def _check_game(game: Game) -> None:
    """The kernels read the header by its bytes; see ``games.game.HEADER``."""
    fields: Mapping[str, Any] = game.state_dtype.fields or {}
    offsets = {name: fields[name][1] for name in ("ply", "to_play", "finished") if name in fields}
    if offsets != {"ply": 8, "to_play": 10, "finished": 11} or game.state_dtype.itemsize % 4:
        raise ValueError(f"states of {game.id} do not start with games.game.HEADER")
    if game.num_actions > 1 << 16:
        raise ValueError(f"{game.id} has {game.num_actions} actions; the search can name 65536")
