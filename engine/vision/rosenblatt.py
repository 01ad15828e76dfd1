"""Rosenblatt's perceptron: a threshold over weighted inputs that learns from its mistakes alone.

Letters: N examples, D inputs, K units. An input has a constant 1 put after it (``with_one``), whose
weight is the threshold, so that a unit is one vector of D + 1 weights.

Source: Rosenblatt 1958, "The perceptron: a probabilistic model for information storage and
organization in the brain"; the bound on the mistakes is Novikoff's, 1962, "On convergence proofs
for perceptrons".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


@dataclass(frozen=True, slots=True)
class Course:
    """How one unit learnt by hand.

    Attributes:
        weights: after each mistake, zeros first: ``[mistakes + 1, D + 1]``.
        examples: which example each mistake was made on: ``[mistakes]``.
        settled: a whole pass over the examples went by without a mistake.
    """

    weights: NDArray[np.float64]
    examples: NDArray[np.int64]
    settled: bool

    @property
    def mistakes(self) -> int:
        """How many examples were answered wrongly, counted each time."""
        return len(self.examples)


def with_one(inputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Inputs ``[N, D]`` with the constant 1 of the threshold after them: ``[N, D + 1]``."""
    return np.hstack([inputs, np.ones((len(inputs), 1))])


def learn_by_hand(
    inputs: NDArray[np.floating], labels: NDArray[np.integer], *, max_passes: int
) -> Course:
    """Teach one unit by Rosenblatt's rule, example after example, in the order given.

    An example is answered rightly when label times score is above zero. After a wrong answer the
    label times the input is added to the weights; after a right one nothing changes.

    Args:
        inputs: ``[N, D]``.
        labels: -1 or +1 for each example, ``[N]``.
        max_passes: over the examples; it may end sooner.

    Raises:
        ValueError: shapes do not fit, or a label is neither -1 nor +1.
    """
    if inputs.ndim != 2 or labels.shape != (len(inputs),):
        raise ValueError(
            f"inputs {inputs.shape!r} and labels {labels.shape!r} do not fit; expected [N, D] "
            "and [N]"
        )
    if not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"labels are -1 or +1, not {sorted(set(labels.tolist()))!r}")
    lifted = with_one(inputs)
    weights = [np.zeros(lifted.shape[1])]
    examples: list[int] = []
    for _ in range(max_passes):
        before = len(examples)
        for index, (example, label) in enumerate(zip(lifted, labels, strict=True)):
            if label * (weights[-1] @ example) <= 0:
                weights.append(weights[-1] + label * example)
                examples.append(index)
        if len(examples) == before:
            return Course(np.array(weights), np.array(examples, np.int64), settled=True)
    return Course(np.array(weights), np.array(examples, np.int64), settled=False)


def mistake_bound(
    inputs: NDArray[np.floating], labels: NDArray[np.integer], separator: NDArray[np.floating]
) -> float:
    """Novikoff's bound (R / gamma)^2 on the mistakes that ``learn_by_hand`` can ever make.

    R is the length of the longest example with its 1, gamma the distance of the nearest one to the
    separating plane. Any separator gives a bound; the one of the widest margin gives the best.

    Args:
        inputs: ``[N, D]``.
        labels: -1 or +1, ``[N]``.
        separator: weights that answer every example rightly, ``[D + 1]``.

    Raises:
        ValueError: the separator answers an example wrongly.
    """
    lifted = with_one(inputs)
    gamma = float((labels * (lifted @ separator)).min() / np.linalg.norm(separator))
    if gamma <= 0:
        raise ValueError("the separator does not separate these examples, so nothing is bounded")
    return float((np.linalg.norm(lifted, axis=1).max() / gamma) ** 2)


class Perceptron(nn.Module):
    """K of Rosenblatt's units side by side, each for one class against the rest.

    The scores are differentiable, but ``learn`` uses no gradient: it is the rule of
    ``learn_by_hand`` for each unit by itself.
    """

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.linear = nn.Linear(inputs, units)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Inputs ``[B, ...]`` to scores ``[B, K]``; the unit of the highest score names a class."""
        scores: torch.Tensor = self.linear(x.flatten(1))
        return scores

    @torch.no_grad()
    def learn(self, x: torch.Tensor, classes: torch.Tensor) -> int:
        """Go over examples once, in the order given, correcting every unit that is wrong.

        Args:
            x: inputs ``[N, ...]``.
            classes: class of each example ``[N]``, 0 to K - 1; with a single unit 1 stands for its
                class and 0 for the rest.

        Returns:
            Mistakes of all units together.
        """
        units = self.linear.out_features
        wanted = torch.arange(units) if units > 1 else torch.ones(1, dtype=torch.int64)
        labels = (classes[:, None] == wanted) * 2.0 - 1.0  # [N, K]
        weight, bias = self.linear.weight, self.linear.bias
        mistakes = 0
        for example, label in zip(x.flatten(1), labels, strict=True):
            wrong = label * torch.where(label * (weight @ example + bias) <= 0, 1.0, 0.0)
            if count := int(wrong.count_nonzero()):
                weight.addr_(wrong, example)
                bias.add_(wrong)
                mistakes += count
        return mistakes


class AssociationUnits(nn.Module):
    """Rosenblatt's middle layer: threshold units with random connections that are never learnt.

    Each unit looks at a few inputs, some of them with a negative sign, and answers 1 when their sum
    passes its threshold, else 0. A perceptron over enough of them can learn what no line separates.

    Source: Rosenblatt 1958, "The organization of a perceptron" (projection to association units).
    """

    mask: torch.Tensor  # [D, U] -1, 0 or 1
    thresholds: torch.Tensor  # [U]

    def __init__(self, inputs: int, units: int, *, connections: int, generator: torch.Generator):
        super().__init__()
        chosen = torch.rand((units, inputs), generator=generator).argsort(1)[:, :connections]
        signs = torch.randint(2, chosen.shape, generator=generator) * 2.0 - 1.0
        self.register_buffer("mask", torch.zeros(units, inputs).scatter_(1, chosen, signs).T)
        # Halves, so that sums of whole inputs are never on the threshold itself.
        thresholds = torch.randint(-1, connections, (units,), generator=generator) + 0.5
        self.register_buffer("thresholds", thresholds)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Inputs ``[B, ...]`` to zeros and ones ``[B, U]``."""
        return (x.flatten(1) @ self.mask > self.thresholds).to(x.dtype)
