"""A league in the manner of AlphaStar: who plays whom, when a player is frozen, and who wins.

Three kinds of players learn. A *main agent* shall beat everybody. A *main exploiter* looks for
holes in the main agents as they are now, and starts again once it has found one. A *league
exploiter* looks for holes in the whole league. Whenever a player is strong enough (or has tried
long enough) a copy of it is frozen; frozen copies never leave, so that nothing that was once known
to beat a main agent can be forgotten.

Opponents are chosen by *prioritized fictitious self-play*: frozen players in proportion to a
weight of the chance of beating them, so that games are played where something can be learnt.

Nothing here knows how players learn or what a game is; ``league_training`` does. `meijin train
--league` takes the choice of opponents from the same place (``engine/selfplay/pfsp.py``).

Source: Vinyals et al. 2019, "Grandmaster level in StarCraft II using multi-agent reinforcement
learning", Methods, "Multi-agent learning", and the pseudocode in its supplement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from agents.agent import AgentError
from engine.selfplay.pfsp import Weighting, priorities

Role = Literal["main", "main_exploiter", "league_exploiter"]


class LeagueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in the league and when players are frozen; defaults are the paper's where it has any.

    AlphaStar has for each of three races one main agent, one main exploiter and two league
    exploiters.
    """

    main_agents: Annotated[int, Meta(ge=1)] = 1
    main_exploiters: Annotated[int, Meta(ge=0)] = 1
    league_exploiters: Annotated[int, Meta(ge=0)] = 2
    self_play_share: Annotated[
        float, Meta(ge=0, le=1, description="of a main agent's matches (paper: 0.35)")
    ] = 0.35
    verification_share: Annotated[
        float, Meta(ge=0, le=1, description="against exploiters and forgotten ones (paper: 0.15)")
    ] = 0.15
    freeze_after: Annotated[
        int, Meta(ge=1, description="steps before a player may be frozen (paper: 2e9 frames)")
    ] = 40
    strong: Annotated[
        float, Meta(ge=0, le=1, description="chance against everybody that freezes a player early")
    ] = 0.7
    reset_chance: Annotated[
        float, Meta(ge=0, le=1, description="that a league exploiter starts again (paper: 0.25)")
    ] = 0.25
    decay: Annotated[
        float, Meta(gt=0, le=1, description="of older results with every new game")
    ] = 0.99


@dataclass(frozen=True, eq=False, slots=True)
class Frozen:
    """A player as it was once; it learns no more."""

    name: str
    owner: str  # the learning player that it is a copy of
    role: Role  # of the owner
    number: int  # of all frozen players, in the order of time
    step: int  # of the owner's learning
    weights: Any  # whatever the learner's ``weights`` gave


@dataclass(eq=False, slots=True)
class Player:
    """A player that learns."""

    name: str
    role: Role
    frozen_at: int = 0  # step of its newest frozen copy


Opponent = Player | Frozen


class Payoffs:
    """How matches went: decayed counts for each pair of players."""

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._points: dict[tuple[str, str], float] = defaultdict(float)
        self._games: dict[tuple[str, str], float] = defaultdict(float)

    def record(self, home: str, away: str, points: float, games: int) -> None:
        """Add ``games`` games, of which ``home`` made ``points`` (a draw is half a point)."""
        kept = self._decay**games
        for pair, made in (((home, away), points), ((away, home), games - points)):
            self._points[pair] = self._points[pair] * kept + made
            self._games[pair] = self._games[pair] * kept + games

    def chance(self, home: str, away: str) -> float:
        """Share of the points that ``home`` makes against ``away``; 0.5 where they never met."""
        games = self._games.get((home, away), 0.0)
        return self._points[home, away] / games if games else 0.5

    def forget(self, name: str) -> None:
        """Forget all games of a player, which is another one from now on."""
        for table in (self._points, self._games):
            for pair in [pair for pair in table if name in pair]:
                del table[pair]


