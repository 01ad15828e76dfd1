"""Settings of everything between the episode store and the published weights."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Fraction = Annotated[float, Meta(ge=0, le=1)]


class WindowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of the newest rows are trained on, given that N rows were made in all.

    The window is ``scale * (1 + growth * ((N / scale)^exponent - 1) / exponent)``: every row while
    N is under ``scale``, then a shrinking share of all rows that starts to grow by ``growth`` rows
    for each new one. The defaults are KataGo's shape with a scale for runs of about a million rows:
    at 100k rows the window is 74k (the first, blind games leave early), at a million it is 258k.

    Source: Wu 2019, "Accelerating self-play learning in Go", appendix C (scale 250,000).
    """

    scale: Annotated[int, Meta(ge=1, description="rows; c of the formula (KataGo: 250,000)")] = (
        40_000
    )
    exponent: Annotated[float, Meta(gt=0, le=1, description="alpha (KataGo: 0.75)")] = 0.75
    growth: Annotated[float, Meta(ge=0, le=1, description="beta (KataGo: 0.4)")] = 0.4
    max_rows: Annotated[int, Meta(ge=1, description="rows held in memory at most")] = 1_000_000


class TargetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a value target is made of the game's result and the searches' values."""

    result_share: Annotated[
        Fraction,
        Meta(
            description="lambda: share of the next ply's target in this one's; 1: the result alone "
            "(AlphaZero), 0: the search value alone"
        ),
    ] = 0.9
    blunder_loss: Annotated[
        float,
        Meta(
            ge=0,
            le=2,
            description="an exploratory move that costs its player more than this (on -1..+1) "
            "does not pass the result back; 2: every move passes it back",
        ),
    ] = 0.1


class LimiterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is trained for each row that self-play makes."""

    reuse: Annotated[float, Meta(gt=0, description="rows trained per new row (KataGo: 4 to 8)")] = (
        4.0
    )
    start_rows: Annotated[int, Meta(ge=1, description="rows stored before the first step")] = 10_000
    slack_rows: Annotated[
        int, Meta(ge=1, description="new rows that self-play may be ahead of the learner")
    ] = 40_000


class LearningConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of learning: the optimiser's settings here, the rest in parts."""

    batch_rows: Annotated[int, Meta(ge=2, description="rows a step")] = 512
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Meta(gt=0, description="highest rate of the schedule")] = 2e-3
    final_rate_share: Annotated[
        Fraction, Meta(description="rate at the end of the run, as a share of the highest")
    ] = 0.02
    warmup_steps: Annotated[int, Meta(ge=0, description="steps of linear growth at the start")] = (
        200
    )
    momentum: Annotated[Fraction, Meta(description="of sgd")] = 0.9
    weight_decay: Annotated[
        float, Meta(ge=0, description="of matrices and kernels; never of norms and biases")
    ] = 1e-2
    max_gradient_norm: Annotated[float, Meta(gt=0, description="gradients are clipped to it")] = 2.0
    policy_weight: Annotated[float, Meta(ge=0, description="of the policy loss")] = 1.0
    value_weight: Annotated[float, Meta(ge=0, description="of the value loss")] = 1.0
    ownership_weight: Annotated[
        float, Meta(ge=0, description="of the ownership loss, where network.ownership is set")
    ] = 1.0
    lead_weight: Annotated[float, Meta(ge=0, description="of the lead loss, there as well")] = 1.0
    ema_rows: Annotated[
        int,
        Meta(ge=0, description="rows over which weights are averaged; 0: no averaging"),
    ] = 100_000
    bfloat16: Annotated[
        bool, Meta(description="compute the network in bfloat16 where the machine is faster so")
    ] = True
    compile: Annotated[
        bool, Meta(description="let torch.compile fuse the network's training; see docs/gpu.md")
    ] = False
    window: WindowConfig = WindowConfig()
    targets: TargetConfig = TargetConfig()
    limiter: LimiterConfig = LimiterConfig()
