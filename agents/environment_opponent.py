"""Any agent as the other player of a Gymnasium environment (``games.bridges``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent
from games.game import Game, States


class EnvironmentOpponent:
    """Answers one position as ``GameEnv`` asks, or a batch as ``GameVectorEnv`` does.

    Chance is the agent's own, from its seed; the environment's generator is not drawn from.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def __call__(
        self, game: Game, states: np.void | States, rng: np.random.Generator
    ) -> int | NDArray[np.int32]:
        """One action for a record, ``[B]`` actions for an array of records.

        Raises:
            AgentError: the agent plays another game.
        """
        if isinstance(states, np.ndarray):
            return self.agent.choose(states).actions
        return self.agent.move(states)
