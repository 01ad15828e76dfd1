"""`meijin analyse`: positions searched for other programs, one JSON object a line in and out."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from agents.agent import AgentError
from agents.analysis.query import VIEWS, player_of_view
from agents.analysis.service import AnalysisService
from agents.cores import usable_cores
from agents.factory import make_agent, open_ownership
from agents.protocols.lines import LineReader
from agents.search_agent import SearchAgent
from agents.terminal.opponents import usual_text
from scripts.agent_options import SEARCHING_HELP, game_option, seed_option, settle_game

_STANDARD_INPUT = 0


@click.command(
    "analyse",
    help=f"""\
    Answer questions about positions, one JSON object a line, until standard input ends.

    AGENT searches. {SEARCHING_HELP} Default: shipped where a network comes with the game, else
    mcts. The fields are those of KataGo's analysis engine; see docs/analyse.md.

    Example:

      echo '{{"id": "1", "moves": ["4", "4"]}}' | meijin analyse shipped
    """,
)
@click.argument("spec", metavar="[AGENT]", required=False)
@game_option
@click.option(
    "--visits",
    type=click.IntRange(min=1),
    help="Simulations where a question does not say [the agent's].",
)
@click.option(
    "--positions",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="Positions searched at once; their trees share 1 GiB.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads that search [one for each core]; with one, answers repeat.",
)
@click.option(
    "--winrates-as",
    "view",
    type=click.Choice(VIEWS, case_sensitive=False),
    default="FIRST",
    show_default="first",
    help="Whose chances are told where a question does not say.",
)
@seed_option
def command(
    spec: str | None,
    game_id: str | None,
    visits: int | None,
    positions: int,
    threads: int | None,
    view: str,
    seed: int,
) -> None:
    """Serve the analysis protocol on standard input and output."""
    game = settle_game(game_id, spec or "")
    text = spec or usual_text(game)
    agent = make_agent(text, game=game, simulations=visits, seed=seed, say=_say)
    if not isinstance(agent, SearchAgent):
        raise AgentError(
            f"meijin analyse needs an agent that searches a tree (shipped, a run or weights file, "
            f"mcts), not {agent.name}"
        )
    service = AnalysisService(
        agent,
        _write,
        positions=positions,
        threads=threads or usable_cores(),
        view=player_of_view(game, view),
        ownership=open_ownership(text, game=game, seed=seed, say=_say),
    )
    service.serve(LineReader(_STANDARD_INPUT))


def _write(answer: dict[str, Any]) -> None:
    out = sys.stdout.buffer
    out.write(msgspec.json.encode(answer) + b"\n")
    out.flush()


def _say(line: str) -> None:
    print(f"meijin: {line}", file=sys.stderr, flush=True)
