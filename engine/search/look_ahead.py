"""How many plies are worth looking ahead at every leaf, where nobody says."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.search.config import SearchConfig
from games.game import Game

#: Positions that looking ahead from one leaf may cost on average. One takes 40 to 100 ns (chess 46,
#: Clobber 37), so this is less than a tenth of a network's evaluation (100 us on a core).
_MOST_POSITIONS = 150
_MOST_PLIES = 2  # more are seldom settled, and cost as many again for each legal move

_GAMES, _GAME_PLIES = 8, 100

_known: dict[tuple[str, str], int] = {}  # by id and source


def settled(config: SearchConfig, game: Game) -> SearchConfig:
    """``config`` with a number for ``prove_plies``; what is said stays."""
    if config.prove_plies is not None:
        return config
    return msgspec.structs.replace(config, prove_plies=plies_for(game))


def plies_for(game: Game) -> int:
    """The most plies, 2 at most, that may be looked ahead at every leaf of a game.

    It follows from the rules alone: the mean number of legal actions in random games to the power
    of the plies is the number of positions that are looked at. A game that settles two plies by
    itself (``settled_in_two``) gets them.
    """
    known = (game.id, game.source_hash)
    if known not in _known:
        width = float(game.max_legal)
        if not game.rules.settles_in_two and width**_MOST_PLIES > _MOST_POSITIONS:
            width = _mean_legal(game)
        if game.rules.settles_in_two:
            _known[known] = _MOST_PLIES
        else:
            fitting = (p for p in range(_MOST_PLIES, 0, -1) if width**p <= _MOST_POSITIONS)
            _known[known] = next(fitting, 0)
    return _known[known]


def _mean_legal(game: Game) -> float:
    """Legal actions of a position on average, over the beginnings of a few random games."""
    rng = np.random.default_rng(1)
    states = game.rules.initial(_GAMES)
    actions = np.empty((_GAMES, game.max_legal), np.int32)
    counts = np.empty(_GAMES, np.int32)
    total = positions = 0
    for _ in range(_GAME_PLIES):
        states = np.ascontiguousarray(states[~states["finished"]])
        alive = len(states)
        if not alive:
            break
        game.rules.legal_actions(states, actions[:alive], counts[:alive])
        total += int(counts[:alive].sum())
        positions += alive
        slots = (rng.random(alive) * counts[:alive]).astype(np.int64)
        game.rules.step(states, np.ascontiguousarray(actions[np.arange(alive), slots]))
    return total / positions
