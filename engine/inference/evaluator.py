"""The seam between search and whatever judges positions: network, cache, rollouts, constants."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Shareable(Protocol):
    """An evaluator that can be given to several threads."""

    def another(self) -> Evaluator:
        """One that judges as this one does, for another thread; what is dear is shared."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An evaluator that knows some answers without asking."""

    def recall(
        self,
        states: States,
        actions: NDArray[np.int32],
        counts: NDArray[np.int32],
        known: NDArray[np.bool_],
    ) -> Evaluation:
        """Answer what is remembered, and say in ``known`` ``[B]`` what that is."""
        ...


def for_threads(evaluator: Evaluator, threads: int) -> list[Evaluator]:
    """An evaluator and others like it, one for each thread; it alone where it has no ``another``.

    Raises:
        ValueError: no thread at all.
    """
    if threads < 1:
        raise ValueError(f"at least 1 thread, not {threads}")
    if not isinstance(evaluator, Shareable):
        return [evaluator]
    return [evaluator, *(evaluator.another() for _ in range(threads - 1))]
