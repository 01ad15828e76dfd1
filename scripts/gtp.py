"""`meijin gtp`: any agent behind the Go Text Protocol, for every game."""

from __future__ import annotations

import sys

import click

from agents.agent import Agent
from agents.factory import make_agent
from agents.protocols.lines import LineReader
from agents.protocols.serve_gtp import GtpServer
from agents.terminal.opponents import usual_text
from games.game import Game
from scripts.agent_options import AGENT_HELP, game_option, seed_option, settle_game

_AGENT_HELP = f"{AGENT_HELP} Default: shipped where a network comes with the game, else mcts."

_STANDARD_INPUT = 0


@click.command("gtp")
@game_option
@click.option("--agent", "spec", help=_AGENT_HELP)
@click.option(
    "--simulations",
    type=click.IntRange(min=0),
    help="Simulations a move for an agent that searches and does not say; 0: the network alone.",
)
@click.option(
    "--vertices",
    is_flag=True,
    help="Cells named as in Go (no column i, row 1 at the bottom), as boards such as GoGui's do.",
)
@click.option(
    "--ponder",
    is_flag=True,
    help="Search on while the other side thinks; what is found then counts for the next move.",
)
@seed_option
def command(
    game_id: str | None,
    spec: str | None,
    simulations: int | None,
    vertices: bool,
    ponder: bool,
    seed: int,
) -> None:
    """Serve the Go Text Protocol, version 2, on standard input and output.

    Give this command to a program with a board as the engine to start, or type `help`.

    Examples:
      meijin gtp --game go9

      meijin gtp --game hex5 --vertices --agent mcts:2000
    """
    game = settle_game(game_id, spec or "")

    def make(played: Game) -> Agent:
        text = spec or usual_text(played)
        return make_agent(text, game=played, simulations=simulations, seed=seed, say=_say)

    # A number that was asked for bounds every move; else the time decides where there is a clock.
    numbered = ("@", "mcts:", "alphago:")
    is_bounded = simulations is not None or any(mark in (spec or "") for mark in numbered)
    server = GtpServer(
        game, make, vertices=vertices, is_bounded=is_bounded, ponders=ponder, say=_say
    )
    server.serve(LineReader(_STANDARD_INPUT), _write)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(line: str) -> None:
    print(f"meijin: {line}", file=sys.stderr, flush=True)
