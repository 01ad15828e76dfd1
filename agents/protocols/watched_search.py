"""The search of one game whose tree can be looked at, and kept to some moves, while it grows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.search_agent import SearchAgent
from engine.search.search import Search
from engine.search.tree import (
    ACTION,
    ACTION_BITS,
    ACTION_MASK,
    CHILD,
    COUNT,
    DRAW,
    DRAWS,
    EDGE_VALUE,
    EDGE_VISITS,
    EDGE_WORDS,
    EDGES,
    LOSS,
    MOVER,
    PRIOR,
    PROOF,
    UNKNOWN,
    VALUES,
    VISITS,
    WIN,
    node_words,
)
from games.game import Game

#: Memory that the tree may fill, reserved at once and used as it grows; a full tree is searched on
#: without new nodes.
TREE_BYTES = 1 << 29
_LONGEST_LINE = 32


@dataclass(frozen=True, slots=True)
class Candidate:
    """A root move as the tree knows it, from the view of the player who makes it."""

    action: int
    visits: int
    value: float  # -1..+1, exact where proven
    draw: float  # probability
    plies: int | None  # to the end at most, the move included; None: not proven
    line: tuple[int, ...]  # expected play, the move itself first


class WatchedSearch(Search):
    """One tree, searched in slices by ``run``, with the settings of an agent (always by PUCT)."""

    def __init__(self, agent: SearchAgent) -> None:
        config = msgspec.structs.replace(agent.config, algorithm="puct")
        super().__init__(
            agent.game,
            agent.evaluator,
            config.search_config(simulations=1),
            num_trees=1,
            max_simulations=_largest_slice(agent.game),
            seed=agent.seed,
        )
        self._allowed: frozenset[int] | None = None

    def start(self, state: np.void, only: Collection[int] | None = None) -> None:
        """Begin a tree at an unfinished position.

        Args:
            state: the root.
            only: root moves to choose from; None: all.
        """
        self.set_roots(np.array([state], self.game.state_dtype))
        self._allowed = None
        if only is not None:
            self._allowed = frozenset(only)
            self.run(0)  # plants the root
            self._leave_out()

    @property
    def is_settled(self) -> bool:
        """Whether the result of the root is proven, so that more simulations would tell nothing."""
        return int(self._arena()[0][PROOF]) != UNKNOWN

    def candidates(self, most: int) -> list[Candidate]:
        """The best root moves, the one to play first."""
        ints, floats = self._arena()
        edges = [edge for edge in _edges(ints, 0) if self._may_play(ints, edge)]
        edges.sort(key=lambda edge: _claim(ints, floats, edge), reverse=True)
        return [_candidate(ints, floats, edge) for edge in edges[:most]]

    def _leave_out(self) -> None:
        """Note the moves that are not to be played as lost at once: the search passes them over."""
        ints, _ = self._arena()
        kept = []
        for edge in _edges(ints, 0):
            if self._may_play(ints, edge):
                kept.append(_proof(ints, edge))
            else:
                action = int(ints[edge + ACTION]) & ACTION_MASK
                ints[edge + ACTION] = action | (LOSS << ACTION_BITS)
        wins = [proof for proof in kept if proof & 3 == WIN]
        best = UNKNOWN
        if wins:
            best = min(wins)
        elif all(kept):
            best = max(kept, key=lambda proof: (proof & 3, proof))
        ints[PROOF] = UNKNOWN if best == UNKNOWN else best + (1 << 2)

    def _may_play(self, ints: NDArray[np.int32], edge: int) -> bool:
        return self._allowed is None or int(ints[edge + ACTION]) & ACTION_MASK in self._allowed

    def _arena(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        return self._groups[0].arena(0)


def _largest_slice(game: Game) -> int:
    """Simulations that a search is made for so that its tree takes ``TREE_BYTES``.

    The search reserves two nodes of the largest size for each; most nodes are far smaller.
    """
    words = node_words(game.max_legal, game.state_dtype.itemsize // 4)
    return int(TREE_BYTES // 4 // (2 * words))


def _edges(ints: NDArray[np.int32], node: int) -> range:
    first = node + EDGES
    return range(first, first + EDGE_WORDS * int(ints[node + COUNT]), EDGE_WORDS)


def _proof(ints: NDArray[np.int32], edge: int) -> int:
    return int(ints[edge + ACTION]) >> ACTION_BITS


def _claim(
    ints: NDArray[np.int32], floats: NDArray[np.float32], edge: int
) -> tuple[int, int, int, float]:
    """Order of the moves: quick wins, then visits, then losses that last."""
    kind, plies = _proof(ints, edge) & 3, _proof(ints, edge) >> 2
    rank = {WIN: 2, LOSS: 0}.get(kind, 1)
    speed = -plies if kind == WIN else plies if kind == LOSS else 0
    return rank, speed, int(ints[edge + EDGE_VISITS]), float(floats[edge + PRIOR])


def _candidate(ints: NDArray[np.int32], floats: NDArray[np.float32], edge: int) -> Candidate:
    kind, plies = _proof(ints, edge) & 3, _proof(ints, edge) >> 2
    visits, child = int(ints[edge + EDGE_VISITS]), int(ints[edge + CHILD])
    draw = float(floats[DRAWS]) / int(ints[VISITS])
    if kind != UNKNOWN:
        value, draw = float(kind - 2), float(kind == DRAW)
    elif visits:
        value = float(floats[edge + EDGE_VALUE]) / visits
        if child > 0:
            draw = float(floats[child + DRAWS]) / int(ints[child + VISITS])
    else:
        value = float(floats[VALUES + int(ints[MOVER])]) / int(ints[VISITS])
    line = [int(ints[edge + ACTION]) & ACTION_MASK]
    while child > 0 and len(line) < _LONGEST_LINE:
        best = max(_edges(ints, child), key=lambda edge: _claim(ints, floats, edge))
        if not ints[best + EDGE_VISITS] and _proof(ints, best) == UNKNOWN:
            break
        line.append(int(ints[best + ACTION]) & ACTION_MASK)
        child = int(ints[best + CHILD])
    return Candidate(
        action=line[0],
        visits=visits,
        value=value,
        draw=draw,
        plies=None if kind == UNKNOWN else plies + 1,
        line=tuple(line),
    )
