"""What the commands that need agents share: options, the game, progress on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from agents.agent import AgentError
from agents.factory import game_of
from games import make
from games.game import Game
from scripts.compile_notice import tell_of_compiling

#: Where neither the agents nor the user name a game.
DEFAULT_GAME = "connect_four"

AGENT_HELP = (
    "A run directory or weights file (PATH, PATH@100 for 100 simulations a move, policy:PATH for "
    "the network alone, tree:PATH without alpha-beta in endings), shipped, random, one_ply, "
    "mcts:1000, alpha_beta:5, deep_blue (chess), alphago:100 (Connect Four), solver; in "
    "matches also gtp:COMMAND, uci:COMMAND and usi:COMMAND for outside programs."
)

#: Of the protocols that ask for lines of play while a tree grows.
SEARCHING_HELP = (
    "A run directory or weights file (PATH, PATH@100 for 100 simulations a move), shipped, "
    "or mcts:1000: agents that search a tree."
)

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Settles all chance."
)
json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Also write the result here; - prints it instead of the tables.",
)
game_option = click.option(
    "--game",
    "game_id",
    help=f"Game to play; needed where no network names it and it is not {DEFAULT_GAME}.",
)


def settle_game(game_id: str | None, *specs: str) -> Game:
    """The game that is asked for, or that the agents' networks play, or the default.

    What has to be compiled for it is told if it takes long.

    Raises:
        GameError: unknown, or the networks play different games.
    """
    tell_of_compiling()
    if game_id is not None:
        return make(game_id)
    named = {each for each in map(game_of, specs) if each is not None}
    if len(named) > 1:
        raise AgentError(f"the agents play different games: {', '.join(sorted(named))}")
    return make(named.pop() if named else DEFAULT_GAME)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, float], None]]:
    """A bar with the time left for each name that is reported; on stderr, gone when done."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # it would leave an empty line in a log
    )
    tasks: dict[str, TaskID] = {}
    with bars:

        def report(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0)
            bars.update(tasks[name], completed=share, visible=share < 1.0)

        yield report
