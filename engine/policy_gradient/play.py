"""Games between two policy networks, many at once; moves are drawn from the policies.

Letters: B games, N recorded positions, A actions, C x H x W planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.networks.network import Network
from games.game import Game, States

#: Positions that a network judges at once; more gain nothing on a CPU.
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Trajectories:
    """What one side (or both) saw and did in finished games, with the results."""

    planes: NDArray[np.uint8]  # [N, C, H, W]
    legal: NDArray[np.bool_]  # [N, A]
    actions: NDArray[np.int64]  # [N]
    returns: NDArray[np.float32]  # [N] of the game, for the player who moved, -1..+1
    results: NDArray[np.float32]  # [B] of each game for the learner; of player 0 in self-play
    states: States  # [N] what the planes show


@torch.no_grad()
def masked_policies(
    network: Network, game: Game, states: States
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float64]]:
    """What a network sees, may do and would do.

    Args:
        network: in evaluation mode.
        game: what is played.
        states: ``[B]`` unfinished positions.

    Returns:
        Planes ``[B, C, H, W]``, legal actions ``[B, A]``, and probabilities ``[B, A]`` that are
        zero where an action is not legal.
    """
    planes = np.zeros((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    legal = legal_mask(game, states)
    logits = torch.cat([network(part)[0] for part in torch.from_numpy(planes).split(_BATCH)])
    logits = logits.double().masked_fill(~torch.from_numpy(legal), -torch.inf)
    return planes, legal, torch.softmax(logits, 1).numpy()


def legal_mask(game: Game, states: States) -> NDArray[np.bool_]:
    """Legal actions as ``[B, A]``."""
    slots = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, slots, counts)
    mask = np.zeros((len(states), game.num_actions), np.bool_)
    rows, columns = np.nonzero(slots >= 0)
    mask[rows, slots[rows, columns]] = True
    return mask


def draw_actions(probabilities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """One action of each row ``[B, A]`` by its probability."""
    ladder = probabilities.cumsum(1)
    chosen = (ladder <= rng.random((len(ladder), 1)) * ladder[:, -1:]).sum(1)
    # Rounding may point at the step behind the last possible action.
    last = probabilities.shape[1] - 1 - (probabilities[:, ::-1] > 0).argmax(1)
    actions: NDArray[np.int64] = np.minimum(chosen, last)
    return actions


def play_games(
    game: Game,
    learner: Network,
    opponent: Network | None,
    *,
    games: int,
    rng: np.random.Generator,
    starts: States | None = None,
) -> Trajectories:
    """Play ``games`` games; the learner moves first in every other one.

    Args:
        game: what is played.
        learner: whose moves are recorded; in evaluation mode.
        opponent: the other side; None: the learner itself, and both sides are recorded.
        games: how many, two at least.
        rng: of the moves.
        starts: ``[games]`` unfinished positions to begin from; None: the start position.

    Returns:
        The learner's moves, in the order in which they were made over all games.
    """
    states = game.rules.initial(games) if starts is None else starts.copy()
    seats = np.arange(games) % 2  # the player that the learner is, in each game
    recorded: list[tuple[NDArray[Any], ...]] = []
    while not states["finished"].all():
        running = np.flatnonzero(~states["finished"])
        ours = (
            np.ones(len(running), bool)
            if opponent is None
            else states["to_play"][running] == seats[running]
        )
        for network, rows in ((learner, running[ours]), (opponent, running[~ours])):
            if network is None or not len(rows):
                continue
            moved = states[rows]
            planes, legal, probabilities = masked_policies(network, game, moved)
            actions = draw_actions(probabilities, rng)
            if network is learner:
                recorded.append((planes, legal, actions, rows, moved.copy()))
            game.rules.step(moved, actions.astype(np.int32))
            states[rows] = moved
    planes, legal, actions, rows, seen = (
        np.concatenate(parts) for parts in zip(*recorded, strict=True)
    )
    own = np.zeros(games, int) if opponent is None else seats
    return Trajectories(
        planes=planes,
        legal=legal,
        actions=actions,
        returns=states["returns"][rows, seen["to_play"].astype(int)],
        results=states["returns"][np.arange(games), own],
        states=seen,
    )
