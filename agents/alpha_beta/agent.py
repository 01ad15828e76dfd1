"""A player that looks a fixed number of plies ahead and trusts a hand-made evaluation."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent, AgentError, Decisions
from agents.alpha_beta.compiled import alpha_beta_kernel
from agents.choice import legal_slots, random_slots
from games.game import Game, States


class AlphaBetaAgent(Agent):
    """Minimax to ``plies`` half-moves with alpha-beta cuts; the evaluation judges the leaves.

    Wins are taken as soon as possible and losses put off. Moves of equal worth are chosen among at
    random, fixed by the seed and the position. Games without an evaluation of their own count every
    open leaf as even.
    """

    def __init__(self, *, game: Game, plies: int, seed: int = 0, name: str = "") -> None:
        super().__init__(name=name or f"alpha_beta:{plies}", game=game, seed=seed)
        if plies < 1:
            raise AgentError(f"alpha_beta looks at least 1 ply ahead, not {plies}")
        self.plies = plies
        self._search = alpha_beta_kernel(game)

    def _choose(self, states: States) -> Decisions:
        legal, counts = legal_slots(self.game, states)
        actions = np.empty(len(states), np.int32)
        scores = np.empty(len(states), np.int32)
        shuffled = self._shuffled(states, legal)
        self._search(np.ascontiguousarray(states), shuffled, counts, self.plies, actions, scores)
        return Decisions(actions=actions)

    def _shuffled(self, states: States, legal: np.ndarray) -> np.ndarray:
        """Each row's legal actions in an order fixed by the seed and the position."""
        rows = np.arange(len(states))
        left = legal >= 0
        shuffled = np.full_like(legal, -1)
        for place in range(legal.shape[1]):
            open_rows = rows[left.any(axis=1)]
            if not len(open_rows):
                break
            slots = random_slots(
                states["key"][open_rows], left[open_rows], seed=self.seed * 1_000_003 + place
            )
            shuffled[open_rows, place] = legal[open_rows, slots]
            left[open_rows, slots] = False
        return shuffled
