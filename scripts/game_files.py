"""What `match` and `tournament` share: options, and the file of games opened for agents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from agents.agent import Agent
from agents.arena.match import OPENING_PLIES
from agents.arena.rules_signature import rules_signature
from agents.arena.store import GameStore
from agents.factory import identity_of
from agents.protocols.clock import TimeSettings, read_time_settings
from games.game import Game

db_option = click.option(
    "--db",
    "db_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep every game in this SQLite file; the same command goes on with what is missing.",
)
parallel_option = click.option(
    "--parallel",
    type=click.IntRange(min=1),
    help="Games in flight [256, and 4 where an outside program plays].",
)
simulations_option = click.option(
    "--simulations",
    type=click.IntRange(min=0),
    help="Simulations a move for agents that search and do not say; 0: networks alone.",
)
clock_option = click.option(
    "--clock",
    metavar="TIME",
    callback=lambda _, __, text: read_time_settings(text) if text is not None else None,
    help="Seconds of each player in a game, which is lost by whoever needs more: 60, 60+0.5 (more "
    "for every move), 60/5 (then 5 a move), 60/30:10 (then 30 for every 10 moves). One game at a "
    "time.",
)
opening_plies_option = click.option(
    "--opening-plies",
    type=click.IntRange(min=0),
    default=OPENING_PLIES,
    show_default=True,
    help="Random half-moves at the start of each game.",
)


def open_store(
    path: Path,
    texts: Sequence[str],
    agents: Sequence[Agent],
    *,
    plies: int,
    seed: int,
    clock: TimeSettings | None = None,
) -> GameStore:
    """The file, with the agents entered that the texts name."""
    game = agents[0].game
    store = GameStore(path, about=facts_of(game, plies=plies, seed=seed, clock=clock))
    try:
        for text, agent in zip(texts, agents, strict=True):
            store.enter(agent.name, identity_of(text, game=game))
    except BaseException:
        store.close()
        raise
    return store


def facts_of(
    game: Game, *, plies: int, seed: int, clock: TimeSettings | None = None
) -> dict[str, str]:
    """What all games of a file have in common."""
    return {
        "game": game.id,
        "rules": rules_signature(game),
        "openings": f"of {plies} random plies with seed {seed}",
        "clock": clock.text if clock is not None else "none",
    }
