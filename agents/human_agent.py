"""A person, or anything else that answers a question about one position."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.agent import Agent, AgentError, Decisions
from games.game import Game, States


class HumanAgent(Agent):
    """Asks a callback for each position in turn.

    Args:
        game: what is played.
        ask: given one unfinished state record, returns the action to play.
        name: how the person is called in results.
    """

    def __init__(self, *, game: Game, ask: Callable[[np.void], int], name: str = "human") -> None:
        super().__init__(name=name, game=game)
        self._ask = ask

    def _choose(self, states: States) -> Decisions:
        return Decisions(actions=np.array([self._answer(state) for state in states], np.int32))

    def _answer(self, state: np.void) -> int:
        action = int(self._ask(state))
        legal = self.game.legal(state)
        if action not in legal:
            moves = " ".join(self.game.action_to_text(state, each) for each in legal)
            raise AgentError(
                f"action {action} is not legal after {state['ply']} plies; try {moves}"
            )
        return action
