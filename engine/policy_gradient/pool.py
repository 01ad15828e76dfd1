"""Policy gradients against a pool of the player's own past."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.networks.network import Network
from engine.policy_gradient.learner import PolicyGradientConfig, PolicyGradientLearner
from games.game import Game


def train_against_past(
    game: Game,
    network: Network,
    *,
    config: PolicyGradientConfig,
    steps: int,
    pool_every: int,
    seed: int,
    after_step: Callable[[int, dict[str, float]], None] | None = None,
) -> list[Network]:
    """Improve a policy in place by games against randomly chosen former selves.

    Args:
        game: what is played.
        network: where it begins, which is the first of the pool; left in evaluation mode.
        config: of the steps.
        steps: of ``config.games`` games each.
        pool_every: a copy joins the pool after so many steps.
        seed: of opponents and moves.
        after_step: told the steps done and what ``PolicyGradientLearner.learn`` says.

    Returns:
        The pool, oldest first.

    Source: Silver et al. 2016, Methods, "Policy network: reinforcement learning" (128 games a
    step, a copy into the pool every 500 steps, opponents drawn uniformly).
    """
    learner = PolicyGradientLearner(game, network, config=config, seed=seed)
    rng = np.random.default_rng(seed)
    pool = [learner.copy_of_network()]
    for step in range(1, steps + 1):
        opponent = pool[int(rng.integers(len(pool)))]
        said = learner.learn(learner.play(opponent))
        if step % pool_every == 0:
            pool.append(learner.copy_of_network())
        if after_step is not None:
            after_step(step, said)
    return pool
