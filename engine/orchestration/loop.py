"""The training loop: from a start of a run to its end, or to a stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engine.config import RunConfig
from engine.learning.store import EpisodeStore
from engine.orchestration.bottleneck import bottleneck
from engine.orchestration.carrier import Carrier, LocalCarrier
from engine.orchestration.chronicle import Chronicle
from engine.orchestration.gauges import Gauges
from engine.orchestration.intake import Intake
from engine.orchestration.judging import Judge, Judging
from engine.orchestration.messages import (
    Clock,
    Failed,
    Finished,
    GpusBusy,
    Learned,
    Opponents,
    Part,
    Pause,
    Published,
    Said,
)
from engine.orchestration.reports import Status, Watcher
from engine.orchestration.run_directory import RunDirectory
from engine.orchestration.staff import Staff
from engine.selfplay.pfsp import spaced
from games.game import Game

_SAVING = "saving"
_JUDGING = "judging the final network"
_TICK_SECONDS = 0.1
_METRICS_SECONDS = 10.0
_SENTENCE_SECONDS = 60.0
_STOP_SECONDS = 60.0


class TrainingLoop:
    """One start of a run, from where the last one ended to its end or a stop.

    Attributes:
        run: its directory.
        config: its settings.
        store: its episodes.
        intake: those that are not stored yet.
        status: how it goes.
    """

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        game: Game,
        *,
        watchers: list[Watcher],
        carrier: Carrier | None = None,
        judge: Judge | None = None,
        judge_minutes: tuple[float, ...] = (),
    ) -> None:
        """Open the store and read how far the run is.

        Args:
            run: held by the caller.
            config: the run's settings.
            game: made from ``config.game``.
            watchers: displays and logs.
            carrier: where workers and learner are; None: processes of this machine.
            judge: measures a weights file (truth meter, ladder) in a thread of this process; its
                second argument tells it to give up.
            judge_minutes: elapsed minutes at which the newest weights are judged; the last gap
                repeats.
        """
        self.run = run
        self.config = config
        self._chronicle = Chronicle(run, watchers, league=config.league.share > 0)
        self._say = self._chronicle.say
        self.store = EpisodeStore(
            run.episodes,
            game,
            keep_rows=2 * config.learning.window.max_rows,
            report=self._say,
        )
        self._say_what_is_lost()
        self.intake = Intake(self.store)
        self._staff = Staff(
            carrier or LocalCarrier(run, config),
            start=self._chronicle.start,
            hear=self._hear,
            say=self._say,
        )
        before = self._chronicle.seconds_before
        self._judging = Judging(
            judge,
            judge_minutes,
            elapsed=before,
            say=self._say,
            past=self._chronicle.judged_before,
        )
        self._gauges = Gauges()
        self.status = Status(
            run=str(run.path),
            game=game.id,
            total_seconds=config.minutes * 60,
            episodes=self.store.counters.episodes,
            league_games=self.store.counters.payoffs.games,
        )
        self._weights: Published | None = None
        self._ended = threading.Event()
        self._began: float | None = None  # the clock; it starts when the first games are heard of

    def _say_what_is_lost(self) -> None:
        """Episodes that an earlier start had stored and that are no longer there."""
        counted = self._chronicle.episodes_before
        lost = counted - self.store.counters.episodes
        if lost > 0:
            self._say(
                f"{lost} of the {counted} games that this run had stored are lost with files of "
                f"{self.run.episodes} that are damaged or gone; it goes on with the others"
            )

    @property
    def elapsed(self) -> float:
        """Seconds of training over all starts, each counted from its first games on.

        What comes before is not training: a first start compiles for as long as a short run lasts.
        """
        here = 0.0 if self._began is None else time.monotonic() - self._began
        return self._chronicle.seconds_before + here

    @property
    def done(self) -> bool:
        """Whether the run's minutes are spent."""
        return self.elapsed >= self.config.minutes * 60

    def train(self, should_stop: Callable[[], bool]) -> None:
        """Run until the minutes are spent or ``should_stop`` says so; saves in either case.

        Raises:
            RunError: a part cannot work or the disk refuses; the message is for the user.
        """
        self._write_metrics()  # counts this start, so that no later one reuses its episode ids
        try:
            self._staff.start()
            self._go_on_with_weights()
            kept = told = time.monotonic()
            while not self.done and not should_stop():
                time.sleep(_TICK_SECONDS)
                now = time.monotonic()
                self._staff.tend(now)
                if self.intake.due(now):
                    self._store(now)
                if now - told >= _SENTENCE_SECONDS:
                    self.status.bottleneck = bottleneck(self.status, self.config)
                    self._write_metrics(self.status.bottleneck)
                    self.run.trim_logs()
                    told = kept = now
                if now - kept >= _METRICS_SECONDS:
                    self._write_metrics()
                    kept = now
                self._judging.start_when_due(self.elapsed, self._weights, self._ended.is_set)
                self._show(now)
            self._save()
            self._judge_at_end(should_stop)
            self._write_metrics()
        finally:
            self._ended.set()
            self._gauges.close()
            self._staff.close()

    def _go_on_with_weights(self) -> None:
        """Give workers the newest network of an earlier start.

        The learner, which is slower to start than they are, names the version that it goes on from;
        until then they would play by random playouts again. Without a snapshot it begins from
        nothing, and so do they.
        """
        versions = self.run.versions()
        if versions and any(self.run.snapshots.glob("*.safetensors")):
            newest = versions[-1]
            self._publish(Published(newest, str(self.run.weights_file(newest))))

    def _publish(self, weights: Published) -> None:
        self._weights = weights
        self.status.version = weights.version
        self._staff.publish(weights)
        self._name_opponents()

    def _hear(self, part: Part, message: object) -> None:
        """What a worker or the learner has said."""
        now, status = time.monotonic(), self.status
        match message:
            case Finished():
                self._began = self._began or now
                self._gauges.finished(now, part.name, message, newest=status.version)
                self.intake.add(now, part, message.batch, message.episodes)
                status.plies += message.plies
            case Published():
                self._publish(message)
            case Learned():
                self._gauges.learned(now, message)
                status.take_learned(message)
                if message.pause_workers != status.paused:
                    status.paused = message.pause_workers
                    self._staff.announce(Pause(status.paused))
            case GpusBusy(shares=shares):
                self._gauges.far_gpus(now, shares)
            case Said(text=text):
                self._say(text)
            case Failed(details=details) if details:
                self.run.append_log(part.name, details)

    def _store(self, now: float) -> None:
        """Write what has come in, and tell the learner how far the run is.

        Raises:
            RunError: the disk refuses.
        """
        some = self.intake.write(now)
        self.status.store_seconds = self.intake.shard_seconds
        self.status.episodes = self.store.counters.episodes
        if some:
            self._name_opponents()
        progress = min(1.0, self.elapsed / (self.config.minutes * 60))
        self._staff.tell_learner(Clock(progress, self.elapsed))

    def _name_opponents(self) -> None:
        """Tell workers which older versions the league plays, and how that has gone so far."""
        league = self.config.league
        if not league.share or self._weights is None:
            return
        files = {
            version: self.run.weights_file(version)
            for version in spaced(self._weights.version, league.opponents)
        }
        files = {version: path for version, path in files.items() if path.exists()}
        payoffs = self.store.counters.payoffs
        chances = {version: payoffs.of(version).chance for version in files}
        self._staff.announce(
            Opponents(
                versions=tuple(files),
                paths=tuple(str(path) for path in files.values()),
                chances=tuple(chances.values()),
            )
        )
        self.status.league_games = payoffs.games
        self.status.league = chances

    def _save(self) -> None:
        """Workers hand over their finished games, then the learner saves."""
        self.status.phase = _SAVING
        self._show(time.monotonic())
        deadline = time.monotonic() + _STOP_SECONDS
        self._staff.stop_workers(deadline)
        self._store(time.monotonic())
        self._staff.stop_learner(deadline)

    def _judge_at_end(self, should_stop: Callable[[], bool]) -> None:
        """The last version is judged when the minutes are spent; a stop by hand does not wait."""
        judging = self._judging
        if not judging.wanted or self._weights is None or not self.done or should_stop():
            return
        judging.wait()
        if judging.version != self._weights.version:
            self.status.phase = _JUDGING
            judging.start(self.elapsed, self._weights, should_stop)
            while judging.busy:
                judging.wait(_TICK_SECONDS)
                self._show(time.monotonic())
        self._show(time.monotonic())

    def _show(self, now: float) -> None:
        """Renew the status, for everybody who watches."""
        status = self.status
        status.elapsed_seconds = self.elapsed
        status.workers = self._staff.workers
        status.unstored_seconds = self.intake.age(now)
        status.judged, status.judged_version = self._judging.newest, self._judging.version
        status.judged_course = self._judging.course
        self._gauges.write(now, status)
        if status.phase not in (_SAVING, _JUDGING):
            if self._gauges.silent:
                status.phase = "starting (a first start compiles for half a minute)"
            else:
                playouts = self._weights is None
                status.phase = "first games by random playouts" if playouts else "training"
            wanted = self.config.learning.limiter.start_rows
            status.bootstrap_share = min(1.0, self.store.counters.rows / wanted)
        self._chronicle.show(status)

    def _write_metrics(self, bottleneck: str = "") -> None:
        self._chronicle.write(self.status, elapsed=self.elapsed, bottleneck=bottleneck)
        for judged in self._judging.take_rows():
            self._chronicle.keep(judged)
