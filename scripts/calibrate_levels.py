"""Play a game's levels against each other and the ladder, and keep their ratings.

The levels that `meijin play` offers come from the file that this writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from agents.arena.elo import Rating, fit_ratings
from agents.arena.ladder import climb_ladder, open_ladder, stored_results
from agents.arena.match import OPENING_PLIES, opening_book
from agents.arena.rules_signature import rules_signature
from agents.arena.rungs import own_rungs
from agents.arena.store import GameStore, pairings_of_games
from agents.arena.tournament import Tournament
from agents.factory import SHIPPED, make_agent
from agents.terminal.level_agent import LevelAgent, make_player
from agents.terminal.opponents import ROLLOUTS, usual_text
from agents.terminal.strength import (
    LEVELS_FILE,
    ROLLOUT_LEVELS,
    LevelRating,
    Strength,
    calibrated_levels,
)
from agents.weights_file import shipped_file
from games import make
from games.game import Game
from scripts.agent_options import DEFAULT_GAME, progress_bars, seed_option
from scripts.game_files import facts_of

#: Of a shipped network, from a beginner to as strong as a second a move allows. Each thinks more
#: than the one before, also in games without endings for alpha-beta, or with short ones.
SHIPPED_LEVELS = (
    Strength(simulations=0, random=0.75),
    Strength(simulations=0, random=0.4),
    Strength(simulations=0, temperature=2.0),
    Strength(simulations=0, temperature=0.5),
    Strength(simulations=0),
    Strength(simulations=8, endings=False),
    Strength(simulations=32, endings=False),
    Strength(simulations=128, endings=False),
    Strength(simulations=256),
    Strength(simulations=512),
)


@click.command("calibrate-levels")
@click.argument("game_id", default=DEFAULT_GAME, metavar="[GAME]")
@click.option(
    "--player",
    type=click.Choice([SHIPPED, ROLLOUTS]),
    help="Whose levels [the shipped network's where there is one].",
)
@click.option("--games", type=click.IntRange(min=2), default=1000, show_default=True)
@click.option(
    "--db",
    "db_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="SQLite file of the games; the same command goes on with what is missing.",
)
@click.option(
    "--new",
    "only_new",
    is_flag=True,
    help="Only levels that are not rated yet, each with so many games against every rung.",
)
@seed_option
def command(
    game_id: str, player: str | None, games: int, db_file: Path | None, only_new: bool, seed: int
) -> None:
    """Renew the ratings of a game's levels; needed when its network or the rules change."""
    if (db_file is None) != only_new:
        raise click.UsageError("give either --db, for games of all levels, or --new")
    game = make(game_id)
    player = player or usual_text(game)
    if db_file is None:
        _rate_new(game, player, games=games, seed=seed)
        return
    strengths = SHIPPED_LEVELS if player == SHIPPED else ROLLOUT_LEVELS
    rungs = [text for text in own_rungs(game) if not text.startswith("alpha_beta")]
    names = [_name(number, each, player, rungs) for number, each in enumerate(strengths, start=1)]
    levels = _levels(game, player, dict(zip(names, strengths, strict=True)), rungs, seed=seed)
    agents = [*(make_agent(text, game=game, seed=seed) for text in rungs), *levels]
    store = GameStore(db_file, about=facts_of(game, plies=OPENING_PLIES, seed=seed))
    try:
        for agent in agents:
            text = agent.strength.text if isinstance(agent, LevelAgent) else agent.name
            store.enter(agent.name, text)
        book = opening_book(game, plies=OPENING_PLIES, seed=seed)
        tournament = Tournament(agents, store, games=games, seed=seed, book=book, choice="scale")
        with progress_bars() as report:
            tournament.play(progress=lambda share: report(game.id, share))
        played = pairings_of_games(tournament.standings().games)
    finally:
        store.close()
    ratings = fit_ratings([*stored_results(game), *played], anchor=rungs[0])
    rated = [ratings.players[name] for name in names]
    _store(game, player, list(zip(strengths, rated, strict=True)))


def _rate_new(game: Game, player: str, *, games: int, seed: int) -> None:
    """Let levels without a rating climb the ladder; all others keep theirs."""
    known = {replace(each, rating=None): each.rating for each in calibrated_levels(game, player)}
    strengths = SHIPPED_LEVELS if player == SHIPPED else ROLLOUT_LEVELS
    new = {f"level {n}": each for n, each in enumerate(strengths, start=1) if each not in known}
    climbers = _levels(game, player, new, [], seed=seed)
    ladder = open_ladder(game, seed=seed, programs=False)
    with progress_bars() as report:
        found = {
            agent.strength: climb_ladder(
                agent, ladder, games=games, seed=seed, progress=report
            ).rating
            for agent in climbers
        }
    _store(game, player, [(each, known.get(each) or found[each]) for each in strengths])


def _name(number: int, strength: Strength, player: str, rungs: list[str]) -> str:
    """How a level is called in results: as the rung, where it is the same."""
    rung = f"{ROLLOUTS}:{strength.simulations}"
    is_rung = player == ROLLOUTS and rung in rungs and not strength.random
    return rung if is_rung else f"level {number}"


def _levels(
    game: Game, player: str, named: dict[str, Strength], rungs: list[str], *, seed: int
) -> list[LevelAgent]:
    """The levels that are no rungs."""
    if player == ROLLOUTS:
        return [
            LevelAgent(
                each,
                make_agent(player, game=game, simulations=each.simulations, seed=seed),
                name=name,
                seed=seed,
            )
            for name, each in named.items()
            if name not in rungs
        ]
    from agents.network import open_network

    evaluator = open_network([shipped_file(game)], game=game, say=click.echo)
    return [
        LevelAgent(
            each, make_player(each, game=game, evaluator=evaluator, seed=seed), name=name, seed=seed
        )
        for name, each in named.items()
    ]


def _store(game: Game, player: str, rated: Sequence[tuple[Strength, Rating | LevelRating]]) -> None:
    """Put a game's levels into the file that is shipped.

    Those without search come in the order of their ratings: which way of weakening a network is the
    worse one depends on the game. Those with search keep theirs, which is clearer than the games.
    """
    rows = []
    weakest_first = sorted(
        rated, key=lambda each: float("inf") if each[0].simulations else each[1].elo
    )
    for number, (strength, rating) in enumerate(weakest_first, start=1):
        rows.append(
            {
                "simulations": strength.simulations,
                "temperature": strength.temperature,
                "endings": strength.endings,
                "random": strength.random,
                "elo": round(rating.elo),
                "low": round(rating.low),
                "high": round(rating.high),
            }
        )
        click.echo(
            f"level {number}: {strength.text}: "
            f"{rating.elo:.0f} ({rating.low:.0f} to {rating.high:.0f})"
        )
    known = json.loads(LEVELS_FILE.read_text(encoding="utf-8")) if LEVELS_FILE.is_file() else {}
    measured = {"rules": rules_signature(game), "levels": rows}
    known[game.id] = {**known.get(game.id, {}), player: measured}
    LEVELS_FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    click.echo(f"levels of {game.id} written to {LEVELS_FILE}")


if __name__ == "__main__":
    command()
