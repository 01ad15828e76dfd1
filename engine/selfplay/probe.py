"""How many lanes, games and positions a batch keep a device busy: tried out for some seconds."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass

import numpy as np
import psutil

from engine.config import RunConfig
from engine.devices.backend import DeviceBackend
from engine.devices.evaluator import DeviceEvaluator
from engine.networks.network import Network
from engine.search.tree import node_words
from engine.seeds import stream_seed
from engine.selfplay.lanes import Lanes
from games.game import Game

_MOST_IN_A_BATCH = 4096
_MOST_IN_A_BATCH_OF_A_LARGE_NETWORK = 256
_WORK_OF_A_BATCH = 2e13  # multiplications and additions: some 50 ms of a large GPU
_FEWEST_IN_A_BATCH = 32
_NEARLY = 0.9  # of the best rate: the smallest batch that reaches it; games end sooner
_LANES_NEARLY = 0.97  # the fewest lanes that reach it
_STREAMS = 3  # threads that keep the device busy where nothing else is measured
_MEMORY_SHARE = 0.3  # of the free memory, for trees


@dataclass(frozen=True, slots=True)
class Tuning:
    """What self-play on a device is set to.

    Attributes:
        lanes: search threads.
        games: in flight of each lane.
        batch: positions of one call at most.
        sentence: how it was found, for the user.
    """

    lanes: int
    games: int
    batch: int
    sentence: str


def largest_batch(network: Network) -> int:
    """The largest batch worth trying where the user names none, a power of two.

    Past some 50 ms a batch gains nothing, and games become slow to end.
    """
    _, height, width = network.observation_shape
    weights = sum(p.numel() for p in network.body.parameters() if p.ndim > 1)
    wanted = _WORK_OF_A_BATCH / (2.0 * weights * height * width)
    power = 1 << int(max(1.0, wanted)).bit_length() - 1
    return min(max(power, _MOST_IN_A_BATCH_OF_A_LARGE_NETWORK), _MOST_IN_A_BATCH)


def network_rate(backend: DeviceBackend, batch: int, seconds: float) -> float:
    """Evaluations a second of the network alone, copies included, with the device kept busy.

    Raises:
        BaseException: what ended a thread that asks, such as a device that is out of memory.
    """
    threads = _STREAMS if backend.compute is not None else 1
    done = [0] * threads
    faults: list[BaseException] = []
    ready, over = threading.Barrier(threads + 1), threading.Event()

    def ask(number: int) -> None:
        try:
            port = backend.open()
            inputs = port.inputs(batch)
            inputs.counts[:] = 1
            inputs.planes[:] = np.random.default_rng(number).integers(0, 2, inputs.planes.shape)
            port.run(batch)
            ready.wait()
            while not done[number] or not over.is_set():
                port.run(batch)
                done[number] += batch
        except threading.BrokenBarrierError:
            pass  # another thread's fault
        except BaseException as error:  # no memory for a port, say: nobody shall wait for it
            faults.append(error)
            ready.abort()
            over.set()

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for thread in asking:
        thread.start()
    try:
        with contextlib.suppress(threading.BrokenBarrierError):
            ready.wait()
        begun = time.perf_counter()
        over.wait(seconds)
    finally:  # also after Ctrl-C: the process would wait for these threads for ever
        over.set()
        ready.abort()
        for thread in asking:
            thread.join()
    if faults:
        raise faults[0]
    return sum(done) / (time.perf_counter() - begun)


def tune(
    game: Game, backend: DeviceBackend, *, config: RunConfig, largest: int | None = None
) -> Tuning:
    """Settle what the user has not: first the batch, from the network alone, then the lanes.

    Args:
        game: what is played.
        backend: the network on its device, for batches as large as may be tried.
        config: the run's settings; what ``config.gpu`` names is kept.
        largest: batch to try at most; None: the backend's.
    """
    gpu = config.gpu
    if gpu.lanes and gpu.games:
        batch = min(gpu.batch or gpu.games, backend.max_batch)
        return Tuning(
            gpu.lanes, gpu.games, batch,
            f"Self-play on {backend.name}: {gpu.lanes} lanes of {gpu.games} games, batches of "
            f"{batch}, as set.",
        )  # fmt: skip
    begun = time.monotonic()
    rates = _rates(backend, largest or backend.max_batch, gpu.probe_seconds * 0.3)
    best = max(rates, key=rates.__getitem__)
    enough = min(batch for batch, rate in rates.items() if rate >= _NEARLY * rates[best])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    tried = [gpu.lanes] if gpu.lanes else _lane_counts(cores or 1)
    found: dict[int, tuple[float, int]] = {}  # lanes: rate, games of each
    for lanes in tried:
        games = gpu.games or min(enough, _games_that_fit(game, config, lanes))
        seconds = gpu.probe_seconds * 0.7 / len(tried)
        found[lanes] = _selfplay_rate(game, backend, config, lanes, games, seconds), games
    fastest = max(rate for rate, _ in found.values())
    lanes = min(n for n, (rate, _) in found.items() if rate >= _LANES_NEARLY * fastest)
    rate, games = found[lanes]
    batch = min(gpu.batch or games, backend.max_batch)
    return Tuning(
        lanes, games, batch,
        f"Self-play on {backend.name}: {lanes} lanes of {games} games, batches of {batch}. In a "
        f"probe of {time.monotonic() - begun:.0f} s they made {rate:,.0f} evaluations/s, "
        f"{rate / rates[best]:.0%} of what the network does alone ({rates[best]:,.0f}/s in batches "
        f"of {best}); {_tried(found)}. --set gpu.lanes=N, gpu.games=N and gpu.batch=N fix them.",
    )  # fmt: skip


def evaluators(game: Game, config: RunConfig, *, lanes: int, name: str) -> list[DeviceEvaluator]:
    """One evaluator a lane, without a backend yet; all turn a position in the same way."""
    return [
        DeviceEvaluator(
            game,
            None,
            symmetries=config.search.symmetries,
            seed=stream_seed(config.seed, "symmetries", name),
        )
        for _ in range(lanes)
    ]


def make_lanes(
    game: Game, config: RunConfig, *, lanes: int, games: int, name: str, cache_positions: int
) -> Lanes:
    """Lanes over device evaluators, with a run's settings."""
    return Lanes(
        game,
        evaluators(game, config, lanes=lanes, name=name),
        search=config.search,
        selfplay=config.selfplay,
        games=games,
        cache_positions=cache_positions,
        name=name,
        seed=config.seed,
        settings=config.settings_hash,
    )


