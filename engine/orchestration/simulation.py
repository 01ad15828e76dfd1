"""The training loop over fake workers, with measurements of everything that is not playing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from engine.config import RunConfig
from engine.orchestration.fake_workers import FakeCarrier
from engine.orchestration.loop import TrainingLoop
from engine.orchestration.reports import Status, Watcher
from engine.orchestration.run_directory import RunDirectory
from games.game import Game

_SAMPLE_SECONDS = 1.0
_WARM_SHARE = 0.4  # of the time, left out of the rates: imports, first rows, an empty window


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table."""

    name: str
    value: float | None  # None: nothing was seen of it
    unit: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """How far everything is at one moment."""

    at: float
    episodes: int
    rows_stored: int
    rows_trained: int
    steps: int
    driver_cpu: float
    learner_cpu: float
    hosts_cpu: float
    driver_memory: int
    learner_memory: int
    store_seconds: float


class Simulation:
    """A run whose workers are fake, watched by itself."""

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        game: Game,
        *,
        hosts: int,
        rate: float,
        watchers: list[Watcher],
    ) -> None:
        """Set up; ``train`` runs it.

        Args:
            run: fresh and held by the caller.
            config: its ``workers`` says how many there are.
            game: made from ``config.game``.
            hosts: processes that the workers live in.
            rate: episodes a second of all workers together; infinite: as many as are taken.
            watchers: as of any training.
        """
        self.config = config
        self._carrier = FakeCarrier(run, config, hosts=hosts, rate=rate)
        self._loop = TrainingLoop(
            run, config, game, watchers=[*watchers, self], carrier=self._carrier
        )
        self._samples: list[_Sample] = []
        self._store_seconds = 0.0
        self._shard_seconds: list[float] = []
        self._own = psutil.Process()

    @property
    def status(self) -> Status:
        """How the run goes."""
        return self._loop.status

    def train(self, should_stop: Callable[[], bool]) -> None:
        """Run until the minutes are spent or ``should_stop`` says so.

        Raises:
            RunError: a part cannot work or the disk refuses; the message is for the user.
        """
        self._loop.train(should_stop)

    def update(self, status: Status) -> None:
        """Look at the run; once a tick, in which there is one shard at most."""
        spent = self._loop.intake.seconds
        if spent > self._store_seconds:
            self._shard_seconds.append(spent - self._store_seconds)
            self._store_seconds = spent
        now = time.monotonic()
        if not self._samples or now - self._samples[-1].at >= _SAMPLE_SECONDS:
            self._samples.append(self._sample(now))

    def say(self, text: str) -> None:
        """Others show it."""

    def keep(self, row: dict[str, object]) -> None:
        """The metrics file has it."""

    def _sample(self, now: float) -> _Sample:
        assert self._carrier.learner is not None
        try:
            learner = psutil.Process(self._carrier.learner.pid)
            hosts = [psutil.Process(host.process.pid) for host in self._carrier.hosts]
            learner_cpu = _cpu(learner)
            learner_memory = learner.memory_info().rss
            hosts_cpu = sum(_cpu(host) for host in hosts)
        except psutil.NoSuchProcess:  # they end while the run is saved
            return self._samples[-1]
        return _Sample(
            at=now,
            episodes=self._loop.store.counters.episodes,
            rows_stored=self._loop.store.counters.rows,
            rows_trained=self._loop.status.rows_trained,
            steps=self._loop.status.steps,
            driver_cpu=_cpu(self._own),
            learner_cpu=learner_cpu,
            hosts_cpu=hosts_cpu,
            driver_memory=self._own.memory_info().rss,
            learner_memory=learner_memory,
            store_seconds=self._store_seconds,
        )

    def table(self) -> list[Measure]:
        """What was measured, after the warm-up."""
        samples, store = self._samples, self._loop.store
        first = next(
            sample
            for sample in samples
            if sample.at - samples[0].at >= _WARM_SHARE * (samples[-1].at - samples[0].at)
        )
        last = samples[-1]
        reports = [host.report for host in self._carrier.hosts if host.report is not None]
        trips = [seconds for report in reports for seconds in report.acknowledgement_seconds]
        fetches = [seconds for report in reports for seconds in report.weights_seconds]
        steady = [sample for sample in samples if sample.at >= first.at]

        def rate(name: str, scale: float = 1.0) -> float | None:
            """Growth a second, by least squares: shards come in steps."""
            if len(steady) < 3:
                return None
            values = np.array([getattr(sample, name) for sample in steady], np.float64)
            seconds = np.array([sample.at for sample in steady]) - steady[0].at
            return float(np.polyfit(seconds, values * scale, 1)[0])

        shards = list(store.folder.glob("*.safetensors"))
        shard_bytes = sum(path.stat().st_size for path in shards)
        held = sum(store.rows_in(number) for number in store.numbers)
        per_row = shard_bytes / max(1, held)
        rows_per_episode = last.rows_stored / max(1, last.episodes)
        sent = sum(report.episodes_sent for report in reports)
        return [
            Measure("workers", self.config.workers, ""),
            Measure("measured for", last.at - first.at, "s"),
            Measure("episodes stored", rate("episodes"), "/s"),
            Measure("rows stored", rate("rows_stored"), "/s"),
            Measure("rows trained", rate("rows_trained"), "/s"),
            Measure("steps", rate("steps"), "/s"),
            Measure("driver, share of a core", rate("driver_cpu"), ""),
            Measure("driver storing, share of the time", rate("store_seconds"), ""),
            Measure("learner, share of a core", rate("learner_cpu"), ""),
            Measure("fake workers, share of a core", rate("hosts_cpu"), ""),
            Measure("driver memory", last.driver_memory / 2**20, "MiB"),
            Measure("driver memory grows by", rate("driver_memory", 60 / 2**20), "MiB/min"),
            Measure("learner memory", last.learner_memory / 2**20, "MiB"),
            Measure("learner memory grows by", rate("learner_memory", 60 / 2**20), "MiB/min"),
            Measure("bytes an episode on the disk", per_row * rows_per_episode, "B"),
            Measure("a shard written, median", _quantile(self._shard_seconds, 0.5, 1e3), "ms"),
            Measure("a shard written, longest", _quantile(self._shard_seconds, 1.0, 1e3), "ms"),
            Measure("batch acknowledged after, median", _quantile(trips, 0.5), "s"),
            Measure("batch acknowledged after, 99 %", _quantile(trips, 0.99), "s"),
            Measure(
                "most unacknowledged batches of a worker",
                max((report.most_unacknowledged for report in reports), default=None),
                "",
            ),
            Measure(
                "workers waited, share of their time",
                float(np.mean([report.waited_share for report in reports])) if reports else None,
                "",
            ),
            Measure("versions published", self.status.version, ""),
            Measure("weights fetched", sum(report.weights_fetched for report in reports), ""),
            Measure("a fetch of the weights, median", _quantile(fetches, 0.5, 1e3), "ms"),
            Measure("episodes sent and not stored", sent - store.counters.episodes, ""),
        ]


def _quantile(values: list[float], share: float, scale: float = 1.0) -> float | None:
    return float(np.quantile(values, share)) * scale if values else None


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
