"""Workers that play nothing: one process sends the messages of hundreds, to load driver and store.

Games are played once, with a search that knows nothing, and then sent again and again under fresh
ids. Everything past the game itself is as a real worker does it: reports of some seconds, at most
so many unacknowledged batches, waiting when told to, fetching every new version of the weights.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.config import RunConfig
from engine.inference.uniform import UniformEvaluator
from engine.learning.packed import PackedEpisodes, pack
from engine.orchestration.carrier import LocalCarrier
from engine.orchestration.local import Link, LocalPart, ParentGoneError
from engine.orchestration.messages import (
    MOST_UNACKNOWLEDGED,
    Acknowledged,
    Failed,
    Finished,
    NewWeights,
    Part,
    Pause,
    Stop,
)
from engine.orchestration.run_directory import RunDirectory
from engine.records import Episode
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.selfplay.actor import Actor
from engine.selfplay.config import SelfPlayConfig
from games import make
from games.game import Game

_REPORT_SECONDS = 2.0
_KINDS = 256  # different games that are sent


@dataclass(frozen=True, slots=True)
class HostReport:
    """Host to driver, at the end: what its workers saw."""

    episodes_sent: int
    episodes_acknowledged: int
    most_unacknowledged: int  # batches of one worker
    waited_share: float  # of all workers' time: paused, or with too much unacknowledged
    acknowledgement_seconds: list[float]  # of a sample of batches, from sending to the answer
    weights_seconds: list[float]  # of a sample of fetches: reading the whole file
    weights_fetched: int
    cpu_seconds: float


class FakeHost:
    """A process with many fake workers in it, seen from the driver."""

    def __init__(self, config: RunConfig, *, number: int, rate: float) -> None:
        """Start it.

        Args:
            config: the run's settings.
            number: of this host.
            rate: episodes a second of each of its workers; infinite sends whatever is taken.
        """
        self.process = LocalPart(f"fake-{number}", host_main, config, rate)
        self.report: HostReport | None = None
        self._arrived: dict[str, deque[object]] = {}
        # One pipe carries hundreds of workers: read as it comes, or its few hundred kilobytes
        # would be the limit and not the driver.
        threading.Thread(target=self._read, name=f"fake-{number}", daemon=True).start()

    def _read(self) -> None:
        while True:
            alive = self.process.alive
            messages = self.process.wait(0.1)
            for message in messages:
                if isinstance(message, HostReport):
                    self.report = message
                else:
                    assert isinstance(message, tuple)
                    worker, inner = message
                    self._arrived.setdefault(worker, deque()).append(inner)
            if not alive and not messages:
                return

    def receive(self, name: str) -> list[object]:
        """Messages of the worker of that name."""
        arrived = self._arrived.get(name)
        return [arrived.popleft() for _ in range(len(arrived))] if arrived else []


class FakePart:
    """One fake worker, as the loop sees any other part."""

    def __init__(self, host: FakeHost, name: str) -> None:
        self.name = name
        self._host = host
        self._stopped = False

    def send(self, message: object) -> None:
        """Hand over a message."""
        self._stopped |= isinstance(message, Stop)
        self._host.process.send((self.name, message))

    def receive(self) -> list[object]:
        """All messages that have arrived."""
        return self._host.receive(self.name)

    @property
    def alive(self) -> bool:
        """Whether its host runs."""
        return self._host.process.alive

    def ending(self) -> Failed | None:
        """How its host ended."""
        return self._host.process.ending()

    def kill(self) -> None:
        """End its host."""
        self._host.process.kill()


class FakeCarrier(LocalCarrier):
    """A real learner, and fake workers in a few processes.

    Attributes:
        hosts: the processes that the workers live in.
        learner: the one that runs; None before there is one.
    """

    def __init__(self, run: RunDirectory, config: RunConfig, *, hosts: int, rate: float) -> None:
        """Start the hosts.

        Args:
            run: the run directory.
            config: its ``workers`` says how many there are.
            hosts: how many processes.
            rate: episodes a second of all workers together; infinite: as many as are taken.
        """
        super().__init__(run, config)
        per_worker = rate / config.workers
        self.hosts = [FakeHost(config, number=n, rate=per_worker) for n in range(hosts)]
        self.learner: LocalPart | None = None
        self._started = 0

    def start_worker(self, name: str, place: str) -> Part:
        """A fake one, in the next of the hosts."""
        part = FakePart(self.hosts[self._started % len(self.hosts)], name)
        part.send(None)  # a worker exists from the first word on
        self._started += 1
        return part

    def start_learner(self) -> LocalPart:
        """A process of its own."""
        self.learner = super().start_learner()
        return self.learner


@dataclass(slots=True)
class _Worker:
    """One fake worker inside its host."""

    name: str
    due: float
    batch: int = 0
    games: int = 0
    sent: dict[int, float] = field(default_factory=dict)  # unacknowledged batches
    owed: float = 0.0  # episodes played and not sent yet, as a fraction
    since: float = 0.0
    version: int = 0
    paused: bool = False
    stopped: bool = False


def host_main(link: Link, config: RunConfig, rate: float) -> None:
    """Play the part of every worker that is spoken to, until all of them were told to stop."""
    game = make(config.game)
    episodes = pack(played_episodes(game, count=_KINDS, seed=config.seed), game=game)
    _Host(link, episodes, rate, simulations=config.search.simulations).run()


def played_episodes(game: Game, *, count: int, seed: int) -> list[Episode]:
    """That many whole games by a search that knows nothing."""
    config = SearchConfig(algorithm="puct", ending_nodes=0, root_ending_nodes=0)
    search = Search(
        game, UniformEvaluator(game), config, num_trees=64, max_simulations=8, seed=seed
    )
    actor = Actor(
        game,
        search,
        config=SelfPlayConfig(games=64, fast_simulations=4),
        simulations=8,
        name="fake",
        seed=seed,
    )
    episodes: list[Episode] = []
    while len(episodes) < count:
        episodes += actor.play_ply(weights_version=0)
    return episodes[:count]


class _Host:
    """The loop of ``host_main``."""

    def __init__(self, link: Link, episodes: PackedEpisodes, rate: float, *, simulations: int):
        self.link = link
        self.episodes = episodes
        self.rate = rate
        self.simulations = simulations
        self.workers: dict[str, _Worker] = {}
        self.acknowledged = 0
        self.sizes: dict[tuple[str, int], int] = {}
        self.most_unacknowledged = 0
        self.waited = self.lived = 0.0
        self.round_trips: deque[float] = deque(maxlen=10_000)
        self.fetches: deque[float] = deque(maxlen=10_000)
        self.fetched = 0
        self.process = psutil.Process()
        self.rng = np.random.default_rng(1)
        self.arrived: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        # Read all the time: hundreds of workers behind one pipe would else block the driver, which
        # sends, while they wait for it to read.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self.arrived.put(self.link.receive(wait=1.0))
        except ParentGoneError:
            os._exit(0)  # nobody is left to send to

    def _messages(self, wait: float) -> list[Any]:
        messages: list[Any] = []
        try:
            messages += self.arrived.get(timeout=max(wait, 1e-4))
            while True:
                messages += self.arrived.get_nowait()
        except queue.Empty:
            return messages

    def run(self) -> None:
        while not self.workers or not all(w.stopped for w in self.workers.values()):
            now = time.monotonic()
            soonest = min((w.due for w in self.workers.values()), default=now + 0.1)
            for name, message in self._messages(min(soonest - now, 0.1)):
                worker = self.workers.get(name)
                if worker is None:
                    # Real workers do not report in step either.
                    due = time.monotonic() + self.rng.uniform(0, _REPORT_SECONDS)
                    worker = self.workers[name] = _Worker(name, due, since=time.monotonic())
                self._take(worker, message)
            now = time.monotonic()
            for worker in self.workers.values():
                if worker.due <= now and not worker.stopped:
                    self._report(worker, now)
        self.link.send(
            HostReport(
                episodes_sent=sum(worker.games for worker in self.workers.values()),
                episodes_acknowledged=self.acknowledged,
                most_unacknowledged=self.most_unacknowledged,
                waited_share=self.waited / max(self.lived, 1e-9),
                acknowledgement_seconds=list(self.round_trips),
                weights_seconds=list(self.fetches),
                weights_fetched=self.fetched,
                cpu_seconds=sum(self.process.cpu_times()[:2]),
            )
        )

    def _take(self, worker: _Worker, message: Any) -> None:
        now = time.monotonic()
        match message:
            case NewWeights(version=version, path=path):
                Path(path).read_bytes()
                self.fetches.append(time.monotonic() - now)
                self.fetched += 1
                worker.version = version
            case Pause(paused=paused):
                worker.paused = paused
            case Acknowledged(batch=batch):
                self.round_trips.append(now - worker.sent.pop(batch))
                self.acknowledged += self.sizes.pop((worker.name, batch))
            case Stop():
                worker.stopped = True

    def _report(self, worker: _Worker, now: float) -> None:
        """Send what the worker would have played since its last report."""
        self.lived += now - worker.since
        if worker.paused or len(worker.sent) >= MOST_UNACKNOWLEDGED:
            self.waited += now - worker.since
            worker.since = now
            worker.due = now + 0.1
            return
        if np.isfinite(self.rate):
            worker.owed += self.rate * (now - worker.since)
            worker.due = now + _REPORT_SECONDS
        else:
            worker.owed = 8.0
            worker.due = now
        count = min(int(worker.owed), len(self.episodes))
        worker.owed -= count
        chosen = np.zeros(len(self.episodes), bool)
        chosen[self.rng.choice(len(chosen), count, replace=False)] = True
        episodes = replace(
            self.episodes.select(chosen),
            ids=[f"{worker.name}-{worker.games + n}" for n in range(count)],
            versions=np.full(count, worker.version, np.int64),
        )
        worker.games += count
        worker.batch += 1
        worker.sent[worker.batch] = now
        self.sizes[worker.name, worker.batch] = count
        self.most_unacknowledged = max(self.most_unacknowledged, len(worker.sent))
        plies = episodes.plies
        self.link.send(
            (
                worker.name,
                Finished(
                    batch=worker.batch,
                    episodes=episodes,
                    seconds=now - worker.since,
                    plies=plies,
                    simulations=plies * self.simulations,
                    evaluations=plies * self.simulations,
                    cache_hits=0,
                    network_seconds=0.0,
                    memory_bytes=0,
                    version=worker.version,
                ),
            )
        )
        worker.since = now
