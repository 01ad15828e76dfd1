"""`meijin bench`: speed of rules, search, network, self-play and store, each beside its ceiling."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
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
from scripts.bench_selfplay import network_rows, search_rows, selfplay_rows
from scripts.bench_single import GAMES, single_rows
from scripts.bench_store import store_rows, weights_rows

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
    if gpu and (sections or all_games):
        raise click.UsageError("--gpu measures its own table; leave out --section and --all-games")
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
        choice = choose_device(device, here=True)
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
        yield from search_rows(game, seconds)
    if "network" in sections and network_file:
        yield from network_rows(game, seconds, network_file)
    if "selfplay" in sections and network_file:
        yield from selfplay_rows(game, seconds, network_file, simulations, workers, endings=False)
        if game.rules.ending_reach(10**6):
            yield from selfplay_rows(
                game, seconds, network_file, simulations, workers, endings=True
            )


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
