"""Judging positions by random games from them: slow to see far, but it has learnt nothing wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernels.numerics import hash64
from engine.records import Evaluation
from games.game import Game, States


class RolloutEvaluator:
    """Uniform policy; the value is the mean result of random games.

    The games of a batch share one generator, so a seed repeats a whole search, not one position.
    """

    def __init__(self, game: Game, *, rollouts: int = 1, seed: int = 0) -> None:
        """Set up.

        Args:
            game: what is played.
            rollouts: games from each position.
            seed: of the moves.

        Raises:
            ValueError: less than one game.
        """
        if rollouts < 1:
            raise ValueError(f"rollouts must be at least 1, not {rollouts}")
        self._rules = game.rules
        self._slots = game.max_legal
        self._rollouts = rollouts
        self._rng = np.array([seed], np.uint64)
        self._game = game
        self._given = 0  # seeds for other threads

    def another(self) -> RolloutEvaluator:
        """One with random numbers of its own."""
        self._given += 1
        seed = int(hash64(self._rng[0], np.uint64(self._given)))
        return RolloutEvaluator(self._game, rollouts=self._rollouts, seed=seed)

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Play every position to its end, ``rollouts`` times."""
        played = np.repeat(states, self._rollouts)
        self._rules.play_out(played, self._rng)
        returns = played["returns"].reshape(len(states), self._rollouts, -1)
        return Evaluation(
            policy_logits=np.zeros((len(states), self._slots), np.float32),
            values=np.ascontiguousarray(returns.mean(1, dtype=np.float32)),
            draws=(returns == 0).all(2).mean(1, dtype=np.float32),
        )
