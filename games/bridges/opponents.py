"""Who plays the other side of a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from games.bridges.views import legal_slots
from games.game import Game, GameError, States

#: (game, position, generator) -> a legal action. The generator is the environment's.
Opponent = Callable[[Game, np.void, np.random.Generator], int]

#: (game, positions ``[B]``, generator) -> legal actions ``[B]``.
BatchedOpponent = Callable[[Game, States, np.random.Generator], NDArray[np.integer]]

SIDES = ("first", "second", "random")


def random_opponent(game: Game, state: np.void, rng: np.random.Generator) -> int:
    """Any legal action."""
    legal = game.legal(state)
    return legal[int(rng.integers(len(legal)))]


def random_opponents(game: Game, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
    """Any legal action of each position."""
    legal, counts = legal_slots(game, states)
    slots = (rng.random(len(states)) * counts).astype(np.int64)
    return legal[np.arange(len(states)), slots]


def draw_sides(side: str, count: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Who the learner is in each of ``count`` games: 0 moves first in most games."""
    if side == "random":
        return rng.integers(2, size=count).astype(np.int8)
    return np.full(count, SIDES.index(side), np.int8)


def check_side(side: str) -> str:
    """The side, if there is such a one.

    Raises:
        GameError: there is not.
    """
    if side not in SIDES:
        raise GameError(f"no side {side!r}; known: {', '.join(SIDES)}")
    return side
