"""Prioritized fictitious self-play: whom to play, by the chance of beating each.

Source: Vinyals et al. 2019, "Grandmaster level in StarCraft II using multi-agent reinforcement
learning", Methods, "Prioritized fictitious self-play", and the pseudocode in its supplement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Weighting = Literal["hard", "even", "capped"]

#: Weights of an opponent by the chance p of beating it. ``hard``: (1 - p)^2, for players that shall
#: beat all; ``even``: p (1 - p), for a ladder of opponents near one's own strength; ``capped``:
#: min(1/2, 1 - p), of the pseudocode, for exploiters of the league.
WEIGHTINGS: dict[Weighting, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "hard": lambda p: (1 - p) ** 2,
    "even": lambda p: p * (1 - p),
    "capped": lambda p: np.minimum(0.5, 1 - p),
}


def priorities(chances: Sequence[float], weighting: Weighting) -> NDArray[np.float64]:
    """Shares in which opponents are to be played, by the chances of beating them.

    Equal shares where every weight is zero (all are beaten for certain).

    Raises:
        ValueError: no opponents.
    """
    if not len(chances):
        raise ValueError("there are no opponents to choose from")
    weights = WEIGHTINGS[weighting](np.asarray(chances, np.float64))
    total = float(weights.sum())
    if total < 1e-10:
        return np.full(len(weights), 1 / len(weights))
    shares: NDArray[np.float64] = weights / total
    return shares


def draw_opponent(
    chances: Mapping[int, float], weighting: Weighting, rng: np.random.Generator
) -> int:
    """One of the opponents, by the chance of beating each.

    Raises:
        ValueError: no opponents.
    """
    shares = priorities(list(chances.values()), weighting)
    return int(rng.choice(list(chances), p=shares))


def spaced(newest: int, most: int) -> list[int]:
    """Older versions to play against, ascending: multiples of a power of two below ``newest``.

    The power is the smallest that leaves at most ``most`` of them. They lie evenly over the whole
    course so far, and whenever the power doubles, those that stay were there before: what is known
    of them stays worth something.
    """
    step = 1
    while (newest - 1) // step > most:
        step *= 2
    return list(range(step, newest, step))
