"""The board as a Textual widget: painted pieces, mouse and cursor.

Pieces that have no shape of their own are discs in their player's colour with a letter on them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agents.terminal.board_view import NO_TARGETS, Targets
from agents.terminal.marking import BoardMarks
from games.game import BoardView
from games.raster import (
    BACKGROUND,
    HINT,
    LIGHT,
    PITCHES,
    PLAYERS,
    Cell,
    Colour,
    board_pixels,
    is_drawn,
    row_shift,
)

_LABEL_DIM = (104, 116, 145)
_LABEL = (190, 200, 224)
_DISC = "●"  # what stands for a lettered piece while the board is painted


def board_size(view: BoardView, pitch: int) -> Size:
    """Characters that a board needs, labels included."""
    margin = _margin(view)
    rows, columns = len(view.pieces), len(view.pieces[0])
    shift = row_shift(view, rows - 1, pitch)
    return Size(2 * margin + shift + columns * pitch + 1, 1 + (rows * pitch + 2) // 2)


def _margin(view: BoardView) -> int:
    """Columns kept free on both sides for row labels."""
    longest = max((len(label) for label in view.row_labels), default=0)
    return longest + 1 if longest else 0


class BoardWidget(Widget):
    """Draws one position and reports which square is clicked."""

    DEFAULT_CSS = "BoardWidget { width: 1fr; height: 1fr; }"

    class Pointed(Message):
        """A person clicked a square."""

        def __init__(self, cell: Cell) -> None:
            self.cell = cell
            super().__init__()

    def __init__(self, view: BoardView, *, drops: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._drops = drops
        self._targets = NO_TARGETS
        self._marks = BoardMarks()
        self._strips: list[Strip] = []
        self.cursor: Cell | None = None

    def show(self, view: BoardView, *, targets: Targets, marks: BoardMarks) -> None:
        """Draw another position.

        Args:
            view: the board.
            targets: where a person may move now; empty while none may.
            marks: last move, hint and what else is pointed out; the cursor's mark is added here.
        """
        self._view = view
        self._targets = targets
        self._marks = marks
        self._paint()

    # --- Where the person points ----------------------------------------------------------------

    def move_cursor(self, rows: int, columns: int) -> None:
        """Move the keyboard's cursor, from the middle of the board at first."""
        height, width = len(self._view.pieces), len(self._view.pieces[0])
        if self.cursor is None:
            self.cursor = ((height - 1) // 2, (width - 1) // 2)
        else:
            row, column = self.cursor
            self.cursor = ((row + rows) % height, (column + columns) % width)
        self._paint()

    @property
    def _placed_at_cursor(self) -> tuple[Cell, ...]:
        """Where a piece would land that is placed at the cursor."""
        action = self._targets.by_cell.get(self.cursor) if self.cursor is not None else None
        return self._targets.landing.get(action, ()) if action is not None else ()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The square under a character of the widget; labels count as the column's top square."""
        pitch, left, top = self._layout()
        row = 2 * (y - top - 1) // pitch
        column = (x - left - row_shift(self._view, row, pitch)) // pitch
        rows, columns = len(self._view.pieces), len(self._view.pieces[0])
        if y == top and self._drops:
            row = 0
        if 0 <= column < columns and 0 <= row < rows and y >= top:
            return row, column
        return None

    def character_of(self, cell: Cell) -> tuple[int, int]:
        """A character (x, y) of the widget that shows ``cell``."""
        pitch, left, top = self._layout()
        row, column = cell
        x = left + row_shift(self._view, row, pitch) + column * pitch + pitch // 2
        return x, top + 1 + (row * pitch + pitch // 2) // 2

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Let the cursor follow the mouse."""
        cell = self.cell_at(event.x, event.y)
        if cell != self.cursor:
            self.cursor = cell
            self._paint()

    def on_leave(self) -> None:
        """Forget the mouse when it leaves the board."""
        self.cursor = None
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """Report the square that was clicked."""
        cell = self.cell_at(event.x, event.y)
        if cell is not None:
            self.post_message(self.Pointed(cell))

    # --- Painting -------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Choose the size of the squares anew."""
        self._paint()

    def render_line(self, y: int) -> Strip:
        """One line of characters."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip([Segment(" " * self.size.width, _style(LIGHT, BACKGROUND))])

    def _layout(self) -> tuple[int, int, int]:
        """Pitch of the squares, and the character where the board begins (left, top)."""
        fitting = [
            pitch
            for pitch in PITCHES
            if board_size(self._view, pitch).width <= self.size.width
            and board_size(self._view, pitch).height <= self.size.height
        ]
        pitch = fitting[0] if fitting else PITCHES[-1]
        size = board_size(self._view, pitch)
        left = max(0, (self.size.width - size.width) // 2) + _margin(self._view)
        return pitch, left, max(0, (self.size.height - size.height) // 2)

    def _paint(self) -> None:
        """Make the lines that ``render_line`` hands out."""
        if not self.size.width or not self.size.height:
            return
        pitch, left, top = self._layout()
        pixels = self._pixels(pitch)
        lines = [self._blank()] * top + [self._column_labels(pitch, left)]
        for y in range(0, len(pixels), 2):
            lines.append(self._row_of_characters(pixels, y, pitch=pitch, left=left))
        self._strips = lines[: self.size.height]
        self.refresh()

    def _pixels(self, pitch: int) -> NDArray[np.uint8]:
        """The board with everything that is pointed out."""
        view, placed = self._view, self._placed_at_cursor
        discs = tuple(
            tuple(
                piece if not piece or is_drawn(piece, drops=self._drops) else _DISC
                for piece in pieces
            )
            for pieces in view.pieces
        )
        marks = replace(self._marks.marks, cursor=placed)
        pixels = board_pixels(replace(view, pieces=discs), marks, pitch=pitch, drops=self._drops)
        frames = dict(self._marks.frames)
        if self.cursor is not None and not placed and self._targets.moves:
            frames.setdefault(self.cursor, PLAYERS[marks.mover])
        for (row, column), colour in self._marks.corners.items():
            top, left = row * pitch + 1, row_shift(view, row, pitch) + column * pitch + 1
            _paint_corners(pixels[top : top + pitch - 1, left : left + pitch - 1], colour)
        for (row, column), colour in frames.items():
            # In the gap around the square, so that the piece stays whole.
            top, left = row * pitch, row_shift(view, row, pitch) + column * pitch
            around = pixels[top : top + pitch + 1, left : left + pitch + 1]
            around[0], around[-1], around[:, 0], around[:, -1] = (colour,) * 4
        return pixels

    def _blank(self) -> Strip:
        return Strip([Segment(" " * self.size.width, _style(LIGHT, BACKGROUND))])

    def _column_labels(self, pitch: int, left: int) -> Strip:
        """Labels over the columns, bright where a move can be played."""
        marks = self._marks.marks
        playable = {column for _, column in self._targets.by_cell}
        if self._targets.moves:
            playable = set(range(len(self._view.column_labels)))
        hinted = {column for _, column in marks.hinted}
        pointed = self.cursor[1] if self.cursor is not None else -1
        segments = [Segment(" " * (left + 1), _style(LIGHT, BACKGROUND))]
        for column, label in enumerate(self._view.column_labels):
            colour = _LABEL if column in playable else _LABEL_DIM
            text = label
            if column in hinted:
                colour = HINT
            if column == pointed and column in playable:
                colour = PLAYERS[marks.mover]
                text = f"▾{label}" if self._drops else label
            style = _style(colour, BACKGROUND, bold=column in playable)
            segments.append(Segment(text.center(pitch - 1)[: pitch - 1] + " ", style))
        return self._filled(segments)

    def _row_of_characters(self, pixels: np.ndarray, y: int, *, pitch: int, left: int) -> Strip:
        """Pixels ``y`` and ``y + 1`` as half blocks, with row label and written pieces."""
        row, middle = y // pitch, (y % pitch) // 2 == pitch // 4
        on_board = row < len(self._view.pieces)
        margin = _margin(self._view)
        shift = row_shift(self._view, row, pitch)
        label = self._view.row_labels[row].ljust(margin) if on_board and middle else ""
        segments = [Segment(" " * (left - margin), _style(LIGHT, BACKGROUND))]
        for x in range(-margin, pixels.shape[1]):
            if 0 <= x - shift + margin < len(label):
                character = label[x - shift + margin]
                segments.append(Segment(character, _style(_LABEL, BACKGROUND)))
                continue
            if x < 0:
                segments.append(Segment(" ", _style(LIGHT, BACKGROUND)))
                continue
            upper, lower = tuple(pixels[y, x].tolist()), tuple(pixels[y + 1, x].tolist())
            text, style = "▀", _style(upper, lower)
            if on_board and middle:
                column = (x - shift - pitch // 2) // pitch
                written = self._written_at(row, column, x - shift - column * pitch - pitch // 2)
                if written is not None:
                    text, owner = written
                    style = _style(BACKGROUND if owner >= 0 else LIGHT, upper, bold=True)
            segments.append(Segment(text, style))
        return self._filled(segments)

    def _written_at(self, row: int, column: int, offset: int) -> tuple[str, int] | None:
        """The character of a piece that has no shape of its own, and its owner."""
        if not 0 <= column < len(self._view.pieces[0]):
            return None
        piece = self._view.pieces[row][column]
        if is_drawn(piece, drops=self._drops) or not 0 <= offset < len(piece):
            return None
        return piece.upper()[offset], self._view.owners[row][column]

    def _filled(self, segments: list[Segment]) -> Strip:
        """A line as wide as the widget."""
        strip = Strip(segments).simplify()
        return strip.adjust_cell_length(self.size.width, _style(LIGHT, BACKGROUND))


def _paint_corners(square: NDArray[np.uint8], colour: Colour) -> None:
    """The four corners of a square, in place."""
    reach = 2 if len(square) >= 7 else 1
    for rows in (slice(None, reach), slice(-reach, None)):
        for columns in (slice(None, reach), slice(-reach, None)):
            square[rows, columns] = colour


def _style(colour: tuple[int, ...], back: tuple[int, ...], *, bold: bool = False) -> Style:
    return Style(color=Color.from_rgb(*colour), bgcolor=Color.from_rgb(*back), bold=bold)
