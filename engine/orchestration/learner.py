"""The learner: one process that trains while there is something to learn, and publishes weights."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from engine.config import RunConfig
from engine.devices.choice import choose_device
from engine.inference.backends import limit_threads
from engine.learning.checkpoint import load_latest_snapshot, save_snapshot, save_weights
from engine.learning.loader import BatchLoader
from engine.learning.replay import ReplayWindow
from engine.learning.replicas import Replicas
from engine.learning.trainer import Trainer
from engine.orchestration.local import Link, ParentGoneError
from engine.orchestration.messages import Clock, Failed, Learned, Published, Said, Stop, Stopped
from engine.orchestration.run_directory import RunDirectory
from engine.selfplay.pfsp import spaced
from games import make

_REPORT_SECONDS = 2.0
_SNAPSHOT_SECONDS = 60.0
_WAIT_SECONDS = 0.2  # for a batch; then messages are looked at again
_FIRST_STEPS = 200  # before the first weights; until then playouts judge better
_EARLY_SECONDS = 300.0  # until then weights are published three times as often: they age fast
_KEPT_WEIGHTS = 5  # newest files kept besides every fifth


def learner_main(link: Link, config: RunConfig, path: str) -> None:
    """Train until told to stop, or until the driver is gone.

    Args:
        link: to the driver.
        config: the run's settings.
        path: the run directory.
    """
    try:
        run = RunDirectory(Path(path))
        with run.learn():
            Learner(link, config, run).run()
    except ParentGoneError:
        raise
    except Exception as error:
        link.send(Failed.of("learner", error))
        raise SystemExit(1) from None


class Learner:
    """State of the learner process."""

    def __init__(self, link: Link, config: RunConfig, run: RunDirectory) -> None:
        limit_threads(1)
        self.link = link
        self.config = config
        self.run_directory = run
        self.game = make(config.game)
        devices = choose_device(config.device).names
        copies = [devices[number % len(devices)] for number in range(config.gpu.learners)]
        self.trainer = Trainer(
            self.game,
            network_config=config.network,
            config=config.learning,
            seed=config.seed,
            device=copies[0],
            report=self._say,
        )
        self.version = 0
        self._clock = Clock(0.0, 0.0)
        self._stopped = False
        self._process = psutil.Process()
        self._losses: dict[str, float] = {}
        self._waited = 0.0
        self._pause_said = False
        self._reported = time.monotonic()
        snapshot = load_latest_snapshot(run.snapshots, game=self.game, report=self._say)
        if snapshot is not None:
            self.trainer.load_state(snapshot.state)
            self.version = int(snapshot.counters["version"])
        self._replicas = Replicas(self.trainer, copies) if len(copies) > 1 else None
        self.window = ReplayWindow(
            run.episodes,
            self.game,
            config=config.learning,
            ownership=config.network.ownership,
            report=self._say,
        )
        self._batches = BatchLoader(
            self.window,
            seed=self.trainer.seed,
            steps=self.trainer.steps,
            rows_trained=self.trainer.rows_trained,
        )

    def run(self) -> None:
        """The loop: a step where the token bucket pays for it, news, weights, snapshots."""
        if self.version and not self.run_directory.weights_file(self.version).exists():
            self._write_weights()
        if self.version:
            self._announce()
        published = saved = time.monotonic()
        waiting = False
        while not self._stopped:
            for message in self.link.receive():
                match message:
                    case Clock():
                        self._clock = message
                    case Stop():
                        self._stopped = True
            waiting = not self._step()
            now = time.monotonic()
            # A change of mind about self-play is said at once: seconds late, it overshoots.
            if (
                now - self._reported >= _REPORT_SECONDS
                or self._batches.far_behind != self._pause_said
            ):
                self._report(waiting)
            if self._worth_publishing() and now - published >= self._publish_seconds():
                self._publish()
                published = now
            if now - saved >= _SNAPSHOT_SECONDS:
                self._save()
                saved = now
        self._batches.stop()
        if self._worth_publishing():
            self._publish()
        else:
            self._save()
        self._report(waiting)
        if self._replicas is not None:  # after all that must not be lost where one of them is dead
            self._replicas.stop()
        self.link.send(Stopped())

    def _step(self) -> bool:
        """One optimiser step, if enough new rows have come for it."""
        begin = time.monotonic()
        batch = self._batches.next(wait=_WAIT_SECONDS)
        self._waited += time.monotonic() - begin
        if batch is None:
            return False
        progress = self._clock.progress
        mine = batch if self._replicas is None else self._replicas.share(batch, progress=progress)
        losses = self.trainer.train_step(mine, progress=progress, rows=len(batch.planes))
        for name, value in losses.items():
            old = self._losses.get(name, value)
            self._losses[name] = old + 0.02 * (value - old)
        return True

    def _worth_publishing(self) -> bool:
        """Whether the weights are newer than the published ones, and better than playouts."""
        first = self.version == 0 and self.trainer.steps < _FIRST_STEPS
        return self.trainer.steps_since_publish > 0 and not first

    def _publish_seconds(self) -> float:
        seconds = self.config.publish_seconds
        return seconds / 3 if self._clock.elapsed_seconds < _EARLY_SECONDS else seconds

    def _publish(self) -> None:
        self.version += 1
        self._write_weights()
        self._save()
        self._announce()
        self.trainer.steps_since_publish = 0

    def _write_weights(self) -> None:
        with self._batches.lock:
            state_dict = self.trainer.averaged_weights(self.window)
            sample_planes = self.window.sample_planes(256, self.trainer.rng)
            episodes = self.window.episodes
        save_weights(
            self.run_directory.weights_file(self.version),
            game=self.game,
            network_config=self.config.network,
            state_dict=state_dict,
            version=self.version,
            sample_planes=sample_planes,
            facts={
                "steps": self.trainer.steps,
                "rows_trained": self.trainer.rows_trained,
                "episodes": episodes,
                "elapsed_seconds": round(self._clock.elapsed_seconds),
            },
        )
        self._tidy()

    def _tidy(self) -> None:
        """Keep the newest files and every fifth: enough to draw the run's course later.

        A league plays against others as well; the set before this one may still be in use.
        """
        versions = self.run_directory.versions()
        league = self.config.league
        met = (
            {*spaced(self.version, league.opponents), *spaced(self.version - 1, league.opponents)}
            if league.share
            else set()
        )
        for version in versions[:-_KEPT_WEIGHTS]:
            if version % 5 and version not in met:
                self.run_directory.weights_file(version).unlink(missing_ok=True)

    def _announce(self) -> None:
        path = str(self.run_directory.weights_file(self.version))
        self.link.send(Published(self.version, path))

    def _save(self) -> None:
        save_snapshot(
            self.run_directory.snapshots,
            game=self.game,
            state=self.trainer.state(),
            counters={"version": self.version, "steps": self.trainer.steps},
        )

    def _report(self, waiting: bool) -> None:
        with self._batches.lock:
            rows_in_window, rows_stored = self.window.rows_in_window, self.window.rows_stored
            window_version = self.window.mean_version
        now = time.monotonic()
        self._pause_said = self._batches.far_behind
        seconds, waited = now - self._reported, self._waited
        self._reported, self._waited = now, 0.0
        self.link.send(
            Learned(
                steps=self.trainer.steps,
                rows_trained=self.trainer.rows_trained,
                rows_in_window=rows_in_window,
                rows_stored=rows_stored,
                window_staleness=max(0.0, self.version - window_version),
                pause_workers=self._pause_said,
                waiting=waiting,
                memory_bytes=self._process.memory_info().rss,
                seconds=seconds,
                waited_seconds=waited,
                losses=dict(self._losses),
            )
        )

    def _say(self, text: str) -> None:
        self.link.send(Said(text))
