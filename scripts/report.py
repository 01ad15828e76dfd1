"""`meijin report`: one page about a training run, whole in one file."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import psutil

from agents.agent import AgentError
from agents.pages.boards import board_facts
from agents.pages.page import render, write_page
from agents.pages.sample_games import sample_games
from engine.config import RunConfig, encode_config
from engine.orchestration.run_directory import RunDirectory
from games import make
from scripts.compile_notice import tell_of_compiling
from scripts.judge import LADDER_GAMES, judged_positions
from scripts.report_charts import charts_of

_LIBRARIES = ("torch", "openvino", "numba", "numpy")


@click.command("report")
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page [RUN/report.html].",
)
def command(run_path: Path, output: Path | None) -> None:
    """Write one page about RUN: its curves, games, evaluation, settings, hardware and time.

    The page needs nothing else, and may be written while the run is trained.

    Example: meijin report runs/connect_four
    """
    tell_of_compiling()
    run = RunDirectory(run_path)
    config = run.config()
    rows = run.read_metrics()
    if len(rows) < 2:
        raise AgentError(f"{run_path} has no course to report yet; train it for a minute")
    target = output or run_path / "report.html"
    write_page(target, report_page(run, config, rows))
    click.echo(f"wrote {target}")


def report_page(run: RunDirectory, config: RunConfig, rows: Sequence[Mapping[str, Any]]) -> str:
    """The whole page.

    Args:
        run: where it lies.
        config: its settings.
        rows: of its metrics file.
    """
    game = make(config.game)
    measured = [row for row in rows if "judged" not in row]
    judged = [row for row in rows if "judged" in row]
    evaluation = _evaluation(run.path / "evaluation.json")
    facts = board_facts(game)
    today = datetime.date.today().isoformat()
    return render(
        "report.html.j2",
        title=f"{game.id}: {run.path.resolve().name}",
        lead=_lead(measured, judged),
        has_disc_colours=facts["look"] in ("rack", "hexagons"),
        tiles=_tiles(measured, judged, evaluation),
        charts=charts_of(
            rows, games=LADDER_GAMES, positions=judged_positions(game) if judged else {}
        ),
        evaluation=evaluation,
        not_evaluated=f"Not evaluated yet: meijin evaluate {run.path}",
        facts=_run_facts(measured, config),
        hardware=_hardware(),
        hardware_note=_hardware_note(run),
        changed=_changed(config),
        settings=encode_config(config),
        data={"board": facts, "games": sample_games(run.episodes, game)},
        made=f"Written by meijin {_version('meijin')} on {today} from {run.path}.",
    )


# --- What the run reached ---------------------------------------------------------------------


def _lead(measured: Sequence[Mapping[str, Any]], judged: Sequence[Mapping[str, Any]]) -> str:
    last = measured[-1]
    text = f"Trained for {_span(last['elapsed_seconds'])} from nothing by self-play"
    if judged:
        shares = judged[-1]["judged"]
        scores = [f"{value:.0%} {name}" for name, value in shares.items() if name.startswith("vs ")]
        if scores:
            text += f"; at last {', '.join(scores)}"
    return f"{text}."


def _tiles(
    measured: Sequence[Mapping[str, Any]],
    judged: Sequence[Mapping[str, Any]],
    evaluation: Mapping[str, Any] | None,
) -> list[dict[str, str]]:
    last = measured[-1]
    tiles = [
        {"name": "of training", "value": _span(last["elapsed_seconds"])},
        {"name": "games", "value": f"{last['episodes']:,}"},
        {"name": "positions stored", "value": f"{last['rows_stored']:,}"},
        {"name": "steps of learning", "value": f"{last['steps']:,}"},
        {"name": "versions of the weights", "value": f"{last['version']:,}"},
    ]
    truths = [
        value
        for name, value in (judged[-1]["judged"] if judged else {}).items()
        if name.startswith("truth search")
    ]
    if truths:
        kept = sum(truths) / len(truths)
        tiles.append({"name": "moves that keep the result", "value": f"{kept:.1%}"})
    if evaluation and evaluation["elo"]:
        tiles.append({"name": evaluation["anchored"], "value": evaluation["elo"]})
    return tiles


def _evaluation(path: Path) -> dict[str, Any] | None:
    """What `meijin evaluate` has left in the run; None where there is nothing to be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _read_evaluation(found)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _read_evaluation(found: Mapping[str, Any]) -> dict[str, Any]:
    ladder, elo, anchored = [], "", ""
    if found.get("ladder"):
        players = found["elo"]["players"]
        me = players[found["ladder"][0]["a"]]
        low, high = me["elo_95"]
        elo = f"{me['elo']:.0f} ({low:.0f} to {high:.0f})"
        anchored = f"Elo with 95 % interval; {found['elo']['anchor']} is 0"
        for match in found["ladder"]:
            total = match["total"]
            low, high = match["score_95"]
            ladder.append(
                {
                    "name": match["b"],
                    **{name: total[name] for name in ("wins", "draws", "losses")},
                    "score": f"{match['score']:.1%}",
                    "interval": f"{low:.1%} to {high:.1%}",
                    "elo": f"{players[match['b']]['elo']:.0f}",
                }
            )
    truth = found.get("truth") or {}
    names = list(next(iter(truth.values()), {}))
    return {
        "note": f"{found['agent']}, evaluated {found['time'].replace('T', ' ')}.",
        "elo": elo,
        "anchored": anchored,
        "ladder": ladder,
        "strengths": list(truth),
        "truth": [
            {
                "name": f"{name.replace('_', ' ')}",
                "cells": [_error(scores[name]) for scores in truth.values()],
            }
            for name in names
        ],
    }


