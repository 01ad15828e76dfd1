"""How strong the engine plays: ten levels, and what each means in simulations and temperature.

The weakest levels choose less strictly: a move is drawn from the engine's own shares raised to
``1 / temperature``, so that its mistakes look like a person's. All others play the engine's best
move, and think the longer the higher they are.

Where levels have been played against each other and against the ladder, ``levels.json`` holds them
with their ratings (``scripts/calibrate_levels.py`` writes it); elsewhere they have none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from games.game import Game

LEVELS_FILE = Path(__file__).resolve().parent / "levels.json"


@dataclass(frozen=True, slots=True)
class LevelRating:
    """Elo over the ladder's lowest rung, which plays at random, with a 95 % interval."""

    elo: int
    low: int
    high: int

    @property
    def text(self) -> str:
        """Rounded to what can be known: ``1240 Elo (1190 to 1290)``."""
        return f"{self.elo} Elo ({self.low} to {self.high})"


@dataclass(frozen=True, slots=True)
class Strength:
    """One way of playing."""

    simulations: int  # searched for each move; 0: the network's first thought alone
    temperature: float = 0.0  # 0: always the best move
    endings: bool = True  # whether alpha-beta helps the tree search in endings
    rating: LevelRating | None = None  # None: not measured

    @property
    def text(self) -> str:
        """For a panel: what the engine does at this strength."""
        base = "network alone" if self.simulations == 0 else f"{self.simulations} simulations"
        if self.simulations and not self.endings:
            base += ", tree alone"
        return f"{base}, temperature {self.temperature:g}" if self.temperature else base


#: What an engine is asked for that plays in one way only.
FIXED = Strength(simulations=0)

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


def calibrated_levels(game: Game) -> tuple[Strength, ...]:
    """Measured levels of the network that is shipped for a game; empty where there are none.

    They were measured under the rules of that time: levels of other rules do not count.
    """
    stored = json.loads(LEVELS_FILE.read_text(encoding="utf-8")).get(game.id)
    if stored is None or stored["source_hash"] != game.source_hash:
        return ()
    return tuple(
        Strength(
            simulations=each["simulations"],
            temperature=each["temperature"],
            endings=each["endings"],
            rating=LevelRating(elo=each["elo"], low=each["low"], high=each["high"]),
        )
        for each in stored["levels"]
    )


def nearest_level(levels: tuple[Strength, ...], elo: int) -> int:
    """The level whose rating is nearest, counted from 1; 0 where none is rated."""
    rated = [
        (abs(each.rating.elo - elo), number)
        for number, each in enumerate(levels, start=1)
        if each.rating is not None
    ]
    return min(rated)[1] if rated else 0


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
