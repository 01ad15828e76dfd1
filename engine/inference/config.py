"""Settings of what runs the network."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Turning = Literal["none", "random", "average"]
"""What network evaluators do with the symmetries of a game; see ``turner``."""


class InferenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network is run where it plays."""

    precision: Literal["auto", "int8", "bf16", "float32"] = "auto"
    # auto: the fastest that agrees with float32, checked on every new version of the weights
    runtime: Literal["auto", "openvino", "torch"] = "auto"
    cache_positions: Annotated[
        int, Meta(ge=0, description="evaluations remembered until the next version; 0: none")
    ] = 400_000
    max_batch: Annotated[int, Meta(ge=1, description="positions of one call at most")] = 256
