"""The training loop: keeps workers and learner going, stores what they make, tells how it goes."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil

from engine.config import RunConfig
from engine.learning.packed import PackedEpisodes, join
from engine.learning.store import EpisodeStore
from engine.orchestration.bottleneck import bottleneck
from engine.orchestration.carrier import Carrier, LocalCarrier
from engine.orchestration.gpu_meter import GpuMeter
from engine.orchestration.judging import Judge, Judging
from engine.orchestration.messages import (
    Acknowledged,
    Clock,
    Failed,
    Finished,
    GpusBusy,
    Learned,
    Opponents,
    Part,
    Pause,
    Published,
    Refused,
    Said,
    Stop,
    Stopped,
)
from engine.orchestration.reports import Rates, Status, Watcher, metrics_row
from engine.orchestration.run_directory import RunDirectory, RunError
from engine.selfplay.pfsp import spaced
from games.game import Game

_SAVING = "saving"
_JUDGING = "judging the final network"
_TICK_SECONDS = 0.1
_STORE_SECONDS = 3.0  # episodes wait at most so long before they are written
_STORE_PLIES = 20_000  # or until there are so many plies of them: the learner gets them evenly
_METRICS_SECONDS = 10.0
_SENTENCE_SECONDS = 60.0
_STOP_SECONDS = 60.0
_MOST_RESTARTS = 5  # of one part within ten minutes; more means that it cannot work at all


@dataclass(slots=True)
class _Seat:
    """One part and how often it had to be started."""

    part: Part
    number: int = 0  # of a worker; the lowest free one
    place: str = ""  # where a worker is; see ``Carrier``
    restarts: list[float] = field(default_factory=list)  # after it failed by its own fault
    worked: bool = False  # since its last start
    failure: Failed | Refused | None = None
    died: float | None = None


class TrainingLoop:
    """One start of a run, from where the last one ended to its end or a stop."""

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
        self.watchers = watchers
        self.carrier = carrier or LocalCarrier(run, config)
        self.store = EpisodeStore(
            run.episodes,
            game,
            keep_rows=2 * config.learning.window.max_rows,
            report=self._say,
        )
        rows = run.read_metrics()
        self._elapsed_before = max((row["elapsed_seconds"] for row in rows), default=0.0)
        self._say_what_is_lost(max((row.get("episodes", 0) for row in rows), default=0))
        self._starts = 1 + max((row.get("start", 0) for row in rows), default=0)
        self.status = Status(
            run=str(run.path),
            game=game.id,
            total_seconds=config.minutes * 60,
            episodes=self.store.counters.episodes,
            league_games=self.store.counters.payoffs.games,
        )
        self._judging = Judging(judge, judge_minutes, elapsed=self._elapsed_before, say=self._say)
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._rates = Rates()
        self._gpus = GpuMeter()
        self._far_gpus: dict[str, tuple[float, float]] = {}  # of other machines: when, and share
        self._pending: list[tuple[Part, int, PackedEpisodes]] = []
        self._pending_since = 0.0
        self._pending_plies = 0
        self._memory: dict[str, int] = {}
        self._weights: Published | None = None
        self._seats: list[_Seat] = []
        self._learner_stopped = False
        self._learner: _Seat | None = None
        self._worker_starts = 0
        self._given_up: set[str] = set()  # places where workers cannot work

    def _say_what_is_lost(self, counted: int) -> None:
        """Episodes that an earlier start had stored and that are no longer there."""
        lost = counted - self.store.counters.episodes
        if lost > 0:
            self._say(
                f"{lost} of the {counted} games that this run had stored are lost with files of "
                f"{self.run.episodes} that are damaged or gone; it goes on with the others"
            )

    @property
    def elapsed(self) -> float:
        """Seconds of training over all starts."""
        return self._elapsed_before + time.monotonic() - self._began

    @property
    def done(self) -> bool:
        """Whether the run's minutes are spent."""
        return self.elapsed >= self.config.minutes * 60

    def train(self, should_stop: Callable[[], bool]) -> None:
        """Run until the minutes are spent or ``should_stop`` says so; saves in either case.

        Raises:
            RunError: a part cannot work or the disk refuses; the message is for the user.
        """
        self._began = time.monotonic()
        self._write_metrics()  # counts this start, so that no later one reuses its episode ids
        try:
            self._start_parts()
            stored = kept = told = time.monotonic()
            while not self.done and not should_stop():
                time.sleep(_TICK_SECONDS)
                now = time.monotonic()
                self._listen(now)
                self._staff(now)
                self._revive(now)
                if now - stored >= _STORE_SECONDS or self._pending_plies >= _STORE_PLIES:
                    self._store()
                    stored = now
                if now - told >= _SENTENCE_SECONDS:
                    self.status.bottleneck = bottleneck(self.status, self.config)
                    self._write_metrics(self.status.bottleneck)
                    self.run.trim_logs()
                    told = kept = now
                if now - kept >= _METRICS_SECONDS:
                    self._write_metrics()
                    kept = now
                self._judging.start_when_due(self.elapsed, self._weights, self._stopping.is_set)
                self._refresh(now)
            self._stop_parts()
            self._judge_at_end(should_stop)
            self._write_metrics()
        finally:
            self._stopping.set()
            self._gpus.close()
            for seat in [*self._seats, *([self._learner] if self._learner else [])]:
                seat.part.kill()
            self.carrier.close()

    # -- parts ------------------------------------------------------------------------------------

    def _start_parts(self) -> None:
        self._learner = _Seat(self.carrier.start_learner())
        self._staff(time.monotonic())

    def _start_worker(self, number: int, place: str) -> Part:
        """A worker under a name that no earlier start has used: episode ids stay unique."""
        self._worker_starts += 1
        name = f"w{number}.{self._starts}.{self._worker_starts}"
        part = self.carrier.start_worker(name, place)
        if self._weights is not None:
            part.send(self.carrier.weights(self._weights))
            self._name_opponents([part])
        if self.status.paused:
            part.send(Pause(True))
        return part

    def _staff(self, now: float) -> None:
        """A worker at every place there is; none where the place is gone."""
        wanted = Counter(self.carrier.places())
        gone: Counter[str] = Counter()
        kept = []
        for seat in self._seats:
            if wanted[seat.place] > 0:
                wanted[seat.place] -= 1
                kept.append(seat)
            else:
                self._hear(seat, now)
                seat.part.kill()
                gone[seat.place] += seat.place not in self._given_up
        self._seats = kept
        for place, count in (+gone).items():
            self._say(f"{self.carrier.describe(place)} is gone, and its workers with it ({count})")
        new = +wanted
        if new and self._worker_starts:
            for place, count in new.items():
                self._say(
                    f"{self.carrier.describe(place)} has joined; starting workers there ({count})"
                )
        taken = {seat.number for seat in self._seats}
        for place in new.elements():
            number = next(n for n in itertools.count() if n not in taken)
            taken.add(number)
            self._seats.append(_Seat(self._start_worker(number, place), number, place))
        self.status.workers = len(self._seats)

    def _revive(self, now: float) -> None:
        """Start again what has died, unless it keeps dying before it has done anything."""
        assert self._learner is not None
        for seat in [*self._seats, self._learner]:
            if seat.part.alive:
                continue
            seat.died = seat.died or now
            if now - seat.died < self.carrier.settle_seconds:
                continue  # perhaps its machine is gone too
            seat.died = None
            self._hear(seat, now)
            failure, worked = seat.failure or seat.part.ending(), seat.worked
            seat.failure, seat.worked = None, False
            reason = failure.text if failure else f"{seat.part.name} ended without a word"
            ended_from_outside = failure is None or (
                isinstance(failure, Failed) and failure.outside
            )
            if not (worked and ended_from_outside):
                seat.restarts = [at for at in seat.restarts if now - at < 600] + [now]
            hopeless = len(seat.restarts) > _MOST_RESTARTS
            if isinstance(failure, Refused) or (hopeless and self.carrier.set_aside(seat.place)):
                self._give_up(seat.place, reason)
                continue
            if hopeless:
                raise RunError(f"{reason}; it was started {_MOST_RESTARTS} times in ten minutes")
            self._say(f"{reason}; starting it again")
            if seat is self._learner:
                seat.part = self.carrier.start_learner()
            else:
                seat.part = self._start_worker(seat.number, seat.place)

    def _give_up(self, place: str, reason: str) -> None:
        """No more workers at a place.

        Raises:
            RunError: there is no other.
        """
        if place in self._given_up:
            return
        self._given_up.add(place)
        if not self.carrier.set_aside(place):
            raise RunError(f"{reason}; there is no other place for a worker")
        self._say(f"{reason}; no more workers on {self.carrier.describe(place)}")

    def _listen(self, now: float) -> None:
        for seat in [*self._seats, *([self._learner] if self._learner else [])]:
            self._hear(seat, now)

    def _hear(self, seat: _Seat, now: float) -> None:
        """Everything that one part has said."""
        for message in seat.part.receive():
            match message:
                case Finished():
                    seat.worked = True
                    name = seat.part.name
                    self._rates.add(now, name, message, newest=self.status.version)
                    self._memory[name.split(".")[0]] = message.memory_bytes
                    self.status.plies += message.plies
                    if not self._pending:
                        self._pending_since = now
                    self._pending_plies += message.episodes.plies
                    self._pending.append((seat.part, message.batch, message.episodes))
                case Published():
                    self._weights = message
                    self.status.version = message.version
                    for worker in self._seats:
                        worker.part.send(self.carrier.weights(message))
                    self._name_opponents([worker.part for worker in self._seats])
                case Learned():
                    seat.worked = True
                    self._rates.add_learned(now, message)
                    self._take_progress(message)
                case GpusBusy(shares=shares):
                    self._far_gpus |= {name: (now, share) for name, share in shares.items()}
                case Said(text=text):
                    self._say(text)
                case Refused() | Failed():
                    seat.failure = message
                    if isinstance(message, Failed) and message.details:
                        self.run.append_log(seat.part.name, message.details)
                case Stopped():
                    self._learner_stopped = True

    def _take_progress(self, message: Learned) -> None:
        status = self.status
        status.steps = message.steps
        status.rows_trained = message.rows_trained
        status.rows_in_window = message.rows_in_window
        status.rows_stored = message.rows_stored
        status.learner_waiting = message.waiting
        status.window_staleness = message.window_staleness
        status.losses = message.losses
        self._memory["learner"] = message.memory_bytes
        if message.pause_workers != status.paused:
            status.paused = message.pause_workers
            for seat in self._seats:
                seat.part.send(Pause(message.pause_workers))

    def _store(self) -> None:
        """Write what has come in as one shard, then acknowledge it.

        Raises:
            RunError: the disk refuses.
        """
        pending, self._pending, self._pending_plies = self._pending, [], 0
        batches = [batch for _, _, batch in pending if len(batch)]
        begin = time.monotonic()
        if batches:
            try:
                self.store.append_packed(join(batches))
            except OSError as error:
                raise RunError(
                    f"cannot write episodes to {self.run.episodes}: {error.strerror or error}; "
                    "what was stored before is safe, and the same command goes on"
                ) from error
        self.status.store_seconds = time.monotonic() - begin
        for part, batch, _ in pending:
            part.send(Acknowledged(batch))
        self.status.episodes = self.store.counters.episodes
        if batches:
            self._name_opponents([seat.part for seat in self._seats])
        assert self._learner is not None
        total = self.config.minutes * 60
        self._learner.part.send(Clock(min(1.0, self.elapsed / total), self.elapsed))

    def _name_opponents(self, workers: list[Part]) -> None:
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
        message = Opponents(
            versions=tuple(files),
            paths=tuple(str(path) for path in files.values()),
            chances=tuple(chances.values()),
        )
        for worker in workers:
            worker.send(message)
        self.status.league_games = payoffs.games
        self.status.league = chances

    def _stop_parts(self) -> None:
        """Workers hand over their finished games, then the learner saves."""
        self.status.phase = _SAVING
        self._refresh(time.monotonic())
        for seat in self._seats:
            seat.part.send(Pause(False))
            seat.part.send(Stop())
        deadline = time.monotonic() + _STOP_SECONDS
        while any(seat.part.alive for seat in self._seats) and time.monotonic() < deadline:
            self._listen(time.monotonic())
            time.sleep(_TICK_SECONDS)
        self._listen(time.monotonic())
        self._store()
        assert self._learner is not None
        self._learner_stopped = False
        self._learner.part.send(Stop())
        while self._learner.part.alive and time.monotonic() < deadline:
            self._listen(time.monotonic())
            time.sleep(_TICK_SECONDS)
        self._listen(time.monotonic())
        if not self._learner_stopped:
            self._say(
                "the learner did not save in time; the last snapshot stands"
                + (f" ({self._learner.failure.text})" if self._learner.failure else "")
            )

    # -- telling ----------------------------------------------------------------------------------

    def _refresh(self, now: float) -> None:
        status = self.status
        status.judged, status.judged_version = self._judging.newest, self._judging.version
        status.elapsed_seconds = self.elapsed
        self._rates.write(now, status)
        learner = self._memory.get("learner", 0)
        status.memory = {
            "driver": psutil.Process().memory_info().rss,
            "learner": learner,
            "workers": sum(self._memory.values()) - learner,
        }
        recent = {name: share for name, (at, share) in self._far_gpus.items() if now - at < 30.0}
        status.gpu_busy = self._gpus.busy() | recent
        status.memory_bytes = sum(status.memory.values())
        status.unstored_seconds = now - self._pending_since if self._pending else 0.0
        if status.phase not in (_SAVING, _JUDGING):
            playouts = self._weights is None
            if not self._memory:
                status.phase = "starting (the first start on a machine compiles for half a minute)"
            else:
                status.phase = "first games by random playouts" if playouts else "training"
            wanted = self.config.learning.limiter.start_rows
            status.bootstrap_share = min(1.0, self.store.counters.rows / wanted)
        for watcher in self.watchers:
            watcher.update(status)

    def _say(self, text: str) -> None:
        for watcher in self.watchers:
            watcher.say(text)

    def _write_metrics(self, bottleneck: str = "") -> None:
        status = self.status
        row: dict[str, Any] = {
            "elapsed_seconds": round(self.elapsed, 1),
            "start": self._starts,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
            **metrics_row(status),
        }
        if self.config.league.share:
            row["league_games"] = status.league_games
            row["league"] = {f"v{version}": round(x, 4) for version, x in status.league.items()}
        if bottleneck:
            row["bottleneck"] = bottleneck
        self._keep(row)
        for judged in self._judging.take_rows():
            self._keep({"start": self._starts, **judged})

    def _keep(self, row: dict[str, Any]) -> None:
        try:
            self.run.append_metrics(row)
        except OSError as error:
            raise RunError(
                f"cannot write {self.run.metrics_file}: {error.strerror or error}"
            ) from error
        for watcher in self.watchers:
            watcher.keep(row)

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
                self._refresh(time.monotonic())
        self._refresh(time.monotonic())
