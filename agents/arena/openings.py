"""Short random openings, so that repeatable agents do not play one game a hundred times."""

from __future__ import annotations

import numpy as np

from agents.choice import legal_slots, random_slots
from games.game import UNPROVEN, Game

#: Openings whose result shows within so many plies are not worth a game.
_SETTLED_WITHIN = 3


def random_openings(game: Game, *, count: int, plies: int, seed: int) -> list[list[int]]:
    """Openings as lists of actions; they reach different positions as far as there are enough.

    Args:
        game: what is played.
        count: how many.
        plies: random half-moves in each; a game too small to give ``count`` different positions
            repeats them.
        seed: settles them all.

    Returns:
        ``count`` lists. Positions that are over, or won or lost within three plies, are left out
        wherever others exist.
    """
    rng = np.random.default_rng(seed)
    tries = max(8 * count, 64)
    states = game.rules.initial(tries)
    played = np.empty((tries, plies), np.int32)
    alive = np.ones(tries, bool)
    for ply in range(plies):
        alive &= ~states["finished"]
        rows = np.flatnonzero(alive)
        legal, _ = legal_slots(game, states[rows])
        # Keys of equal positions are equal, so every row gets its own number instead.
        numbers = rng.integers(2**63, size=len(rows), dtype=np.uint64)
        actions = legal[np.arange(len(rows)), random_slots(numbers, legal >= 0, seed=seed)]
        played[rows, ply] = actions
        moved = states[rows]
        game.rules.step(moved, actions)
        states[rows] = moved
    alive &= ~states["finished"]
    if not alive.any():
        return [[] for _ in range(count)]
    rows = np.flatnonzero(alive)
    outcomes = np.empty(len(rows), np.int8)
    game.rules.prove(states[rows], _SETTLED_WITHIN, outcomes)
    open_rows = rows[outcomes == UNPROVEN]
    rows = open_rows if len(open_rows) else rows
    _, first = np.unique(states["key"][rows], return_index=True)
    distinct = rows[np.sort(first)]
    chosen = distinct[np.arange(count) % len(distinct)]
    return [[int(action) for action in played[row]] for row in chosen]
