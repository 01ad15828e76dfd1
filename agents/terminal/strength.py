"""How strong the engine plays: ten levels, from mostly random moves to a second of thought.

The weakest levels play a share of their moves at random, as somebody does who does not see what is
coming. Others choose less strictly: a move is drawn from the engine's own shares raised to
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

from agents.agent import Decisions
from agents.arena.rules_signature import rules_signature
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
    random: float = 0.0  # share of the moves that any legal move takes the place of
    rating: LevelRating | None = None  # None: not measured

    @property
    def text(self) -> str:
        """For a panel: what the engine does at this strength."""
        base = "network alone" if self.simulations == 0 else f"{self.simulations} simulations"
        if self.simulations and not self.endings:
            base += ", tree alone"
        if self.temperature:
            base += f", temperature {self.temperature:g}"
        return f"{base}, {self.random:.0%} of the moves at random" if self.random else base


#: What an engine is asked for that plays in one way only.
FIXED = Strength(simulations=0)

#: Level 1 is the first. An engine with a network; the last still answers within a second.
NETWORK_LEVELS = (
    Strength(simulations=0, random=0.75),
    Strength(simulations=0, random=0.4),
    Strength(simulations=0, temperature=1.0),
    Strength(simulations=0),
    Strength(simulations=32),
    Strength(simulations=64),
    Strength(simulations=128),
    Strength(simulations=256),
    Strength(simulations=512),
    Strength(simulations=1024),
)

#: The same for a search whose leaves are random games; it needs more of them.
ROLLOUT_LEVELS = (
    Strength(simulations=10, random=0.75),
    Strength(simulations=10, random=0.5),
    Strength(simulations=10, random=0.25),
    Strength(simulations=10),
    Strength(simulations=30),
    Strength(simulations=100),
    Strength(simulations=300),
    Strength(simulations=1000),
    Strength(simulations=2000),
    Strength(simulations=4000),
)

DEFAULT_LEVEL = 8


def calibrated_levels(game: Game, player: str) -> tuple[Strength, ...]:
    """Measured levels of a game; empty where there are none.

    Args:
        game: what is played; levels that were measured under other rules do not count.
        player: whose levels: ``shipped``, the network that comes with the game, or ``mcts``.
    """
    stored = json.loads(LEVELS_FILE.read_text(encoding="utf-8")).get(game.id, {}).get(player)
    if stored is None or stored["rules"] != rules_signature(game):
        return ()
    return tuple(
        Strength(
            simulations=each["simulations"],
            temperature=each["temperature"],
            endings=each["endings"],
            random=each["random"],
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


def settle(strength: Strength, decisions: Decisions, row: int, *, rng: np.random.Generator) -> int:
    """The action that is played at a strength: the engine's own choice, or a draw.

    Args:
        strength: how strictly to choose.
        decisions: what the engine made of some positions.
        row: which of them.
        rng: advanced by at most two draws.
    """
    analysis = decisions.analysis
    if analysis is None:
        return int(decisions.actions[row])
    legal = analysis.legal[row, : analysis.counts[row]]
    if strength.random and rng.random() < strength.random:
        return int(rng.choice(legal))
    if not strength.temperature:
        return int(decisions.actions[row])
    shares = analysis.policies[row, : len(legal)]
    return int(legal[draw_slot(shares, temperature=strength.temperature, rng=rng)])


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
