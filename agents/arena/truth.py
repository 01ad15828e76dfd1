"""The truth meter: how often an agent's move keeps the result that perfect play would reach.

A move is an error when it turns a win into a draw or a loss, or a draw into a loss. No other rating
is needed in a solved game, and none is as sharp: it does not depend on who else was playing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent, AgentError
from agents.arena.intervals import wilson_interval
from games.game import UNPROVEN, States


@dataclass(frozen=True, slots=True)
class TruthSet:
    """Positions with the exact result of every move.

    ``outcomes[n, a]`` is the result for the player to move after action ``a``, +1, 0 or -1, and
    ``UNPROVEN`` where the action is not legal.
    """

    game_id: str
    states: States  # [N]
    outcomes: NDArray[np.int8]  # [N, A]
    classes: tuple[str, ...]  # names
    class_of: NDArray[np.int32]  # [N] index into ``classes``

    def subset(self, per_class: int) -> TruthSet:
        """The first ``per_class`` positions of each class: the same ones every time."""
        rows = np.concatenate(
            [np.flatnonzero(self.class_of == c)[:per_class] for c in range(len(self.classes))]
        )
        return TruthSet(
            game_id=self.game_id,
            states=self.states[rows],
            outcomes=self.outcomes[rows],
            classes=self.classes,
            class_of=self.class_of[rows],
        )


@dataclass(frozen=True, slots=True)
class TruthScore:
    """Errors on one class of positions."""

    positions: int
    errors: int

    @property
    def error(self) -> float:
        """Share of moves that gave the result away, 0 to 1."""
        return self.errors / self.positions if self.positions else 0.0

    @property
    def kept(self) -> float:
        """Share of moves that kept the result, 0 to 1."""
        return 1.0 - self.error

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of ``error``."""
        return wilson_interval(self.errors, self.positions)


@dataclass(frozen=True, slots=True)
class TruthReport:
    """What the meter says of one agent."""

    agent: str
    by_class: dict[str, TruthScore]

    @property
    def total(self) -> TruthScore:
        """All classes together."""
        return TruthScore(
            positions=sum(each.positions for each in self.by_class.values()),
            errors=sum(each.errors for each in self.by_class.values()),
        )


def measure_truth(
    agent: Agent,
    truth: TruthSet,
    *,
    batch: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> TruthReport:
    """Ask the agent for a move in every position and compare with the truth.

    Args:
        agent: of the game that the set was made for.
        truth: positions and exact results.
        batch: positions asked at once; all unless told. Smaller ones only let ``progress``
            speak more often.
        progress: told the share of positions that are answered.
    """
    if agent.game.id != truth.game_id:
        raise AgentError(f"{agent.name} plays {agent.game.id}; these positions are {truth.game_id}")
    total = len(truth.states)
    kept = np.zeros(total, bool)
    size = batch or total
    for start in range(0, total, size):
        rows = slice(start, min(start + size, total))
        actions = agent.choose(truth.states[rows]).actions
        kept[rows] = keeps_result(truth.outcomes[rows], actions)
        if progress is not None:
            progress(rows.stop / total)
    scores = {}
    for index, name in enumerate(truth.classes):
        inside = truth.class_of == index
        scores[name] = TruthScore(positions=int(inside.sum()), errors=int((inside & ~kept).sum()))
    return TruthReport(agent=agent.name, by_class=scores)


def keeps_result(outcomes: NDArray[np.int8], actions: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each action keeps the best result of its row; ``outcomes`` as in ``TruthSet``."""
    best = np.where(outcomes == UNPROVEN, np.int8(-2), outcomes).max(axis=1)
    kept: NDArray[np.bool_] = outcomes[np.arange(len(actions)), actions] == best
    return kept
