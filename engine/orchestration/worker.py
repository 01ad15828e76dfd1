"""A self-play worker: one process with many games, on one core or with one GPU."""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import psutil

from engine.config import RunConfig
from engine.devices.backend import DeviceBackend
from engine.devices.build import make_device_backend
from engine.devices.choice import DeviceError, choose_device
from engine.inference.backends import limit_threads
from engine.inference.evaluator import Evaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.learning.checkpoint import load_weights
from engine.learning.packed import pack
from engine.orchestration.league_seat import LeagueSeat
from engine.orchestration.local import Link, ParentGoneError
from engine.orchestration.messages import (
    Acknowledged,
    Failed,
    Finished,
    NewWeights,
    Opponents,
    Pause,
    Said,
    Stop,
)
from engine.orchestration.network_seat import NetworkSeat
from engine.records import Episode
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.actor import Actor, ActorCounters
from engine.selfplay.bootstrap import playouts_for
from engine.selfplay.lanes import Lanes, RolloutSeat
from engine.selfplay.probe import largest_batch, make_lanes, tune
from games import make
from games.game import Game

_REPORT_SECONDS = 2.0
MOST_UNACKNOWLEDGED = 8  # batches; past that the driver is behind and the worker waits


def worker_main(link: Link, config: RunConfig, name: str, cores: int | None = None) -> None:
    """Play until told to stop, or until the driver is gone.

    Args:
        link: to the driver.
        config: the run's settings.
        name: unique in the run over all starts; prefix of the episode ids.
        cores: that this worker may keep busy where it has a GPU; None: its GPU's part of all.
    """
    try:
        Worker(link, config, name, cores=cores).run()
    except ParentGoneError:
        raise
    except Exception as error:
        link.send(Failed(f"worker {name}: {one_line(error)}", details=traceback.format_exc()))
        raise SystemExit(1) from None


def usual_workers(config: RunConfig) -> int:
    """How many workers a run has where nobody says: one for each GPU, or else for each core.

    Raises:
        DeviceError: the device that the run is set to does not work here.
    """
    device = choose_device(config.device)
    return (psutil.cpu_count(logical=False) or 1) if device.is_cpu else len(device.names)


