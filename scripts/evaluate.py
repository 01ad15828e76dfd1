"""`meijin evaluate`: how good a network is, against the truth and against a fixed ladder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from agents.agent import Agent
from agents.arena.elo import Rating, Ratings
from agents.arena.ladder import LadderReport, climb_ladder, known_results, rungs_for
from agents.arena.truth import TruthReport, TruthScore, measure_truth
from agents.arena.truth_sets import truth_for
from agents.factory import (
    NetworkSpec,
    make_agent,
    network_agent,
    open_evaluator,
    parse_network,
)
from agents.weights_file import is_run
from engine.orchestration.run_directory import write_atomically
from games.game import Game
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    progress_bars,
    seed_option,
    settle_game,
)
from scripts.match import match_facts, score_interval

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
@click.option("--quick", is_flag=True, help="Fewer positions and games: a first impression.")
@seed_option
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Also write the result here; - prints it instead of the tables.",
)
def command(
    agent: str,
    game_id: str | None,
    strengths: tuple[int, ...],
    ladder_simulations: int,
    games: int,
    quick: bool,
    seed: int,
    json_file: Path | None,
) -> None:
    """Measure a run, a weights file or any agent.

    The truth meter counts the moves that give away a win or a draw, on positions whose exact result
    is known. The ladder is a fixed set of opponents, rated together with the agent. A run keeps the
    result as evaluation.json.
    """
    game = settle_game(game_id, agent)
    measured, climber = _agents(
        agent, game=game, strengths=strengths, ladder_simulations=ladder_simulations, seed=seed
    )
    started = time.monotonic()
    with progress_bars() as report:
        truths = _measure(measured, game, quick=quick, report=report)
        games = min(games, _QUICK_GAMES) if quick else games
        ladder = _climb(climber, game, games=games, seed=seed, report=report) if games else None
    facts = _facts(agent, game, truths, ladder, seed=seed)
    facts["seconds"] = round(time.monotonic() - started, 1)
    text = json.dumps(facts, indent=2) + "\n"
    if str(json_file) == "-":
        print(text, end="")
    else:
        _show(agent, truths, ladder)
    _keep(text, json_file, agent, quick=quick)


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
        measure_truth(
            agent, truth, batch=256, progress=lambda share, name=agent.name: report(name, share)
        )
        for agent in agents
    ]


def _climb(agent: Agent, game: Game, *, games: int, seed: int, report: Report) -> LadderReport:
    """The ladder, with what is known of its rungs."""
    rungs = [make_agent(text, game=game, seed=seed) for text in rungs_for(game)]
    known = known_results(game, rungs, games=games, seed=seed, progress=report)
    return climb_ladder(agent, rungs, games=games, seed=seed, known=known, progress=report)


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
        facts["elo"] = _rating_facts(ladder.ratings)
    return facts


def _score_facts(score: TruthScore) -> dict[str, Any]:
    low, high = score.interval
    return {
        "positions": score.positions,
        "errors": score.errors,
        "error": round(score.error, 5),
        "error_95": [round(low, 5), round(high, 5)],
    }


def _rating_facts(ratings: Ratings) -> dict[str, Any]:
    def one(rating: Rating) -> dict[str, Any]:
        return {
            "elo": round(rating.elo, 1),
            "elo_95": [round(rating.low, 1), round(rating.high, 1)],
        }

    return {
        "anchor": ratings.anchor,
        "players": {name: one(rating) for name, rating in ratings.players.items()},
        "first_player_advantage": one(ratings.first_player_advantage),
        "even_draw_rate": round(ratings.even_draw_rate, 4),
    }


def _show(text: str, truths: list[TruthReport], ladder: LadderReport | None) -> None:
    """Tables for people."""
    console = Console()
    if truths:
        console.print(_truth_table(text, truths))
    if ladder is not None:
        console.print(_ladder_table(ladder))


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


def _whole(elo: float) -> str:
    return f"{elo:.0f}"


def _between(low: float, high: float, text: Callable[[float], str]) -> str:
    """An interval, short enough for a cell."""
    return f"({text(low)}..{text(high)})"


def _ladder_table(ladder: LadderReport) -> Table:
    ratings = ladder.ratings
    climber = ladder.matches[0].a
    mine = ratings.players[climber]
    advantage = ratings.first_player_advantage
    table = Table(
        title=(
            f"{climber} against the ladder: "
            f"Elo {mine.elo:.0f} {_between(mine.low, mine.high, _whole)}"
        ),
        caption=(
            f"{ratings.anchor} is 0 Elo; moving first is worth {advantage.elo:.0f} "
            f"{_between(advantage.low, advantage.high, _whole)}"
        ),
    )
    for heading in ("opponent", "wins", "draws", "losses", "score in %", "its Elo"):
        table.add_column(heading, justify="left" if heading == "opponent" else "right")
    for match in ladder.matches:
        total, theirs = match.total, ratings.players[match.b]
        low, high = score_interval(total)
        table.add_row(
            match.b,
            *(str(count) for count in (total.wins, total.draws, total.losses)),
            f"{_percent(total.score)} {_between(low, high, _percent)}",
            f"{theirs.elo:.0f} {_between(theirs.low, theirs.high, _whole)}",
        )
    return table


def _keep(text: str, json_file: Path | None, agent: str, *, quick: bool) -> None:
    """Write the result where it was asked for, and into the run unless it is only an impression."""
    targets = [json_file] if json_file is not None and str(json_file) != "-" else []
    if is_run(Path(agent)) and not quick:
        targets.append(Path(agent) / "evaluation.json")
    for target in targets:
        try:
            write_atomically(target, text.encode())
        except OSError as error:
            raise click.ClickException(f"cannot write {target}: {error.strerror}") from None
