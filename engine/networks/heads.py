"""Policy and outcome heads of the convolutional networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from engine.networks.layers import ConvNorm, zero_linear

if TYPE_CHECKING:
    from engine.networks.network import NetworkConfig


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
