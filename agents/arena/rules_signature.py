"""One hash of how a game behaves, so that stored results outlive a rewrite of the rules' source."""

from __future__ import annotations

import hashlib

import numpy as np

from agents.choice import legal_slots, random_slots
from games.game import Game

_GAMES = 32


def rules_signature(game: Game) -> str:
    """Sixteen hexadecimal digits: every legal list and result of some random games.

    Equal for equal rules on every machine, whatever the state record looks like.
    """
    digest = hashlib.sha256()
    states = game.rules.initial(_GAMES)
    while not states["finished"].all():
        rows = np.flatnonzero(~states["finished"])
        legal, counts = legal_slots(game, states[rows])
        digest.update(counts.tobytes())
        digest.update(legal.tobytes())
        numbers = (rows + _GAMES * states["ply"][rows].astype(np.int64)).astype(np.uint64)
        actions = legal[np.arange(len(rows)), random_slots(numbers, legal >= 0, seed=0)]
        moved = states[rows]
        game.rules.step(moved, actions)
        states[rows] = moved
    digest.update(states["returns"].astype("<f4").tobytes())
    return digest.hexdigest()[:16]
