"""Plays any legal move."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent, Decisions
from agents.choice import legal_slots, random_slots
from games.game import Game, States


class RandomAgent(Agent):
    """A uniformly random legal move, fixed by the seed and the position."""

    def __init__(self, *, game: Game, seed: int = 0, name: str = "random") -> None:
        super().__init__(name=name, game=game, seed=seed)

    def _choose(self, states: States) -> Decisions:
        legal, _ = legal_slots(self.game, states)
        slots = random_slots(states["key"], legal >= 0, seed=self.seed)
        return Decisions(actions=legal[np.arange(len(states)), slots])
