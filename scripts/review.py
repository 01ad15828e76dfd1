"""`meijin review`: a page about one game, with its course and its mistakes."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from agents.agent import AgentError
from agents.analysis.review import Review, review
from agents.cores import usable_cores
from agents.factory import make_agent
from agents.pages.page import write_page
from agents.pages.review_page import review_page
from agents.records.files import read_game
from agents.search_agent import SearchAgent
from agents.terminal.opponents import usual_text
from games import make
from scripts.agent_options import SEARCHING_HELP, progress_bars, seed_option
from scripts.compile_notice import tell_of_compiling

_TOLD = 5  # mistakes


@click.command("review")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--agent",
    "spec",
    help=f"{SEARCHING_HELP} Default: shipped where a network comes with the game, else mcts.",
)
@click.option("--game", "game_id", help="Refuse a record of another game.")
@click.option(
    "--visits",
    type=click.IntRange(min=1),
    default=800,
    show_default=True,
    help="Simulations of each position.",
)
@click.option("--threads", type=click.IntRange(min=1), help="That search [one for each core].")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page [FILE with .html at its end].",
)
@seed_option
def command(
    file: Path,
    spec: str | None,
    game_id: str | None,
    visits: int,
    threads: int | None,
    output: Path | None,
    seed: int,
) -> None:
    """Look over the game in FILE: SGF, PGN, KIF, CSA, USI or a record of `meijin play`.

    Writes one page for a browser that needs nothing else.

    Example: meijin review game.sgf --agent runs/go9
    """
    tell_of_compiling()
    record = read_game(file, game=make(game_id) if game_id else None)
    if not record.actions:
        raise AgentError(f"{file} holds no moves, so there is nothing to review")
    target = output or file.with_suffix(".html")
    if not target.parent.is_dir():  # said before the search, not after it
        raise AgentError(f"there is no folder {target.parent} for the page; name one with --output")
    agent = make_agent(
        spec or usual_text(record.game), game=record.game, simulations=visits, seed=seed
    )
    if not isinstance(agent, SearchAgent):
        raise AgentError(f"a review needs an agent that searches a tree, not {agent.name}")
    with progress_bars() as tell:
        found = review(
            record,
            agent,
            visits=visits,
            threads=threads or usable_cores(),
            on_progress=lambda share: tell("positions searched", share),
        )
    today = datetime.date.today().isoformat()
    write_page(target, review_page(found, source=file.name, date=today))
    _tell(found)
    click.echo(f"wrote {target}")


def _tell(found: Review) -> None:
    """The costliest moves, for whom a terminal is enough."""
    for each in found.faults[:_TOLD]:
        click.echo(
            f"move {each.ply + 1}, {each.played}: {each.grade}, {100 * each.cost:.0f} % given "
            f"away; better {' '.join(each.candidates[0].line[:6])}"
        )
    if len(found.faults) > _TOLD:
        click.echo(f"and {len(found.faults) - _TOLD} more")
    if not found.faults:
        click.echo(
            f"no move gave away {100 * found.least:.0f} % of its player's chances, the least that "
            "can be told"
        )
