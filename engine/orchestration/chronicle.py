"""What is told of a run: sentences and looks to its watchers, rows to the metrics file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from engine.orchestration.reports import Status, Watcher
from engine.orchestration.run_directory import RunDirectory, RunError


class Chronicle:
    """The metrics file of a run and everybody who watches it.

    Attributes:
        start: number of this start of the run; the first is 1.
        seconds_before: of training, in earlier starts.
        episodes_before: most that earlier starts had stored.
        judged_before: rows of earlier starts that say how strong a network was.
    """

    def __init__(self, run: RunDirectory, watchers: Sequence[Watcher], *, league: bool) -> None:
        """Read what earlier starts have left.

        Args:
            run: the rows are appended to its metrics file.
            watchers: displays and logs.
            league: whether rows tell of a league.
        """
        self._run = run
        self._watchers = watchers
        self._league = league
        rows = run.read_metrics()
        self.start = 1 + max((row.get("start", 0) for row in rows), default=0)
        self.seconds_before: float = max((row["elapsed_seconds"] for row in rows), default=0.0)
        self.episodes_before: int = max((row.get("episodes", 0) for row in rows), default=0)
        self.judged_before = [row for row in rows if "judged" in row]

    def say(self, text: str) -> None:
        """A sentence for the user."""
        for watcher in self._watchers:
            watcher.say(text)

    def show(self, status: Status) -> None:
        """A fresh look."""
        for watcher in self._watchers:
            watcher.update(status)

    def write(self, status: Status, *, elapsed: float, bottleneck: str = "") -> None:
        """Append how the run goes.

        Args:
            status: how it goes.
            elapsed: seconds of training over all starts.
            bottleneck: a sentence about what it waits for.

        Raises:
            RunError: the disk refuses.
        """
        row: dict[str, Any] = {
            "elapsed_seconds": round(elapsed, 1),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
            **metrics_row(status),
        }
        if self._league:
            row["league_games"] = status.league_games
            row["league"] = {f"v{version}": round(x, 4) for version, x in status.league.items()}
        if bottleneck:
            row["bottleneck"] = bottleneck
        self.keep(row)

    def keep(self, row: dict[str, Any]) -> None:
        """Append a row of this start.

        Raises:
            RunError: the disk refuses.
        """
        row = {"start": self.start, **row}
        try:
            self._run.append_metrics(row)
        except OSError as error:
            raise RunError(
                f"cannot write {self._run.metrics_file}: {error.strerror or error}"
            ) from error
        for watcher in self._watchers:
            watcher.keep(row)


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
