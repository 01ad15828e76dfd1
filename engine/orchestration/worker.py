"""A self-play worker: one process, one core, many games."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass

import numpy as np
import psutil

from engine.config import RunConfig
from engine.inference.backends import Backend, limit_threads, make_backend
from engine.inference.cache import CachedEvaluator
from engine.inference.evaluator import Evaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.learning.checkpoint import load_weights
from engine.learning.packed import pack
from engine.orchestration.local import Link, ParentGoneError
from engine.orchestration.messages import (
    Acknowledged,
    Failed,
    Finished,
    NewWeights,
    Pause,
    Said,
    Stop,
)
from engine.records import Episode
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.actor import Actor
from engine.selfplay.bootstrap import playouts_for
from games import make
from games.game import Game

_REPORT_SECONDS = 2.0
MOST_UNACKNOWLEDGED = 8  # batches; past that the driver is behind and the worker waits


def worker_main(link: Link, config: RunConfig, name: str) -> None:
    """Play until told to stop, or until the driver is gone.

    Args:
        link: to the driver.
        config: the run's settings.
        name: unique in the run over all starts; prefix of the episode ids.
    """
    try:
        Worker(link, config, name).run()
    except ParentGoneError:
        raise
    except Exception as error:
        link.send(Failed(f"worker {name}: {one_line(error)}"))
        raise


def one_line(error: Exception) -> str:
    """An exception as one line for the user: what it says and where it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"{type(error).__name__}: {error} ({place})"


class Worker:
    """State of one worker process."""

    def __init__(self, link: Link, config: RunConfig, name: str) -> None:
        self.link = link
        self.config = config
        self.name = name
        self.game: Game = make(config.game)
        self.version = 0
        self._wanted: NewWeights | None = None
        self._paused = False
        self._stopped = False
        self._batch = 0
        self._sent: dict[int, float] = {}  # when; batches that are not acknowledged yet
        self._waits = _Waits()
        self._episodes: list[Episode] = []
        self._told: set[str] = set()
        self._process = psutil.Process()

    def run(self) -> None:
        """Bootstrap with playouts until the first weights come, then play with the network."""
        limit_threads(1)
        self._listen(wait=0.2)  # a run that goes on has weights waiting
        if self._wanted is None and not self._stopped:
            self._play_bootstrap()
        if not self._stopped:
            self._play_network()

    def _play_bootstrap(self) -> None:
        seed = stream_seed(self.config.seed, "bootstrap", self.name)
        evaluator = RolloutEvaluator(self.game, rollouts=1, seed=seed)
        simulations = self.config.bootstrap.simulations or playouts_for(self.game)
        # Visit counts: sharper targets would follow the noise of single playouts. A playout costs
        # a hundredth of what the search of an ending does, so only roots are searched to the end.
        config = SearchConfig(algorithm="puct", ending_nodes=0)
        search = self._search(evaluator, config, simulations)
        actor = Actor(
            self.game,
            search,
            config=self.config.selfplay,
            simulations=simulations,
            name=f"{self.name}b",
            seed=self.config.seed,
        )
        meter = _Meter()
        while not self._stopped and self._wanted is None:
            self._ply(actor, meter, evaluations=0, hits=0, network_seconds=0.0)
        self._report(actor, meter, 0, 0, 0.0)

    def _play_network(self) -> None:
        assert self._wanted is not None
        network = NetworkSeat(self.game, self.config, seed=self.config.seed, name=self.name)
        self._load(network)
        config = self.config.search
        search = self._search(network.evaluator, config, config.simulations)
        actor = Actor(
            self.game,
            search,
            config=self.config.selfplay,
            simulations=self.config.search.simulations,
            name=self.name,
            seed=self.config.seed,
        )
        meter = _Meter()
        while not self._stopped:
            if self._wanted is not None:
                self._load(network)
            self._ply(
                actor, meter, network.evaluations, network.cache.hits, network.network_seconds
            )
        self._report(actor, meter, network.evaluations, network.cache.hits, network.network_seconds)

    def _search(self, evaluator: Evaluator, config: SearchConfig, simulations: int) -> Search:
        most = max(simulations, self.config.selfplay.fast_simulations)
        return Search(
            self.game,
            evaluator,
            config,
            num_trees=self.config.selfplay.games,
            max_simulations=most,
            seed=stream_seed(self.config.seed, "search", self.name),
        )

    def _load(self, network: NetworkSeat) -> None:
        wanted = self._wanted
        assert wanted is not None
        self._wanted = None
        sentence = network.load(wanted.path)
        self.version = wanted.version
        if sentence and sentence not in self._told:
            self._told.add(sentence)
            self.link.send(Said(f"worker {self.name}: {sentence}"))

    def _ply(
        self, actor: Actor, meter: _Meter, evaluations: int, hits: int, network_seconds: float
    ) -> None:
        """One ply of every game, then news in both directions."""
        self._episodes += actor.play_ply(weights_version=self.version)
        if time.monotonic() - meter.since >= _REPORT_SECONDS:
            self._report(actor, meter, evaluations, hits, network_seconds)
        self._listen(wait=0.0)
        while (self._paused or len(self._sent) >= MOST_UNACKNOWLEDGED) and not self._stopped:
            begin, paused = time.monotonic(), self._paused
            self._listen(wait=0.5)
            if paused:
                self._waits.paused += time.monotonic() - begin
            else:
                self._waits.behind += time.monotonic() - begin

    def _report(
        self, actor: Actor, meter: _Meter, evaluations: int, hits: int, network_seconds: float
    ) -> None:
        now = np.array(
            [
                time.monotonic(),
                actor.counters.plies,
                actor.counters.simulations,
                evaluations,
                hits,
                network_seconds,
            ]
        )
        delta = now - meter.last
        meter.last = now
        waits, self._waits = self._waits, _Waits()
        self._batch += 1
        self._sent[self._batch] = time.monotonic()
        self.link.send(
            Finished(
                batch=self._batch,
                episodes=pack(self._episodes, game=self.game),
                seconds=float(delta[0]),
                plies=int(delta[1]),
                simulations=int(delta[2]),
                evaluations=int(delta[3]),
                cache_hits=int(delta[4]),
                network_seconds=float(delta[5]),
                memory_bytes=self._process.memory_info().rss,
                version=self.version,
                paused_seconds=waits.paused,
                behind_seconds=waits.behind,
                acknowledged=waits.acknowledged,
                acknowledged_seconds=waits.acknowledged_seconds,
            )
        )
        self._episodes = []

    def _listen(self, *, wait: float) -> None:
        for message in self.link.receive(wait=wait):
            match message:
                case NewWeights():
                    self._wanted = message
                case Pause(paused=paused):
                    self._paused = paused
                case Acknowledged(batch=batch):
                    self._waits.acknowledged += 1
                    self._waits.acknowledged_seconds += time.monotonic() - self._sent.pop(batch)
                case Stop():
                    self._stopped = True


