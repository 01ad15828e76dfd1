"""Games of the newest weights against older ones, many in lockstep.

Who plays which side is drawn at random for each game. The newest weights search every position: in
full where they are to move, a little where the older ones are, so that the search values that the
value targets are made of are always theirs. Moves of the older weights are never a policy target:
their plies have no weight.

Two chairs hold older weights. New games are begun against one of them, while the games that were
begun against the other are played to their end; so that no row ever waits, and every game has one
opponent from its first ply to its last.

Source: Vinyals et al. 2019, "Grandmaster level in StarCraft II using multi-agent reinforcement
learning", Methods, "Multi-agent learning": only the learning player's own steps train it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.records import Episode
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.actor import Actor, GameRecord
from engine.selfplay.config import SelfPlayConfig
from games.game import Game, States


class LeagueActor(Actor):
    """An actor whose games have an older version on one side."""

    def __init__(
        self,
        game: Game,
        search: Search,
        chairs: Sequence[Search],
        *,
        version: int,
        config: SelfPlayConfig,
        simulations: int,
        name: str,
        seed: int,
        settings: int = 0,
    ) -> None:
        """Set up every game at its opening, against the weights in chair 0.

        Args:
            game: what is played.
            search: with ``config.games`` trees over the newest weights.
            chairs: two searches as large, each over older weights.
            version: of the weights in chair 0.
            config: see ``SelfPlayConfig``; older weights have the same budgets.
            simulations: budget of a full search.
            name: see ``Actor``.
            seed: see ``Actor``.
            settings: see ``Actor``.
        """
        self.chairs = chairs
        self._versions = [version, version]
        self._chair = 0  # against which games are begun
        self._begun = 0  # so many, since its weights were put in
        self._chair_of = np.zeros(config.games, np.int64)
        self._learner_of = np.zeros(config.games, np.int64)
        self._over = np.zeros(config.games, game.state_dtype)
        self._over["finished"] = 1
        for chair in chairs:
            chair.set_roots(self._over)
        super().__init__(
            game,
            search,
            config=config,
            simulations=simulations,
            name=name,
            seed=seed,
            settings=settings,
        )

    @property
    def free_chair(self) -> int | None:
        """The chair that other weights may be put into; None: not yet.

        It is free once no game is played against it any more, and the other one has had as many
        games as there are rows.
        """
        other = 1 - self._chair
        waits = self._begun < self.config.games or (self._chair_of == other).any()
        return None if waits else other

    def seat(self, version: int) -> None:
        """Begin games against the weights that have just been put into the free chair."""
        self._chair = 1 - self._chair
        self._versions[self._chair] = version
        self._begun = 0

    def play_ply(self, *, weights_version: int) -> list[Episode]:
        """Search and play one ply in every game; returns the episodes that it finished."""
        games = self.config.games
        ours = self._states["to_play"] == self._learner_of
        full = self._rng.random(games) < self.config.full_share
        fast = self.config.fast_simulations
        budgets = np.where(full, self.simulations, fast).astype(np.int32)
        result = self.search.run(np.where(ours, budgets, fast).astype(np.int32), full & ours)
        simulations = int(result.simulations.sum())
        actions = self._choose(result)
        for number, chair in enumerate(self.chairs):
            theirs = ~ours & (self._chair_of == number)
            if not theirs.any():
                continue
            answer = chair.run(np.where(theirs, budgets, 0).astype(np.int32), full & theirs)
            simulations += int(answer.simulations.sum())
            actions[theirs] = self._choose(answer, theirs)[theirs]
        self.counters.simulations += simulations
        return self._play(result, actions, full & ours, weights_version)

    def _advance(self, actions: NDArray[np.int32]) -> None:
        super()._advance(actions)
        for chair in self.chairs:
            chair.advance(actions)  # games of the other chair are finished trees here

    def _set_roots(self, states: States, rows: NDArray[np.int64]) -> None:
        super()._set_roots(states, rows)
        for number, chair in enumerate(self.chairs):
            mine = self._chair_of[rows] == number
            chair.set_roots(np.where(mine, states, self._over[: len(rows)]), rows)

    def _open(self, row: int) -> GameRecord:
        record = super()._open(row)
        record.opponent = self._versions[self._chair]
        record.learner = stream_seed(record.seed, "side") & 1
        self._chair_of[row] = self._chair
        self._learner_of[row] = record.learner
        self._begun += 1
        return record
