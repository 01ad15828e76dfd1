"""`meijin genmove`: one position a line in, one move a line out, for outside judges."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click
import numpy as np

from agents.agent import Agent
from agents.factory import make_agent
from agents.positions import position_after
from games.game import GameError
from scripts.agent_options import (
    AGENT_HELP,
    game_option,
    seed_option,
    settle_game,
)

_OVER = "the game is over"


@click.command("genmove")
@click.option("--agent", "spec", default="shipped", show_default=True, help=AGENT_HELP)
@game_option
@click.option(
    "--simulations",
    type=click.IntRange(min=0),
    help="Simulations a move for an agent that searches and does not say; 0: the network alone.",
)
@click.option("--batch", is_flag=True, help="Read all of standard input, then answer all at once.")
@seed_option
def command(
    spec: str, game_id: str | None, simulations: int | None, batch: bool, seed: int
) -> None:
    """Read positions from standard input, write one move a line to standard output.

    A position is the moves so far in the game's notation, separated by spaces; "-" is the start
    position. Every line gets exactly one line in answer, in order; one that cannot be answered gets
    "error: ..." and makes the exit code 1 at the end of the input.

    Example:
      echo "4 4 3" | meijin genmove --agent shipped@100
    """
    game = settle_game(game_id, spec)
    agent = make_agent(spec, game=game, simulations=simulations, seed=seed)
    answer = _answer_all if batch else _answer_each
    sys.exit(1 if answer(agent) else 0)


def _answer_each(agent: Agent) -> int:
    """Answer line by line; returns the number of lines without a move."""
    faults = 0
    for line in iter(sys.stdin.readline, ""):
        reply = _answers(agent, [line])[0]
        faults += reply.startswith("error: ")
        print(reply, flush=True)
    return faults


def _answer_all(agent: Agent) -> int:
    """Answer the whole input in one batch; returns the number of lines without a move."""
    replies = _answers(agent, sys.stdin)
    for reply in replies:
        print(reply)
    sys.stdout.flush()
    return sum(reply.startswith("error: ") for reply in replies)


def _answers(agent: Agent, lines: Iterable[str]) -> list[str]:
    """One reply for each line; all positions that can be read go to the agent together."""
    game = agent.game
    replies: list[str] = []
    rows: list[int] = []
    positions: list[np.void] = []
    for row, line in enumerate(lines):
        try:
            state = position_after(game, line)
        except GameError as error:
            replies.append(f"error: {error}")
            continue
        replies.append(f"error: {_OVER}")
        if not state["finished"]:
            rows.append(row)
            positions.append(state)
    if positions:
        actions = agent.choose(np.array(positions, game.state_dtype)).actions
        for row, state, action in zip(rows, positions, actions, strict=True):
            replies[row] = game.action_to_text(state, int(action))
    return replies
