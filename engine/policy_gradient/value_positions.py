"""Positions for a value network: one a game, so that it cannot learn games by heart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.networks.network import Network
from engine.policy_gradient.play import draw_actions, legal_mask, masked_policies
from games.game import Game, States


def value_positions(
    game: Game,
    *,
    opening: Network,
    player: Network,
    games: int,
    longest: int,
    rng: np.random.Generator,
) -> tuple[States, NDArray[np.float32]]:
    """Play games, each of three parts, and keep one position of each.

    Up to a ply drawn from 0 to ``longest`` - 1 moves are drawn from ``opening``; one move is any
    legal one; from there on ``player`` plays both sides, and the position in which it begins is
    kept with the result. Games that end before that are left out.

    Args:
        game: what is played.
        opening: plays variously (the policy that imitates).
        player: plays well (the policy after policy gradients).
        games: how many are begun.
        longest: an opening is shorter than this.
        rng: of all moves.

    Returns:
        Positions ``[N]`` and results ``[N]`` for their player to move; N is at most ``games``.

    Source: Silver et al. 2016, Methods, "Value network: regression" (U drawn from 1 to 450).
    """
    states = game.rules.initial(games)
    turns = rng.integers(0, longest, games)
    kept = game.rules.initial(games)
    is_kept = np.zeros(games, bool)
    while not states["finished"].all():
        running = np.flatnonzero(~states["finished"])
        plies = states["ply"][running]
        parts = (plies < turns[running], plies == turns[running], plies > turns[running])
        for part, network in zip(parts, (opening, None, player), strict=True):
            rows = running[part]
            if not len(rows):
                continue
            moved = states[rows]
            if network is None:
                chances = legal_mask(game, moved).astype(np.float64)
            else:
                chances = masked_policies(network, game, moved)[2]
            game.rules.step(moved, draw_actions(chances, rng).astype(np.int32))
            states[rows] = moved
            if network is None:
                kept[rows] = moved
                is_kept[rows] = ~moved["finished"]
    rows = np.flatnonzero(is_kept)
    return kept[rows], states["returns"][rows, kept["to_play"][rows].astype(int)]
