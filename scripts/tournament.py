"""`meijin tournament A B C ...`: many agents meet, and are rated together."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from agents.arena.fixtures import games_in_flight
from agents.arena.match import opening_book
from agents.arena.tournament import Choice, Tournament, check_players
from agents.factory import make_agent
from agents.protocols.clock import TimeSettings
from engine.inference.evaluator import Evaluator
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    json_option,
    progress_bars,
    seed_option,
    settle_game,
)
from scripts.game_files import (
    clock_option,
    open_store,
    opening_plies_option,
    parallel_option,
    simulations_option,
)
from scripts.result_files import check_folders, writing
from scripts.standings import draw_standings, ranking_table, standings_facts, superiority_table

_GAMES_A_PAIR = 20


@click.command("tournament", epilog=f"Agents: {AGENT_HELP}")
@click.argument("players", nargs=-1, required=True, metavar="A B [C ...]")
@game_option
@click.option(
    "--games",
    type=click.IntRange(min=2),
    help=f"Games altogether, those of the file included [{_GAMES_A_PAIR} for every two players].",
)
@click.option(
    "--db",
    "db_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("tournament.db"),
    show_default=True,
    help="SQLite file of the games; the same command goes on with what is missing.",
)
@click.option(
    "--pairing",
    type=click.Choice(["informative", "scale", "round-robin"]),
    default="informative",
    show_default=True,
    help="Who plays whom: what narrows the widest open interval of the ranking most, the same for "
    "the distances from the anchor, or all equally often.",
)
@click.option("--anchor", help="The player whose rating is 0 Elo [the first named].")
@simulations_option
@opening_plies_option
@clock_option
@parallel_option
@seed_option
@json_option
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Picture of ratings and scores [the database's name with .png].",
)
def command(
    players: tuple[str, ...],
    game_id: str | None,
    games: int | None,
    db_file: Path,
    pairing: Choice,
    anchor: str | None,
    simulations: int | None,
    opening_plies: int,
    clock: TimeSettings | None,
    parallel: int | None,
    seed: int,
    json_file: Path | None,
    picture: Path | None,
) -> None:
    """Let all players meet from paired random openings, and rate them together.

    Every game is in the database as soon as it ends: stop or kill the tournament, and the same
    command goes on. With more players or more games it is continued.

    Example:
      meijin tournament random one_ply alpha_beta:5 mcts:1000 shipped@100 --games 400
    """
    check_folders(json_file, picture, db_file)
    game = settle_game(game_id, *players)
    opened: dict[str, Evaluator] = {}
    agents = [
        make_agent(text, game=game, simulations=simulations, seed=seed, opened=opened)
        for text in players
    ]
    check_players(agents, anchor=anchor)
    count = len(agents)
    wanted = games if games is not None else _GAMES_A_PAIR * count * (count - 1) // 2
    store = open_store(db_file, players, agents, plies=opening_plies, seed=seed, clock=clock)
    try:
        tournament = Tournament(
            agents,
            store,
            games=wanted,
            seed=seed,
            book=opening_book(game, plies=opening_plies, seed=seed),
            choice=pairing,
            anchor=anchor,
            parallel=games_in_flight(parallel, agents),
            clock=clock,
        )
        if tournament.played:
            click.echo(f"{db_file} holds {tournament.played} of these games already", err=True)
        with progress_bars() as report:
            tournament.play(progress=lambda share: report(f"{wanted} games", share))
        standings = tournament.standings()
    finally:
        store.close()
        for agent in agents:
            agent.close()
    text = json.dumps(standings_facts(standings), indent=2) + "\n"
    if str(json_file) == "-":
        print(text, end="")
    else:
        console = Console()
        console.print(ranking_table(standings))
        console.print(superiority_table(standings))
    target = picture or db_file.with_suffix(".png")
    result = ""
    if json_file is not None and str(json_file) != "-":
        with writing(json_file):
            json_file.write_text(text, encoding="utf-8")
        result = f"; result: {json_file}"
    with writing(target):
        draw_standings(standings, target=target)
    click.echo(f"games: {db_file}; picture: {target}{result}", err=True)
