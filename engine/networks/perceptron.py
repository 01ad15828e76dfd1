"""Fully connected network: the smallest learner, and the baseline that convolutions must beat."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from torch import nn

from engine.networks.config import NetworkConfig
from engine.networks.layers import zero_linear


def build(
    config: NetworkConfig, *, observation_shape: tuple[int, int, int], num_actions: int
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Body and heads; with ``hidden=()`` both heads are linear in the planes.

    Source: Rosenblatt 1958, "The perceptron" (no hidden layer).
    """
    widths = (prod(observation_shape), *config.hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers), zero_linear(widths[-1], num_actions), zero_linear(widths[-1], 3)
