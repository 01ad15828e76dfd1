"""How strong the engine plays: ten levels, and what each means in simulations and temperature.

The weakest levels choose less strictly: a move is drawn from the engine's own shares raised to
``1 / temperature``, so that its mistakes look like a person's. All others play the engine's best
move, and think the longer the higher they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Strength:
    """One way of playing."""

    simulations: int  # searched for each move; 0: the network's first thought alone
    temperature: float = 0.0  # 0: always the best move

    @property
    def text(self) -> str:
        """For a panel: what the engine does at this strength."""
        base = "network alone" if self.simulations == 0 else f"{self.simulations} simulations"
        return f"{base}, temperature {self.temperature:g}" if self.temperature else base


#: Level 1 is the first. An engine with a network; the last still answers within a second.
NETWORK_LEVELS = (
    Strength(simulations=0, temperature=1.0),
    Strength(simulations=0, temperature=0.5),
    Strength(simulations=0),
    Strength(simulations=16),
    Strength(simulations=32),
    Strength(simulations=64),
    Strength(simulations=128),
    Strength(simulations=256),
    Strength(simulations=512),
    Strength(simulations=1024),
)

#: The same for a search whose leaves are random games; it needs more of them.
ROLLOUT_LEVELS = (
    Strength(simulations=30, temperature=1.0),
    Strength(simulations=30, temperature=0.5),
    Strength(simulations=30),
    Strength(simulations=60),
    Strength(simulations=125),
    Strength(simulations=250),
    Strength(simulations=500),
    Strength(simulations=1000),
    Strength(simulations=2000),
    Strength(simulations=4000),
)

DEFAULT_LEVEL = 8


def draw_slot(shares: NDArray[np.float32], *, temperature: float, rng: np.random.Generator) -> int:
    """A slot drawn with chances in proportion to ``shares ** (1 / temperature)``.

    Args:
        shares: ``[K]`` not negative, one at least above zero.
        temperature: above zero.
        rng: advanced by one draw.
    """
    logits = np.log(np.maximum(shares, 1e-12)) / temperature
    chances = np.exp(logits - logits.max()) * (shares > 0)
    return int(rng.choice(len(shares), p=chances / chances.sum()))
