"""`meijin match A B`: two agents meet."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from agents.arena.intervals import wilson_interval
from agents.arena.match import OPENING_PLIES, MatchResult, Tally, play_match
from agents.factory import make_agent
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    progress_bars,
    seed_option,
    settle_game,
)


@click.command("match", epilog=f"Agents: {AGENT_HELP}")
@click.argument("a")
@click.argument("b")
@game_option
@click.option(
    "--games",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Rounded up to pairs: each opening is played with both colours.",
)
@click.option(
    "--simulations",
    type=click.IntRange(min=0),
    help="Simulations a move for agents that search and do not say; 0: networks alone.",
)
@click.option(
    "--opening-plies",
    type=click.IntRange(min=0),
    default=OPENING_PLIES,
    show_default=True,
    help="Random half-moves at the start of each game.",
)
@seed_option
@click.option("--json", "as_json", is_flag=True, help="Print the result for programs.")
def command(
    a: str,
    b: str,
    game_id: str | None,
    games: int,
    simulations: int | None,
    opening_plies: int,
    seed: int,
    as_json: bool,
) -> None:
    """Play agents A and B against each other from paired random openings."""
    game = settle_game(game_id, a, b)
    agents = [make_agent(each, game=game, simulations=simulations, seed=seed) for each in (a, b)]
    with progress_bars() as report:
        result = play_match(
            *agents,
            games=games,
            seed=seed,
            opening_plies=opening_plies,
            progress=lambda share: report(f"{agents[0].name} - {agents[1].name}", share),
        )
    if as_json:
        print(json.dumps(match_facts(result)))
    else:
        Console().print(_table(result))


def match_facts(result: MatchResult) -> dict[str, Any]:
    """A match for programs, from the view of A."""
    total = result.total
    return {
        "game": result.game_id,
        "a": result.a,
        "b": result.b,
        "games": total.games,
        "score": total.score,
        "score_95": list(score_interval(total)),
        "total": tally_facts(total),
        "as_first": tally_facts(result.as_first),
        "as_second": tally_facts(result.as_second),
        "duplicates": result.duplicates,
        "seed": result.seed,
    }


def tally_facts(tally: Tally) -> dict[str, int]:
    """Wins, draws and losses by name."""
    return {"wins": tally.wins, "draws": tally.draws, "losses": tally.losses}


def score_interval(tally: Tally) -> tuple[float, float]:
    """95 % interval of a score."""
    return wilson_interval(tally.wins + 0.5 * tally.draws, tally.games)


def _table(result: MatchResult) -> Table:
    """A match for people."""
    repeats = f"; {result.duplicates} games repeat others" if result.duplicates else ""
    table = Table(
        title=f"{result.a} - {result.b}, {result.game_id}",
        caption=f"from the view of {result.a}; seed {result.seed}{repeats}",
    )
    for heading in ("", "games", "wins", "draws", "losses", "score", "95 %"):
        table.add_column(heading, justify="left" if not heading else "right")
    for label, tally in (
        ("moving first", result.as_first),
        ("moving second", result.as_second),
        ("together", result.total),
    ):
        low, high = score_interval(tally)
        table.add_row(
            label,
            *(str(each) for each in (tally.games, tally.wins, tally.draws, tally.losses)),
            f"{tally.score:.1%}",
            f"{low:.1%} to {high:.1%}",
        )
    return table
