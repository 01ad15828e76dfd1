"""Small records that travel between search, inference, self-play and learning.

Policies are kept **by slot**: slot k of row b belongs to ``actions[b, k]``, the k-th legal action.
Values carry **one number per player** in -1..+1; ``draws`` is the probability of a draw, so that
player p wins with probability ``(1 - draws + values[p]) / 2``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.game import States

ITSELF = -1  # in place of an opponent: both sides had the same weights


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluator says of a batch of positions."""

    policy_logits: NDArray[np.float32]  # [B, K] by legal slot; slots past the count say nothing
    values: NDArray[np.float32]  # [B, P]
    draws: NDArray[np.float32]  # [B]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a finished search says of its roots.

    ``policies`` is the training target: visit shares for PUCT, the improved policy for Gumbel,
    and it is spread over the best moves alone where the result is proven.
    """

    actions: NDArray[np.int32]  # [B, K] legal actions by slot, -1 past the count
    counts: NDArray[np.int32]  # [B]
    priors: NDArray[np.float32]  # [B, K] network policy without noise
    policies: NDArray[np.float32]  # [B, K] sums to 1
    visits: NDArray[np.int32]  # [B, K]
    q_values: NDArray[np.float32]  # [B, K] value of each action for the mover; NaN-free
    best_actions: NDArray[np.int32]  # [B] the action to play when playing to win
    sampled_actions: NDArray[np.int32]  # [B] the action that exploration chose in self-play
    values: NDArray[np.float32]  # [B, P] search value of the root
    draws: NDArray[np.float32]  # [B]
    proven: NDArray[np.int8]  # [B] exact result for the mover, or UNPROVEN
    simulations: NDArray[np.int32]  # [B] simulations spent in this call


@dataclass(frozen=True, slots=True)
class Episode:
    """One finished self-play game; policies are ragged by legal slot.

    Row t describes the position before ply t. The policy of row t lies at
    ``offsets[t]:offsets[t + 1]`` in ``legal`` and ``policies``.
    """

    id: str  # unique in the run: "<worker>-<stream>-<number>"
    game_id: str
    states: States  # [T]
    actions: NDArray[np.int32]  # [T] played
    best_actions: NDArray[np.int32]  # [T] what the search would have played to win
    offsets: NDArray[np.int32]  # [T + 1]
    legal: NDArray[np.int32]  # [sum of counts]
    policies: NDArray[np.float32]  # [sum of counts]
    values: NDArray[np.float32]  # [T, P] search value of the root
    draws: NDArray[np.float32]  # [T]
    proven: NDArray[np.int8]  # [T] exact result for the mover, or UNPROVEN
    weights: NDArray[np.float32]  # [T] sample weight; 0: not trained on (fast searches)
    returns: NDArray[np.float32]  # [P] the game's result
    weights_version: int  # newest weights that a move of it was made with
    seed: int
    settings: int = 0  # hash of the settings it was made with (``RunConfig.settings_hash``)
    opponent: int = ITSELF  # league: version of the older weights that played the other side
    learner: int = ITSELF  # league: the player that had the newest weights; its plies alone train
