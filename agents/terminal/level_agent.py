"""A level of play as an agent for matches, so that levels can be measured against each other."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent, Decisions
from agents.policy_agent import PolicyAgent
from agents.search_agent import TREE_ALONE, PlayConfig, SearchAgent
from agents.terminal.strength import Strength, draw_slot
from engine.inference.evaluator import Evaluator
from games.game import Game, States


def make_player(
    strength: Strength, *, game: Game, evaluator: Evaluator, seed: int = 0
) -> PolicyAgent | SearchAgent:
    """Who thinks at a strength; what it says of its moves is drawn from elsewhere."""
    if strength.simulations == 0:
        return PolicyAgent(game=game, evaluator=evaluator)
    return SearchAgent(
        game=game,
        evaluator=evaluator,
        simulations=strength.simulations,
        seed=seed,
        config=PlayConfig() if strength.endings else TREE_ALONE,
    )


class LevelAgent(Agent):
    """Plays whole batches as the terminal's engine does at one strength.

    A move depends on the seed and the position alone, also where it is drawn.
    """

    def __init__(
        self, strength: Strength, *, game: Game, evaluator: Evaluator, name: str, seed: int = 0
    ) -> None:
        super().__init__(name=name, game=game, seed=seed)
        self.strength = strength
        self._player = make_player(strength, game=game, evaluator=evaluator, seed=seed)

    def reset(self, *, seed: int) -> None:
        """Start again from another seed."""
        super().reset(seed=seed)
        self._player.reset(seed=seed)

    def _choose(self, states: States) -> Decisions:
        decisions = self._player.choose(states)
        analysis = decisions.analysis
        if not self.strength.temperature or analysis is None:
            return decisions
        actions = decisions.actions.copy()
        for row, state in enumerate(states):
            rng = np.random.default_rng((self.seed, int(state["key"])))
            shares = analysis.policies[row, : analysis.counts[row]]
            slot = draw_slot(shares, temperature=self.strength.temperature, rng=rng)
            actions[row] = analysis.legal[row, slot]
        return Decisions(actions=actions, analysis=analysis)
