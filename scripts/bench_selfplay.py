"""What `meijin bench` measures of search and network: each alone, and both in self-play."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from scripts.bench_rules import Row

_GAMES = 128  # in flight in each self-play process, as in training


def search_rows(game: Any, seconds: float) -> Iterator[Row]:
    """The tree alone: an evaluator that answers at once with uniform policies."""
    from engine.inference.uniform import UniformEvaluator
    from engine.search.config import SearchConfig
    from engine.search.search import Search

    for algorithm in ("puct", "gumbel"):
        for trees, simulations in ((256, 64), (256, 800), (1, 64), (1, 800)):
            config = SearchConfig(
                algorithm=algorithm,
                prove_plies=0,
                ending_nodes=0,
                root_ending_nodes=0,
                reuse_tree=False,
            )
            search = Search(
                game,
                UniformEvaluator(game),
                config,
                num_trees=trees,
                max_simulations=simulations,
                seed=1,
            )
            states = game.rules.initial(trees)

            def run(search: Any = search, states: Any = states, n: int = simulations) -> int:
                search.set_roots(states)
                return int(search.run(n, True).simulations.sum())

            yield Row(
                f"search only, {algorithm}",
                _repeat(seconds, run),
                "simulations/s",
                {"games": trees, "simulations": simulations},
            )


def network_rows(game: Any, seconds: float, network_file: Path) -> Iterator[Row]:
    """Evaluations a second of the network alone, by runtime and batch."""
    from engine.inference.backends import BackendUnavailableError, limit_threads, make_backend
    from engine.learning.checkpoint import load_weights

    limit_threads(1)
    file = load_weights(network_file, game)
    network = file.build()
    for precision in ("float32", "bf16", "int8"):
        for runtime in ("torch", "openvino"):
            try:
                backend = make_backend(
                    network,
                    max_batch=256,
                    precision=precision,
                    runtime=runtime,
                    calibration_planes=file.sample_planes,
                ).backend
            except BackendUnavailableError:
                continue
            for batch in (1, 16, 64, 128, 256):
                rate = _network_rate(game, backend, batch, seconds / 2)
                yield Row(
                    "network only", rate, "evaluations/s", {"backend": backend.name, "batch": batch}
                )


def _network_rate(game: Any, backend: Any, batch: int, seconds: float) -> float:
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 2, (batch, *game.observation_shape)).astype(np.uint8)
    logits = np.empty((batch, game.num_actions), np.float32)
    outcomes = np.empty((batch, 3), np.float32)

    def run() -> int:
        backend.run(planes, logits, outcomes)
        return batch

    return _repeat(seconds, run)


def selfplay_rows(
    game: Any,
    seconds: float,
    network_file: Path,
    simulations: int,
    workers: int | None,
    *,
    endings: bool,
) -> Iterator[Row]:
    """Real self-play in one process a core, beside the network-only ceiling of those processes.

    Each process measures the network alone before and after it plays, while the others do the
    same, so that ceiling and self-play share the machine in the same way. ``endings``: with the
    alpha-beta search of endings that training uses, or without, as peers play.
    """
    import psutil

    from engine.orchestration.local import LocalPart

    count = workers or psutil.cpu_count(logical=False) or 1
    parts = [
        LocalPart(
            f"bench{i}", _play_for, game.id, str(network_file), simulations, seconds, i, endings
        )
        for i in range(count)
    ]

    def received(part: LocalPart) -> list[dict[str, float]]:
        return [message for message in part.receive() if isinstance(message, dict)]

    found: list[dict[str, float]] = []
    while len(found) < count:
        for part in parts:
            found += received(part)
        if not all(part.alive for part in parts) and len(found) < count:
            time.sleep(0.5)
            found += [rates for part in parts for rates in received(part)]
            if len(found) < count:
                raise click.ClickException("a self-play process died; see its message above")
        time.sleep(0.05)
    facts = {
        "workers": count,
        "simulations": simulations,
        "games": _GAMES,
        "batch": _GAMES,
        "endings searched": endings,
    }

    def total(name: str) -> float:
        return sum(each[name] for each in found)

    yield Row("self-play", total("moves"), "moves/s", facts)
    yield Row("self-play", total("simulations"), "simulations/s", facts)
    yield Row("self-play", total("evaluations"), "evaluations/s", facts)
    yield Row(
        "self-play, answered by the cache",
        total("hits") / (total("hits") + total("evaluations")),
        "share",
        facts,
    )
    yield Row("network only, same processes", total("ceiling"), "evaluations/s", facts)
    yield Row(
        "self-play over that ceiling", total("evaluations") / total("ceiling"), "share", facts
    )
    yield Row("self-play time inside the network", total("network_share") / count, "share", facts)


def _play_for(
    link: Any,
    game_id: str,
    network_file: str,
    simulations: int,
    seconds: float,
    number: int,
    endings: bool,
) -> None:
    """In a process of its own: the ceiling, self-play for a while, the ceiling again."""
    from engine.config import RunConfig
    from engine.inference.backends import limit_threads
    from engine.orchestration.network_seat import NetworkSeat
    from engine.search.config import SearchConfig
    from engine.search.search import Search
    from engine.selfplay.actor import Actor
    from engine.selfplay.config import SelfPlayConfig
    from games import make

    limit_threads(1)
    game = make(game_id)
    search_config = SearchConfig(simulations=simulations)
    if not endings:
        search_config = msgspec.structs.replace(search_config, ending_nodes=0, root_ending_nodes=0)
    config = RunConfig(
        game=game_id,
        search=search_config,
        selfplay=SelfPlayConfig(games=_GAMES, full_share=1.0, fast_simulations=simulations),
    )
    seat = NetworkSeat(game, config, seed=number, name=f"bench{number}")
    seat.load(network_file)
    search = Search(
        game,
        seat.evaluator,
        config.search,
        num_trees=_GAMES,
        max_simulations=simulations,
        seed=number,
    )
    actor = Actor(
        game,
        search,
        config=config.selfplay,
        simulations=simulations,
        name=f"bench{number}",
        seed=number,
    )
    first = _network_rate(game, seat.backend, _GAMES, seconds / 4)
    warm = time.perf_counter()
    while time.perf_counter() - warm < seconds:  # until games of every length are in flight
        actor.play_ply(weights_version=0)
    before = _counts(actor, seat)
    begin = time.perf_counter()
    while time.perf_counter() - begin < 2 * seconds:
        actor.play_ply(weights_version=0)
    spent = time.perf_counter() - begin
    delta = {name: value - before[name] for name, value in _counts(actor, seat).items()}
    second = _network_rate(game, seat.backend, _GAMES, seconds / 4)
    rates = {name: value / spent for name, value in delta.items()}
    link.send({**rates, "ceiling": (first + second) / 2})


def _counts(actor: Any, seat: Any) -> dict[str, float]:
    return {
        "moves": actor.counters.plies,
        "simulations": actor.counters.simulations,
        "evaluations": seat.evaluations,
        "hits": seat.cache.hits,
        "network_share": seat.network_seconds,
    }


def _repeat(seconds: float, work: Callable[[], int]) -> float:
    """Units of work a second: the median over five parts of the time, after one call unmeasured."""
    work()
    rates = []
    for _ in range(5):
        begin = time.perf_counter()
        done = 0
        while (spent := time.perf_counter() - begin) < seconds / 5 or not done:
            done += work()
        rates.append(done / spent)
    return float(np.median(rates))
