"""Make the expert games that the lectures imitate: Connect Four by our engine, Go by GNU Go.

    python -m scripts.build_expert_games connect_four
    python -m scripts.build_expert_games go9 --program /usr/games/gnugo

Connect Four's games are the same for the same networks and seed; GNU Go has its own source of
chance, which ``--seed`` settles as far as it keeps to it.
"""

from __future__ import annotations

from pathlib import Path

import click

import agents.museum
from agents.agent import Agent
from agents.alphago.expert_games import lessons_of, play_expert_games, save_expert_games
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
GAMES = {"connect_four": 4096, "go9": 1500}
#: Go's games are longer: fewer moves at random leave the result to the expert.
RANDOM_SHARES = {"connect_four": 0.15, "go9": 0.06}


def expert_of(game: Game, name: str, *, program: str, seed: int) -> Agent:
    """Who plays the games: the shipped network with AlphaZero's search, or GNU Go.

    Raises:
        AgentError: no network is shipped, or no program named.
    """
    if name == "go9":
        command = f"{program} {GNU_GO} --never-resign --seed {seed + 1}"
        return GtpAgent(command, game=game, name="GNU Go")
    return SearchAgent(
        game=game,
        evaluator=open_network([shipped_file(game)], game=game),
        simulations=SIMULATIONS,
        seed=seed,
        name="expert",
        config=TREE_ALONE,
    )


@click.command("build-expert-games")
@click.argument("name", type=click.Choice(list(GAMES)))
@click.option("--games", type=click.IntRange(min=1), help="How many [4096; Go: 1500].")
@click.option("--program", default="gnugo", show_default=True, help="GNU Go, for go9.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File [the package's own].")
def command(name: str, games: int | None, program: str, seed: int, out: Path | None) -> None:
    """Play the games and write them."""
    game = make(name)
    expert = expert_of(game, name, program=program, seed=seed)
    count = games or GAMES[name]
    with click.progressbar(length=count, label=f"{expert.name} plays") as bar:
        played = play_expert_games(
            expert,
            games=count,
            seed=seed,
            random_share=RANDOM_SHARES[name],
            progress=lambda done: bar.update(done - bar.pos),
            **({"parallel": 1} if isinstance(expert, GtpAgent) else {}),
        )
    expert.close()
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
