"""Perfect play of Othello's endings, and of the board of 4 from the start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.choice import expand_children
from agents.exact.kernels import othello as kernels
from agents.exact.solver import UNKNOWN, SolvedMoves, Solver
from games.game import Game

MOST_EMPTY = 16
#: With so few empty cells the difference of discs is told as well, and not only who wins.
_SCORED_FROM = 12


class OthelloSolver(Solver):
    """Results of positions with at most 16 empty cells, by search to the end.

    Args:
        game: an Othello game of any size.
        table_bits: the hash table has ``2**table_bits`` places of 24 bytes.
    """

    limits = f"at most {MOST_EMPTY} empty cells"

    def __init__(self, *, game: Game, table_bits: int = 19) -> None:
        self.game = game
        self._size = int(game.observation_shape[-1])
        cells = np.arange(self._size**2)
        self._places = 8 * (cells // self._size) + cells % self._size
        self._board = np.uint64(sum(1 << int(place) for place in self._places))
        self._memory = kernels.new_memory(table_bits=table_bits)

    def knows(self, state: np.void) -> bool:
        """Whether few enough cells are empty."""
        return self._empty(state) <= MOST_EMPTY

    def moves(self, state: np.void) -> SolvedMoves:
        """Solve a position that it ``knows``: ``scores`` are differences of discs near the end."""
        children = expand_children(self.game, np.array([state], self.game.state_dtype))
        solve = kernels.score if self._empty(state) <= _SCORED_FROM else kernels.outcome
        mover = int(state["to_play"])
        scores = np.array([self._worth(child, mover, solve) for child in children.states], np.int32)
        return SolvedMoves(
            actions=children.actions,
            outcomes=np.sign(scores).astype(np.int8),
            scores=scores,
            plies=np.full(len(scores), UNKNOWN, np.int32),
        )

    def score(self, state: np.void) -> int:
        """Difference of discs at the end for the player to move; empty cells go to the winner."""
        return self._worth(state, int(state["to_play"]), kernels.score)

    def _worth(self, state: np.void, player: int, solve: Callable[..., int]) -> int:
        """What a position is worth to a player, whoever is to move in it."""
        mover = player if state["finished"] else int(state["to_play"])
        mine, theirs = (self._embedded(int(state["stones"][each])) for each in (mover, 1 - mover))
        if state["finished"]:
            return int(kernels.final_score(mine, theirs, self._empty(state)))
        worth = int(solve(self._memory, mine, theirs, self._board))
        return worth if mover == player else -worth

    def _embedded(self, stones: int) -> np.uint64:
        """Stones of a smaller board in the upper left corner of the one of 8."""
        if self._size == 8:
            return np.uint64(stones)
        return np.uint64(sum(1 << int(p) for c, p in enumerate(self._places) if stones >> c & 1))

    def _empty(self, state: np.void) -> int:
        return self._size**2 - sum(int(stones).bit_count() for stones in state["stones"])
