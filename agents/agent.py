"""What every player is: an agent answers a whole batch of positions with one move each.

Everything an agent may use stands in the state records; it keeps no history of a game. A game that
goes on move by move can still be followed (``observe_move``), which lets a searching agent keep its
tree; that changes speed and sharpness, never what a position means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.game import Game, GameError, States

#: In place of an action: the player gives the game up. Only outside programs do (``choose_after``).
RESIGN = -1


class AgentError(GameError):
    """A fault in what was asked of an agent; its message is one line meant for the user."""


class FinishedGameError(AgentError):
    """A move was asked for in a position where the game is over."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an agent thinks of a batch, **from the view of the player to move** in each row.

    Policies, visits and q-values are by legal slot: slot k of row b belongs to ``legal[b, k]``.
    """

    legal: NDArray[np.int32]  # [B, K] legal actions, -1 past the count
    counts: NDArray[np.int32]  # [B]
    policies: NDArray[np.float32]  # [B, K] share that each action deserves, sums to 1
    visits: NDArray[np.int32]  # [B, K] zeros for an agent that does not search
    q_values: NDArray[np.float32]  # [B, K] value of each action in -1..+1
    values: NDArray[np.float32]  # [B] value of the position in -1..+1
    draws: NDArray[np.float32]  # [B] probability of a draw
    proven: NDArray[np.int8]  # [B] exact result, or UNPROVEN
    lines: tuple[tuple[int, ...], ...]  # best line of each row as actions, the chosen move first


@dataclass(frozen=True, slots=True)
class Decisions:
    """One move for each position of a batch."""

    actions: NDArray[np.int32]  # [B]
    analysis: Analysis | None = None  # None: the agent has nothing to say


class Agent(ABC):
    """A player of one game.

    The same agent, made again with the same seed and asked the same calls, answers the same. Agents
    that need no random stream go further: their move depends on the seed and the position alone, so
    that a batch of n answers what n batches of one would.
    """

    def __init__(self, *, name: str, game: Game, seed: int = 0) -> None:
        self.name = name
        self.game = game
        self.seed = seed

    def choose(self, states: States) -> Decisions:
        """One move for each position.

        Args:
            states: ``[B]`` unfinished positions of the agent's game, one at least.

        Raises:
            FinishedGameError: a game among them is over.
            AgentError: the records belong to another game, or there is none.
        """
        if states.dtype != self.game.state_dtype:
            raise AgentError(f"{self.name} plays {self.game.id}; the positions are of another game")
        if len(states) == 0:
            raise AgentError(f"{self.name} was asked for a move in no position at all")
        over = np.flatnonzero(states["finished"])
        if len(over):
            where = "" if len(states) == 1 else f" in row {over[0]}"
            raise FinishedGameError(f"{self.name} cannot move{where}: the game is over")
        return self._choose(np.require(states, requirements=("C", "W")))

    @abstractmethod
    def _choose(self, states: States) -> Decisions:
        """``choose`` after its checks."""

    def choose_after(self, states: States, moves: Sequence[Sequence[int]]) -> Decisions:
        """``choose`` where the moves that led to each position are known as well.

        For outside programs, which follow games and know no position by itself; they may answer
        ``RESIGN``. All others look at the positions alone.

        Args:
            states: as for ``choose``.
            moves: of each row, all actions from the start position on.

        Raises:
            AgentError: as ``choose``; or a program that fails, or breaks the rules.
        """
        del moves
        return self.choose(states)

    def choose_one(self, state: np.void) -> Decisions:
        """``choose`` for a single position; every array of the answer has one row."""
        return self.choose(np.array([state], self.game.state_dtype))

    def move(self, state: np.void) -> int:
        """The action for a single position."""
        return int(self.choose_one(state).actions[0])

    def reset(self, *, seed: int) -> None:
        """Forget what was kept from earlier calls and start again from ``seed``."""
        self.seed = seed

    def observe_move(self, action: int) -> None:
        """Told of each move, by either side, in a single game that goes on. Optional to use."""
        del action  # nothing is kept by most agents

    def close(self) -> None:
        """Let go of memory and threads; the agent is not used afterwards."""
        self.reset(seed=self.seed)
