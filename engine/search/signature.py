"""One hash of the search's behaviour, the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np

from engine.inference.uniform import KeyEvaluator
from engine.search.config import GumbelConfig, PuctConfig, SearchConfig
from engine.search.search import Search
from games.game import Game, States

_POSITIONS = 32
_SIMULATIONS = 120
_SEED = 20_221_117


def search_signature(game: Game) -> str:
    """Hash of root visits and moves over fixed positions, for both algorithms.

    Judgements come from hashes of the positions and the arithmetic is the same everywhere, so a
    changed signature means a changed search (or changed rules), and an unchanged one that it is the
    same search.
    """
    digest = hashlib.sha256(game.id.encode())
    states = _positions(game)
    for algorithm in ("puct", "gumbel"):
        for explore in (False, True):
            config = SearchConfig(
                algorithm=algorithm,
                simulations=_SIMULATIONS,
                prove_plies=2,
                reuse_tree=True,
                leaves_per_tree=1,
                puct=PuctConfig(),
                gumbel=GumbelConfig(),
            )
            search = Search(game, KeyEvaluator(game), config, num_trees=len(states), seed=_SEED)
            search.set_roots(states)
            for _ in range(2):
                result = search.run(_SIMULATIONS, explore)
                digest.update(result.visits.astype("<i4").tobytes())
                digest.update(result.best_actions.astype("<i4").tobytes())
                digest.update(result.sampled_actions.astype("<i4").tobytes())
                digest.update(result.proven.astype("i1").tobytes())
                search.advance(result.sampled_actions)
    return digest.hexdigest()[:16]


def _positions(game: Game) -> States:
    """The first positions of fixed random games, unfinished, one ply further each."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    states = game.rules.initial(_POSITIONS)
    for row in range(_POSITIONS):
        for _ in range(row % 16):
            state = states[row : row + 1].copy()
            legal = game.legal(state[0])
            action = legal[int(rng.integers(len(legal)))]
            game.rules.step(state, np.array([action], np.int32))
            if not state[0]["finished"]:
                states[row] = state[0]
    return states
