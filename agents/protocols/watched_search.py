"""The search of one game whose tree can be looked at, and kept to some moves, while it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace

import msgspec
import numpy as np

from agents.cores import usable_cores
from agents.search_agent import SearchAgent
from engine.records import SearchResult
from engine.search.root_moves import RootMove
from engine.search.search import Search
from engine.search.tree import node_words
from games.game import Game

#: Memory that the tree may fill, reserved at once and used as it grows; a full tree is searched on
#: without new nodes.
TREE_BYTES = 1 << 29

#: Leaves of one batch of a tree that has grown; one from a smaller tree, so that guesses under
#: virtual loss do not spoil its few visits.
MOST_LEAVES = 32
_VISITS_A_LEAF = 32
#: A batch takes no longer, where that can be had: until it is back, nothing can be ended.
_BATCH_SECONDS = 0.005

#: A slice takes about so long. Whoever wants to end it sooner says so by ``is_ended``.
SLICE_SECONDS = 0.1
FIRST_SLICE = 16  # simulations


_WARM_UP_SIMULATIONS = 16


class WatchedSearch(Search):
    """One tree, searched in slices by all cores, with the settings of an agent (always by PUCT).

    Args:
        agent: says how to search and what judges the leaves; it keeps what it knows itself.
        most: simulations that the tree has room for; None: what ``TREE_BYTES`` hold.
        threads: that search; None: one for each core.
    """

    def __init__(
        self, agent: SearchAgent, *, most: int | None = None, threads: int | None = None
    ) -> None:
        config = msgspec.structs.replace(agent.config, algorithm="puct")
        evaluators = agent.evaluators(threads or usable_cores())
        super().__init__(
            agent.game,
            evaluators[0],
            msgspec.structs.replace(
                config.search_config(simulations=1), leaves_per_tree=MOST_LEAVES
            ),
            num_trees=1,
            max_simulations=most or _largest_slice(agent.game),
            seed=agent.seed,
            helpers=evaluators[1:],
        )
        self._threads = len(evaluators)
        self._quick_leaves = MOST_LEAVES  # as many as one batch judges in its time

    def warm_up(self) -> None:
        """Have everything compiled and loaded that a search needs, in small trees and in large."""
        self.start(self.game.rules.initial(1)[0])
        self.run(_WARM_UP_SIMULATIONS, leaves=1)
        self.run(_WARM_UP_SIMULATIONS, leaves=2)
        self.advance(np.array([self.candidates(1)[0].action], np.int32))

    def start(self, state: np.void, only: Collection[int] | None = None) -> None:
        """Begin a tree at an unfinished position.

        Args:
            state: the root.
            only: root moves to choose from; None: all.
        """
        self.set_roots(np.array([state], self.game.state_dtype))
        if only is not None:
            self.restrict(0, only)

    def grow(self, simulations: int, *, is_ended: Callable[[], bool] | None = None) -> SearchResult:
        """Search on; larger batches as the tree grows.

        Args:
            simulations: at most.
            is_ended: asked every few milliseconds; True ends the search before that.
        """
        made = np.zeros(1, np.int32)
        while True:
            most = min(self._quick_leaves, MOST_LEAVES)
            leaves = min(max(self.visits(0) // _VISITS_A_LEAF, 1), most)
            left = simulations - int(made[0])
            # While batches are small the tree is looked at again soon.
            part = left if leaves == MOST_LEAVES else min(left, _VISITS_A_LEAF * leaves)
            began = time.perf_counter()
            result = self.run(part, leaves=leaves, is_ended=is_ended)
            self._note_speed(int(result.simulations[0]), leaves, time.perf_counter() - began)
            made = made + result.simulations
            if int(result.simulations[0]) < part or int(made[0]) >= simulations:
                return replace(result, simulations=made)

    def _note_speed(self, simulations: int, leaves: int, seconds: float) -> None:
        """Learn how many leaves a batch may have."""
        if simulations >= leaves:
            threads = self._threads if leaves > 1 else 1
            self._quick_leaves = max(1, int(_BATCH_SECONDS * simulations / (seconds * threads)))

    def candidates(self, most: int | None = None) -> list[RootMove]:
        """The best root moves, the one to play first."""
        return self.root_moves(0)[:most]


def _largest_slice(game: Game) -> int:
    """Simulations that a search is made for so that its tree takes ``TREE_BYTES``.

    The search reserves two nodes of the largest size for each; most nodes are far smaller.
    """
    words = node_words(game.max_legal, game.state_dtype.itemsize // 4)
    return int(TREE_BYTES // 4 // (2 * words))


def next_slice(made: int, seconds: float) -> int:
    """Simulations of the next slice, by the time that the last one took.

    A slice grows to four times the last at most.
    """
    return max(1, min(4 * made, int(made * SLICE_SECONDS / max(seconds, 1e-6))))
