"""A board as pixels, in NumPy alone: for a terminal with half blocks, and as a picture.

One square of the board is ``pitch`` x ``pitch`` pixels; its first row and column of pixels are the
gap to its neighbours. A character of a terminal shows two pixels, one above the other, so there
``pitch`` is even. Edges are smoothed by sampling each pixel at sixteen points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from games.game import BoardView, Game
from games.letters import letters

Cell = tuple[int, int]  # row from the top, column
Colour = tuple[int, int, int]

ANY_ROW = -1  # what ``Game.cell_of_action`` gives as row where a piece falls

BACKGROUND: Colour = (13, 17, 27)
RACK: Colour = (29, 78, 190)
HOLE: Colour = (15, 27, 62)
SQUARE: Colour = (26, 33, 50)
BRIGHT_SQUARE: Colour = (44, 56, 86)
GRID: Colour = (62, 76, 108)
PLAYERS: tuple[Colour, Colour] = ((240, 70, 82), (252, 204, 60))
LIGHT: Colour = (250, 250, 252)
HINT: Colour = (94, 234, 150)

PITCHES = (14, 12, 10, 8, 6, 4)

_SAMPLES = 4  # per pixel and direction
_DRAWN_GLYPHS = {"X": "cross", "O": "ring", "●": "disc", "○": "disc"}


@dataclass(frozen=True, slots=True)
class Marks:
    """What is pointed out on the board beside the pieces."""

    last: tuple[Cell, ...] = ()
    deciding: tuple[Cell, ...] = ()
    legal: frozenset[Cell] = field(default_factory=frozenset)
    cursor: tuple[Cell, ...] = ()
    hinted: tuple[Cell, ...] = ()
    mover: int = 0


def board_pixels(view: BoardView, marks: Marks, *, pitch: int, drops: bool) -> NDArray[np.uint8]:
    """Paint a board.

    Args:
        view: pieces and owners.
        marks: what is pointed out.
        pitch: pixels from one square to the next, even.
        drops: pieces fall into a rack with holes, instead of standing on squares.

    Returns:
        ``[rows * pitch + 2, columns * pitch + 1, 3]``; the last row of pixels is background. A
        slanted board is wider by the shift of its last row.
    """
    rows, columns = len(view.pieces), len(view.pieces[0])
    frame = RACK if drops else GRID
    width = row_shift(view, rows - 1, pitch) + columns * pitch + 1
    pixels = np.empty((rows * pitch + 2, width, 3), np.float32)
    pixels[:] = BACKGROUND
    for row in range(rows):
        shift = row_shift(view, row, pitch)
        pixels[row * pitch : (row + 1) * pitch + 1, shift : shift + columns * pitch + 1] = frame
        for column in range(columns):
            top, left = row * pitch + 1, shift + column * pitch + 1
            square = pixels[top : top + pitch - 1, left : left + pitch - 1]
            _paint_square(square, view, marks, (row, column), drops=drops)
    return pixels.round().astype(np.uint8)


def row_shift(view: BoardView, row: int, pitch: int) -> int:
    """Pixels by which a row stands further to the right than the first."""
    return row * (pitch // 2) if view.slanted else 0


def board_image(view: BoardView, *, drops: bool, pitch: int = 40) -> NDArray[np.uint8]:
    """A board as a picture ``[height, width, 3]`` without labels.

    Pieces that have no shape of their own are discs in their player's colour with letters on them.

    Args:
        view: pieces, owners, and the pieces that settled the game.
        drops: as in ``board_pixels``.
        pitch: pixels from one square to the next.
    """
    pixels = board_pixels(view, Marks(deciding=view.deciding), pitch=pitch, drops=drops)[:-1]
    image = pixels.astype(np.float32)
    for row, pieces in enumerate(view.pieces):
        for column, piece in enumerate(pieces):
            owner = view.owners[row][column]
            if not piece or (owner >= 0 and is_drawn(piece, drops=drops)):
                continue
            top = row * pitch + 1
            left = column * pitch + 1 + row_shift(view, row, pitch)
            square = image[top : top + pitch - 1, left : left + pitch - 1]
            _blend(square, PLAYERS[owner] if owner >= 0 else LIGHT, _mask("disc", pitch - 1))
            _blend(square, BACKGROUND, _letter_mask(piece, pitch - 1))
    return image.round().astype(np.uint8)


def drops_pieces(game: Game) -> bool:
    """Whether moves name a column and the piece falls, as in Connect Four."""
    named = [game.cell_of_action(action) for action in range(game.num_actions)]
    return all(cell is not None and cell[0] == ANY_ROW for cell in named)


def is_drawn(piece: str, *, drops: bool) -> bool:
    """Whether a piece is painted as a shape; others are written as text."""
    return drops or piece in _DRAWN_GLYPHS


def _paint_square(
    square: NDArray[np.float32], view: BoardView, marks: Marks, cell: Cell, *, drops: bool
) -> None:
    """Paint one square in place."""
    row, column = cell
    piece, owner = view.pieces[row][column], view.owners[row][column]
    size = len(square)
    square[:] = RACK if drops else SQUARE
    if drops:
        _blend(square, HOLE, _mask("disc", size))
    mover_colour = PLAYERS[marks.mover]
    ghost = "disc" if drops or "●" in _glyphs(view) else "cross" if marks.mover == 0 else "ring"
    if not piece:
        if cell in marks.cursor:
            _blend(square, mover_colour, _mask(ghost, size) * 0.55)
        elif cell in marks.legal:
            _blend(square, mover_colour, _mask("dot", size) * 0.45)
        if cell in marks.hinted:
            _blend(square, HINT, _mask("halo", size))
        return
    if owner < 0 or not is_drawn(piece, drops=drops):
        if cell in marks.last or cell in marks.deciding:
            square[:] = GRID
        return
    shape = "disc" if drops else _DRAWN_GLYPHS[piece]
    if shape != "disc" and (cell in marks.deciding or (cell in marks.last and not marks.deciding)):
        square[:] = BRIGHT_SQUARE
    decided = bool(marks.deciding)
    faded = decided and cell not in marks.deciding
    _blend(square, PLAYERS[owner], _mask(shape, size) * (0.4 if faded else 1.0))
    if shape == "disc" and not faded and size > 6:
        shade = tuple(0.8 * part for part in PLAYERS[owner])
        _blend(square, shade, _mask("inner", size) * 0.55)
    if cell in marks.deciding:
        _blend(square, LIGHT, _mask("halo", size) if shape == "disc" else _mask(shape, size) * 0.4)
    elif cell in marks.last and not decided and shape == "disc":
        _blend(square, LIGHT, _mask("dot", size) * 0.8)


def _glyphs(view: BoardView) -> set[str]:
    return {piece for pieces in view.pieces for piece in pieces}


def _blend(
    square: NDArray[np.float32], colour: tuple[float, ...], mask: NDArray[np.float32]
) -> None:
    """Lay ``colour`` over ``square`` where ``mask`` is 1, partly where it is less."""
    square += (np.array(colour, np.float32) - square) * mask[:, :, None]


@lru_cache(maxsize=128)
def _mask(shape: str, size: int) -> NDArray[np.float32]:
    """Share of each pixel of a ``size`` x ``size`` square that a shape covers."""
    points = (np.arange(size * _SAMPLES) + 0.5) / (size * _SAMPLES) * 2 - 1
    y, x = np.meshgrid(points, points, indexing="ij")
    radius = np.hypot(x, y)
    if shape == "disc":
        inside = radius <= 1.0
    elif shape == "inner":
        inside = radius <= 0.62
    elif shape == "halo":
        inside = (radius <= 1.0) & (radius >= 0.68)
    elif shape == "dot":
        inside = radius <= 0.3
    elif shape == "ring":
        inside = (radius <= 0.82) & (radius >= 0.5)
    else:  # cross
        along = np.minimum(np.abs(x - y), np.abs(x + y)) / np.sqrt(2)
        inside = (along <= 0.17) & (np.maximum(np.abs(x), np.abs(y)) <= 0.75)
    blocks = inside.reshape(size, _SAMPLES, size, _SAMPLES)
    covered: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return covered


@lru_cache(maxsize=128)
def _letter_mask(text: str, size: int) -> NDArray[np.float32]:
    """Share of each pixel of a ``size`` x ``size`` square that ``text`` in its middle covers."""
    bits = letters(text)  # [7, W]
    height, width = bits.shape
    dot = min(0.52 / height, 0.74 / width) * size * _SAMPLES  # samples from one dot to the next
    inside = np.zeros((size * _SAMPLES, size * _SAMPLES), np.bool_)
    y, x = (
        np.floor((np.arange(len(inside)) + 0.5 - len(inside) / 2) / dot + count / 2).astype(int)
        for count in (height, width)
    )
    rows, columns = (y >= 0) & (y < height), (x >= 0) & (x < width)
    inside[np.ix_(rows, columns)] = bits[np.ix_(y[rows], x[columns])]
    blocks = inside.reshape(size, _SAMPLES, size, _SAMPLES)
    covered: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return covered