class League:
    """Players, frozen players, and the rules by which they meet.

    Attributes:
        players: those that learn, main agents first.
        frozen: all frozen players, oldest first.
        payoffs: results so far.
    """

    def __init__(self, config: LeagueConfig, *, first_weights: Any, seed: int) -> None:
        """Set up the players; a frozen copy of the first main agent opens the history.

        Args:
            config: who is in the league.
            first_weights: with which every player begins (AlphaStar: imitation of people).
            seed: of all choices.

        Raises:
            AgentError: shares that make more than one.
        """
        if config.self_play_share + config.verification_share > 1:
            raise AgentError("self_play_share and verification_share make more than 1")
        self.config = config
        self.first_weights = first_weights
        self.payoffs = Payoffs(config.decay)
        self.frozen: list[Frozen] = []
        self._rng = np.random.default_rng(seed)
        numbers: dict[Role, int] = {
            "main": config.main_agents,
            "main_exploiter": config.main_exploiters,
            "league_exploiter": config.league_exploiters,
        }
        self.players = [
            Player(name=f"{role}_{k + 1}", role=role)
            for role, count in numbers.items()
            for k in range(count)
        ]
        for player in self.players:
            if player.role == "main":
                self._freeze(player, first_weights, step=0)

    @property
    def main_agents(self) -> list[Player]:
        """The players that the league is for."""
        return [player for player in self.players if player.role == "main"]

    def opponent_of(self, player: Player) -> Opponent:
        """Whom ``player`` should meet next; itself: self-play."""
        if player.role == "main":
            return self._opponent_of_main(player)
        if player.role == "main_exploiter":
            target = self._any(self.main_agents)
            if self._chance(player, target) > 0.1:
                return target
            # Too strong as it is now: its past is a ladder to it.
            return self._by_priority(player, self._copies_of(target), "even")
        return self._by_priority(player, self.frozen, "capped")

    def record(self, player: Player, opponent: Opponent, *, points: float, games: int) -> None:
        """Add the results of ``games`` games; ``points`` are the player's, a draw half a one."""
        if player is not opponent:
            self.payoffs.record(player.name, opponent.name, points, games)

    def is_due(self, player: Player, *, step: int) -> bool:
        """Whether the player should be frozen: strong against all it should beat, or time is up."""
        passed = step - player.frozen_at
        if passed < self.config.freeze_after:
            return False
        targets: Sequence[Opponent] = (
            self.main_agents if player.role == "main_exploiter" else self.frozen
        )
        strong = min(self._chance(player, each) for each in targets) > self.config.strong
        return strong or passed >= 2 * self.config.freeze_after

    def freeze(self, player: Player, weights: Any, *, step: int) -> bool:
        """Freeze a copy of the player.

        Returns:
            Whether the player should start again from ``first_weights``.
        """
        self._freeze(player, weights, step=step)
        again = player.role == "main_exploiter" or (
            player.role == "league_exploiter" and self._rng.random() < self.config.reset_chance
        )
        if again:
            self.payoffs.forget(player.name)
        return again

    def _freeze(self, player: Player, weights: Any, *, step: int) -> None:
        number = len(self.frozen)
        copy = Frozen(
            name=f"{player.name}@{number}",
            owner=player.name,
            role=player.role,
            number=number,
            step=step,
            weights=weights,
        )
        self.frozen.append(copy)
        player.frozen_at = step

    def _opponent_of_main(self, player: Player) -> Opponent:
        coin = self._rng.random()
        rest = self.config.self_play_share + self.config.verification_share
        if coin >= rest:
            return self._by_priority(player, self.frozen, "hard")
        other = self._any(self.main_agents)
        if coin < self.config.verification_share:
            hole = self._hole(player, other)
            if hole is not None:
                return hole
        if self._chance(player, other) > 0.3:
            return other
        return self._by_priority(player, self._copies_of(other), "even")

    def _hole(self, player: Player, other: Player) -> Opponent | None:
        """A frozen exploiter that wins, or an old version that is beaten no longer.

        The pseudocode strips versions that are at least as hard as the one before, down to none;
        here one that is as hard stays, and so does the oldest.
        """
        exploiters = [each for each in self.frozen if each.role == "main_exploiter"]
        if exploiters and min(self._chance(player, each) for each in exploiters) < 0.3:
            return self._by_priority(player, exploiters, "hard")
        forgotten = self._copies_of(other)
        while len(forgotten) > 1 and self._chance(player, forgotten[-1]) < self._chance(
            player, forgotten[-2]
        ):
            forgotten.pop()  # later versions are harder: that is how it should be
        if forgotten and min(self._chance(player, each) for each in forgotten) < 0.7:
            return self._by_priority(player, forgotten, "hard")
        return None

    def _copies_of(self, player: Player) -> list[Frozen]:
        return [each for each in self.frozen if each.owner == player.name]

    def _chance(self, player: Player, opponent: Opponent) -> float:
        return 0.5 if player is opponent else self.payoffs.chance(player.name, opponent.name)

    def _any(self, players: Sequence[Player]) -> Player:
        return players[int(self._rng.integers(len(players)))]

    def _by_priority(
        self, player: Player, opponents: Sequence[Frozen], weighting: Weighting
    ) -> Frozen:
        shares = priorities([self._chance(player, each) for each in opponents], weighting)
        return opponents[int(self._rng.choice(len(opponents), p=shares))]