def one_line(error: Exception) -> str:
    """An exception as one line for the user: what it says and where it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"{type(error).__name__}: {error} ({place})"


class Worker:
    """State of one worker process."""

    def __init__(
        self, link: Link, config: RunConfig, name: str, *, cores: int | None = None
    ) -> None:
        self.link = link
        self._cores = cores
        self.config = config
        self.name = name
        self.game: Game = make(config.game)
        self.version = 0
        self._wanted: NewWeights | None = None
        self._opponents = Opponents((), (), ())
        self._paused = False
        self._stopped = False
        self._batch = 0
        self._sent: dict[int, float] = {}  # when; batches that are not acknowledged yet
        self._waits = _Waits()
        self._episodes: list[Episode] = []
        self._told: set[str] = set()
        self._process = psutil.Process()

    def run(self) -> None:
        """Bootstrap with playouts until the first weights come, then play with the network."""
        limit_threads(1)
        self._listen(wait=0.2)  # a run that goes on has weights waiting
        device = choose_device(self.config.device)
        if self._wanted is None and not self._stopped:
            cores = self._cores or (psutil.cpu_count(logical=False) or 1) // len(device.names)
            self._play_bootstrap(1 if device.is_cpu else max(1, cores))
        if self._stopped:
            return
        if device.is_cpu:
            self._play_network()
        else:
            self._play_on(device.of_worker(_number(self.name)))

    def _play_bootstrap(self, threads: int) -> None:
        """Play judged by playouts; with a GPU, which has one worker, in a thread for each core."""
        seed = stream_seed(self.config.seed, "bootstrap", self.name)
        evaluator = RolloutEvaluator(self.game, rollouts=1, seed=seed)
        simulations = self.config.bootstrap.simulations or playouts_for(self.game)
        # Visit counts: sharper targets would follow the noise of single playouts. A playout costs
        # a hundredth of what the search of an ending does, so only roots are searched to the end.
        config = SearchConfig(algorithm="puct", ending_nodes=0, simulations=simulations)
        meter = _Meter()
        if threads > 1:
            lanes = Lanes(
                self.game,
                [RolloutSeat(evaluator.another()) for _ in range(threads)],
                search=config,
                selfplay=self.config.selfplay,
                games=self.config.selfplay.games,
                cache_positions=0,
                name=f"{self.name}b",
                seed=self.config.seed,
                settings=self.config.settings_hash,
            )
            lanes.load(None, 0)
            while not self._stopped and self._wanted is None:
                self._episodes += lanes.play()
                self._tell(meter, _Counts.of(lanes.counters))
            self._episodes += lanes.close()
            self._report(meter, _Counts.of(lanes.counters))
            return
        search = self._search(evaluator, config, simulations, self.config.selfplay.games)
        actor = Actor(
            self.game,
            search,
            config=self.config.selfplay,
            simulations=simulations,
            name=f"{self.name}b",
            seed=self.config.seed,
            settings=self.config.settings_hash,
        )
        while not self._stopped and self._wanted is None:
            self._episodes += actor.play_ply(weights_version=0)
            self._tell(meter, _Counts.of(actor.counters))
        self._report(meter, _Counts.of(actor.counters))

    def _play_network(self) -> None:
        assert self._wanted is not None
        network = NetworkSeat(self.game, self.config, seed=self.config.seed, name=self.name)
        self._load(lambda weights: network.load(weights.path))
        league = None
        if self.config.league.share:
            league = LeagueSeat(
                self.game, self.config, network, name=f"{self.name}l", say=self._say
            )
        games = self.config.selfplay.games
        selfplay = msgspec.structs.replace(
            self.config.selfplay, games=games - self.config.league.games_of(games)
        )
        config = self.config.search
        search = self._search(network.evaluator, config, config.simulations, selfplay.games)
        actor = Actor(
            self.game,
            search,
            config=selfplay,
            simulations=self.config.search.simulations,
            name=self.name,
            seed=self.config.seed,
            settings=self.config.settings_hash,
        )

        def counts() -> _Counts:
            own = _Counts.of(
                actor.counters, network.evaluations, network.cache.hits, network.network_seconds
            )
            if league is None:
                return own
            return own + _Counts.of(
                league.counters, league.evaluations, league.hits, league.network_seconds
            )

        meter = _Meter()
        while not self._stopped:
            if self._wanted is not None:
                self._load(lambda weights: network.load(weights.path))
            self._episodes += actor.play_ply(weights_version=self.version)
            if league is not None:
                league.opponents = self._opponents
                self._episodes += league.play_ply(weights_version=self.version)
            self._tell(meter, counts())
        self._report(meter, counts())

    def _play_on(self, device: str) -> None:
        """Play with the network on a GPU: several search threads that take turns."""
        if self.config.league.share:
            raise DeviceError(f"a league plays on processors, not on {device}; use --device cpu")
        seat = DeviceSeat(self.game, self.config, device=device, name=self.name)
        self._load(seat.load)
        self.link.send(Said(f"worker {self.name}: {seat.sentence}"))
        meter = _Meter()
        while not self._stopped:
            if self._wanted is not None:
                self._load(seat.load)
            self._episodes += seat.lanes.play()
            self._tell(meter, seat.counts())
        self._episodes += seat.lanes.close()
        self._report(meter, seat.counts())

    def _search(
        self, evaluator: Evaluator, config: SearchConfig, simulations: int, games: int
    ) -> Search:
        most = max(simulations, self.config.selfplay.fast_simulations)
        return Search(
            self.game,
            evaluator,
            config,
            num_trees=games,
            max_simulations=most,
            seed=stream_seed(self.config.seed, "search", self.name),
        )

    def _say(self, sentence: str) -> None:
        """Tell the user something, once."""
        if sentence and sentence not in self._told:
            self._told.add(sentence)
            self.link.send(Said(f"worker {self.name}: {sentence}"))

    def _load(self, load: Callable[[NewWeights], str]) -> None:
        wanted = self._wanted
        assert wanted is not None
        self._wanted = None
        sentence = load(wanted)
        self.version = wanted.version
        self._say(sentence)

    def _tell(self, meter: _Meter, counts: _Counts) -> None:
        """News in both directions, after a ply; waits where the others are behind."""
        if time.monotonic() - meter.since >= _REPORT_SECONDS:
            self._report(meter, counts)
        self._listen(wait=0.0)
        while (self._paused or self._full) and not self._stopped:
            begin, paused = time.monotonic(), self._paused
            self._listen(wait=0.5)
            if paused:
                self._waits.paused += time.monotonic() - begin
            else:
                self._waits.behind += time.monotonic() - begin
            # Who waits says so too, or the driver would take it for lost.
            if time.monotonic() - meter.since >= _REPORT_SECONDS and not self._full:
                self._report(meter, counts)

    @property
    def _full(self) -> bool:
        """Whether the driver is so far behind that nothing more is sent."""
        return len(self._sent) >= MOST_UNACKNOWLEDGED

    def _report(self, meter: _Meter, counts: _Counts) -> None:
        seconds, delta = meter.since_last(counts)
        waits, self._waits = self._waits, _Waits()
        self._batch += 1
        self._sent[self._batch] = time.monotonic()
        self.link.send(
            Finished(
                batch=self._batch,
                episodes=pack(self._episodes, game=self.game),
                seconds=seconds,
                plies=delta.plies,
                simulations=delta.simulations,
                evaluations=delta.evaluations,
                cache_hits=delta.hits,
                network_seconds=delta.network_seconds,
                network_slots=delta.slots,
                memory_bytes=self._process.memory_info().rss,
                version=self.version,
                paused_seconds=waits.paused,
                behind_seconds=waits.behind,
                acknowledged=waits.acknowledged,
                acknowledged_seconds=waits.acknowledged_seconds,
            )
        )
        self._episodes = []

    def _listen(self, *, wait: float) -> None:
        for message in self.link.receive(wait=wait):
            match message:
                case NewWeights():
                    self._wanted = message
                case Opponents():
                    self._opponents = message
                case Pause(paused=paused):
                    self._paused = paused
                case Acknowledged(batch=batch):
                    self._waits.acknowledged += 1
                    self._waits.acknowledged_seconds += time.monotonic() - self._sent.pop(batch)
                case Stop():
                    self._stopped = True


@dataclass(slots=True)
class _Waits:
    """What the worker waited for since its last report, in seconds."""

    paused: float = 0.0
    behind: float = 0.0
    acknowledged: int = 0  # batches
    acknowledged_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Counts:
    """Running totals of a worker."""

    plies: int = 0
    simulations: int = 0
    evaluations: int = 0
    hits: int = 0
    network_seconds: float = 0.0
    slots: int = 0

    @staticmethod
    def of(
        played: ActorCounters,
        evaluations: int = 0,
        hits: int = 0,
        network_seconds: float = 0.0,
        slots: int = 0,
    ) -> _Counts:
        """From what was played, and what judged it."""
        return _Counts(played.plies, played.simulations, evaluations, hits, network_seconds, slots)

    def __add__(self, other: _Counts) -> _Counts:
        sums = [getattr(self, name) + getattr(other, name) for name in _Counts.__slots__]
        return _Counts(*sums)


class _Meter:
    """Counters at the last report."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self._last = _Counts()

    def since_last(self, counts: _Counts) -> tuple[float, _Counts]:
        """Seconds and counts since the last call."""
        now, last = time.monotonic(), self._last
        seconds = now - self.since
        self.since, self._last = now, counts
        delta = [getattr(counts, name) - getattr(last, name) for name in _Counts.__slots__]
        return seconds, _Counts(*delta)


