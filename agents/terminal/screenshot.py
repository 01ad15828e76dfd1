"""A picture of the application for a README: a few moves without a terminal, written as SVG.

An exported screen draws blocks as characters of a font, which leaves hairlines between rows
wherever the font is another. ``paint_blocks`` turns them into rectangles, so that the picture looks
the same everywhere.
"""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

from agents.agent import AgentError
from agents.terminal.app import PlayApp
from agents.terminal.opponents import open_opponent
from agents.terminal.seats import Seats
from agents.terminal.session import Session
from games.game import Game

_TEXT = re.compile(
    r'<text class="(?P<class>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" '
    r'textLength="(?P<length>[\d.]+)" clip-path="[^"]*">(?P<text>[^<]*)</text>'
)
_FILL = re.compile(r"\.(?P<class>[\w-]+-r\d+) \{ fill: (?P<fill>#[0-9a-f]+)")
_ROW_HEIGHT = 24.4  # of Rich's export, in its units
_BASELINE = 18.5  # from the top of a row to the y of its text
_OVERLAP = 0.25  # on every side; without it renderers show seams between rectangles
_UPPER_HALF = "▀"
_LEFT_EIGHTHS = "▏▎▍▌▋▊▉"
_LOWER_EIGHTHS = "▁▂▃▄▅▆▇█"
_BLOCKS = set(_UPPER_HALF + _LEFT_EIGHTHS + _LOWER_EIGHTHS + " \xa0")


def take_picture(
    path: Path,
    *,
    game: Game,
    opponent: str,
    plies: int = 14,
    size: tuple[int, int] = (100, 30),
    seed: int = 0,
) -> None:
    """Play a while on a screen that nobody sees, following the engine's hints, and write the SVG.

    Example: ``take_picture(Path("docs/images/play.svg"), game=make("connect_four"),
    opponent="shipped")``

    Args:
        path: the picture; its folder is made if it is not there.
        game: what is played.
        opponent: an agent that says what it thinks, as ``agents.factory`` reads it.
        plies: moves played before the picture, unless the game ends earlier.
        size: columns and rows of the screen.
        seed: of the engine.
    """
    engine = open_opponent(opponent, game=game, seed=seed)
    seats = Seats(opponent=engine, adviser=engine, engine_players=frozenset({1}))
    session = Session(game, seats, seed=seed)
    try:
        svg = asyncio.run(_play_and_export(session, plies=plies, size=size))
    finally:
        session.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(paint_blocks(svg), encoding="utf-8")


async def _play_and_export(session: Session, *, plies: int, size: tuple[int, int]) -> str:
    """The screen after ``plies`` moves, analysis and a hint shown."""
    app = PlayApp(session)
    async with app.run_test(size=size) as pilot:
        await app.settled()
        app.action_analyse()
        await app.settled()
        while len(session.actions) < plies and not session.is_finished:
            thought = session.thought_at(len(session.actions))
            if thought is None:
                raise AgentError(f"{session.seats.adviser.name} has no opinion that could be shown")
            app.action_play_action(thought.moves[0].action)
            await pilot.pause()
            await app.settled()
        if not session.is_finished:
            app.action_hint()
            await app.settled()
        await pilot.pause()
        return app.export_screenshot(title="meijin play")


def paint_blocks(svg: str) -> str:
    """Replace block characters of an exported screen by rectangles."""
    fills = {match["class"]: match["fill"] for match in _FILL.finditer(svg)}

    def painted(match: re.Match[str]) -> str:
        text = html.unescape(match["text"])
        if not text.strip() or set(text) - _BLOCKS:
            return _place_columns(match)
        cell, left = float(match["length"]) / len(text), float(match["x"])
        top, fill = float(match["y"]) - _BASELINE, fills[match["class"]]
        return "".join(
            _rectangle(run, fill=fill, left=left + run.start() * cell, top=top, cell=cell)
            for run in re.finditer(r"([^\xa0 ])\1*", text)
        )

    return _TEXT.sub(painted, svg)


def _rectangle(run: re.Match[str], *, fill: str, left: float, top: float, cell: float) -> str:
    """What a run of one block character covers."""
    block, width, height = run[1], len(run[0]) * cell, _ROW_HEIGHT
    if block == _UPPER_HALF:
        height /= 2
    elif block in _LOWER_EIGHTHS:
        height *= (1 + _LOWER_EIGHTHS.index(block)) / 8
        top += _ROW_HEIGHT - height
    else:
        width *= (1 + _LEFT_EIGHTHS.index(block)) / 8
    return (
        f'<rect fill="{fill}" x="{left - _OVERLAP:.2f}" y="{top - _OVERLAP:.2f}" '
        f'width="{width + 2 * _OVERLAP:.2f}" height="{height + 2 * _OVERLAP:.2f}"/>'
    )


def _place_columns(match: re.Match[str]) -> str:
    """Give the columns of a line their own places, or another font would shift them."""
    text = html.unescape(match["text"])
    cell = float(match["length"]) / len(text) if text else 0.0
    return "".join(
        f'<text class="{match["class"]}" x="{float(match["x"]) + word.start() * cell:.1f}" '
        f'y="{match["y"]}" textLength="{len(word[0]) * cell:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{html.escape(word[0])}</text>'
        for word in re.finditer(r"[^\xa0 ]+(?:[\xa0 ][^\xa0 ]+)*", text)
    )