@dataclass(slots=True)
class _Waits:
    """What the worker waited for since its last report, in seconds."""

    paused: float = 0.0
    behind: float = 0.0
    acknowledged: int = 0  # batches
    acknowledged_seconds: float = 0.0


class _Meter:
    """Counters at the last report."""

    def __init__(self) -> None:
        self.last = np.array([time.monotonic(), 0.0, 0.0, 0.0, 0.0, 0.0])

    @property
    def since(self) -> float:
        return float(self.last[0])


class NetworkSeat:
    """The evaluator of a worker: cache before network, and the newest weights in it.

    ``evaluator`` stays the same object over all versions, so the search keeps it.
    """

    def __init__(self, game: Game, config: RunConfig, *, seed: int, name: str) -> None:
        self.game = game
        self.config = config
        self._network = NetworkEvaluator(
            game,
            None,
            symmetries=config.search.symmetries,
            seed=stream_seed(seed, "symmetries", name),
        )
        self.cache = CachedEvaluator(
            self._network, game=game, capacity=config.inference.cache_positions
        )
        self.evaluator = self.cache

    @property
    def evaluations(self) -> int:
        """Positions that the network itself has judged."""
        return self._network.evaluations

    @property
    def network_seconds(self) -> float:
        """Time inside the network's runtime."""
        return self._network.seconds

    @property
    def backend(self) -> Backend:
        """What runs the network now."""
        return self._network.backend

    def load(self, path: str) -> str:
        """Put the weights of a file to work; returns a sentence where there is something to say."""
        file = load_weights(path, self.game)
        inference = self.config.inference
        choice = make_backend(
            file.build(),
            max_batch=inference.max_batch,
            precision=inference.precision,
            runtime=inference.runtime,
            calibration_planes=file.sample_planes,
        )
        self._network.backend = choice.backend
        self.cache.clear()
        return choice.sentence
