"""Episodes of real games, played at random, with made-up search results."""

from __future__ import annotations

import numpy as np

from engine.records import Episode
from games.game import UNPROVEN, Game


def random_episode(game: Game, rng: np.random.Generator, *, name: str) -> Episode:
    """One random game; policies, values and weights are random but well formed."""
    state = game.rules.initial(1)
    states, played, best, counts, legal, policies, weights = [], [], [], [0], [], [], []
    while not state["finished"][0]:
        choices = game.legal(state[0])
        action = int(rng.choice(choices))
        states.append(state[0].copy())
        played.append(action)
        best.append(int(rng.choice(choices)))
        counts.append(len(choices))
        legal += choices
        policies += list(rng.dirichlet(np.ones(len(choices))))
        weights.append(float(rng.integers(0, 3)))
        game.rules.step(state, np.array([action], np.int32))
    plies = len(played)
    values = rng.uniform(-0.5, 0.5, plies).astype(np.float32)
    return Episode(
        id=name,
        game_id=game.id,
        states=np.array(states, game.state_dtype),
        actions=np.array(played, np.int32),
        best_actions=np.array(best, np.int32),
        offsets=np.cumsum(counts).astype(np.int32),
        legal=np.array(legal, np.int32),
        policies=np.array(policies, np.float32),
        values=np.stack([values, -values], axis=1),
        draws=rng.uniform(0, 0.5, plies).astype(np.float32),
        proven=np.full(plies, UNPROVEN, np.int8),
        weights=np.array(weights, np.float32),
        returns=state["returns"][0].copy(),
        weights_version=int(rng.integers(0, 100)),
        seed=int(rng.integers(0, 2**62)),
        settings=int(rng.integers(0, 3)),
    )


def random_episodes(game: Game, count: int, *, seed: int, prefix: str = "w0-s0") -> list[Episode]:
    rng = np.random.default_rng(seed)
    return [random_episode(game, rng, name=f"{prefix}-{n}") for n in range(count)]
