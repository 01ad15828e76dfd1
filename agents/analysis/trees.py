"""Many positions searched together, each with a tree of its own; they come and go at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import msgspec
import numpy as np

from agents.search_agent import SearchAgent
from engine.search.root_moves import RootMove
from engine.search.search import Search
from engine.search.tree import node_words
from games.game import UNPROVEN

#: Memory of all trees together, reserved at once and used as they grow. A full tree is searched on
#: without new nodes.
TREE_BYTES = 1 << 30

#: One step takes about so long, unless it is ended.
_STEP_SECONDS = 0.1
_FIRST_STEP = 16  # simulations
_BATCH = 32  # positions of one call of the network, about
_MOST_LEAVES = 16  # of them from one tree
_VISITS_A_LEAF = 16  # a tree has, so that guesses under virtual loss do not spoil its few visits


class Growth:
    """One position while it is searched."""

    __slots__ = ("is_final", "is_proven", "left", "row", "spent", "state", "value")

    def __init__(self, state: np.void, row: int, simulations: int) -> None:
        self.state = state
        self.row = row
        self.left = simulations
        self.spent = 0
        self.value = 0.0  # of the position to the player to move, -1..+1
        self.is_final = False  # nothing is left to be searched
        self.is_proven = False  # its result is certain


class TreePool:
    """Up to ``rows`` positions in one batched search.

    Args:
        agent: says how to search and what judges the leaves.
        rows: positions at once.
        threads: that search. With one, each position gets what it would get alone (from rollouts,
            whose positions share a generator: what it would get beside the same others); several
            go down the same trees, and what comes out depends on their timing.
        step: simulations of each position in a step; None: as many as take a tenth of a second.
            The clock then decides which rollout is whose.
    """

    def __init__(
        self, agent: SearchAgent, *, rows: int, threads: int, step: int | None = None
    ) -> None:
        self._game = agent.game
        words = node_words(agent.game.max_legal, agent.game.state_dtype.itemsize // 4)
        most = max(TREE_BYTES // 4 // (rows * words), 64)
        config = msgspec.structs.replace(agent.config, algorithm="puct")
        evaluators = agent.evaluators(threads)
        self._threads = len(evaluators)
        self._search = Search(
            agent.game,
            evaluators[0],
            msgspec.structs.replace(
                config.search_config(simulations=1),
                reuse_tree=False,
                leaves_per_tree=_MOST_LEAVES if self._threads > 1 else 1,
            ),
            num_trees=rows,
            max_simulations=most,
            seed=agent.seed,
            helpers=evaluators[1:],
        )
        # Every row holds some position from the beginning on; those that nobody asked for get no
        # simulations.
        self._search.set_roots(agent.game.rules.initial(rows))
        self._rows = rows
        # Simulations of each position in a step: the same for all, so that batches stay full.
        self._size = step or _FIRST_STEP
        self._is_timed = step is None
        self._free = list(range(rows))

    @property
    def free(self) -> int:
        """How many more positions there is room for."""
        return len(self._free)

    def add(self, state: np.void, *, simulations: int, only: Collection[int] | None) -> Growth:
        """Begin to search an unfinished position.

        Args:
            state: the position.
            simulations: after which it is finished.
            only: root moves to choose from; None: all.
        """
        growth = Growth(state, self._free.pop(), simulations)
        states = np.array([state], self._game.state_dtype)
        self._search.set_roots(states, np.array([growth.row]))
        if only is not None:
            self._search.restrict(growth.row, only)
        return growth

    def remove(self, growth: Growth) -> None:
        """Make room; what its tree knows is lost."""
        self._free.append(growth.row)

    def step(
        self, growths: Collection[Growth], *, is_ended: Callable[[], bool] | None = None
    ) -> None:
        """Search some of the positions a little further, together.

        Args:
            growths: which.
            is_ended: asked every few milliseconds; True ends the step.
        """
        budgets = np.zeros(self._rows, np.int32)
        for each in growths:
            budgets[each.row] = min(self._size, each.left, self._search.max_simulations)
        began = time.perf_counter()
        result = self._search.run(budgets, leaves=self._leaves(growths), is_ended=is_ended)
        if self._is_timed:
            seconds = max(time.perf_counter() - began, 1e-6)
            longest = int(result.simulations.max(initial=0))
            self._size = max(1, min(4 * self._size, int(longest * _STEP_SECONDS / seconds)))
        for each in growths:
            made, row = int(result.simulations[each.row]), each.row
            each.spent += made
            each.left -= made
            proven = int(result.proven[row])
            each.is_proven = proven != UNPROVEN
            is_cut = is_ended is not None and made < budgets[row]
            is_full = made == 0 and not is_cut
            each.is_final = each.is_proven or is_full or each.left <= 0
            mover = int(each.state["to_play"])
            each.value = float(result.values[row, mover] if proven == UNPROVEN else proven)

    def _leaves(self, growths: Collection[Growth]) -> int:
        """Leaves of each tree in a batch: few while a tree is small, and where trees are many."""
        if self._threads == 1:
            return 1
        grown = min(each.spent for each in growths) // _VISITS_A_LEAF
        return max(min(grown, _BATCH // len(growths), _MOST_LEAVES), 2)

    def close(self) -> None:
        """End the threads; the pool is not used afterwards."""
        self._search.close()

    def moves(self, growth: Growth) -> list[RootMove]:
        """The moves of a position as its tree knows them, the one to play first."""
        return self._search.root_moves(growth.row)