def _number(name: str) -> int:
    """The number in a worker's name: ``w3.1.7`` is worker 3."""
    found = re.search(r"\d+", name)
    return int(found.group()) if found else 0


class DeviceSeat:
    """Lanes of a worker on a GPU, and the newest weights in them.

    Attributes:
        lanes: there once weights have been loaded.
        sentence: how they were set up.
    """

    lanes: Lanes

    def __init__(self, game: Game, config: RunConfig, *, device: str, name: str) -> None:
        self.game = game
        self.config = config
        self.device = device
        self.name = name
        self.sentence = ""
        self._batch = config.gpu.batch or config.gpu.games
        self._backend: DeviceBackend | None = None
        self._seconds_before = 0.0  # that the device computed for earlier weights

    def load(self, weights: NewWeights) -> str:
        """Put weights to work; returns a sentence where there is something to say.

        The first time, the lanes are set up, which may mean some seconds of probing.
        """
        file = load_weights(weights.path, self.game)
        precision = self.config.inference.precision
        if precision == "int8":
            raise DeviceError(f"inference.precision=int8 is for processors; {self.device} has bf16")
        if self.config.inference.runtime == "openvino":
            raise DeviceError(f"inference.runtime=openvino is for processors, not {self.device}")
        network = file.build()
        choice = make_device_backend(
            network,
            self.game,
            device=self.device,
            max_batch=self._batch or largest_batch(network),
            precision=precision,
            sample_planes=file.sample_planes,
        )
        said = choice.sentence
        if self._backend is None:
            tuning = tune(self.game, choice.backend, config=self.config)
            self.sentence = tuning.sentence
            self.lanes = make_lanes(
                self.game,
                self.config,
                lanes=tuning.lanes,
                games=tuning.games,
                name=self.name,
                cache_positions=self.config.inference.cache_positions,
            )
            self._seconds_before = -choice.backend.busy_seconds  # the probe's are not counted
            if tuning.batch < choice.backend.max_batch:
                # Steps for batches that never come hold memory that a learner could use.
                self._batch = tuning.batch
        else:
            self._seconds_before += self._backend.busy_seconds
        self._backend = choice.backend
        self.lanes.load(choice.backend, weights.version)
        return said

    def counts(self) -> _Counts:
        """Running totals."""
        lanes = self.lanes
        busy = self._seconds_before + (self._backend.busy_seconds if self._backend else 0.0)
        return _Counts.of(lanes.counters, lanes.evaluations, lanes.hits, busy, lanes.slots)
