"""`meijin play`: a person against the engine, in the terminal or line by line."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from agents.agent import AgentError
from agents.records.files import read_game
from agents.records.record import GameRecord
from agents.terminal.engines import Opponent
from agents.terminal.opponents import ROLLOUTS, has_opinions, open_opponent, usual_text
from agents.terminal.seats import HUMAN, Seats
from agents.terminal.session import Session
from agents.terminal.strength import Strength, nearest_level
from agents.terminal.web import end_with_server, is_served
from games import make, registered_games
from games.game import NUM_PLAYERS, Game
from scripts.agent_options import AGENT_HELP, DEFAULT_GAME, seed_option

_SIDES = ("first", "second", "random")


@dataclass(frozen=True, slots=True)
class _Target:
    """What the command's argument turned out to be."""

    game: Game
    engine: str | None = None  # a run directory or weights file that plays
    record: GameRecord | None = None  # a saved game that goes on


@click.command("play")
@click.argument("target", default=DEFAULT_GAME, metavar="[GAME|RUN|FILE]")
@click.option("--opponent", "spec", help=f"{AGENT_HELP} 'human': two people play.")
@click.option(
    "--side", type=click.Choice(_SIDES), help="Where you sit; first, or as in the saved game."
)
@click.option(
    "--level",
    "--strength",
    "level",
    type=click.IntRange(1, 10),
    help="Level of the engine. [default: 8]",
)
@click.option("--elo", type=int, help="The level nearest to a rating, where levels are measured.")
@click.option(
    "--simulations", type=click.IntRange(min=1), help="Simulations a move instead of a level."
)
@click.option(
    "--position", help="Begin there: FEN, SFEN or a drawn board (| for line ends), or moves."
)
@click.option(
    "--from-image",
    "picture",
    type=click.Path(path_type=Path),
    help="Begin with the position in a picture of a board: connect_four, othello or go9.",
)
@click.option("--watch", nargs=2, metavar="A B", help="Two agents play, A first; you watch.")
@click.option("--review", is_flag=True, help="Begin with a review of the game in FILE.")
@seed_option
@click.option("--web", is_flag=True, help="In the browser, on this machine alone.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, help="Of --web.")
@click.option("--plain", is_flag=True, help="Line by line, as with a pipe or a screen reader.")
def command(
    target: str,
    spec: str | None,
    side: str | None,
    level: int | None,
    elo: int | None,
    simulations: int | None,
    position: str | None,
    picture: Path | None,
    watch: tuple[str, str] | None,
    review: bool,
    seed: int,
    web: bool,
    port: int,
    plain: bool,
) -> None:
    """Play a game, against the newest network of a training run, or go on with a saved game.

    A saved game is a file in SGF, PGN, KIF, CSA, USI or plain text.

    Example: meijin play connect_four --level 4
    """
    given = [
        name
        for name, value in (("--level", level), ("--elo", elo), ("--simulations", simulations))
        if value is not None
    ]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other; give one of them")
    if watch and (spec is not None or side is not None):
        raise click.UsageError("--watch names both players; leave --opponent and --side away")
    if position is not None and picture is not None:
        raise click.UsageError("--position and --from-image exclude each other; give one of them")
    found = _resolve(target)
    if picture is not None:
        position = _seen_in(picture, found.game)
    if review and found.record is None:
        raise click.UsageError("--review needs the file of a game: meijin play game.sgf --review")
    opponent, adviser, notice = _engines(found, watch[0] if watch else spec, seed)
    rival = open_opponent(watch[1], game=found.game, seed=seed + 1) if watch else None
    if given:
        _check_strength(opponent, given[0])
    if elo is not None and opponent is not None:
        level = nearest_level(opponent.levels, elo)
        if not level:
            raise click.UsageError(f"the levels of {opponent.name} are not measured; give --level")
    session = Session(
        found.game,
        Seats(
            opponent=opponent,
            adviser=adviser,
            engine_players=_engine_players(found, side, seed),
            rival=rival,
            level=level,
            custom=Strength(simulations=simulations) if simulations is not None else None,
        ),
        seed=seed,
        actions=found.record.actions if found.record is not None else (),
        start=found.record.start if found.record is not None else None,
    )
    try:
        if position is not None:
            session.set_up(position)
        if web:
            _serve(port)
        elif plain or not _is_terminal():
            _play_lines(session, notice, review=review)
        else:
            _play_on_screen(session, notice, review=review)
    finally:
        session.close()


def _seen_in(picture: Path, game: Game) -> str:
    """The position in a picture, as a drawn board."""
    from engine.vision.board_reader import (
        PictureError,
        open_picture,
        read_cells,
        shipped_yolo,
        text_of,
    )

    rows, columns = game.observation_shape[-2:]
    try:
        text_of(game.name, np.full((rows, columns), -1, np.int8))  # whether it is such a game
        pixels = open_picture(picture)
        cells = read_cells(shipped_yolo(), pixels, rows=rows, columns=columns)
        return text_of(game.name, cells)
    except PictureError as error:
        raise AgentError(str(error)) from None


def _resolve(target: str) -> _Target:
    """Game, run directory, weights or saved game; a registered name is always the game."""
    path = Path(target).expanduser()
    name = target.partition("(")[0].strip()
    is_game = name in registered_games() or path.suffix == ".py" or ":" in name
    if not is_game and not path.exists() and (path.suffix or path.name != target):
        raise AgentError(f"there is no file or run {target}")
    if is_game or not path.exists():
        return _Target(game=make(target))
    if path.is_dir() or path.suffix == ".safetensors":
        from agents.factory import game_of

        game_id = game_of(str(path))
        if game_id is None:
            raise AgentError(f"{target} is neither a run directory nor a saved game")
        return _Target(game=make(game_id), engine=str(path))
    record = read_game(path)
    return _Target(game=record.game, record=record)


def _engines(found: _Target, spec: str | None, seed: int) -> tuple[Opponent | None, Opponent, str]:
    """Who plays, who advises, and a sentence about it that the person should read."""
    notice = " ".join(found.record.remarks) if found.record is not None else ""
    usual = found.engine or usual_text(found.game)
    if usual == ROLLOUTS and spec is None:
        lead = f"{notice} " if notice else ""
        notice = (
            f"{lead}No network comes with {found.game.id}: random games (mcts) judge instead. "
            f"'meijin train' makes one."
        )
    if spec == HUMAN:
        return None, open_opponent(usual, game=found.game, seed=seed), notice
    opponent = open_opponent(spec or usual, game=found.game, seed=seed)
    if spec is None or has_opinions(spec):
        return opponent, opponent, notice
    return opponent, open_opponent(usual, game=found.game, seed=seed), notice


def _check_strength(opponent: Opponent | None, option: str) -> None:
    """Refuse a strength that nobody would play at."""
    if opponent is None:
        raise click.UsageError(f"{option} says nothing when two people play")
    if not opponent.levels:
        raise click.UsageError(f"{opponent.name} plays in one way only; leave {option} away")


def _engine_players(found: _Target, side: str | None, seed: int) -> frozenset[int]:
    """Which players the engine moves for."""
    if side is None:
        seats = found.record.players if found.record is not None else ()
        human = seats.index(HUMAN) if seats.count(HUMAN) == 1 else 0
    elif side == "random":
        # Seed 0 is what everybody has who names none, and would always draw the same seat.
        human = int(np.random.default_rng(seed or None).integers(NUM_PLAYERS))
    else:
        human = _SIDES.index(side)
    return frozenset(range(NUM_PLAYERS)) - {human}


def _serve(port: int) -> None:
    """Serve the same command without ``--web``; what is wrong with it has been said by now."""
    from agents.terminal.web import serve

    arguments = sys.argv[sys.argv.index("play") + 1 :]
    serve([each for each in arguments if each != "--web"], port=port)


def _is_terminal() -> bool:
    """Whether both ends are a terminal that can be drawn on, in colours: they tell the sides."""
    if is_served():
        return True
    can_draw = os.environ.get("TERM", "") not in ("", "dumb") or os.name == "nt"
    can_draw = can_draw and not os.environ.get("NO_COLOR")
    return sys.stdin.isatty() and sys.stdout.isatty() and can_draw


def _play_lines(session: Session, notice: str, *, review: bool) -> None:
    from agents.terminal.line_mode import LineMode

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if notice:
        click.echo(notice)
    LineMode(
        session,
        lines=iter(sys.stdin.readline, ""),
        output=sys.stdout,
        echo=not sys.stdin.isatty(),
        colour=colour,
    ).run(review=review)


def _play_on_screen(session: Session, notice: str, *, review: bool) -> None:
    from agents.terminal.app import PlayApp
    from agents.terminal.terminal_size import check_terminal

    if is_served():
        end_with_server()
    else:  # a page can be made larger while it is looked at
        # Of the terminal itself: COLUMNS and LINES may be left over from another one.
        check_terminal(session.game, os.get_terminal_size(sys.stdout.fileno()))
    PlayApp(session, notice=notice, review=review).run()
    if session.actions and not is_served():
        moves = " ".join(session.move_texts)
        click.echo(f"{session.result_text or 'The game is unfinished.'} Moves: {moves}")
