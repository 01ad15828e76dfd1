"""Play the levels of a shipped network against each other and the ladder, and keep their ratings.

The levels that `meijin play` offers come from the file that this writes. Matches that are done are
kept beside it while it runs, so that it can be stopped and goes on.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from agents.agent import Agent
from agents.arena.elo import Pairing, fit_ratings, pairings_of
from agents.arena.ladder import rung_results, rungs_for
from agents.arena.match import Tally, play_match
from agents.factory import make_agent
from agents.network import open_network
from agents.terminal.level_agent import LevelAgent
from agents.terminal.strength import LEVELS_FILE, Strength
from agents.weights_file import shipped_file
from games import make
from games.game import Game
from scripts.agent_options import DEFAULT_GAME, seed_option

#: From a beginner to as strong as a second a move allows.
LADDER_OF_LEVELS = (
    Strength(simulations=0, temperature=4.0),
    Strength(simulations=0, temperature=2.0),
    Strength(simulations=0, temperature=1.0),
    Strength(simulations=0, temperature=0.5),
    Strength(simulations=0),
    Strength(simulations=8, endings=False),
    Strength(simulations=32, endings=False),
    Strength(simulations=128, endings=False),
    Strength(simulations=64),
    Strength(simulations=512),
)
_SLOW = (9, 10)  # levels that search endings: fewer games


@click.command("calibrate-levels")
@click.argument("game_id", default=DEFAULT_GAME, metavar="[GAME]")
@click.option("--games", type=click.IntRange(min=2), default=200, show_default=True)
@click.option("--slow-games", type=click.IntRange(min=2), default=100, show_default=True)
@seed_option
def command(game_id: str, games: int, slow_games: int, seed: int) -> None:
    """Renew the ratings of a game's levels; needed when its network or the rules change."""
    game = make(game_id)
    evaluator = open_network([shipped_file(game)], game=game, say=click.echo)
    levels = {
        number: LevelAgent(each, game=game, evaluator=evaluator, name=f"level {number}")
        for number, each in enumerate(LADDER_OF_LEVELS, start=1)
    }
    rungs = [make_agent(text, game=game, seed=seed) for text in rungs_for(game)]
    kept = LEVELS_FILE.with_suffix(".part")
    done = _read(kept)
    for number, a, b in _matches(levels, rungs):
        if (a.name, b.name) in done:
            continue
        count = slow_games if number in _SLOW else games
        result = play_match(a, b, games=count, seed=seed)
        done[a.name, b.name] = pairings_of(result)
        _write(kept, done)
        total = result.total
        click.echo(f"{a.name} - {b.name}: {total.wins} {total.draws} {total.losses}")
    pairings = list(rung_results(game, rungs, seed=seed))
    pairings += [each for pair in done.values() for each in pair]
    ratings = fit_ratings(pairings, anchor=rungs[0].name)
    rows = []
    for number, strength in enumerate(LADDER_OF_LEVELS, start=1):
        rating = ratings.players[f"level {number}"]
        rows.append(
            {
                "simulations": strength.simulations,
                "temperature": strength.temperature,
                "endings": strength.endings,
                "elo": round(rating.elo),
                "low": round(rating.low),
                "high": round(rating.high),
            }
        )
        click.echo(f"level {number}: {rating.elo:.0f} ({rating.low:.0f} to {rating.high:.0f})")
    _store(game, rows)
    kept.unlink(missing_ok=True)


def _matches(
    levels: dict[int, LevelAgent], rungs: list[Agent]
) -> list[tuple[int, LevelAgent, Agent]]:
    """Who plays whom: each level the two below it, and the rungs that are about as strong."""
    matches: list[tuple[int, LevelAgent, Agent]] = []
    for number, level in levels.items():
        matches += [
            (number, level, levels[below]) for below in (number - 1, number - 2) if below in levels
        ]
    near = {0: (1, 2, 3), 1: (1, 2, 3, 4), 2: (3, 4, 5, 6, 7), 3: (5, 6, 7, 8, 9)}
    for index, rung in enumerate(rungs):
        matches += [(number, levels[number], rung) for number in near.get(index, ())]
    return sorted(matches, key=lambda each: each[0])


def _read(path: Path) -> dict[tuple[str, str], list[Pairing]]:
    if not path.is_file():
        return {}
    return {
        (a, b): [Pairing(first=x, second=y, tally=Tally(*counts)) for x, y, *counts in tables]
        for a, b, tables in json.loads(path.read_text(encoding="utf-8"))
    }


def _write(path: Path, done: dict[tuple[str, str], list[Pairing]]) -> None:
    rows = [
        [
            a,
            b,
            [[p.first, p.second, p.tally.wins, p.tally.draws, p.tally.losses] for p in pairings],
        ]
        for (a, b), pairings in done.items()
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")


def _store(game: Game, rows: list[dict[str, float | bool]]) -> None:
    """Put a game's levels into the file that is shipped."""
    known = json.loads(LEVELS_FILE.read_text(encoding="utf-8")) if LEVELS_FILE.is_file() else {}
    known[game.id] = {"source_hash": game.source_hash, "levels": rows}
    LEVELS_FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    click.echo(f"levels of {game.id} written to {LEVELS_FILE}")


if __name__ == "__main__":
    command()
