"""A self-play worker: one process with many games, on one core or with one GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import psutil

from engine.config import RunConfig
from engine.devices.choice import DeviceError, choose_device
from engine.inference.backends import limit_threads
from engine.inference.evaluator import Evaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.learning.packed import pack
from engine.orchestration.counts import Counts, Meter
from engine.orchestration.device_seat import DeviceSeat
from engine.orchestration.league_seat import LeagueSeat
from engine.orchestration.local import Link, ParentGoneError
from engine.orchestration.messages import (
    MOST_UNACKNOWLEDGED,
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
from engine.selfplay.actor import Actor
from engine.selfplay.bootstrap import playouts_for
from engine.selfplay.lanes import Lanes, RolloutSeat
from games import make
from games.game import Game

_REPORT_SECONDS = 2.0


def worker_main(
    link: Link,
    config: RunConfig,
    name: str,
    cores: int | None = None,
    device: str | None = None,
) -> None:
    """Play until told to stop, or until the driver is gone.

    Args:
        link: to the driver.
        config: the run's settings.
        name: unique in the run over all starts; prefix of the episode ids.
        cores: that this worker may keep busy where it has a GPU; None: all.
        device: that it computes on, and no other; None: what it sees of those in the settings.
    """
    try:
        Worker(link, config, name, cores=cores, device=device).run()
    except ParentGoneError:
        raise
    except Exception as error:
        link.send(Failed.of(f"worker {name}", error))
        raise SystemExit(1) from None


class Worker:
    """State of one worker process."""

    def __init__(
        self,
        link: Link,
        config: RunConfig,
        name: str,
        *,
        cores: int | None = None,
        device: str | None = None,
    ) -> None:
        self.link = link
        self._cores = cores
        self._device = device
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
        device = choose_device(self._device or self.config.device, here=True)
        if self._wanted is None and not self._stopped:
            cores = self._cores or psutil.cpu_count(logical=False) or 1
            self._play_bootstrap(1 if device.is_cpu else cores)
        if self._stopped:
            return
        if device.is_cpu:
            self._play_network()
        else:
            self._play_on(device.names[0])

    def _play_bootstrap(self, threads: int) -> None:
        """Play judged by playouts; with a GPU, which has one worker, in a thread for each core."""
        seed = stream_seed(self.config.seed, "bootstrap", self.name)
        evaluator = RolloutEvaluator(self.game, rollouts=1, seed=seed)
        simulations = self.config.bootstrap.simulations or playouts_for(self.game)
        # Visit counts: sharper targets would follow the noise of single playouts. A playout costs
        # a hundredth of what the search of an ending does, so only roots are searched to the end.
        config = SearchConfig(algorithm="puct", ending_nodes=0, simulations=simulations)
        meter = Meter()
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
                self._tell(meter, Counts.of(lanes.counters))
            self._episodes += lanes.close()
            self._report(meter, Counts.of(lanes.counters))
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
            self._tell(meter, Counts.of(actor.counters))
        self._report(meter, Counts.of(actor.counters))

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

        def counts() -> Counts:
            own = Counts.of(
                actor.counters, network.evaluations, network.cache.hits, network.network_seconds
            )
            if league is None:
                return own
            return own + Counts.of(
                league.counters, league.evaluations, league.hits, league.network_seconds
            )

        meter = Meter()
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
        meter = Meter()
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

    def _tell(self, meter: Meter, counts: Counts) -> None:
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

    def _report(self, meter: Meter, counts: Counts) -> None:
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
