"""By which symmetry each position is turned before a network judges it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.inference.config import Turning
from engine.kernels.numerics import hash64
from games.game import Game, States


class Turner:
    """Chooses the symmetries; whoever asks the network applies them.

    Attributes:
        turning: as asked for, or "none" where the game has no symmetries.
        seed: of the random ones.
        passes: how often a position is judged: once, or in every way there is.
    """

    def __init__(self, game: Game, turning: Turning, *, seed: int) -> None:
        """Set up.

        Args:
            game: whose positions are judged.
            turning: none; "random": each position turned in a way that its key and the seed
                decide; "average": in every way, for the mean of policy and outcome.
            seed: of the random symmetries.
        """
        self.turning: Turning = turning if game.symmetries.count > 1 else "none"
        self.seed = seed
        self.passes = game.symmetries.count if self.turning == "average" else 1
        self._count = game.symmetries.count

    def choose(self, states: States, number: int, turns: NDArray[np.int32]) -> None:
        """Write to ``turns`` ``[B]`` how positions ``[B]`` are turned in pass ``number``."""
        if self.turning == "random":
            keys = np.ascontiguousarray(states["key"])
            _choose_by_key(keys, np.uint64(self.seed), self._count, turns)
        else:
            turns[:] = number


@njit(cache=True, nogil=True)
def _choose_by_key(keys, seed, count, turns):
    """Pick a symmetry for each key, the same one whenever the key is asked about."""
    for b in range(len(keys)):
        turns[b] = np.int32(hash64(keys[b], seed) % np.uint64(count))
