"""Settings of a run on GPUs; what is not said is found by a probe of some seconds."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]


class GpuConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one self-play process keeps one GPU busy, and how many GPUs train.

    Its games are split into lanes: groups with a search thread each, which take turns on the GPU,
    so that the batch of one is computed while the others descend their trees.
    """

    lanes: Count | None = None  # search threads; not said: by the probe
    games: Count | None = None  # games in flight of each lane; not said: by the probe
    batch: Count | None = None  # positions of one call at most; not said: the games of a lane
    learners: Count = 1  # devices that train, each its share of a step's rows
    probe_seconds: Annotated[float, Meta(gt=0, description="length of the probe, about")] = 10.0
