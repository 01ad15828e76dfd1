"""Perfect play of hex on boards of 3 and 4, and on 5 once four stones are down."""

from __future__ import annotations

import numpy as np

from agents.choice import expand_children
from agents.exact.kernels import hex as kernels
from agents.exact.solver import UNKNOWN, SolvedMoves, Solver
from games.game import Game

#: Stones that must be down, by size of the board: fewer take minutes on 5 x 5.
FEWEST_STONES = {3: 0, 4: 0, 5: 4}


class HexSolver(Solver):
    """Who wins a position, by search with memory.

    Args:
        game: hex of size 3, 4 or 5, with the swap rule or without.
        table_bits: the hash table has ``2**table_bits`` places of 8 bytes.
    """

    limits = "boards of 3 and 4, and 5 with at least four stones"

    def __init__(self, *, game: Game, table_bits: int = 20) -> None:
        self.game = game
        self._size = int(game.observation_shape[-1])
        self._board = kernels.board_of(self._size)
        self._memory = kernels.new_memory(table_bits=table_bits)

    def knows(self, state: np.void) -> bool:
        """Whether enough stones are down."""
        stones = sum(stones.bit_count() for stones in self._stones(state))
        return stones >= FEWEST_STONES[self._size]

    def moves(self, state: np.void) -> SolvedMoves:
        """Solve a position that it ``knows``."""
        children = expand_children(self.game, np.array([state], self.game.state_dtype))
        outcomes = np.array([-self._outcome(child) for child in children.states], np.int8)
        return SolvedMoves(
            actions=children.actions,
            outcomes=outcomes,
            scores=outcomes.astype(np.int32),
            plies=np.full(len(outcomes), UNKNOWN, np.int32),
        )

    def _outcome(self, state: np.void) -> int:
        """+1 or -1 for the player to move."""
        player = int(state["to_play"])
        if state["finished"]:
            return int(state["returns"][player])
        swaps = self._size**2 in self.game.legal(state)
        if swaps:  # only there is a move that is no stone
            return int(self.moves(state).outcomes.max())
        first, second = map(np.uint64, self._stones(state))
        return 1 if kernels.wins(self._board, self._memory, first, second, player) else -1

    def _stones(self, state: np.void) -> tuple[int, int]:
        """Stones of both players as words."""
        rows = state["boards"][:, 0, 1:-1].astype(int)
        first, second = (
            sum(int(row) << self._size * line for line, row in enumerate(board)) for board in rows
        )
        return first, second
