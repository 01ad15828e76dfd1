"""Counting lines of play: the test of move generation that every program can be compared by."""

from __future__ import annotations

import numpy as np

from games.game import Game, States

_BATCH = 128  # positions expanded together; their children stay in a core's cache


def perft(game: Game, state: np.void, plies: int) -> int:
    """Number of different lines of exactly ``plies`` half-moves from a position.

    A line that ends the game before does not count. The last half-move is counted, not played
    ("bulk counting").

    Args:
        game: any game; its rules are called through ``BatchedRules`` alone.
        state: one position of it.
        plies: 0 or more; 0 gives 1.
    """
    return _lines(game, np.array([state], game.state_dtype), plies)


def divide(game: Game, state: np.void, plies: int) -> dict[int, int]:
    """``perft`` by first move: lines of ``plies`` half-moves, at least one, by action."""
    found = {}
    for action in game.legal(state):
        after = np.array([state], game.state_dtype)
        game.rules.step(after, np.array([action], np.int32))
        found[action] = _lines(game, after, plies - 1)
    return found


def _lines(game: Game, states: States, plies: int) -> int:
    """Lines from all of ``states`` together, depth first in batches."""
    if plies == 0:
        return len(states)
    total = 0
    for first in range(0, len(states), _BATCH):
        batch = states[first : first + _BATCH]
        actions = np.empty((len(batch), game.max_legal), np.int32)
        counts = np.empty(len(batch), np.int32)
        game.rules.legal_actions(batch, actions, counts)
        if plies == 1:
            total += int(counts.sum())
            continue
        children = np.repeat(batch, counts)
        game.rules.step(children, actions[actions >= 0])
        total += _lines(game, children, plies - 1)
    return total
