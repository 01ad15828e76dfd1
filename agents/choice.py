"""Legal moves as arrays, the positions behind them, and random choices that repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.game import Game, States

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Children:
    """All positions one action away from a batch, row by row, actions ascending."""

    states: States  # [M]
    rows: NDArray[np.int64]  # [M] the row of the batch that each comes from
    slots: NDArray[np.int64]  # [M] the legal slot of the action that leads there
    actions: NDArray[np.int32]  # [M]


def legal_slots(game: Game, states: States) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Legal actions ``[B, K]`` (-1 past the count) and their counts ``[B]``."""
    legal = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, legal, counts)
    return legal, counts


def expand_children(game: Game, states: States) -> Children:
    """Every legal action of every position, played."""
    legal, _ = legal_slots(game, states)
    rows, slots = np.nonzero(legal >= 0)
    actions = legal[rows, slots]
    children = states[rows]
    game.rules.step(children, actions)
    return Children(states=children, rows=rows, slots=slots, actions=actions)


def random_slots(
    keys: NDArray[np.uint64], allowed: NDArray[np.bool_], *, seed: int
) -> NDArray[np.int64]:
    """A uniformly random allowed slot of each row, fixed by ``seed`` and the row's key alone.

    The choice hangs on the position and not on a stream, so it is the same in any batch.

    Args:
        keys: ``[B]`` ``key`` of the positions.
        allowed: ``[B, K]``; each row allows one slot at least.
        seed: another seed gives other choices.

    Returns:
        Slots ``[B]`` int64.
    """
    numbers = _mix(keys + _mix(np.full(1, seed & (2**64 - 1), np.uint64)))
    ranks = (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53 * allowed.sum(axis=1)
    # The slot where the running count of allowed slots first exceeds the rank.
    slots: NDArray[np.int64] = np.argmax(
        np.cumsum(allowed, axis=1) > ranks.astype(np.int64)[:, None], axis=1
    )
    return slots


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function (Steele, Lea and Flood 2014); wraps on purpose."""
    numbers = numbers + _GOLDEN
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX_1
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX_2
    return numbers ^ (numbers >> np.uint64(31))
