"""`meijin uci`: chess and minichess for programs with a board."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from agents.agent import AgentError
from agents.factory import game_of, make_agent
from agents.protocols.serve_uci import serve
from agents.protocols.uci import UCI, Dialect
from agents.search_agent import SearchAgent
from games import make
from scripts.agent_options import SEARCHING_HELP, seed_option
from scripts.compile_notice import tell_of_compiling

if TYPE_CHECKING:
    from agents.deep_blue.agent import DeepBlueAgent

#: Needs no training: tree search with random playouts.
DEFAULT_AGENT = "mcts"


def serve_agent(dialect: Dialect, spec: str, game_id: str | None, seed: int) -> None:
    """Serve the agent that a text names on standard input and output."""
    tell_of_compiling()

    def load() -> SearchAgent | DeepBlueAgent:
        game = make(game_id or game_of(spec) or dialect.games[0])
        if game.name not in dialect.games:
            known = " and ".join(dialect.games)
            raise AgentError(f"meijin {dialect.name} serves {known}, not {game.id}")
        agent = make_agent(spec, game=game, seed=seed)
        if isinstance(agent, SearchAgent):
            return agent
        if game.name == "chess" and spec.startswith("deep_blue"):
            from agents.deep_blue.agent import DeepBlueAgent

            assert isinstance(agent, DeepBlueAgent)
            return agent
        raise AgentError(
            f"meijin {dialect.name} needs an agent that searches a tree (mcts, a run or weights "
            f"with @) or, for chess, deep_blue, not {agent.name}"
        )

    serve(dialect, load, descriptor=sys.stdin.fileno(), write=_write)


def _write(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:  # nobody reads any more; the end of standard input follows
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command("uci")
@click.option("--agent", "spec", default=DEFAULT_AGENT, show_default=True, help=SEARCHING_HELP)
@click.option("--game", "game_id", help="chess or minichess; the default is the agent's, or chess.")
@seed_option
def command(spec: str, game_id: str | None, seed: int) -> None:
    """Serve chess or minichess by the Universal Chess Interface.

    Give this command to a program with a board as the engine to start.

    Examples:
      meijin uci --agent deep_blue

      echo 'go movetime 500' | meijin uci --game minichess
    """
    serve_agent(UCI, spec, game_id, seed)
