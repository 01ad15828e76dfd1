"""What `meijin bench --gpu` measures: the whole table of self-play on a GPU, in one go."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_rules import Row

SIMULATIONS = 64


@dataclass(frozen=True, slots=True)
class Size:
    """One line of the table: a game and a residual network."""

    game: str
    blocks: int
    channels: int

    @property
    def facts(self) -> dict[str, Any]:
        """As settings of a row."""
        return {"game": self.game, "network": f"{self.blocks}x{self.channels}"}


TABLE = (
    Size("connect_four", 6, 64),
    Size("go9", 6, 64),
    Size("go9", 10, 128),
    Size("chess", 10, 128),
    Size("go(size=19)", 20, 256),
)
#: The same on a processor, to prove that the measurement itself works.
REDUCED = (Size("connect_four", 1, 8), Size("go9", 1, 8))

#: Of the made-up device: games of a lane, and how long it takes over a search as long as one.
LANE_GAMES = 512
RATIOS = (0.5, 1.0, 2.0)

_REDUCED_BATCH = 64
_NETWORK, _PROBE, _CEILING, _WARM, _PLAY = 0.08, 0.30, 0.05, 0.12, 0.25  # shares of a line's time


def gpu_rows(
    device: str,
    *,
    minutes: float,
    reduced: bool,
    yardstick: Callable[[Any, dict[str, int], Path], Path],
    say: Callable[[str], None],
) -> Iterator[Row]:
    """Every line of the table, within so many minutes altogether.

    For each: the answers against float32 on the processor, the network alone by batch, what the
    probe settles on, self-play, and the network alone once more, in its best batch.

    Args:
        device: as PyTorch names it.
        minutes: to be spent, compiling included; the lines share what compiling leaves.
        reduced: small networks and batches, for a processor.
        yardstick: makes a weights file of a size.
        say: told in words what goes on.
    """
    table = REDUCED if reduced else TABLE
    begun = time.monotonic()
    games = sorted({size.game for size in table})
    with ProcessPoolExecutor(len(games), mp_context=get_context("spawn")) as pool:
        list(pool.map(_compile, games))  # all at once, where there are cores for it
    yield Row("rules and search compiled", time.monotonic() - begun, "s", {"games": len(games)})
    with tempfile.TemporaryDirectory() as folder:
        for number, size in enumerate(table):
            left = minutes * 60 - (time.monotonic() - begun)
            seconds = max(left, 5.0) / (len(table) - number)
            try:
                yield from _line(
                    size, device, seconds=seconds, reduced=reduced, folder=Path(folder),
                    yardstick=yardstick, say=say,
                )  # fmt: skip
            except RuntimeError as error:  # the other lines are worth having without this one
                say(f"{size.game} {size.blocks}x{size.channels} failed: {error}")
                yield Row("self-play over the network alone", None, "share", size.facts)
    yield Row("all of it", time.monotonic() - begun, "s", {"device": device})


def _line(
    size: Size,
    device: str,
    *,
    seconds: float,
    reduced: bool,
    folder: Path,
    yardstick: Callable[[Any, dict[str, int], Path], Path],
    say: Callable[[str], None],
) -> Iterator[Row]:
    """One line of the table."""
    from engine.config import RunConfig
    from engine.devices.build import make_device_backend
    from engine.devices.config import GpuConfig
    from engine.learning.checkpoint import load_weights
    from engine.search.config import SearchConfig
    from engine.selfplay.config import SelfPlayConfig
    from engine.selfplay.probe import largest_batch, make_lanes, network_rate, tune
    from games import make

    game = make(size.game)
    facts = size.facts
    file = load_weights(
        yardstick(game, {"blocks": size.blocks, "channels": size.channels}, folder), game
    )
    network = file.build()
    largest = _REDUCED_BATCH if reduced else largest_batch(network)
    made = time.monotonic()
    choice = make_device_backend(
        network, game, device=device, max_batch=largest, sample_planes=file.sample_planes
    )
    backend = choice.backend
    facts = {**facts, "backend": backend.name}
    yield Row("weights to a checked backend", time.monotonic() - made, "s", facts)
    if choice.sentence:
        say(choice.sentence)
    plain = make_device_backend(
        network, game, device=device, max_batch=_REDUCED_BATCH, precision="float32",
        sample_planes=file.sample_planes, graphs=False,
    )  # fmt: skip
    for found in (choice, plain):
        agreement = found.agreement
        assert agreement is not None
        about = {
            **size.facts, "backend": found.backend.name, "positions": agreement.positions,
            "same best move": f"{agreement.top_action_agreement:.3f}",
        }  # fmt: skip
        yield Row("policy divergence from the processor", agreement.policy_kl_mean, "nats", about)
        yield Row("value error against the processor", agreement.value_error_max, "max", about)
    eager = make_device_backend(
        network, game, device=device, max_batch=min(largest, 512), graphs=False,
        sample_planes=file.sample_planes,
    ).backend  # fmt: skip
    batches = [batch for batch in (1, 64, 256, 512, 1024, 2048, 4096) if batch <= backend.max_batch]
    share = seconds * _NETWORK / (len(batches) + 1)
    yield Row(
        "network alone, without graphs", network_rate(eager, eager.max_batch, share),
        "evaluations/s", {**size.facts, "backend": eager.name, "batch": eager.max_batch},
    )  # fmt: skip
    del plain, eager
    rates = {}
    for batch in batches:
        rates[batch] = network_rate(backend, batch, share)
        yield Row("network alone", rates[batch], "evaluations/s", {**facts, "batch": batch})
    best = max(rates, key=rates.__getitem__)
    config = RunConfig(
        game=game.id,
        search=SearchConfig(simulations=SIMULATIONS, ending_nodes=0, root_ending_nodes=0),
        selfplay=SelfPlayConfig(full_share=1.0, fast_simulations=SIMULATIONS),
        gpu=GpuConfig(probe_seconds=seconds * _PROBE),
    )
    tuning = tune(game, backend, config=config)
    say(tuning.sentence)
    before = network_rate(backend, best, seconds * _CEILING)
    lanes = make_lanes(
        game, config, lanes=tuning.lanes, games=tuning.games, name="bench",
        cache_positions=config.inference.cache_positions,
    )  # fmt: skip
    with closing(lanes):  # also after Ctrl-C: threads inside of PyTorch would abort the process
        lanes.load(backend, 0)
        _play(lanes, seconds * _WARM)
        first = _counts(lanes, backend)
        spent = _play(lanes, seconds * _PLAY)
        done = {name: value - first[name] for name, value in _counts(lanes, backend).items()}
    after = network_rate(backend, best, seconds * _CEILING)
    ceiling = max(before, after, *rates.values())
    facts = {
        **facts, "lanes": tuning.lanes, "games": tuning.lanes * tuning.games,
        "batch": tuning.batch, "simulations": SIMULATIONS,
    }  # fmt: skip
    yield Row("self-play", done["moves"] / spent, "moves/s", facts)
    yield Row("self-play", done["simulations"] / spent, "simulations/s", facts)
    yield Row("self-play", done["evaluations"] / spent, "evaluations/s", facts)
    yield Row(
        "self-play, answered by the cache",
        done["hits"] / max(1, done["hits"] + done["evaluations"]), "share", facts,
    )  # fmt: skip
    yield Row(
        "self-play, batches full", done["evaluations"] / max(1, done["slots"]), "share", facts
    )
    yield Row("self-play, device busy", done["busy"] / spent, "share", facts)
    yield Row("network alone, best", ceiling, "evaluations/s", {**size.facts, "batch": best})
    yield Row(
        "self-play over the network alone", done["evaluations"] / spent / ceiling, "share", facts
    )


def lane_rows(game: Any, seconds: float) -> Iterator[Row]:
    """How busy lanes keep a device that takes as long as the search, twice as long, and half.

    The device is made up: it takes one batch at a time and sleeps over it, as a processor sees a
    GPU. What it is busy is measured, not planned.
    """
    from engine.search.config import SearchConfig
    from engine.selfplay.config import SelfPlayConfig
    from engine.selfplay.lanes import Lanes

    games = LANE_GAMES
    search = SearchConfig(simulations=SIMULATIONS, ending_nodes=0, root_ending_nodes=0)
    selfplay = SelfPlayConfig(full_share=1.0, fast_simulations=SIMULATIONS)

    def measured(lanes: int, latency: float) -> tuple[float, float]:
        """Share of the time that the device is busy, and seconds a batch takes in all."""
        device = _SleepingDevice(latency)
        played = Lanes(
            game, [_Seat(game, device) for _ in range(lanes)], search=search, selfplay=selfplay,
            games=games, cache_positions=0, name="bench", seed=1,
        )  # fmt: skip
        with closing(played):
            played.load(device, 0)
            _play(played, seconds / 4)
            busy, batches = device.busy_seconds, device.batches
            spent = _play(played, seconds)
            share = (device.busy_seconds - busy) / spent
            each = spent * lanes / max(1, device.batches - batches)
        return share, each

    searching = measured(1, 0.0)[1]
    yield Row("search of a batch", 1000 * searching, "ms", {"games of a lane": games})
    for times in RATIOS:
        for lanes in (1, 2, 3):
            share, _ = measured(lanes, times * searching)
            facts = {"network over search": times, "lanes": lanes, "games of a lane": games}
            yield Row("made-up device, busy", share, "share", facts)


class _SleepingDevice:
    """Takes one batch after the other and the same time for each, as a queue of a GPU does."""

    def __init__(self, latency: float) -> None:
        self.busy_seconds = 0.0
        self.batches = 0
        self._latency = latency
        self._free_at = 0.0
        self._queueing = threading.Lock()

    def run(self) -> None:
        """Put a batch into the queue and sleep until it is done."""
        with self._queueing:
            done = max(time.perf_counter(), self._free_at) + self._latency
            self._free_at = done
            self.busy_seconds += self._latency
            self.batches += 1
        time.sleep(max(0.0, done - time.perf_counter()))


class _Seat:
    """A lane's evaluator over the made-up device: judgements by key, after the wait."""

    def __init__(self, game: Any, device: _SleepingDevice) -> None:
        from engine.inference.uniform import KeyEvaluator

        self.backend = device
        self.evaluations = self.slots = 0
        self._judge = KeyEvaluator(game)

    def evaluate(self, states: Any, actions: Any, counts: Any) -> Any:
        """Wait for the device, then judge."""
        self.backend.run()
        self.evaluations += len(states)
        return self._judge.evaluate(states, actions, counts)


