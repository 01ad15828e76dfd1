"""How the games of a league went, as counters that add up over shards, starts and crashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from engine.learning.packed import PackedEpisodes

#: Of what older games count with every new one against the same opponent (pseudocode of Vinyals et
#: al. 2019): the player that learns is not who it was.
DECAY = 0.99


@dataclass(frozen=True, slots=True)
class Payoff:
    """Games of the player that learns against one opponent."""

    games: int = 0  # all of them
    weight: float = 0.0  # of the games, older ones counting less
    points: float = 0.0  # made in them, with the same weights; a draw is half a point

    @property
    def chance(self) -> float:
        """Share of the points made lately; 0.5 where they never met."""
        return self.points / self.weight if self.weight else 0.5

    def __add__(self, later: Payoff) -> Payoff:
        kept = DECAY**later.games
        return Payoff(
            games=self.games + later.games,
            weight=self.weight * kept + later.weight,
            points=self.points * kept + later.points,
        )


@dataclass(frozen=True, slots=True)
class Payoffs:
    """Of each opponent, by the version of its weights."""

    by_version: dict[int, Payoff] = field(default_factory=dict)

    def of(self, version: int) -> Payoff:
        """Games against a version."""
        return self.by_version.get(version, Payoff())

    @property
    def games(self) -> int:
        """All games of the league."""
        return sum(each.games for each in self.by_version.values())

    def __add__(self, later: Payoffs) -> Payoffs:
        if not later.by_version:
            return self
        joined = dict(self.by_version)
        for version, payoff in later.by_version.items():
            joined[version] = self.of(version) + payoff
        return Payoffs(joined)

    def as_facts(self) -> list[list[float]]:
        """As JSON holds it."""
        return [
            [version, each.games, each.weight, each.points]
            for version, each in sorted(self.by_version.items())
        ]

    @staticmethod
    def from_facts(facts: Iterable[list[float]]) -> Payoffs:
        """What ``as_facts`` gave."""
        return Payoffs(
            {int(row[0]): Payoff(int(row[1]), float(row[2]), float(row[3])) for row in facts}
        )


def payoffs_of(episodes: PackedEpisodes) -> Payoffs:
    """Of the league games among episodes, in their order."""
    found: dict[int, Payoff] = {}
    for e in np.flatnonzero(episodes.opponents >= 0):
        version = int(episodes.opponents[e])
        result = float(np.sign(episodes.returns[e, episodes.learners[e]]))
        game = Payoff(games=1, weight=1.0, points=(1.0 + result) / 2)
        found[version] = found.get(version, Payoff()) + game
    return Payoffs(found)
