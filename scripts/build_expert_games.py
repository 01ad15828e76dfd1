"""Make the expert games that the lectures imitate: Connect Four by our engine, Go by GNU Go.

    python -m scripts.build_expert_games connect_four
    python -m scripts.build_expert_games go9 --program /usr/games/gnugo

The same seed makes the same games: of the engine with the same network on the same machine, of GNU
Go in the same version and with as many of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import agents.museum
from agents.alphago.expert_games import (
    ExpertGames,
    join_games,
    lessons_of,
    play_expert_games,
    save_expert_games,
)
from agents.network import open_network
from agents.protocols.gtp_agent import GtpAgent
from agents.search_agent import TREE_ALONE, SearchAgent
from agents.weights_file import shipped_file
from games import make
from games.game import Game

FOLDER = Path(agents.museum.__path__[0])
SIMULATIONS = 64
#: Level 1 of 10: half a second a game. Dead stones are played out, since our rules count whatever
#: stands on the board.
GNU_GO = "--mode gtp --level 1 --chinese-rules --positional-superko --capture-all-dead"
GAMES = {"connect_four": 4096, "go9": 300}

Progress = Callable[[int, int], None]  # games done, and by which player


def by_engine(game: Game, *, games: int, seed: int, progress: Progress) -> ExpertGames:
    """Games of the shipped network with AlphaZero's search against itself."""
    expert = SearchAgent(
        game=game,
        evaluator=open_network([shipped_file(game)], game=game),
        simulations=SIMULATIONS,
        seed=seed,
        name="expert",
        config=TREE_ALONE,
    )
    return play_expert_games(
        expert, games=games, seed=seed, random_share=0.15, progress=lambda done: progress(done, 0)
    )


def by_gnu_go(
    game: Game, *, games: int, seed: int, progress: Progress, program: str, programs: int
) -> ExpertGames:
    """Games of GNU Go against itself, of several programs side by side.

    Go's games are longer: fewer moves at random leave the result to the expert.
    """

    def play(rows: NDArray[np.int64], number: int) -> ExpertGames:
        own = seed * programs + number
        command = f"{program} {GNU_GO} --never-resign --seed {own + 1}"
        expert = GtpAgent(command, game=game, name="GNU Go")
        try:
            return play_expert_games(
                expert,
                games=len(rows),
                seed=own,
                random_share=0.06,
                parallel=1,
                progress=lambda done: progress(done, number),
            )
        finally:
            expert.close()

    shares = np.array_split(np.arange(games), programs)
    with ThreadPoolExecutor(programs) as pool:
        return join_games(list(pool.map(play, shares, range(programs))))


@click.command("build-expert-games")
@click.argument("name", type=click.Choice(list(GAMES)))
@click.option("--games", type=click.IntRange(min=1), help="How many [4096; Go: 300].")
@click.option("--program", default="gnugo", show_default=True, help="GNU Go, for go9.")
@click.option(
    "--programs", type=click.IntRange(min=1), default=8, show_default=True, help="GNU Gos at once."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File [the package's own].")
def command(
    name: str, games: int | None, program: str, programs: int, seed: int, out: Path | None
) -> None:
    """Play the games and write them."""
    game = make(name)
    count = games or GAMES[name]
    finished: dict[int, int] = {}
    with click.progressbar(length=count, label="games") as bar:

        def progress(done: int, player: int) -> None:
            finished[player] = done
            bar.update(sum(finished.values()) - bar.pos)

        if name == "go9":
            played = by_gnu_go(
                game,
                games=count,
                seed=seed,
                progress=progress,
                program=program,
                programs=min(programs, count),
            )
        else:
            played = by_engine(game, games=count, seed=seed, progress=progress)
    lessons = lessons_of(game, played)  # plays them again: what is written can be read
    path = (out or FOLDER / f"{name}_expert_games").with_suffix(".npz")
    save_expert_games(path, played)
    first = float((played.results[:, 0] > 0).mean())
    click.echo(
        f"{path}: {count:,} games, {len(lessons.states):,} lessons, the first player wins "
        f"{first:.0%}, {path.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    command()
