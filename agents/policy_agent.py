"""Plays what the network likes best at first sight."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent, Analysis, Decisions
from agents.choice import legal_slots
from engine.inference.evaluator import Evaluator
from games.game import UNPROVEN, Game, States

#: Positions evaluated at once.
_BATCH = 1024


class PolicyAgent(Agent):
    """The move with the highest prior; nothing is searched."""

    def __init__(self, *, game: Game, evaluator: Evaluator, name: str = "policy") -> None:
        super().__init__(name=name, game=game)
        self._evaluator = evaluator

    def _choose(self, states: States) -> Decisions:
        legal, counts = legal_slots(self.game, states)
        logits = np.empty(legal.shape, np.float32)
        values = np.empty(len(states), np.float32)
        draws = np.empty(len(states), np.float32)
        for start in range(0, len(states), _BATCH):
            rows = slice(start, start + _BATCH)
            # Read before the next call: the arrays are the evaluator's own.
            answer = self._evaluator.evaluate(states[rows], legal[rows], counts[rows])
            logits[rows] = answer.policy_logits
            movers = states["to_play"][rows].astype(np.int64)
            values[rows] = answer.values[np.arange(len(movers)), movers]
            draws[rows] = answer.draws
        logits[legal < 0] = -np.inf
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        best = logits.argmax(axis=1)
        actions = legal[np.arange(len(states)), best]
        return Decisions(
            actions=actions,
            analysis=Analysis(
                legal=legal,
                counts=counts,
                policies=weights / weights.sum(axis=1, keepdims=True),
                visits=np.zeros(legal.shape, np.int32),
                q_values=np.where(legal >= 0, values[:, None], 0).astype(np.float32),
                values=values,
                draws=draws,
                proven=np.full(len(states), UNPROVEN, np.int8),
                lines=tuple((int(action),) for action in actions),
            ),
        )
