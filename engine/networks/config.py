"""Settings of a network: which kind, and how large."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

PositiveInt = Annotated[int, msgspec.Meta(ge=1)]


class NetworkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Size and shape of a network. Fields a kind does not use are ignored by it.

    Attributes:
        kind: ``resnet`` (residual tower), ``cnn`` (plain convolutions) or ``perceptron`` (fully
            connected; without hidden layers it is linear, as Rosenblatt's).
        blocks: residual blocks of a resnet (two convolutions each; AlphaZero: 19), or
            convolutions of a cnn.
        channels: channels of the tower, K (AlphaZero: 256).
        squeeze_excitation: gate each residual branch by the board's mean (Lc0: yes).
        global_pooling: in every third residual block, let the mean and the maximum over the board
            bias the channels (KataGo: yes).
        hidden: widths of the hidden layers of a perceptron.
        policy_channels: channels of the 1x1 convolution of the policy head (AlphaZero: 2).
        value_channels: channels of the 1x1 convolution of the value head (AlphaZero: 1).
        value_hidden: width of the hidden layer of the value head (AlphaZero: 256).
        ownership: teach the body whose each point is at the end, in games that have that, such as
            Go (KataGo: yes). Costs nothing where the network plays.
    """

    kind: Literal["resnet", "cnn", "perceptron"] = "resnet"
    blocks: PositiveInt = 5
    channels: PositiveInt = 48
    squeeze_excitation: bool = False
    global_pooling: bool = False
    hidden: tuple[PositiveInt, ...] = (256, 256)
    policy_channels: PositiveInt = 8
    value_channels: PositiveInt = 8
    value_hidden: PositiveInt = 64
    ownership: bool = False
