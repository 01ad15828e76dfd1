"""Classifiers of pictures: LeNet's size, a small AlexNet, and the fully connected one to beat.

Each maps pictures ``[B, C, S, S]`` to scores of the classes ``[B, K]``.
"""

from __future__ import annotations

import torch
from torch import nn


class Mlp(nn.Sequential):
    """One hidden layer over the pixels: it has no idea that two of them are neighbours."""

    def __init__(self, *, channels: int, size: int, classes: int, hidden: int = 300):
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * size * size, hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, classes),
        )


class LeNet(nn.Module):
    """LeNet-5 with ReLU and maxima in place of tanh and learnt averages; about 62,000 weights.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2.
    """

    def __init__(self, *, channels: int, size: int, classes: int):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        side = (size // 2 - 4) // 2
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures ``[B, C, S, S]``, S at least 12, to scores ``[B, K]``."""
        scores: torch.Tensor = self.classifier(self.features(x))
        return scores


class SmallAlexNet(nn.Module):
    """AlexNet's plan on small pictures: five convolutions, three poolings, dropout before the end.

    ReLU, overlapping maxima of 3 x 3 every second pixel, and dropout of a half are those of the
    paper; batch norm stands for its local response normalisation, and one hidden layer of 256 for
    two of 4,096.

    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
    networks", section 3 and figure 2.
    """

    def __init__(self, *, channels: int, size: int, classes: int):
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(channels, 16),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_convolution(16, 32),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_convolution(32, 64),
            *_convolution(64, 64),
            *_convolution(64, 48),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        side = size
        for _ in range(3):
            side = (side + 1) // 2
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(48 * side * side, 256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(256, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures ``[B, C, S, S]`` to scores ``[B, K]``."""
        scores: torch.Tensor = self.classifier(self.features(x))
        return scores


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]
