"""Judging positions by games of a small, fast policy: what AlphaGo had instead of random moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator
from engine.records import Evaluation
from games.game import Game, States


class PolicyRollouts:
    """One game from each position; every move is drawn from the policy.

    The games of a batch go on side by side, so that the policy is asked once a ply.

    Source: Silver et al. 2016, "Searching with policy and value networks" (the outcome z of a game
    of the fast policy).
    """

    def __init__(self, game: Game, policy: Evaluator, *, seed: int = 0) -> None:
        """Set up.

        Args:
            game: what is played.
            policy: its values are not used.
            seed: of the moves.
        """
        self._game = game
        self._policy = policy
        self._rng = np.random.default_rng(seed)

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Play every position to its end; see ``Evaluator``."""
        played = states.copy()
        slots = actions.shape[1]
        places = np.arange(slots)
        running = np.arange(len(played))[~played["finished"]]
        while len(running):
            moved = played[running]
            legal = np.empty((len(moved), slots), np.int32)
            count = np.empty(len(moved), np.int32)
            self._game.rules.legal_actions(moved, legal, count)
            logits = self._policy.evaluate(moved, legal, count).policy_logits
            # The largest of logits with Gumbel noise is a draw from their softmax.
            noisy = logits + self._rng.gumbel(size=logits.shape)
            chosen = np.where(places < count[:, None], noisy, -np.inf).argmax(1)
            self._game.rules.step(moved, legal[np.arange(len(moved)), chosen])
            played[running] = moved
            running = running[~moved["finished"]]
        returns = played["returns"]
        return Evaluation(
            policy_logits=np.zeros((len(states), slots), np.float32),
            values=np.ascontiguousarray(returns, np.float32),
            draws=(returns == 0).all(1).astype(np.float32),
        )
