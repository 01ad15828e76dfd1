"""Residual network, the default: a post-activation tower with optional global information.

Post-activation (convolution, batch norm, ReLU) and not pre-activation: every batch norm then
follows a convolution and folds into it, and the input of every convolution is the output of a
ReLU, which 8-bit inference stores as unsigned bytes without loss of range.
"""

from __future__ import annotations

import torch
from torch import nn

from engine.networks.config import NetworkConfig
from engine.networks.heads import outcome_head, policy_head
from engine.networks.layers import BoardMean, BoardMeanMax, ConvNorm, ToPlanes

GLOBAL_POOLING_EVERY = 3  # blocks; KataGo: about every third


class SqueezeExcitation(nn.Module):
    """Scales and shifts each channel by a function of the board's means.

    Source: Hu et al. 2018, "Squeeze-and-excitation networks"; with Lc0's added bias.
    """

    def __init__(self, channels: int):
        super().__init__()
        hidden = max(8, channels // 4)
        self.squeeze = nn.Sequential(BoardMean(), nn.Linear(channels, hidden), nn.ReLU())
        self.gate = nn.Sequential(nn.Linear(hidden, channels), nn.Sigmoid(), ToPlanes())
        self.bias = nn.Sequential(nn.Linear(hidden, channels), ToPlanes())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Planes ``[B, K, H, W]`` to the same shape."""
        squeezed = self.squeeze(x)
        gated: torch.Tensor = x * self.gate(squeezed) + self.bias(squeezed)
        return gated


class GlobalPoolingBias(nn.Module):
    """What the whole board looks like, as a bias for each channel: ``[B, K, 1, 1]``.

    Source: Wu 2019, "Accelerating self-play learning in Go", section 3.3.
    """

    def __init__(self, channels: int):
        super().__init__()
        pooled = max(8, channels // 4)
        self.bias = nn.Sequential(
            ConvNorm(channels, pooled, kernel=1),
            nn.ReLU(),
            BoardMeanMax(),
            nn.Linear(2 * pooled, channels),
            ToPlanes(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Planes ``[B, K, H, W]`` to biases ``[B, K, 1, 1]``."""
        biases: torch.Tensor = self.bias(x)
        return biases


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside an identity path.

    Source: He et al. 2016, "Deep residual learning for image recognition"; Silver et al. 2017.
    """

    def __init__(self, channels: int, *, squeeze_excitation: bool, global_pooling: bool):
        super().__init__()
        self.first = ConvNorm(channels, channels, kernel=3)
        self.second = ConvNorm(channels, channels, kernel=3)
        # The branch starts at zero, so that a deep tower starts as a shallow one.
        assert isinstance(self.second.norm, nn.BatchNorm2d)
        nn.init.zeros_(self.second.norm.weight)
        self.global_bias = GlobalPoolingBias(channels) if global_pooling else None
        self.squeeze_excitation = SqueezeExcitation(channels) if squeeze_excitation else None
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Planes ``[B, K, H, W]`` to the same shape."""
        y = self.first(x)
        if self.global_bias is not None:
            y = y + self.global_bias(x)
        y = self.second(self.relu(y))
        if self.squeeze_excitation is not None:
            y = self.squeeze_excitation(y)
        joined: torch.Tensor = self.relu(x + y)
        return joined


def build(
    config: NetworkConfig, *, observation_shape: tuple[int, int, int], num_actions: int
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Body (stem and ``config.blocks`` residual blocks) and the two heads."""
    planes, height, width = observation_shape
    blocks = [
        ResidualBlock(
            config.channels,
            squeeze_excitation=config.squeeze_excitation,
            global_pooling=config.global_pooling
            and block % GLOBAL_POOLING_EVERY == GLOBAL_POOLING_EVERY - 1,
        )
        for block in range(config.blocks)
    ]
    return (
        nn.Sequential(ConvNorm(planes, config.channels, kernel=3), nn.ReLU(), *blocks),
        policy_head(config, board=(height, width), num_actions=num_actions),
        outcome_head(config, board=(height, width)),
    )
