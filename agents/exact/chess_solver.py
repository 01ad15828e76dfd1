"""Perfect play in chess endings, from the tables."""

from __future__ import annotations

import numpy as np

from agents.exact.chess_tables import ChessTables
from agents.exact.solver import UNKNOWN, SolvedMoves, Solver
from games.game import Game

_MATE = 1_000  # worth of a mate, less the plies to it


class ChessSolver(Solver):
    """Results and distances to mate of positions with at most four men.

    The rule of fifty moves is left out: no mate with four men takes longer, but one that begins
    late may.

    Args:
        game: a chess game.
        tables: where the values are; the user's own folder unless told.
        may_compute: whether tables that were never computed are computed when they are asked for
            (seconds for three men, up to a minute for four).
    """

    limits = "at most four men and no castling"

    def __init__(
        self, *, game: Game, tables: ChessTables | None = None, may_compute: bool = True
    ) -> None:
        self.game = game
        self.tables = tables or ChessTables()
        self._may_compute = may_compute

    def knows(self, state: np.void) -> bool:
        """At most four men, no castling, and a table that is there or may be computed."""
        material = self.tables.material_of_state(state)
        if material is None:
            return False
        needed = [material, *material.smaller()]
        return self._may_compute or all(self.tables.is_kept(each) for each in needed)

    def moves(self, state: np.void) -> SolvedMoves:
        """Solve a position that it ``knows``."""
        actions = np.array(self.game.legal(state), np.int32)
        children = np.repeat(np.array([state], self.game.state_dtype), len(actions))
        self.game.rules.step(children, actions)
        values = [self._value(child) for child in children]
        # A value is the opponent's: what is n plies for him is one more for the move before.
        plies = [UNKNOWN if v == 0 else v + 1 if v > 0 else -v for v in values]
        outcomes = np.array([-np.sign(v) for v in values], np.int8)
        return SolvedMoves(
            actions=actions,
            outcomes=outcomes,
            scores=np.array(
                [int(o) * (_MATE - p) for o, p in zip(outcomes, plies, strict=True)], np.int32
            ),
            plies=np.array(plies, np.int32),
        )

    def _value(self, state: np.void) -> int:
        """Value of a position for its player to move, as the tables have it."""
        if state["finished"]:
            return -1 if state["returns"].any() else 0  # whoever is to move is mated
        if state["passing"]:
            best = self.moves(state)
            place = int(best.scores.argmax())
            outcome, plies = int(best.outcomes[place]), int(best.plies[place])
            return outcome * (plies if outcome > 0 else plies + 1)
        return self.tables.value(state)
