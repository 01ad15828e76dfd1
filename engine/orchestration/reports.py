"""How a run goes as a plain record, and who wants to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from engine.orchestration.messages import Learned


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
    judged_course: dict[str, list[float]] = field(default_factory=dict)  # by measure, oldest first
    league_games: int = 0  # against older versions; 0: no league, or none yet
    league: dict[int, float] = field(default_factory=dict)  # share of the points against each
    bootstrap_share: float = 0.0  # of the first rows, those collected

    def take_learned(self, report: Learned) -> None:
        """Renew what the learner alone knows."""
        self.steps = report.steps
        self.rows_trained = report.rows_trained
        self.rows_in_window = report.rows_in_window
        self.rows_stored = report.rows_stored
        self.learner_waiting = report.waiting
        self.window_staleness = report.window_staleness
        self.losses = report.losses

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
