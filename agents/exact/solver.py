"""What a solver gives: the exact result of every move of a position, and how far the end is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.game import Game

#: In place of a distance that a solver does not know.
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class SolvedMoves:
    """The legal moves of one position under perfect play after them, **for the player to move**."""

    actions: NDArray[np.int32]  # [M] ascending
    outcomes: NDArray[np.int8]  # [M] +1, 0 or -1
    scores: NDArray[np.int32]  # [M] how good: greater is better, also among equal outcomes
    plies: NDArray[np.int32]  # [M] to the end, the move counted; UNKNOWN where nobody says

    @property
    def outcome(self) -> int:
        """Result of the position."""
        return int(self.outcomes.max())


class Solver(ABC):
    """Perfect play of one game, in all positions or in those that it knows."""

    game: Game
    #: Which positions it knows, for messages.
    limits: str

    @abstractmethod
    def knows(self, state: np.void) -> bool:
        """Whether the position, which is not finished, can be solved."""

    @abstractmethod
    def moves(self, state: np.void) -> SolvedMoves:
        """Solve a position that it ``knows``."""