def _rates(backend: DeviceBackend, largest: int, seconds: float) -> dict[int, float]:
    """Evaluations a second by batch, doubling up to the largest."""
    batches = [min(_FEWEST_IN_A_BATCH, largest)]
    while batches[-1] * 2 <= largest:
        batches.append(batches[-1] * 2)
    return {batch: network_rate(backend, batch, seconds / len(batches)) for batch in batches}


def _selfplay_rate(
    game: Game, backend: DeviceBackend, config: RunConfig, lanes: int, games: int, seconds: float
) -> float:
    """Evaluations a second of self-play; a third of the time is left for getting going."""
    # Without a cache: openings, from which all games come here, would be answered by it.
    played = make_lanes(
        game, config, lanes=lanes, games=games, name=f"probe{lanes}", cache_positions=0
    )
    with contextlib.closing(played):
        played.load(backend, 0)
        _play_for(played, seconds / 3)
        before, begun = played.evaluations, time.perf_counter()
        _play_for(played, seconds * 2 / 3)
        return (played.evaluations - before) / (time.perf_counter() - begun)


def _play_for(lanes: Lanes, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        lanes.play(wait=min(left, 0.05))


def _lane_counts(cores: int) -> list[int]:
    """Numbers of lanes worth trying on so many cores; two at least, to take turns."""
    return sorted({2, *(n for n in (4, 8, 12, 16) if n <= cores)})


def _games_that_fit(game: Game, config: RunConfig, lanes: int) -> int:
    """Games of a lane whose trees fit into the memory."""
    nodes = 2 * max(config.search.simulations, config.selfplay.fast_simulations) + 2
    tree = 4 * nodes * node_words(game.max_legal, game.state_dtype.itemsize // 4)
    room = psutil.virtual_memory().available * _MEMORY_SHARE
    return max(1, int(room / (tree * lanes)))


def _tried(found: dict[int, tuple[float, int]]) -> str:
    if len(found) == 1:
        return "other numbers of lanes were not tried"
    return "tried: " + ", ".join(f"{n} lanes {rate:,.0f}/s" for n, (rate, _) in found.items())
