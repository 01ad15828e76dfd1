"""`meijin evaluate`: how good a network is, against the truth and against a fixed ladder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from agents.agent import Agent
from agents.arena.ladder import LadderReport, climb_ladder, open_ladder
from agents.arena.truth import TruthReport, TruthScore, measure_truth
from agents.arena.truth_sets import truth_for
from agents.factory import (
    NetworkSpec,
    make_agent,
    network_agent,
    open_evaluator,
    parse_network,
)
from agents.network import evaluator_of
from agents.weights_file import is_run, weights_of_run
from engine.learning.checkpoint import load_weights
from engine.learning.sealed import FileError
from engine.orchestration.run_directory import write_atomically
from games.game import Game
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    progress_bars,
    seed_option,
    settle_game,
)
from scripts.ladder_view import (
    CurvePoint,
    curve_facts,
    curve_table,
    draw_curve,
    draw_ladder,
    ladder_table,
    rating_facts,
)
from scripts.match import match_facts
from scripts.result_files import check_folders, writing

_QUICK_POSITIONS = 40  # of each class
_QUICK_GAMES = 20

Report = Callable[[str, float], None]


def _parse_strengths(
    context: click.Context, parameter: click.Parameter, text: str
) -> tuple[int, ...]:
    """``0,100,600`` as numbers."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise click.BadParameter(f"{text!r} is not a list of whole numbers such as 0,100,600")
    return tuple(sorted({int(word) for word in words}))


@click.command("evaluate", epilog=f"Agents: {AGENT_HELP}")
@click.argument("agent", default="shipped", metavar="[RUN|FILE|AGENT]")
@game_option
@click.option(
    "--simulations",
    "strengths",
    default="0,100,600",
    show_default=True,
    callback=_parse_strengths,
    help="Simulations a move at which a network is measured against the truth; 0: network alone.",
)
@click.option(
    "--ladder-simulations",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Simulations a move with which a network climbs the ladder.",
)
@click.option(
    "--games",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Games against each rung of the ladder; 0 leaves it out.",
)
@click.option(
    "--all",
    "whole_course",
    is_flag=True,
    help="Every network that a run has kept, on the ladder: RUN/curve.json and RUN/curve.png.",
)
@click.option(
    "--programs/--no-programs",
    default=True,
    help="Outside programs on the ladder, where they are installed.",
)
@click.option("--quick", is_flag=True, help="Fewer positions and games: a first impression.")
@seed_option
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Also write the result here, and the picture of the ladder beside it, under the same name "
    "with .png; - prints the result instead of the tables, and draws nothing.",
)
def command(
    agent: str,
    game_id: str | None,
    strengths: tuple[int, ...],
    ladder_simulations: int,
    games: int,
    whole_course: bool,
    programs: bool,
    quick: bool,
    seed: int,
    json_file: Path | None,
) -> None:
    """Measure a run, a weights file or any agent.

    The truth meter counts the moves that give away a win or a draw, on positions whose exact result
    is known. The ladder is a fixed set of opponents whose ratings come with the package. A run
    keeps the result as evaluation.json and evaluation.png.

    Examples:
      meijin evaluate runs/connect_four

      meijin evaluate runs/connect_four --all --games 20
    """
    check_folders(json_file)
    if json_file is not None and json_file.suffix == ".png":
        raise click.UsageError(
            f"{json_file} is where the picture goes; give --json a name in .json"
        )
    game = settle_game(game_id, agent)
    if whole_course:
        if not is_run(Path(agent)):
            raise click.UsageError(f"--all draws the course of a run, and {agent!r} is none")
        if games == 0:
            raise click.UsageError("--all needs games on the ladder, and --games is 0")
        _draw_all(
            Path(agent),
            game=game,
            simulations=ladder_simulations,
            games=min(games, _QUICK_GAMES) if quick else games,
            programs=programs,
            seed=seed,
            json_file=json_file,
        )
        return
    measured, climber = _agents(
        agent, game=game, strengths=strengths, ladder_simulations=ladder_simulations, seed=seed
    )
    started = time.monotonic()
    with progress_bars() as report:
        truths = _measure(measured, game, quick=quick, report=report)
        games = min(games, _QUICK_GAMES) if quick else games
        ladder = None
        if games:
            rungs = open_ladder(game, seed=seed, programs=programs, progress=report)
            with closing(rungs):
                ladder = climb_ladder(climber, rungs, games=games, seed=seed, progress=report)
    facts = _facts(agent, game, truths, ladder, seed=seed)
    facts["seconds"] = round(time.monotonic() - started, 1)
    text = json.dumps(facts, indent=2) + "\n"
    if str(json_file) == "-":
        print(text, end="")
    else:
        _show(agent, truths, ladder)
    _keep(text, json_file, agent, ladder, quick=quick)


def _agents(
    text: str, *, game: Game, strengths: tuple[int, ...], ladder_simulations: int, seed: int
) -> tuple[list[Agent], Agent]:
    """Who is measured against the truth, and who climbs the ladder."""
    spec = parse_network(text)
    if spec is None or spec.simulations is not None:
        agent = make_agent(text, game=game, seed=seed)
        return [agent], agent
    evaluator = open_evaluator(NetworkSpec(source=spec.source, simulations=None), game=game)

    def at(simulations: int, name: str, endings: bool = spec.endings) -> Agent:
        return network_agent(
            evaluator,
            game=game,
            simulations=simulations,
            seed=seed,
            name=name,
            endings=endings,
        )

    measured = [at(each, f"{each} simulations" if each else "network alone") for each in strengths]
    most = max(strengths, default=0)
    if most and spec.endings and game.rules.ending_reach(10**6):
        measured.append(at(most, f"{most}, tree alone", endings=False))
    return measured, at(ladder_simulations, f"{text}@{ladder_simulations}")


