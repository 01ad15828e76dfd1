"""Heads of the convolutional networks: policy, outcome, and whose each point is at the end."""

from __future__ import annotations

from torch import Tensor, nn

from engine.networks.config import NetworkConfig
from engine.networks.layers import BoardMeanMax, ConvNorm, zero_linear


def policy_head(config: NetworkConfig, *, board: tuple[int, int], num_actions: int) -> nn.Module:
    """Features ``[B, K, H, W]`` to policy logits ``[B, A]``.

    Source: Silver et al. 2017, "Mastering the game of Go without human knowledge", Methods
    (policy head), with the number of channels free.
    """
    height, width = board
    return nn.Sequential(
        ConvNorm(config.channels, config.policy_channels, kernel=1),
        nn.ReLU(),
        nn.Flatten(),
        zero_linear(config.policy_channels * height * width, num_actions),
    )


def outcome_head(config: NetworkConfig, *, board: tuple[int, int]) -> nn.Module:
    """Features ``[B, K, H, W]`` to outcome logits ``[B, 3]``.

    The fully connected layer sees every square of every channel, which includes the board's means.

    Source: Silver et al. 2017 (value head); three outcomes instead of one number as in Lc0.
    """
    height, width = board
    return nn.Sequential(
        ConvNorm(config.channels, config.value_channels, kernel=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(config.value_channels * height * width, config.value_hidden),
        nn.ReLU(),
        zero_linear(config.value_hidden, 3),
    )


class OwnershipHead(nn.Module):
    """Whose each point is when the game ends, and by how much: a teacher that inference leaves out.

    One number says who won a game of Go; this says it point by point, so that the body learns from
    each game which stones lived.

    Source: Wu 2019, "Accelerating self-play learning in Go", section 4.1.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.points = nn.Conv2d(channels, 1, 1)
        nn.init.zeros_(self.points.weight)
        assert self.points.bias is not None
        nn.init.zeros_(self.points.bias)
        self.lead = nn.Sequential(BoardMeanMax(), zero_linear(2 * channels, 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, K, H, W]`` to logits and a lead, both for the player to move.

        Returns:
            Logits ``[B, H, W]`` that the point is the mover's, and the mover's lead ``[B]`` as a
            share of the board's points.
        """
        return self.points(features)[:, 0], self.lead(features)[:, 0]
