"""The search of one game whose tree can be looked at, and kept to some moves, while it grows."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import numpy as np

from agents.search_agent import SearchAgent
from engine.search.root_moves import RootMove
from engine.search.search import Search
from engine.search.tree import node_words
from games.game import Game

#: Memory that the tree may fill, reserved at once and used as it grows; a full tree is searched on
#: without new nodes.
TREE_BYTES = 1 << 29

#: A slice takes about so long, so that ``stop`` and the clock are seen soon.
SLICE_SECONDS = 0.005
FIRST_SLICE = 4  # simulations


class WatchedSearch(Search):
    """One tree, searched in slices by ``run``, with the settings of an agent (always by PUCT).

    Args:
        agent: says how to search and what judges the leaves; it keeps what it knows itself.
        most: simulations that the tree has room for; None: what ``TREE_BYTES`` hold.
    """

    def __init__(self, agent: SearchAgent, *, most: int | None = None) -> None:
        config = msgspec.structs.replace(agent.config, algorithm="puct")
        super().__init__(
            agent.game,
            agent.evaluator,
            config.search_config(simulations=1),
            num_trees=1,
            max_simulations=most or _largest_slice(agent.game),
            seed=agent.seed,
        )

    def start(self, state: np.void, only: Collection[int] | None = None) -> None:
        """Begin a tree at an unfinished position.

        Args:
            state: the root.
            only: root moves to choose from; None: all.
        """
        self.set_roots(np.array([state], self.game.state_dtype))
        if only is not None:
            self.restrict(0, only)

    def candidates(self, most: int | None = None) -> list[RootMove]:
        """The best root moves, the one to play first."""
        return self.root_moves(0)[:most]


def _largest_slice(game: Game) -> int:
    """Simulations that a search is made for so that its tree takes ``TREE_BYTES``.

    The search reserves two nodes of the largest size for each; most nodes are far smaller.
    """
    words = node_words(game.max_legal, game.state_dtype.itemsize // 4)
    return int(TREE_BYTES // 4 // (2 * words))


def next_slice(made: int, seconds: float, left: float | None = None) -> int:
    """Simulations of the next slice, by the time that the last one took; ``left``: until the end.

    A slice grows to four times the last at most.
    """
    aim = SLICE_SECONDS if left is None else min(SLICE_SECONDS, max(left, 0.0))
    return max(1, min(4 * made, int(made * aim / max(seconds, 1e-6))))
