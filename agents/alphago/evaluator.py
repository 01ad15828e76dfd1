"""AlphaGo's leaf: a policy for the moves, and a mixture of value network and random game."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.records import Evaluation
from games.game import Game, States


class MixedEvaluator:
    """Values ``(1 - share) v + share z``: v of a value network, z of one game played to its end.

    The games are of uniformly random moves, or of a small, fast policy's as AlphaGo's were
    (``PolicyRollouts``).

    Source: Silver et al. 2016, "Searching with policy and value networks", equation (6).
    """

    def __init__(
        self,
        game: Game,
        *,
        policy: Evaluator,
        value: Evaluator | None,
        rollout_share: float = 0.5,
        rollouts: Evaluator | None = None,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            game: what is played.
            policy: its values are not used.
            value: its policies are not used; None where ``rollout_share`` is 1.
            rollout_share: lambda.
            rollouts: plays the games; None: one of random moves from each leaf.
            seed: of the games.

        Raises:
            ValueError: a share outside 0..1, or no value network where one is needed.
        """
        if not 0.0 <= rollout_share <= 1.0:
            raise ValueError(f"rollout_share is a share of 0 to 1, not {rollout_share:g}")
        if value is None and rollout_share < 1.0:
            raise ValueError("without a value network only rollout_share 1 has a meaning")
        self._policy = policy
        self._value = value
        self._share = np.float32(rollout_share)
        self._rollouts = rollouts or RolloutEvaluator(game, rollouts=1, seed=seed)

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Judge positions; see ``Evaluator``."""
        logits = self._policy.evaluate(states, actions, counts).policy_logits
        if self._value is None:
            played = self._rollouts.evaluate(states, actions, counts)
            return Evaluation(policy_logits=logits, values=played.values, draws=played.draws)
        logits = logits.copy()  # the same network may answer the next question
        known = self._value.evaluate(states, actions, counts)
        if self._share == 0:
            return Evaluation(policy_logits=logits, values=known.values, draws=known.draws)
        played = self._rollouts.evaluate(states, actions, counts)
        kept = 1 - self._share
        return Evaluation(
            policy_logits=logits,
            values=kept * known.values + self._share * played.values,
            draws=kept * known.draws + self._share * played.draws,
        )
