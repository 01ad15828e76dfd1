"""A level of play as an agent for matches, so that levels can be measured against each other."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent, Decisions
from agents.policy_agent import PolicyAgent
from agents.search_agent import TREE_ALONE, PlayConfig, SearchAgent
from agents.terminal.strength import Strength, settle
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

    Args:
        strength: how strictly it chooses.
        player: who thinks, as strongly as that strength says.
        name: how the level is called in results.
        seed: of the draws.
    """

    def __init__(self, strength: Strength, player: Agent, *, name: str, seed: int = 0) -> None:
        super().__init__(name=name, game=player.game, seed=seed)
        self.strength = strength
        self._player = player

    def reset(self, *, seed: int) -> None:
        """Start again from another seed."""
        super().reset(seed=seed)
        self._player.reset(seed=seed)

    def _choose(self, states: States) -> Decisions:
        decisions = self._player.choose(states)
        rngs = (np.random.default_rng((self.seed, int(state["key"]))) for state in states)
        actions = [settle(self.strength, decisions, row, rng=rng) for row, rng in enumerate(rngs)]
        return Decisions(actions=np.array(actions, np.int32), analysis=decisions.analysis)
