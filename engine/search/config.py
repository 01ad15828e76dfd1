"""Settings of the tree search, with the values of the papers beside them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.inference.config import Turning

Count = Annotated[int, Meta(ge=1)]
Plies = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]


class PuctConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AlphaZero's search (Silver et al. 2018), with KataGo's additions (Wu 2019)."""

    exploration: Positive = 1.25  # c_init; AlphaZero 1.25
    exploration_base: Positive = 19_652.0  # visits over which c grows; AlphaZero 19,652
    first_play_reduction: NotNegative = 0.2
    # an unvisited move is worth its parent less this times sqrt(prior already visited); KataGo 0.2
    noise_concentration: Positive = 10.83  # Dirichlet alpha times legal moves; KataGo 10.83
    noise_share: Share = 0.25  # of the root's prior; AlphaZero 0.25
    root_temperature: Positive = 1.0  # above 1 flattens the root's prior; KataGo 1.1 to 1.25
    forced_playouts: NotNegative = 0.0
    # a root move visited at all gets sqrt(this * prior * visits) visits, taken out of the policy
    # again where they proved useless; KataGo 2, AlphaZero 0
    temperature: NotNegative = 1.0  # of the sampled move in the first ply: visits^(1 / it)
    final_temperature: NotNegative = 0.1
    temperature_half_life: Positive = 10.0  # plies in which it comes half-way to the final one


class GumbelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gumbel AlphaZero (Danihelka et al. 2022)."""

    max_considered: Count = 16  # moves that sequential halving starts with; paper 16
    visit_offset: NotNegative = 50.0  # c_visit; paper 50
    value_scale: Positive = 0.2  # c_scale; paper 1.0 for board games, mctx 0.1; errors at 100 and
    # 600 simulations with a trained Connect Four network are fewest from 0.2 to 0.5
    rescale_values: bool = False  # mctx: stretch a node's values to 0..1 before they are scaled
    noise_scale: NotNegative = 1.0  # of the Gumbel noise where exploring; paper 1, 0 for play
    sampled_plies: Plies = 0
    # first plies whose exploring move is drawn from the improved policy, not the halving's winner


class SearchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How moves are searched."""

    algorithm: Literal["gumbel", "puct"] = "gumbel"
    simulations: Count = 64
    prove_plies: Plies | None = None
    # exhaustive look-ahead at every new leaf; 0: finished positions alone; not said: as many of 2
    # as the game makes cheap (``look_ahead.plies_for``)
    ending_nodes: Plies = 200
    # alpha-beta to the end at every new leaf where the game says it pays (``ENDGAME_PLIES``): its
    # budget, worth a fraction of a network evaluation; 0: none, AlphaZero's own search
    root_ending_nodes: Plies = 20_000
    # the same for all moves of a root together, earlier in the game since they are many nodes
    reuse_tree: bool = True  # keep what is known below the played move
    leaves_per_tree: Count = 1  # leaves of one tree in one batch of the evaluator
    symmetries: Turning = "random"
    # how network evaluators turn the positions they are asked about; see ``inference.turner``
    puct: PuctConfig = PuctConfig()
    gumbel: GumbelConfig = GumbelConfig()
