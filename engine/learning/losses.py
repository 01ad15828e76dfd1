"""What training minimises: named terms, each a mean over the batch in nats."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e30  # logit of an action that is not legal; finite, so that 0 * log(0) stays 0


def losses(
    policy_logits: Tensor,
    outcome_logits: Tensor,
    *,
    actions: Tensor,
    policies: Tensor,
    outcomes: Tensor,
) -> dict[str, Tensor]:
    """Loss terms by name. Letters: B rows, A actions, K legal slots.

    Illegal actions take no part: the policy is the softmax over the legal ones, as search reads it.

    Args:
        policy_logits: ``[B, A]``.
        outcome_logits: ``[B, 3]`` win, draw, loss for the player to move.
        actions: ``[B, K]`` int64, -1 past the count.
        policies: ``[B, K]`` target probabilities.
        outcomes: ``[B, 3]`` target probabilities.

    Returns:
        ``policy`` and ``value``, cross-entropies to minimise; ``policy_kl`` and ``value_kl``, the
        same less the target's own entropy: zero when the network says exactly the target.
    """
    by_slot = policy_logits.float().gather(1, actions.clamp(min=0)).masked_fill(actions < 0, _NEVER)
    policy = _cross_entropy(functional.log_softmax(by_slot, dim=1), policies)
    value = _cross_entropy(functional.log_softmax(outcome_logits.float(), dim=1), outcomes)
    return {
        "policy": policy,
        "value": value,
        "policy_kl": policy.detach() - _entropy(policies),
        "value_kl": value.detach() - _entropy(outcomes),
    }


def ownership_losses(
    points: Tensor, lead: Tensor, *, owners: Tensor, leads: Tensor
) -> dict[str, Tensor]:
    """Loss terms of the ownership head by name, each a mean over the batch.

    Args:
        points: ``[B, H, W]`` logits that a point is the mover's at the end.
        lead: ``[B]`` the mover's lead as a share of the board's points.
        owners: ``[B, H, W]`` 1 for the mover's points, -1 for the other's, 0 for nobody's.
        leads: ``[B]`` the mover's lead in points.

    Returns:
        ``ownership``, cross-entropy a point in nats; ``lead``, squared error of the share.
    """
    size = points.shape[1] * points.shape[2]
    mine = (owners.float() + 1) / 2
    return {
        "ownership": functional.binary_cross_entropy_with_logits(points.float(), mine),
        "lead": functional.mse_loss(lead.float(), leads / size),
    }


def _cross_entropy(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    return -(targets * log_probabilities).sum(dim=1).mean()


def _entropy(probabilities: Tensor) -> Tensor:
    nats: Tensor = torch.special.xlogy(probabilities, probabilities)
    return -nats.sum(dim=1).mean()
