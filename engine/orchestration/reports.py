"""Plain records of how a run goes, for displays, files and TensorBoard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from engine.orchestration.messages import Finished

_RATE_SECONDS = 30.0


@dataclass(slots=True)
class Status:
    """The run at a glance; the driver renews it, displays read it."""

    run: str = ""
    game: str = ""
    elapsed_seconds: float = 0.0
    total_seconds: float = 0.0
    phase: str = "starting"
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
    cache_share: float = 0.0  # of all positions asked for, those that the cache answered
    network_share: float = 0.0  # of the workers' time, inside the network's runtime
    mean_plies: float = 0.0  # of the episodes lately finished
    workers: int = 0
    paused: bool = False
    learner_waiting: bool = False
    memory_bytes: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    judged: dict[str, float] = field(default_factory=dict)  # truth meter and ladder, newest
    judged_version: int = 0
    bootstrap_share: float = 0.0  # of the first rows, those collected


class Watcher(Protocol):
    """Whoever shows or keeps the course of a run."""

    def update(self, status: Status) -> None:
        """A fresh look, several times a second."""

    def say(self, text: str) -> None:
        """A sentence for the user."""

    def keep(self, row: dict[str, object]) -> None:
        """A row that has just been written to the metrics file."""


class Rates:
    """Sliding rates over the workers' reports."""

    def __init__(self) -> None:
        self._reports: deque[tuple[float, Finished, int, int]] = deque()

    def add(self, now: float, report: Finished) -> None:
        """Take in one report."""
        episodes = len(report.episodes)
        plies = sum(len(episode.actions) for episode in report.episodes)
        self._reports.append((now, report, episodes, plies))

    def write(self, now: float, status: Status) -> None:
        """Renew the rates in ``status``."""
        while self._reports and self._reports[0][0] < now - _RATE_SECONDS:
            self._reports.popleft()
        if not self._reports:
            status.games_per_second = status.moves_per_second = 0.0
            status.simulations_per_second = status.evaluations_per_second = 0.0
            return
        reports = [report for _, report, _, _ in self._reports]
        first = min(at - report.seconds for at, report, _, _ in self._reports)
        span = max(now - first, 1e-3)
        evaluations = sum(report.evaluations for report in reports)
        hits = sum(report.cache_hits for report in reports)
        episodes = sum(count for _, _, count, _ in self._reports)
        status.games_per_second = episodes / span
        status.moves_per_second = sum(report.plies for report in reports) / span
        status.simulations_per_second = sum(report.simulations for report in reports) / span
        status.evaluations_per_second = evaluations / span
        status.cache_share = hits / max(1, hits + evaluations)
        status.network_share = sum(report.network_seconds for report in reports) / max(
            1e-3, sum(report.seconds for report in reports)
        )
        if episodes:
            status.mean_plies = sum(plies for *_, plies in self._reports) / episodes
