"""What a policy-value network is made of, and how one is built from its configuration.

A network maps observation planes ``[B, C, H, W]`` to policy logits ``[B, A]`` and outcome logits
``[B, 3]``. Letters: B positions, C planes, H x W board, A actions, K channels of the tower.

Building, folding and running are separate: this module builds the trainable network,
``fold_batch_norm`` makes the inference copy, and ``engine.inference`` compiles that copy.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from engine.networks import cnn, perceptron, resnet
from engine.networks.config import NetworkConfig
from engine.networks.heads import OwnershipHead
from engine.networks.layers import ConvNorm, ScalePlanes

OUTCOMES_FOR_MOVER = ("win", "draw", "loss")
"""Order of the outcome logits: how the game ends for the player to move."""


class Network(nn.Module):
    """Planes in, policy and outcome logits out: a body and two heads.

    Attributes:
        observation_shape: ``(C, H, W)``.
        num_actions: A.
    """

    def __init__(
        self,
        *,
        scale_planes: ScalePlanes,
        body: nn.Module,
        policy_head: nn.Module,
        outcome_head: nn.Module,
        ownership_head: OwnershipHead | None,
        observation_shape: tuple[int, int, int],
        num_actions: int,
    ):
        super().__init__()
        self.scale_planes = scale_planes
        self.body = body
        self.policy_head = policy_head
        self.outcome_head = outcome_head
        self.ownership_head = ownership_head
        self.observation_shape = observation_shape
        self.num_actions = num_actions

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Evaluates positions.

        Args:
            planes: observations ``[B, C, H, W]``, uint8 or floating point, not yet scaled.

        Returns:
            Policy logits ``[B, A]`` (illegal actions included) and outcome logits ``[B, 3]`` in
            the order ``OUTCOMES_FOR_MOVER``.
        """
        features = self.body(self.scale_planes(planes))
        return self.policy_head(features), self.outcome_head(features)

    def forward_with_ownership(
        self, planes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """As ``forward``, and what ``OwnershipHead`` says; for training.

        Raises:
            ValueError: the network has no such head.
        """
        if self.ownership_head is None:
            raise ValueError("this network has no ownership head (network.ownership is not set)")
        features = self.body(self.scale_planes(planes))
        return (
            self.policy_head(features),
            self.outcome_head(features),
            *self.ownership_head(features),
        )


def build_network(
    config: NetworkConfig,
    *,
    observation_shape: tuple[int, int, int],
    num_actions: int,
    observation_scales: np.ndarray | None = None,
) -> Network:
    """Builds a network with fresh weights, drawn from torch's global generator.

    The last layers start at zero: an untrained network gives every action the same probability
    and every outcome one third, so that the first games are not steered by noise.

    Args:
        config: kind and size.
        observation_shape: ``(C, H, W)``.
        num_actions: A.
        observation_scales: factor of each plane ``[C]``; None stands for ones.

    Returns:
        The network in training mode.

    Raises:
        ValueError: the scales do not fit the planes, a shape is not positive, or a perceptron is
            asked for ownership.
    """
    planes = observation_shape[0]
    if len(observation_shape) != 3 or min(*observation_shape, num_actions) < 1:
        raise ValueError(
            f"observation_shape {observation_shape!r} and num_actions {num_actions!r} do not make "
            "a network; expected three positive sizes and at least one action"
        )
    scales = np.ones(planes) if observation_scales is None else np.asarray(observation_scales)
    if scales.shape != (planes,):
        raise ValueError(f"observation_scales has shape {scales.shape!r}; expected ({planes},)")
    if config.ownership and config.kind == "perceptron":
        raise ValueError(
            "network.ownership needs features on a board; a perceptron has none (resnet and cnn do)"
        )
    builder = {"resnet": resnet.build, "cnn": cnn.build, "perceptron": perceptron.build}
    body, policy_head, outcome_head = builder[config.kind](
        config, observation_shape=observation_shape, num_actions=num_actions
    )
    return Network(
        scale_planes=ScalePlanes(scales),
        body=body,
        policy_head=policy_head,
        outcome_head=outcome_head,
        ownership_head=OwnershipHead(config.channels) if config.ownership else None,
        observation_shape=observation_shape,
        num_actions=num_actions,
    )


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Copies a network for inference, with every batch norm folded into its convolution.

    Args:
        network: any module made of ``ConvNorm`` pieces; it is left untouched.

    Returns:
        A copy in evaluation mode, without gradients, that computes the same function.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    if isinstance(folded, Network):
        folded.ownership_head = None  # only training asks it
    for piece in folded.modules():
        if isinstance(piece, ConvNorm) and isinstance(piece.norm, nn.BatchNorm2d):
            piece.conv = nn.utils.fuse_conv_bn_eval(piece.conv, piece.norm).requires_grad_(False)
            piece.norm = nn.Identity()
    return folded
