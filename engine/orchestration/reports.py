"""Plain records of how a run goes, for displays, files and TensorBoard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.orchestration.messages import Finished, Learned

_RATE_SECONDS = 30.0


@dataclass(slots=True)
class Status:
    """The run at a glance; the driver renews it, displays read it.

    Rates and shares are over the last half minute.
    """

    run: str = ""
    game: str = ""
    elapsed_seconds: float = 0.0
    total_seconds: float = 0.0
    phase: str = "starting"
    bottleneck: str = ""  # one sentence, renewed every minute
    episodes: int = 0
    plies: int = 0
    steps: int = 0
    rows_trained: int = 0
    rows_stored: int = 0
    rows_in_window: int = 0
    version: int = 0
    games_per_second: float = 0.0
    moves_per_second: float = 0.0
    simulations_per_second: float = 0.0
    evaluations_per_second: float = 0.0
    rows_trained_per_second: float = 0.0
    cache_share: float = 0.0  # of all positions asked for, those that the cache answered
    network_share: float = 0.0  # of the workers' time, inside the network's runtime
    batch_fill: float = 0.0  # positions of a network call over the most it takes; 0: not known
    mean_plies: float = 0.0  # of the episodes lately finished
    workers: int = 0
    reporting_workers: int = 0  # of these, those heard of lately
    paused: bool = False
    paused_share: float = 0.0  # of the workers' time, waiting for the learner
    behind_share: float = 0.0  # of the workers' time, waiting for the store
    learner_waiting: bool = False
    learner_wait_share: float = 0.0  # of the learner's time, waiting for new rows
    unstored_seconds: float = 0.0  # age of the oldest batch that waits here for the disk
    acknowledged_seconds: float = (
        0.0  # from sending a batch to knowing it stored, as workers see it
    )
    store_seconds: float = 0.0  # to write the last shard
    staleness: float = 0.0  # versions that the games lately finished are behind the newest
    window_staleness: float = 0.0  # the same of the rows that are trained on
    memory_bytes: int = 0
    memory: dict[str, int] = field(default_factory=dict)  # of driver, learner, workers together
    gpu_busy: dict[str, float] = field(default_factory=dict)  # share of the time by GPU; none: none
    losses: dict[str, float] = field(default_factory=dict)
    judged: dict[str, float] = field(default_factory=dict)  # truth meter and ladder, newest
    judged_version: int = 0
    league_games: int = 0  # against older versions; 0: no league, or none yet
    league: dict[int, float] = field(default_factory=dict)  # share of the points against each
    bootstrap_share: float = 0.0  # of the first rows, those collected

    @property
    def reuse(self) -> float:
        """How often a row has been trained on, on average over the run."""
        return self.rows_trained / max(1, self.rows_stored)

    @property
    def network_share_of_playing(self) -> float:
        """Time in the network over the time that workers did not wait."""
        playing = 1.0 - self.paused_share - self.behind_share
        return min(1.0, self.network_share / max(playing, 1e-3))


class Watcher(Protocol):
    """Whoever shows or keeps the course of a run."""

    def update(self, status: Status) -> None:
        """A fresh look, several times a second."""

    def say(self, text: str) -> None:
        """A sentence for the user."""

    def keep(self, row: dict[str, object]) -> None:
        """A row that has just been written to the metrics file."""


def metrics_row(status: Status) -> dict[str, Any]:
    """What the metrics file keeps of a status, rounded to what can be read."""
    return {
        "episodes": status.episodes,
        "rows_stored": status.rows_stored,
        "rows_trained": status.rows_trained,
        "rows_in_window": status.rows_in_window,
        "steps": status.steps,
        "version": status.version,
        "games_per_second": round(status.games_per_second, 2),
        "moves_per_second": round(status.moves_per_second, 1),
        "simulations_per_second": round(status.simulations_per_second),
        "evaluations_per_second": round(status.evaluations_per_second),
        "cache_share": round(status.cache_share, 4),
        "network_share": round(status.network_share, 4),
        "mean_plies": round(status.mean_plies, 2),
        "rows_trained_per_second": round(status.rows_trained_per_second, 1),
        "reuse": round(status.reuse, 3),
        "staleness": round(status.staleness, 3),
        "window_staleness": round(status.window_staleness, 3),
        "batch_fill": round(status.batch_fill, 4),
        "paused_share": round(status.paused_share, 4),
        "behind_share": round(status.behind_share, 4),
        "learner_wait_share": round(status.learner_wait_share, 4),
        "unstored_seconds": round(status.unstored_seconds, 2),
        "acknowledged_seconds": round(status.acknowledged_seconds, 2),
        "store_seconds": round(status.store_seconds, 3),
        "workers": status.reporting_workers,
        "memory_bytes": status.memory_bytes,
        "memory": dict(status.memory),
        "gpu_busy": {name: round(share, 3) for name, share in status.gpu_busy.items()},
        "losses": {name: round(value, 5) for name, value in status.losses.items()},
    }


class Sliding:
    """Sums of rows of numbers over the last half minute; each row costs the same, always."""

    def __init__(self, *names: str) -> None:
        """Name the numbers of a row."""
        self._names = {name: place for place, name in enumerate(names)}
        self._rows: deque[tuple[float, float, NDArray[np.float64]]] = deque()
        self._sums = np.zeros(len(names))
        self._dropped = 0.0  # when the last row came that is not counted any more

    def add(self, now: float, *, since: float, **numbers: float) -> None:
        """Take in a row about the time from ``since`` to ``now``."""
        row = np.array([numbers[name] for name in self._names], np.float64)
        self._rows.append((now, since, row))
        self._sums += row

    def drop_old(self, now: float) -> bool:
        """Forget what is too old; whether anything is left."""
        while self._rows and self._rows[0][0] < now - _RATE_SECONDS:
            self._dropped, _, row = self._rows.popleft()
            self._sums -= row
        if not self._rows:
            self._sums[:] = 0.0  # no rounding is carried on
        return bool(self._rows)

    def span(self, now: float) -> float:
        """Seconds that the rows are about."""
        first = self._rows[0][1]
        return max(now - (max(first, self._dropped) if self._dropped else first), 1e-3)

    def __getitem__(self, name: str) -> float:
        """The sum of a number."""
        return float(self._sums[self._names[name]])


class Rates:
    """Sliding rates over the reports of workers and learner."""

    def __init__(self) -> None:
        self._played = Sliding(
            "seconds", "episodes", "episode_plies", "plies", "simulations", "evaluations", "hits",
            "network_seconds", "paused_seconds", "behind_seconds", "slots", "filled", "lag",
            "batches", "acknowledged_seconds", "acknowledged",
        )  # fmt: skip
        self._learned = Sliding("seconds", "waited_seconds", "rows")
        self._rows_trained: int | None = None
        self._heard: dict[str, float] = {}

    def add(self, now: float, worker: str, report: Finished, *, newest: int) -> None:
        """Take in a worker's report, when ``newest`` is the newest version of the weights."""
        self._heard[worker] = now
        self._played.add(
            now,
            since=now - report.seconds,
            seconds=report.seconds,
            episodes=len(report.episodes),
            episode_plies=report.episodes.plies,
            plies=report.plies,
            simulations=report.simulations,
            evaluations=report.evaluations,
            hits=report.cache_hits,
            network_seconds=report.network_seconds,
            paused_seconds=report.paused_seconds,
            behind_seconds=report.behind_seconds,
            slots=report.network_slots,
            filled=report.evaluations if report.network_slots else 0,
            lag=int(np.maximum(newest - report.episodes.versions, 0).sum()),
            batches=1,
            acknowledged_seconds=report.acknowledged_seconds,
            acknowledged=report.acknowledged,
        )

    def add_learned(self, now: float, report: Learned) -> None:
        """Take in the learner's report."""
        before = report.rows_trained if self._rows_trained is None else self._rows_trained
        self._rows_trained = report.rows_trained
        self._learned.add(
            now,
            since=now - report.seconds,
            seconds=report.seconds,
            waited_seconds=report.waited_seconds,
            rows=max(0, report.rows_trained - before),
        )

    def write(self, now: float, status: Status) -> None:
        """Renew the rates in ``status``."""
        self._heard = {name: at for name, at in self._heard.items() if at >= now - _RATE_SECONDS}
        status.reporting_workers = len(self._heard)
        played, learned = self._played, self._learned
        if played.drop_old(now):
            span, seconds = played.span(now), max(played["seconds"], 1e-3)
            status.games_per_second = played["episodes"] / span
            status.moves_per_second = played["plies"] / span
            status.simulations_per_second = played["simulations"] / span
            status.evaluations_per_second = played["evaluations"] / span
            asked = played["hits"] + played["evaluations"]
            status.cache_share = played["hits"] / max(1.0, asked)
            status.network_share = played["network_seconds"] / seconds
            status.paused_share = played["paused_seconds"] / seconds
            status.behind_share = played["behind_seconds"] / seconds
            status.batch_fill = played["filled"] / max(1.0, played["slots"])
            if played["episodes"]:
                status.mean_plies = played["episode_plies"] / played["episodes"]
                status.staleness = played["lag"] / played["episodes"]
            if played["acknowledged"]:
                status.acknowledged_seconds = (
                    played["acknowledged_seconds"] / played["acknowledged"]
                )
        else:
            status.games_per_second = status.moves_per_second = 0.0
            status.simulations_per_second = status.evaluations_per_second = 0.0
            status.paused_share = 1.0 if status.paused else 0.0
        if learned.drop_old(now):
            status.rows_trained_per_second = learned["rows"] / learned.span(now)
            status.learner_wait_share = learned["waited_seconds"] / max(learned["seconds"], 1e-3)
        else:
            status.rows_trained_per_second = status.learner_wait_share = 0.0
