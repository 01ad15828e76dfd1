"""Play the rungs of the ladder among themselves and keep the results, for `meijin evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from agents.arena.ladder import KNOWN_FILE, make_rungs, store_results
from agents.arena.match import OPENING_PLIES, opening_book
from agents.arena.store import pairings_of_games
from agents.arena.tournament import Tournament
from games import make
from scripts.agent_options import DEFAULT_GAME, progress_bars, seed_option
from scripts.game_files import open_store

#: Games in flight: some, so that our own agents are asked in batches, and not so many that programs
#: are told whole games again and again.
_PARALLEL = 16


@click.command("ladder-table")
@click.argument("game_id", default=DEFAULT_GAME, metavar="[GAME]")
@click.option("--games", type=click.IntRange(min=2), default=1000, show_default=True)
@click.option(
    "--db",
    "db_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="SQLite file of the games; the same command goes on with what is missing.",
)
@seed_option
def command(game_id: str, games: int, db_file: Path, seed: int) -> None:
    """Renew what `meijin evaluate` knows of its rungs; needed when one or the rules change."""
    game = make(game_id)
    rungs, missing = make_rungs(game, seed=seed)
    if missing:
        raise click.ClickException(f"not installed, so the ladder would lack: {', '.join(missing)}")
    names = [rung.name for rung in rungs]
    store = open_store(db_file, names, rungs, plies=OPENING_PLIES, seed=seed)
    book = opening_book(game, plies=OPENING_PLIES, seed=seed)
    tournament = Tournament(
        rungs, store, games=games, seed=seed, book=book, choice="scale", parallel=_PARALLEL
    )
    with progress_bars() as report:
        tournament.play(progress=lambda share: report(game.id, share))
    standings = tournament.standings()
    store.close()
    for rung in rungs:
        rung.close()
    store_results(game, pairings_of_games(standings.games))
    print(f"{len(standings.games)} games of {game.id} written to {KNOWN_FILE}")


if __name__ == "__main__":
    command()
