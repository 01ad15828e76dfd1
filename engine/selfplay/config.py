"""Settings of self-play: how games are made, and how many are a league's."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.selfplay.pfsp import Weighting


class SelfPlayConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How games are made. Read by actors alone; ``search`` settings stand beside it."""

    games: Annotated[int, Meta(ge=1, description="games in flight in each worker")] = 128
    full_share: Annotated[
        float, Meta(gt=0.0, le=1.0, description="share of plies searched in full and learned from")
    ] = 0.5
    fast_simulations: Annotated[
        int, Meta(ge=1, description="simulations of the other plies (KataGo's playout cap)")
    ] = 16
    sampled_plies: Annotated[
        int, Meta(ge=0, description="plies at the start whose move is drawn from the policy")
    ] = 10
    opening_share: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of games that start with random moves")
    ] = 0.5
    opening_plies: Annotated[
        int, Meta(ge=0, description="most random moves of such an opening")
    ] = 8
    play_on_share: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="share of games played on once the result is proven"),
    ] = 0.2


class LeagueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Games against older versions of the run's own weights."""

    share: Annotated[
        float, Meta(ge=0.0, lt=1.0, description="of the games in flight; 0: no league")
    ] = 0.0
    opponents: Annotated[int, Meta(ge=1, description="older versions that are kept, at most")] = 8
    weighting: Weighting = "hard"  # of an opponent by the chance of beating it; see ``pfsp``

    def games_of(self, games: int) -> int:
        """How many of a worker's games are the league's: one at least, and not all."""
        return min(max(1, round(self.share * games)), games - 1) if self.share else 0
