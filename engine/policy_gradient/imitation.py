"""Learning moves, and how games end, from games that somebody else has played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch.nn import functional

from engine.learning.augment import transform
from engine.networks.network import Network
from engine.policy_gradient.learner import outcome_of
from engine.policy_gradient.play import masked_policies
from games.game import Game, States


class ImitationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of learning from games."""

    epochs: Annotated[int, Meta(ge=1, description="passes over the positions")] = 8
    batch_rows: Annotated[int, Meta(ge=2)] = 256
    learning_rate: Annotated[float, Meta(gt=0, description="highest of one cycle")] = 3e-3
    policy_weight: Annotated[float, Meta(ge=0, description="0: a value network")] = 1.0
    value_weight: Annotated[float, Meta(ge=0, description="0: a policy network")] = 0.3


def imitate(
    network: Network,
    game: Game,
    states: States,
    actions: NDArray[np.int64],
    returns: NDArray[np.float32],
    *,
    config: ImitationConfig,
    seed: int,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train a network in place, each position turned by a random symmetry.

    Minimises cross-entropy of the moves over all actions, legal or not, and of the outcomes.

    Args:
        network: left in evaluation mode.
        game: what is played.
        states: ``[N]`` positions, two at least.
        actions: ``[N]`` moves made in them.
        returns: ``[N]`` results for the player to move, -1, 0 or +1.
        config: see ``ImitationConfig``.
        seed: of order and symmetries.
        after_epoch: told how many passes are done.

    Source: Silver et al. 2016, Methods, "Policy network: classification", equation (1), and
    "Value network: regression".
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.01)
    batches = -(-len(states) // config.batch_rows)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.epochs * batches, pct_start=0.2
    )
    outcomes = outcome_of(torch.from_numpy(returns))
    for epoch in range(config.epochs):
        network.train()
        for rows in np.array_split(rng.permutation(len(states)), batches):
            planes, wanted = turned(game, states[rows], actions[rows], rng)
            logits, said = network(torch.from_numpy(planes))
            loss = config.policy_weight * functional.cross_entropy(
                logits, torch.from_numpy(wanted)
            ) + config.value_weight * functional.cross_entropy(said, outcomes[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        network.eval()
        if after_epoch is not None:
            after_epoch(epoch + 1)


def turned(
    game: Game, states: States, actions: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Planes ``[B, C, H, W]`` and actions ``[B]`` under a random symmetry for each row."""
    planes = np.empty((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    named = actions.astype(np.int32)[:, None].copy()
    chosen = rng.integers(0, game.symmetries.count, len(states))
    planes = transform(planes, named, symmetries=game.symmetries, chosen=chosen)
    return planes, named[:, 0].astype(np.int64)


@torch.no_grad()
def move_accuracy(
    network: Network, game: Game, states: States, actions: NDArray[np.int64]
) -> float:
    """Share of positions in which the network's first legal choice is the move that was made."""
    return float((masked_policies(network, game, states)[2].argmax(1) == actions).mean())


@torch.no_grad()
def value_error(
    network: Network, game: Game, states: States, returns: NDArray[np.float32]
) -> float:
    """Mean squared error of the network's value, win minus loss, against results in -1..+1."""
    planes = np.empty((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    said = torch.cat([network(part)[1] for part in torch.from_numpy(planes).split(512)])
    chances = said.softmax(1).numpy()
    return float(((chances[:, 0] - chances[:, 2] - returns) ** 2).mean())
