"""`meijin bench`: speed of rules, search, network, self-play and store, each beside its ceiling."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file: its folder comes first, and hides packages of ours
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import click
import msgspec
import numpy as np

from scripts.bench_arena import arena_rows
from scripts.bench_gpu import gpu_rows, lane_rows
from scripts.bench_rules import Row, rules_rows
from scripts.bench_single import GAMES, single_rows
from scripts.bench_store import store_rows, weights_rows

_GAMES = 128  # in flight in each self-play process, as in training

SECTIONS = ("rules", "search", "network", "selfplay", "single", "store", "lanes", "arena", "ray")
_ASKED_FOR = {"arena", "ray"}  # sections that take long or start servers: only when they are named


@click.command("bench")
@click.option("--game", default="connect_four", show_default=True, help="Game to measure with.")
@click.option(
    "--section",
    "sections",
    multiple=True,
    type=click.Choice(SECTIONS),
    help="Only this; repeatable.",
)
@click.option(
    "--all-games", is_flag=True, help="The rules of every registered game, beside its peers."
)
@click.option("--seconds", default=5.0, show_default=True, help="Length of each measurement.")
@click.option("--blocks", default=6, show_default=True, help="Residual blocks of the network.")
@click.option("--channels", default=64, show_default=True, help="Channels of the network.")
@click.option(
    "--network",
    "network_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A weights file to measure with, instead of random weights of that size.",
)
@click.option(
    "--simulations", default=64, show_default=True, help="Simulations a move of self-play."
)
@click.option("--workers", type=int, help="Self-play processes [one for each core].")
@click.option("--gpu", is_flag=True, help="Only the table of self-play on a GPU.")
@click.option("--device", default="cuda", show_default=True, help="Of --gpu; cpu: a short form.")
@click.option("--minutes", default=7.5, show_default=True, help="Of --gpu, all in all.")
@click.option("--json", "as_json", is_flag=True, help="Rows as JSON for programs.")
@click.option("--signature", is_flag=True, help="Only print the hash of the search's behaviour.")
def command(
    game: str,
    sections: tuple[str, ...],
    all_games: bool,
    seconds: float,
    blocks: int,
    channels: int,
    network_file: Path | None,
    simulations: int,
    workers: int | None,
    gpu: bool,
    device: str,
    minutes: float,
    as_json: bool,
    signature: bool,
) -> None:
    """Measure speed on this machine, one core unless it says otherwise.

    Examples:
      meijin bench

      meijin bench --section search --json

      meijin bench --section rules --all-games

      meijin bench --section single          (Connect Four and Go 9 x 9)

      meijin bench --gpu                     (the table of docs/gpu.md, under eight minutes)

      meijin bench --signature
    """
    from games import make, registered_games
    from scripts.compile_notice import tell_of_compiling

    tell_of_compiling()
    made = make(game)
    if signature:
        from engine.search.signature import search_signature

        click.echo(search_signature(made))
        return
    if not seconds > 0:
        raise click.UsageError(f"--seconds must be more than 0, not {seconds:g}")
    if all_games and set(sections) - {"rules"}:
        raise click.UsageError("--all-games measures rules; other sections take one --game")
    rows: list[Row] = []
    if gpu:
        _gpu(device, minutes, rows, as_json)
    elif all_games:
        for name in registered_games():
            _show(rules_rows(make(name), seconds), rows, as_json)
    else:
        wanted = sections or tuple(name for name in SECTIONS if name not in _ASKED_FOR)
        with tempfile.TemporaryDirectory() as folder:
            file = network_file
            size = {"blocks": blocks, "channels": channels}
            if file is None and {"network", "selfplay", "store", "ray"} & set(wanted):
                file = _yardstick(made, size, Path(folder))
            _show(_measure(made, wanted, seconds, file, simulations, workers), rows, as_json)
            if "arena" in wanted:
                _show(arena_rows(made), rows, as_json)
            if "single" in wanted:
                for name in GAMES if made.id == GAMES[0] and not network_file else (made.id,):
                    one = make(name)
                    weights = network_file or _yardstick(one, size, Path(folder))
                    _show(single_rows(one, seconds, weights), rows, as_json)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))


def _gpu(device: str, minutes: float, rows: list[Row], as_json: bool) -> None:
    """The table of self-play on a GPU, or its short form on the processor."""
    from engine.devices.choice import DeviceError, choose_device
    from engine.inference.backends import limit_threads

    if not minutes > 0:
        raise click.UsageError(f"--minutes must be more than 0, not {minutes:g}")
    try:
        choice = choose_device(device)
    except DeviceError as error:
        raise click.ClickException(str(error)) from None

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    say(choice.reason)
    if choice.is_cpu:
        say("Without a GPU: small networks, which prove that this works and measure nothing.")
        limit_threads(1)
    measured = gpu_rows(
        choice.names[0], minutes=minutes, reduced=choice.is_cpu, yardstick=_yardstick, say=say
    )
    _show(measured, rows, as_json)


def _show(measured: Iterator[Row], rows: list[Row], as_json: bool) -> None:
    """Collect rows as they are measured, and print them at once unless JSON comes at the end."""
    for row in measured:
        rows.append(row)
        if not as_json:
            facts = ", ".join(f"{name} {value}" for name, value in row.settings.items())
            click.echo(f"{row.name:34} {_number(row.value):>14} {row.unit:16} {facts}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.0f}"


def _measure(
    game: Any,
    sections: tuple[str, ...],
    seconds: float,
    network_file: Path | None,  # None where neither network nor self-play is wanted
    simulations: int,
    workers: int | None,
) -> Iterator[Row]:
    if "store" in sections and network_file:
        yield from store_rows(game, seconds)
        yield from weights_rows(game, network_file)
    if "lanes" in sections:
        yield from lane_rows(game, seconds)
    if "ray" in sections and network_file:
        from scripts.bench_ray import ray_rows

        yield from ray_rows(game, seconds, network_file, simulations, workers)
    if "rules" in sections:
        yield from rules_rows(game, seconds)
    if "search" in sections:
        yield from _search(game, seconds)
    if "network" in sections and network_file:
        yield from _network(game, seconds, network_file)
    if "selfplay" in sections and network_file:
        yield from _selfplay(game, seconds, network_file, simulations, workers, endings=False)
        if game.rules.ending_reach(10**6):
            yield from _selfplay(game, seconds, network_file, simulations, workers, endings=True)


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


def _search(game: Any, seconds: float) -> Iterator[Row]:
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


def _network(game: Any, seconds: float, network_file: Path) -> Iterator[Row]:
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


def _selfplay(
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


def _yardstick(game: Any, size: dict[str, int], folder: Path) -> Path:
    """A network of that size with random weights: speed does not depend on what it has learned.

    Its heads, which start at zero, are made random too, so that games differ.
    """
    import torch

    from engine.learning.checkpoint import save_weights
    from engine.networks.config import NetworkConfig
    from engine.networks.network import build_network

    torch.manual_seed(1)
    config = msgspec.convert(size, NetworkConfig)
    network = build_network(
        config,
        observation_shape=game.observation_shape,
        num_actions=game.num_actions,
        observation_scales=game.observation_scales,
    )
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    states = game.rules.initial(256)
    rng = np.random.default_rng(1)
    actions = np.empty((256, game.max_legal), np.int32)
    counts = np.empty(256, np.int32)
    for ply in range(12):
        rows = np.flatnonzero(~states["finished"] & (rng.random(256) < 1 - ply / 12))
        part = states[rows]
        game.rules.legal_actions(part, actions[: len(rows)], counts[: len(rows)])
        picks = (rng.random(len(rows)) * counts[: len(rows)]).astype(np.int64)
        game.rules.step(part, actions[np.arange(len(rows)), picks])
        states[rows] = part
    planes = np.empty((256, *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    path = folder / "yardstick.safetensors"
    save_weights(
        path,
        game=game,
        network_config=config,
        version=0,
        sample_planes=planes,
        state_dict={name: tensor.numpy() for name, tensor in network.state_dict().items()},
    )
    return path


if __name__ == "__main__":
    command()