def _measure(agents: list[Agent], game: Game, *, quick: bool, report: Report) -> list[TruthReport]:
    """The truth meter at every strength; nothing where nobody knows the truth."""
    truth = truth_for(game)
    if truth is None:
        return []
    truth = truth.subset(_QUICK_POSITIONS) if quick else truth
    return [
        measure_truth(agent, truth, batch=256, progress=partial(report, agent.name))
        for agent in agents
    ]


def _draw_all(
    run: Path,
    *,
    game: Game,
    simulations: int,
    games: int,
    programs: bool,
    seed: int,
    json_file: Path | None,
) -> None:
    """Every network that a run has kept, on the ladder: table, JSON and picture."""
    files = weights_of_run(run)[::-1]
    points: list[CurvePoint] = []
    with (
        progress_bars() as report,
        closing(open_ladder(game, seed=seed, programs=programs, progress=report)) as ladder,
    ):
        for number, file in enumerate(files):
            try:
                network = load_weights(file, game)
            except (FileError, OSError) as error:
                click.echo(f"meijin: {error}; left out", err=True)
                continue
            climber = network_agent(
                evaluator_of(network, game=game),
                game=game,
                simulations=simulations,
                seed=seed,
                name=file.stem,
            )
            climbed = climb_ladder(climber, ladder, games=games, seed=seed)
            points.append(
                CurvePoint(
                    version=network.version,
                    minutes=round(float(network.facts.get("elapsed_seconds", 0)) / 60, 2),
                    games=int(network.facts.get("episodes", 0)),
                    rating=climbed.rating,
                )
            )
            report(f"{len(files)} networks", (number + 1) / len(files))
    if not points:
        raise click.ClickException(f"none of the networks of {run} can be read")
    title = f"{game.id} on the ladder, {simulations} simulations a move, {games} games a rung"
    text = json.dumps({"game": game.id, "seed": seed, "curve": curve_facts(points)}, indent=2)
    if str(json_file) == "-":
        print(text)
    else:
        Console().print(curve_table(points, title=title))
    target = json_file if json_file and str(json_file) != "-" else run / "curve.json"
    _write(target, (text + "\n").encode())
    draw_curve(points, ladder.ratings, title=title, target=target.with_suffix(".png"))
    click.echo(f"wrote {target} and {target.with_suffix('.png')}", err=True)


def _facts(
    text: str, game: Game, truths: list[TruthReport], ladder: LadderReport | None, *, seed: int
) -> dict[str, Any]:
    """Everything measured, for programs; shares from 0 to 1, intervals are 95 %."""
    facts: dict[str, Any] = {
        "agent": text,
        "game": game.id,
        "seed": seed,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "truth": {
            each.agent: {
                name: _score_facts(score)
                for name, score in [*each.by_class.items(), ("total", each.total)]
            }
            for each in truths
        },
    }
    if ladder is not None:
        facts["ladder"] = [match_facts(match) for match in ladder.matches]
        facts["elo"] = rating_facts(ladder)
    return facts


def _score_facts(score: TruthScore) -> dict[str, Any]:
    low, high = score.interval
    return {
        "positions": score.positions,
        "errors": score.errors,
        "error": round(score.error, 5),
        "error_95": [round(low, 5), round(high, 5)],
    }


def _show(text: str, truths: list[TruthReport], ladder: LadderReport | None) -> None:
    """Tables for people."""
    console = Console()
    if truths:
        console.print(_truth_table(text, truths))
    if ladder is not None:
        console.print(ladder_table(ladder))


def _truth_table(text: str, truths: list[TruthReport]) -> Table:
    table = Table(
        title=f"Moves of {text} that give a result away, in percent",
        caption="in brackets: 95 % intervals",
    )
    table.add_column("positions")
    table.add_column("count", justify="right")
    for report in truths:
        table.add_column(report.agent, justify="right")
    rows = [(name, [report.by_class[name] for report in truths]) for name in truths[0].by_class]
    for name, scores in [*rows, ("all", [report.total for report in truths])]:
        cells = [f"{_percent(s.error)} {_between(*s.interval, _percent)}" for s in scores]
        table.add_row(name.replace("_", " "), str(scores[0].positions), *cells)
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _between(low: float, high: float, text: Callable[[float], str]) -> str:
    """An interval, short enough for a cell."""
    return f"({text(low)}..{text(high)})"


def _keep(
    text: str,
    json_file: Path | None,
    agent: str,
    ladder: LadderReport | None,
    *,
    quick: bool,
) -> None:
    """Write the result where it was asked for, and into the run unless it is only an impression."""
    targets = [json_file] if json_file is not None and str(json_file) != "-" else []
    if is_run(Path(agent)) and not quick:
        targets.append(Path(agent) / "evaluation.json")
    for target in targets:
        _write(target, text.encode())
        wrote = str(target)
        if ladder is not None:
            picture = target.with_suffix(".png")
            with writing(picture):
                draw_ladder(ladder, target=picture)
            wrote += f" and {picture}"
        click.echo(f"wrote {wrote}", err=True)


def _write(target: Path, data: bytes) -> None:
    with writing(target):
        write_atomically(target, data)
