"""From a board on which every cell is a little of everything to the nearest position of play."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from games.game import NUM_PLAYERS, Game

#: Positions kept from one ply to the next; more finds nearer boards and takes longer.
_BEAM = 512


def nearest_dropped_position(game: Game, shares: NDArray[np.floating]) -> list[int]:
    """Actions that lead to a likely unfinished position of a game of falling stones.

    A beam search through play itself, so that what it finds is legal and can be reached; that no
    other position is nearer is not proven.

    Args:
        game: Connect Four of any size.
        shares: how likely each cell is empty, the mover's, or the other's: ``[3, H, W]``.

    Returns:
        The line to the position of highest likelihood among those met, the product of the shares of
        what its cells hold; its mover is the shares' mover.
    """
    logs = np.log(np.maximum(shares, 1e-9))
    found = [_search(game, logs, mover) for mover in range(NUM_PLAYERS)]
    return max(found, key=lambda each: each[0])[1]


def _search(game: Game, logs: NDArray[np.floating], mover: int) -> tuple[float, list[int]]:
    """Best log-likelihood and line among positions in which ``mover`` is to move.

    Args:
        game: as above.
        logs: log-likelihoods ``[3, H, W]``.
        mover: 0 or 1.
    """
    height = logs.shape[1]
    gains = np.empty((NUM_PLAYERS, *logs.shape[1:]))  # of a player's stone over an empty cell
    gains[mover], gains[1 - mover] = logs[1] - logs[0], logs[2] - logs[0]
    states, scores = game.rules.initial(1), np.zeros(1)
    lines = np.zeros((1, 0), np.int32)
    stones = np.zeros((1, logs.shape[2]), np.int64)  # in each column
    best: tuple[float, list[int]] = (-np.inf, [])
    if mover == int(states[0]["to_play"]):
        best = float(logs[0].sum()), []
    while len(states):
        legal = np.empty((len(states), game.max_legal), np.int32)
        counts = np.empty(len(states), np.int32)
        game.rules.legal_actions(states, legal, counts)
        rows, slots = np.nonzero(np.arange(game.max_legal) < counts[:, None])
        actions = legal[rows, slots]
        landing = height - 1 - stones[rows, actions]
        scores = scores[rows] + gains[states["to_play"][rows].astype(int), landing, actions]
        states = states[rows].copy()
        game.rules.step(states, actions)
        order = np.argsort(-scores, kind="stable")
        order = order[~states["finished"][order]]
        _, firsts = np.unique(states["key"][order], return_index=True)
        kept = order[np.sort(firsts)[:_BEAM]]
        lines = np.hstack([lines[rows[kept]], actions[kept, None]])
        stones = stones[rows[kept]]
        stones[np.arange(len(kept)), actions[kept]] += 1
        states, scores = states[kept], scores[kept]
        likelihood = float(logs[0].sum()) + (scores[0] if len(scores) else -np.inf)
        if len(states) and states[0]["to_play"] == mover and likelihood > best[0]:
            best = likelihood, lines[0].tolist()
    return best
