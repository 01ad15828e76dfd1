"""Groups of games that take turns on one device, so that it computes while the others search.

Each lane is a thread with games, trees, cache and buffers of its own. While the batch of one lane
is on the device, the others descend their trees; with two lanes and a search that is no slower
than the network the device never waits. Lanes are not in step: each plays at its own pace.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from engine.inference.cache import CachedEvaluator
from engine.inference.evaluator import Evaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.records import Episode
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.actor import Actor, ActorCounters
from engine.selfplay.config import SelfPlayConfig
from games.game import Game

_LOOK_SECONDS = 0.1  # a lane that waits looks so often whether it should end


class SeatedEvaluator(Evaluator, Protocol):
    """What a lane asks: an evaluator whose backend can be changed between calls."""

    backend: Any
    evaluations: int
    slots: int


class RolloutSeat:
    """Playouts in a lane: on the processor, but asked as a device is."""

    def __init__(self, rollouts: RolloutEvaluator) -> None:
        """Ask ``rollouts``, which must be this lane's own."""
        self.backend: Any = None
        self.evaluations = self.slots = 0  # of a network, which is not asked
        self.evaluate = rollouts.evaluate


class Lanes:
    """Self-play of one process on one device.

    Attributes:
        version: of the weights that were put in last.
    """

    def __init__(
        self,
        game: Game,
        evaluators: Sequence[SeatedEvaluator],
        *,
        search: SearchConfig,
        selfplay: SelfPlayConfig,
        games: int,
        cache_positions: int,
        name: str,
        seed: int,
        settings: int = 0,
    ) -> None:
        """Set up the games; nothing is played before ``load``.

        Args:
            game: what is played.
            evaluators: one for each lane; they share a device.
            search: how moves are searched.
            selfplay: how games are made; its ``games`` is not used.
            games: in flight in each lane.
            cache_positions: evaluations remembered, over all lanes.
            name: prefix of the episode ids; unique in the run, also over restarts.
            seed: root seed of the run.
            settings: hash of the run's settings, for the episodes.
        """
        self.version = 0
        self._wanted: tuple[Any, int] = (None, 0)
        self._stopping = threading.Event()
        self._fault: BaseException | None = None
        # A ply of every lane: whoever does not fetch the episodes stops the lanes by that.
        self._played: queue.Queue[list[Episode]] = queue.Queue(len(evaluators))
        self._lanes = [
            _Lane(
                game,
                evaluator,
                search=search,
                selfplay=msgspec.structs.replace(selfplay, games=games),
                cache_positions=cache_positions // len(evaluators),
                name=f"{name}-{number}",
                seed=seed,
                settings=settings,
            )
            for number, evaluator in enumerate(evaluators)
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=f"lane {number}", daemon=True)
            for number, lane in enumerate(self._lanes)
        ]

    def load(self, backend: Any, version: int) -> None:
        """Let every lane use this backend from its next ply on."""
        self._wanted = backend, version
        self.version = version
        if not self._threads[0].ident:
            for thread in self._threads:
                thread.start()

    def play(self, *, wait: float = 0.1) -> list[Episode]:
        """The episodes finished since the last call, after waiting so long for a ply at most.

        Raises:
            BaseException: what ended a lane.
        """
        episodes: list[Episode] = []
        try:
            episodes += self._played.get(timeout=wait)
            while True:
                episodes += self._played.get_nowait()
        except queue.Empty:
            pass
        if self._fault is not None:
            self.close()
            raise self._fault
        return episodes

    def close(self) -> list[Episode]:
        """Let every lane end its ply; returns what was finished meanwhile."""
        self._stopping.set()
        episodes: list[Episode] = []
        while any(thread.is_alive() for thread in self._threads) or not self._played.empty():
            try:
                episodes += self._played.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
        return episodes

    @property
    def counters(self) -> ActorCounters:
        """Totals over all lanes."""
        total = ActorCounters()
        for lane in self._lanes:
            for field in ("games", "plies", "simulations", "proven_endings"):
                setattr(total, field, getattr(total, field) + getattr(lane.actor.counters, field))
        return total

    @property
    def evaluations(self) -> int:
        """Positions that the network itself has judged."""
        return sum(lane.evaluator.evaluations for lane in self._lanes)

    @property
    def slots(self) -> int:
        """Positions that the network's calls had room for."""
        return sum(lane.evaluator.slots for lane in self._lanes)

    @property
    def hits(self) -> int:
        """Positions that the caches answered."""
        return sum(lane.cache.hits for lane in self._lanes)

    def _run(self, lane: _Lane) -> None:
        """A lane's thread."""
        try:
            while not self._stopping.is_set():
                backend, version = self._wanted
                lane.use(backend)
                self._hand_over(lane.actor.play_ply(weights_version=version))
        except BaseException as error:  # it belongs to whoever asks for the episodes
            self._fault = error

    def _hand_over(self, episodes: list[Episode]) -> None:
        while True:
            try:
                return self._played.put(episodes, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue  # ``close`` empties the queue, so this ends


class _Lane:
    """One thread's games, trees and cache."""

    def __init__(
        self,
        game: Game,
        evaluator: SeatedEvaluator,
        *,
        search: SearchConfig,
        selfplay: SelfPlayConfig,
        cache_positions: int,
        name: str,
        seed: int,
        settings: int,
    ) -> None:
        self.evaluator = evaluator
        self.cache = CachedEvaluator(evaluator, game=game, capacity=cache_positions)
        self.actor = Actor(
            game,
            Search(
                game,
                self.cache,
                search,
                num_trees=selfplay.games,
                max_simulations=max(search.simulations, selfplay.fast_simulations),
                seed=stream_seed(seed, "search", name),
            ),
            config=selfplay,
            simulations=search.simulations,
            name=name,
            seed=seed,
            settings=settings,
        )

    def use(self, backend: Any) -> None:
        """Put a backend in, unless it is there already; what others said is forgotten."""
        if self.evaluator.backend is not backend:
            self.evaluator.backend = backend
            self.cache.clear()
