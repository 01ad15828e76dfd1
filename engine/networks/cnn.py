"""Plain convolutional network: a tower without residual connections."""

from __future__ import annotations

from torch import nn

from engine.networks.config import NetworkConfig
from engine.networks.heads import outcome_head, policy_head
from engine.networks.layers import ConvNorm


def build(
    config: NetworkConfig, *, observation_shape: tuple[int, int, int], num_actions: int
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Body of ``config.blocks`` 3x3 convolutions, and the two heads."""
    planes, height, width = observation_shape
    layers: list[nn.Module] = []
    for block in range(config.blocks):
        inputs = planes if block == 0 else config.channels
        layers += [ConvNorm(inputs, config.channels, kernel=3), nn.ReLU()]
    return (
        nn.Sequential(*layers),
        policy_head(config, board=(height, width), num_actions=num_actions),
        outcome_head(config, board=(height, width)),
    )
