"""The league's games in a worker: older weights put into the chairs of a ``LeagueActor``."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from engine.config import RunConfig
from engine.inference.backends import Backend
from engine.learning.sealed import FileError, StorageError
from engine.orchestration.messages import Opponents
from engine.orchestration.network_seat import NetworkSeat
from engine.records import Episode
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.actor import ActorCounters
from engine.selfplay.league_actor import LeagueActor
from engine.selfplay.pfsp import draw_opponent
from games.game import Game


class LeagueSeat:
    """Plays against older versions as soon as there are any."""

    def __init__(
        self,
        game: Game,
        config: RunConfig,
        newest: NetworkSeat,
        *,
        name: str,
        say: Callable[[str], None],
    ) -> None:
        """Set up two chairs; nothing is played before the driver has named opponents.

        Args:
            game: what is played.
            config: the run's settings; ``league.share`` is more than 0.
            newest: the evaluator of the newest weights, which plays the other side.
            name: prefix of the episode ids; unique in the run.
            say: takes a sentence for the user.
        """
        self.opponents = Opponents((), (), ())
        self._game = game
        self._config = config
        self._newest = newest
        self._name = name
        self._say = say
        self._games = config.league.games_of(config.selfplay.games)
        self._rng = np.random.default_rng(stream_seed(config.seed, "opponents", name))
        # Opponents' positions differ from ours after a few moves: a small memory does for them.
        inference = msgspec.structs.replace(
            config.inference, cache_positions=config.inference.cache_positions // 8
        )
        smaller = msgspec.structs.replace(config, inference=inference)
        self._chairs = [
            NetworkSeat(game, smaller, seed=config.seed, name=f"{name}{number}")
            for number in range(2)
        ]
        self._backends: dict[int, Backend] = {}  # of the versions that may be met
        self._unreadable: set[int] = set()
        self._actor: LeagueActor | None = None

    @property
    def evaluations(self) -> int:
        """Positions that older networks have judged."""
        return sum(chair.evaluations for chair in self._chairs)

    @property
    def hits(self) -> int:
        """Positions that their caches answered."""
        return sum(chair.cache.hits for chair in self._chairs)

    @property
    def network_seconds(self) -> float:
        """Time inside their runtimes."""
        return sum(chair.network_seconds for chair in self._chairs)

    @property
    def counters(self) -> ActorCounters:
        """What was played."""
        return self._actor.counters if self._actor is not None else ActorCounters()

    def play_ply(self, *, weights_version: int) -> list[Episode]:
        """A ply of every game; nothing while there is nobody to play against."""
        if self._actor is None:
            version = self._draw(0)
            if version is not None:
                self._actor = self._make_actor(version)
        elif (chair := self._actor.free_chair) is not None:
            version = self._draw(chair)
            if version is not None:
                self._actor.seat(version)
        if self._actor is None:
            return []
        return self._actor.play_ply(weights_version=weights_version)

    def _draw(self, chair: int) -> int | None:
        """Put weights into a chair, drawn by the chance of beating them; returns their version.

        None where there are none that can be read.
        """
        known = {
            version: (path, chance)
            for version, path, chance in zip(
                self.opponents.versions, self.opponents.paths, self.opponents.chances, strict=True
            )
            if version not in self._unreadable
        }
        self._backends = {
            version: backend for version, backend in self._backends.items() if version in known
        }
        while known:
            chances = {each: chance for each, (_, chance) in known.items()}
            version = draw_opponent(chances, self._config.league.weighting, self._rng)
            backend = self._backend_of(version, known[version][0])
            if backend is not None:
                self._chairs[chair].put(backend)
                return version
            del known[version]
        return None

    def _backend_of(self, version: int, path: str) -> Backend | None:
        if version not in self._backends:
            try:
                self._backends[version] = self._newest.backend_for(path).backend
            except (FileError, StorageError) as error:
                self._unreadable.add(version)
                self._say(f"the league goes on without version {version}: {error}")
                return None
        return self._backends[version]

    def _make_actor(self, version: int) -> LeagueActor:
        config, games = self._config, self._games

        def search(seat: NetworkSeat, stream: str) -> Search:
            return Search(
                self._game,
                seat.evaluator,
                config.search,
                num_trees=games,
                max_simulations=max(config.search.simulations, config.selfplay.fast_simulations),
                seed=stream_seed(config.seed, "search", self._name, stream),
            )

        return LeagueActor(
            self._game,
            search(self._newest, "newest"),
            [search(chair, f"chair {number}") for number, chair in enumerate(self._chairs)],
            version=version,
            config=msgspec.structs.replace(config.selfplay, games=games),
            simulations=config.search.simulations,
            name=self._name,
            seed=config.seed,
            settings=config.settings_hash,
        )
