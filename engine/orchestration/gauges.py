"""What is measured of a run while it goes: rates of the last half minute, memory, busy GPUs."""

from __future__ import annotations

from collections import deque

import numpy as np
import psutil
from numpy.typing import NDArray

from engine.orchestration.gpu_meter import GpuMeter
from engine.orchestration.messages import Finished, Learned
from engine.orchestration.reports import Status

_RATE_SECONDS = 30.0


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


class Gauges:
    """Everything that parts say about their speed and size, and what this machine says itself."""

    def __init__(self) -> None:
        """Begin to read the GPUs; ``close`` ends that."""
        self._rates = Rates()
        self._memory: dict[str, int] = {}  # by worker's number, so that a successor replaces it
        self._gpus = GpuMeter()
        self._far_gpus: dict[str, tuple[float, float]] = {}  # of other machines: when, and share

    @property
    def silent(self) -> bool:
        """Whether no part has reported yet."""
        return not self._memory

    def finished(self, now: float, worker: str, report: Finished, *, newest: int) -> None:
        """Take in a worker's report, when ``newest`` is the newest version of the weights."""
        self._rates.add(now, worker, report, newest=newest)
        self._memory[worker.split(".")[0]] = report.memory_bytes

    def learned(self, now: float, report: Learned) -> None:
        """Take in the learner's report."""
        self._rates.add_learned(now, report)
        self._memory["learner"] = report.memory_bytes

    def far_gpus(self, now: float, shares: dict[str, float]) -> None:
        """Take in how busy the GPUs of another machine are."""
        self._far_gpus |= {name: (now, share) for name, share in shares.items()}

    def write(self, now: float, status: Status) -> None:
        """Renew what is measured in ``status``."""
        self._rates.write(now, status)
        learner = self._memory.get("learner", 0)
        status.memory = {
            "driver": psutil.Process().memory_info().rss,
            "learner": learner,
            "workers": sum(self._memory.values()) - learner,
        }
        status.memory_bytes = sum(status.memory.values())
        recent = {
            name: share for name, (at, share) in self._far_gpus.items() if now - at < _RATE_SECONDS
        }
        status.gpu_busy = self._gpus.busy() | recent

    def close(self) -> None:
        """Read the GPUs no more."""
        self._gpus.close()
