"""The seam between search and whatever judges positions: network, cache, rollouts, constants."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.records import Evaluation
from games.game import States


class Evaluator(Protocol):
    """Judges a batch of unfinished positions at once."""

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Policy logits by legal slot and a value per player.

        Args:
            states: ``[B]`` unfinished positions; B may differ from call to call.
            actions: ``[B, K]`` legal actions of each, as ``BatchedRules.legal_actions`` gives them.
            counts: ``[B]`` number of legal actions of each.

        Returns:
            An ``Evaluation``; its arrays are the evaluator's own and hold until the next call.
        """
        ...
