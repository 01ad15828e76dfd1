"""`meijin match A B`: two agents meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from agents.arena.fixtures import Outcome, games_in_flight
from agents.arena.intervals import wilson_interval
from agents.arena.match import (
    MatchResult,
    Place,
    PlayedGame,
    Tally,
    play_match,
)
from agents.arena.sprt import Sprt, SprtReport
from agents.arena.store import GameStore, StoreError
from agents.factory import make_agent
from agents.protocols.clock import TimeSettings
from engine.inference.evaluator import Evaluator
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    progress_bars,
    seed_option,
    settle_game,
)
from scripts.game_files import (
    clock_option,
    db_option,
    open_store,
    opening_plies_option,
    parallel_option,
    simulations_option,
)

_GAMES = 100
_GAMES_OF_A_TEST = 20_000  # at most


@click.command("match", epilog=f"Agents: {AGENT_HELP}")
@click.argument("a")
@click.argument("b")
@game_option
@click.option(
    "--games",
    type=click.IntRange(min=1),
    help="Rounded up to pairs: each opening is played with both colours "
    f"[{_GAMES}; with --sprt at most {_GAMES_OF_A_TEST}].",
)
@click.option(
    "--sprt",
    nargs=2,
    type=float,
    metavar="ELO0 ELO1",
    help="Sequential test: play until it is settled whether A is ELO0 or ELO1 stronger than B.",
)
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    help="Of --sprt: how often ELO1 may be taken where ELO0 is true.",
)
@click.option(
    "--beta",
    type=float,
    default=0.05,
    show_default=True,
    help="Of --sprt: how often ELO0 may be taken where ELO1 is true.",
)
@simulations_option
@opening_plies_option
@clock_option
@db_option
@parallel_option
@seed_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")
def command(
    a: str,
    b: str,
    game_id: str | None,
    games: int | None,
    sprt: tuple[float, float] | None,
    alpha: float,
    beta: float,
    simulations: int | None,
    opening_plies: int,
    clock: TimeSettings | None,
    db_file: Path | None,
    parallel: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Play agents A and B against each other from paired random openings.

    Examples:
      meijin match shipped@100 mcts:1000 --games 200

      meijin match runs/new@100 runs/old@100 --sprt 0 20 --db games.db

      meijin match mcts:5000 "uci:stockfish" --game chess --clock 10+0.1
    """
    game = settle_game(game_id, a, b)
    test = Sprt(*sprt, alpha=alpha, beta=beta) if sprt else None
    opened: dict[str, Evaluator] = {}
    agents = [
        make_agent(each, game=game, simulations=simulations, seed=seed, opened=opened)
        for each in (a, b)
    ]
    store = None
    known: dict[Place, PlayedGame] = {}
    if db_file is not None:
        if agents[0].name == agents[1].name:
            raise StoreError(f"{agents[0].name} against itself cannot be kept in a file")
        store = open_store(db_file, (a, b), agents, plies=opening_plies, seed=seed, clock=clock)
        known = _known(store, agents[0].name, agents[1].name)

    def keep(outcome: Outcome) -> None:
        if store is not None:
            store.add([outcome])

    try:
        with progress_bars() as report:
            result = play_match(
                *agents,
                games=games or (_GAMES_OF_A_TEST if test else _GAMES),
                seed=seed,
                opening_plies=opening_plies,
                sprt=test,
                parallel=games_in_flight(parallel, agents),
                clock=clock,
                known=known,
                keep=keep,
                progress=lambda share: report(f"{agents[0].name} - {agents[1].name}", share),
            )
    finally:
        for agent in agents:
            agent.close()
        if store is not None:
            store.close()
    if as_json:
        print(json.dumps(match_facts(result)))
    else:
        console = Console()
        console.print(_table(result))
        if result.sprt is not None:
            console.print(_test_line(result, result.sprt), highlight=False)


def _known(store: GameStore, a: str, b: str) -> dict[Place, PlayedGame]:
    """What two agents have played before, from the view of the first."""
    found = {}
    for each in store.games():
        if {each.first, each.second} == {a, b}:
            swapped = each.first == b
            found[each.opening, swapped] = PlayedGame(
                actions=each.actions,
                opening_plies=each.opening_plies,
                a_is_player=int(swapped),
                result_for_a=-each.result if swapped else each.result,
                on_time=each.on_time,
            )
    return found


def match_facts(result: MatchResult) -> dict[str, Any]:
    """A match for programs, from the view of A."""
    total = result.total
    facts = {
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
        "lost_on_time": dict(zip("ab", result.lost_on_time, strict=True)),
        "seed": result.seed,
    }
    if result.sprt is not None:
        facts["sprt"] = _test_facts(result.sprt)
    return facts


def _test_facts(report: SprtReport) -> dict[str, Any]:
    """A sequential test for programs."""
    test = report.test
    return {
        "elo0": test.elo0,
        "elo1": test.elo1,
        "alpha": test.alpha,
        "beta": test.beta,
        "bounds": list(test.bounds),
        "log_likelihood_ratio": report.ratio,
        "pairs": list(report.pairs),
        "taken": report.verdict,
    }


def _test_line(result: MatchResult, report: SprtReport) -> str:
    """A sequential test in words."""
    test = report.test
    lower, upper = test.bounds
    told = {
        "H1": f"{result.a} is {test.elo1:g} Elo stronger rather than {test.elo0:g} "
        f"(wrong at most {test.alpha:.1%} of the time)",
        "H0": f"{result.a} is {test.elo0:g} Elo stronger rather than {test.elo1:g} "
        f"(wrong at most {test.beta:.1%} of the time)",
        None: "not settled by these games; more of them would go on",
    }[report.verdict]
    return (
        f"{told}; log-likelihood ratio {report.ratio:.2f} of {lower:.2f} to {upper:.2f}, pairs by "
        f"points 0 to 2: {' '.join(str(count) for count in report.pairs)}"
    )


def tally_facts(tally: Tally) -> dict[str, int]:
    """Wins, draws and losses by name."""
    return {"wins": tally.wins, "draws": tally.draws, "losses": tally.losses}


def score_interval(tally: Tally) -> tuple[float, float]:
    """95 % interval of a score."""
    return wilson_interval(tally.wins + 0.5 * tally.draws, tally.games)


def _lateness(result: MatchResult) -> str:
    """Who lost how many games on time."""
    pairs = zip((result.a, result.b), result.lost_on_time, strict=True)
    return "".join(f"; {name} lost {count} on time" for name, count in pairs if count)


def _table(result: MatchResult) -> Table:
    """A match for people."""
    repeats = f"; {result.duplicates} games repeat others" if result.duplicates else ""
    table = Table(
        title=f"{result.a} - {result.b}, {result.game_id}",
        caption=f"from the view of {result.a}; seed {result.seed}{repeats}{_lateness(result)}",
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