def _error(score: Mapping[str, Any]) -> str:
    low, high = score["error_95"]
    return f"{score['error']:.1%} ({100 * low:.1f} to {100 * high:.1f})"


# --- Time, settings, hardware -----------------------------------------------------------------


def _run_facts(measured: Sequence[Mapping[str, Any]], config: RunConfig) -> list[tuple[str, str]]:
    first, last = measured[0], measured[-1]
    busy = [row for row in measured if row.get("evaluations_per_second")]

    def mean(name: str) -> float:
        return sum(row[name] for row in busy) / len(busy) if busy else 0.0

    return [
        ("first started", first["time"].replace("T", " ")),
        ("last heard of", last["time"].replace("T", " ")),
        ("time of training", f"{_span(last['elapsed_seconds'])} of {config.minutes:g} min"),
        ("starts", str(last["start"])),
        ("games, positions", f"{last['episodes']:,}, {last['rows_stored']:,}"),
        ("rows learned", f"{last['rows_trained']:,}"),
        ("speed, on average", f"{mean('moves_per_second'):,.0f} moves/s, "
            f"{mean('evaluations_per_second'):,.0f} evaluations/s"),
        ("time inside the network", f"{mean('network_share'):.0%} of self-play"),
        ("answered by the cache", f"{mean('cache_share'):.0%} of positions"),
        ("most memory", f"{max(row['memory_bytes'] for row in measured) / 2**30:.1f} GiB"),
        ("seed", str(config.seed)),
    ]  # fmt: skip


def _span(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _changed(config: RunConfig) -> list[tuple[str, str, str]]:
    """Settings that differ from the usual ones: name, value, the usual one."""
    usual = _flat(msgspec.to_builtins(RunConfig(game=config.game)))
    mine = _flat(msgspec.to_builtins(config))
    skipped = ("game", "format", "seed", "minutes")
    return [
        (name, _text(value), _text(usual.get(name)))
        for name, value in mine.items()
        if value != usual.get(name) and name not in skipped
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


def _text(value: object) -> str:
    return "not said" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _hardware() -> list[tuple[str, str]]:
    memory = psutil.virtual_memory().total / 2**30
    cores = psutil.cpu_count(logical=False) or 1
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return [
        ("processor", _processor()),
        ("cores", f"{cores}, {os.cpu_count()} logical"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("libraries", libraries),
    ]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # another system than Linux
    return platform.processor() or platform.machine()


def _hardware_note(run: RunDirectory) -> str:
    """Whose hardware it is: a run records of its machines only the name of the last one."""
    try:
        host = json.loads((run.path / "holder.json").read_text(encoding="utf-8"))["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return "Of the machine that wrote this page."
    if host == platform.node():
        return f"Of {host}, which trained the run last and wrote this page."
    return f"Of the machine that wrote this page; the run was last trained on {host}."


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "from source" if package == "meijin" else "not installed"