def _play(lanes: Any, seconds: float) -> float:
    """Let the lanes play; the seconds that it took."""
    begun = time.perf_counter()
    while (left := begun + seconds - time.perf_counter()) > 0:
        lanes.play(wait=min(left, 0.05))
    return time.perf_counter() - begun


def _counts(lanes: Any, backend: Any) -> dict[str, float]:
    counters = lanes.counters
    return {
        "moves": counters.plies,
        "simulations": counters.simulations,
        "evaluations": lanes.evaluations,
        "hits": lanes.hits,
        "slots": lanes.slots,
        "busy": backend.busy_seconds,
    }


def _compile(game_id: str) -> None:
    """In a process of its own: play a little, so that everything is compiled for the others."""
    from engine.inference.uniform import UniformEvaluator
    from engine.search.config import SearchConfig
    from engine.search.search import Search
    from engine.selfplay.actor import Actor
    from engine.selfplay.config import SelfPlayConfig
    from games import make

    game = make(game_id)
    config = SearchConfig(simulations=4, ending_nodes=0, root_ending_nodes=0)
    search = Search(game, UniformEvaluator(game), config, num_trees=4, max_simulations=4, seed=1)
    selfplay = SelfPlayConfig(games=4, full_share=1.0, fast_simulations=4)
    actor = Actor(game, search, config=selfplay, simulations=4, name="compile", seed=1)
    for _ in range(3):
        actor.play_ply(weights_version=0)
    states = game.rules.initial(4)
    game.rules.observe(states, np.empty((4, *game.observation_shape), np.uint8))
