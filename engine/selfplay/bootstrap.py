"""How many random playouts a move of the first games is worth, where nobody says."""

from __future__ import annotations

import numpy as np

from games.game import Game

#: Half-moves of random play that one search may cost: a few milliseconds in compiled rules.
_PLIES_OF_PLAYOUTS = 6_000
_FEWEST, _MOST = 16, 300
_GAMES = 64


def playouts_for(game: Game) -> int:
    """Simulations of a bootstrap search, one playout each: the fewer, the longer random games are.

    Otherwise a game such as shogi, whose random games take hundreds of plies, would spend an hour
    on the first games before anything is learned.
    """
    states = game.rules.initial(_GAMES)
    game.rules.play_out(states, np.array([1], np.uint64))
    mean_plies = max(1.0, float(states["ply"].mean()))
    return int(np.clip(round(_PLIES_OF_PLAYOUTS / mean_plies), _FEWEST, _MOST))
