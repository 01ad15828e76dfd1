"""How closely one backend's answers follow another's, in the terms that matter to a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """Differences between two backends over the same positions; the first one is the reference.

    The value of a position is P(win) - P(loss) for its mover, between -1 and 1.
    """

    positions: int
    policy_kl_mean: float  # nats, Kullback-Leibler divergence from the reference's policy
    policy_kl_max: float
    top_action_agreement: float  # part of the positions with the same most probable action
    value_error_mean: float  # absolute difference of the values
    value_error_max: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Largest differences under which a faster backend may replace float32.

    Trained networks of a few blocks stay about ten times below these with 8-bit convolutions. The
    noise that self-play mixes into a root's policy is about a hundred times larger.
    """

    policy_kl_mean: float = 0.005  # nats
    value_error_mean: float = 0.02
    value_error_max: float = 0.25  # one position; a clipped activation shows here first


def compare(
    reference: tuple[NDArray[np.float32], NDArray[np.float32]],
    other: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    legal: NDArray[np.bool_] | None = None,
) -> Agreement:
    """Compares two backends' outputs for the same positions.

    Shapes: B positions, A actions.

    Args:
        reference: policy logits ``[B, A]`` and outcome probabilities ``[B, 3]``.
        other: the same of the backend under test.
        legal: ``[B, A]`` actions to look at, at least one in each row; None looks at all of them.
            What a network says of illegal actions is never trained and means nothing.

    Returns:
        The differences. They are not a number where ``other`` is not.
    """
    reference_policy = _log_softmax(reference[0], legal)
    other_policy = _log_softmax(other[0], legal)
    probabilities = np.exp(reference_policy)
    # Illegal actions are -inf in both; their difference would not be a number.
    difference = np.zeros_like(probabilities)
    np.subtract(reference_policy, other_policy, out=difference, where=probabilities > 0)
    kl = (probabilities * difference).sum(axis=1)
    same = reference_policy.argmax(axis=1) == other_policy.argmax(axis=1)
    value_error = np.abs(_value_for_mover(reference[1]) - _value_for_mover(other[1]))
    return Agreement(
        positions=len(kl),
        policy_kl_mean=float(kl.mean()),
        policy_kl_max=float(kl.max()),
        top_action_agreement=float(same.mean()),
        value_error_mean=float(value_error.mean()),
        value_error_max=float(value_error.max()),
    )


def exceeded(agreement: Agreement, tolerance: Tolerance) -> str:
    """Says which limits are broken, as part of a sentence; empty if none is."""
    found = (
        ("mean policy divergence", agreement.policy_kl_mean, tolerance.policy_kl_mean),
        ("mean value error", agreement.value_error_mean, tolerance.value_error_mean),
        ("largest value error", agreement.value_error_max, tolerance.value_error_max),
    )
    # Written so that not-a-number counts as broken.
    return ", ".join(
        f"{name} {value:.3g} (limit {limit:g})"
        for name, value, limit in found
        if not value <= limit
    )


def _value_for_mover(outcomes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Value ``[B]`` of outcome probabilities ``[B, 3]`` (win, draw, loss for the mover)."""
    return outcomes[:, 0] - outcomes[:, 2]


def _log_softmax(
    logits: NDArray[np.float32], legal: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Log-probabilities ``[B, A]`` in double precision, -inf where illegal."""
    wide = logits.astype(np.float64)
    if legal is not None:
        wide[~legal] = -np.inf
    wide -= wide.max(axis=1, keepdims=True)
    logs: NDArray[np.float64] = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return logs
