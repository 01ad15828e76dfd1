"""Sees wins and losses one move away, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent, Decisions
from agents.choice import expand_children, legal_slots, random_slots
from games.game import Game, States


class OnePlyAgent(Agent):
    """Wins at once where it can, else allows no win at once where it can, else plays at random.

    Stopping an immediate threat is the commonest case of the second rule.
    """

    def __init__(self, *, game: Game, seed: int = 0, name: str = "one_ply") -> None:
        super().__init__(name=name, game=game, seed=seed)

    def _choose(self, states: States) -> Decisions:
        legal, _ = legal_slots(self.game, states)
        children = expand_children(self.game, states)
        movers = states["to_play"][children.rows]
        outcomes = np.empty(len(children.states), np.int8)
        self.game.rules.prove(children.states, 1, outcomes)
        # ``prove`` speaks for the player to move in the child, who may be the same player again.
        same = (children.states["to_play"] == movers) & ~children.states["finished"]
        results = np.take_along_axis(children.states["returns"], movers[:, None], axis=1)[:, 0]
        wins_now = children.states["finished"] & (results > 0)
        loses_next = (outcomes == 1) & ~same & ~children.states["finished"]
        loses_next |= children.states["finished"] & (results < 0)

        winning = np.zeros(legal.shape, bool)
        winning[children.rows, children.slots] = wins_now
        safe = np.zeros(legal.shape, bool)
        safe[children.rows, children.slots] = ~loses_next
        allowed: NDArray[np.bool_] = legal >= 0
        for better in (safe, winning):
            allowed = np.where(better.any(axis=1, keepdims=True), better, allowed)
        slots = random_slots(states["key"], allowed, seed=self.seed)
        return Decisions(actions=legal[np.arange(len(states)), slots])
