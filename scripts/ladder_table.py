"""Play the rungs of the ladder among themselves and keep the results, for `meijin evaluate`."""

from __future__ import annotations

import click

from agents.arena.ladder import KNOWN_FILE, RUNGS, play_rungs, store_results
from agents.factory import make_agent
from games import make
from scripts.agent_options import DEFAULT_GAME, progress_bars, seed_option


@click.command("ladder-table")
@click.argument("game_id", default=DEFAULT_GAME, metavar="[GAME]")
@click.option("--games", type=click.IntRange(min=2), default=400, show_default=True)
@seed_option
def command(game_id: str, games: int, seed: int) -> None:
    """Renew what `meijin evaluate` knows of its rungs; needed when one or the rules change."""
    game = make(game_id)
    rungs = [make_agent(text, game=game, seed=seed) for text in RUNGS]
    with progress_bars() as report:
        pairings = play_rungs(rungs, games=games, seed=seed, progress=report)
    store_results(game, pairings)
    print(f"{len(pairings)} tables of {game.id} written to {KNOWN_FILE}")


if __name__ == "__main__":
    command()
