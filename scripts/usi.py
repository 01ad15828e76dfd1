"""`meijin usi`: shogi and minishogi for programs with a board."""

from __future__ import annotations

import click

from agents.protocols.uci import USI
from scripts.agent_options import SEARCHING_HELP, seed_option
from scripts.uci import DEFAULT_AGENT, serve_agent


@click.command("usi")
@click.option("--agent", "spec", default=DEFAULT_AGENT, show_default=True, help=SEARCHING_HELP)
@click.option("--game", "game_id", help="shogi or minishogi; the default is the agent's, or shogi.")
@seed_option
def command(spec: str, game_id: str | None, seed: int) -> None:
    """Serve shogi or minishogi by the Universal Shogi Interface.

    Give this command to a program with a board as the engine to start.

    Example: meijin usi --game minishogi --agent mcts:2000
    """
    serve_agent(USI, spec, game_id, seed)
