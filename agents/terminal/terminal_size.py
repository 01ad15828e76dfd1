"""How large a terminal has to be for a game's board and what stands beside it."""

from __future__ import annotations

from textual.geometry import Size

from agents.terminal.board_widget import board_size
from agents.terminal.move_squares import pieces_in_hand
from agents.terminal.panel import WIDTH
from games.game import Game, GameError
from games.raster import PITCHES

_CHROME_ROWS = 5  # title, strip, footer
_PANEL_ROWS = 20


class TerminalTooSmallError(GameError):
    """The board does not fit into the terminal."""


def needed_size(game: Game) -> Size:
    """Smallest terminal, in characters, that shows a game's board and the panel."""
    start = game.rules.initial(1)[0]
    board = board_size(game.board_view(start), PITCHES[-1])
    hands = 0 if pieces_in_hand(game, start) is None else 2
    rows = max(board.height + hands, _PANEL_ROWS) + _CHROME_ROWS - 1
    return Size(board.width + 2 + WIDTH, rows)


def check_terminal(game: Game, size: tuple[int, int]) -> None:
    """Refuse a terminal of so many columns and lines that the board does not fit into it.

    Raises:
        TerminalTooSmallError: names the size that is needed.
    """
    needed = needed_size(game)
    actual = Size(*size)
    if actual.width < needed.width or actual.height < needed.height:
        raise TerminalTooSmallError(f"{too_small_text(needed, actual)}, or play with --plain")


def too_small_text(needed: Size, actual: Size) -> str:
    """The one line for a terminal that is too small."""
    return (
        f"the terminal is {actual.width} x {actual.height} characters; the board needs "
        f"{needed.width} x {needed.height}: make the window larger"
    )
