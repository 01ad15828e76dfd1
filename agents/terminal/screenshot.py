"""A picture of the application for a README: a few moves without a terminal, written as SVG.

An exported screen draws blocks as characters of a font, which leaves hairlines between rows
wherever the font is another. ``paint_blocks`` turns them into rectangles, so that the picture looks
the same everywhere.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Sequence
from pathlib import Path

from agents.terminal.app import PlayApp
from agents.terminal.session import Session

_TEXT = re.compile(
    r'<text class="(?P<class>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" '
    r'textLength="(?P<length>[\d.]+)" clip-path="[^"]*">(?P<text>[^<]*)</text>'
)
_FILL = re.compile(r"\.(?P<class>[\w-]+-r\d+) \{ fill: (?P<fill>#[0-9a-f]+)")
_ROW_HEIGHT = 24.4  # of Rich's export, in its units
_BASELINE = 18.5  # from the top of a row to the y of its text
_OVERLAP = 0.25  # on every side; without it renderers show seams between rectangles
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def take_picture(
    session: Session, path: Path, *, moves: Sequence[str], size: tuple[int, int] = (100, 30)
) -> None:
    """Play ``moves`` on a screen that nobody sees, let the engine think, and write the SVG.

    Args:
        session: a game at its start; the engine replies wherever it is its turn.
        path: the picture.
        moves: what the person plays, in the game's notation.
        size: columns and rows of the screen.
    """
    asyncio.run(_take_picture(session, path, moves=moves, size=size))


async def _take_picture(
    session: Session, path: Path, *, moves: Sequence[str], size: tuple[int, int]
) -> None:
    app = PlayApp(session)
    async with app.run_test(size=size) as pilot:
        await app.settled()
        for move in moves:
            await pilot.press(*move)
            await app.settled()
        app.action_analyse()
        await app.settled()
        if not session.is_finished:
            app.action_hint()
        await app.settled()
        await pilot.pause()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(paint_blocks(app.export_screenshot(title="meijin play")), encoding="utf-8")


def paint_blocks(svg: str) -> str:
    """Replace block characters of an exported screen by rectangles."""
    fills = {match["class"]: match["fill"] for match in _FILL.finditer(svg)}

    def painted(match: re.Match[str]) -> str:
        text = html.unescape(match["text"])
        if not text.strip() or set(text.rstrip("\xa0 ")) - set("▀" + _EIGHTHS):
            return _place_columns(match)
        cell = float(match["length"]) / len(text)
        top = float(match["y"]) - _BASELINE
        blocks = text.rstrip("\xa0 ")
        width, height = len(blocks) * cell, _ROW_HEIGHT
        if blocks[0] == "▀":
            height /= 2
        else:
            height -= 5  # bars of a table do not touch
            top += 2.5
            width = sum(_EIGHTHS.index(block) / 8 for block in blocks) * cell
        return (
            f'<rect fill="{fills[match["class"]]}" x="{match["x"]}" y="{top - _OVERLAP:.2f}" '
            f'width="{width + _OVERLAP:.2f}" height="{height + 2 * _OVERLAP:.2f}"/>'
        )

    return _TEXT.sub(painted, svg)


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
