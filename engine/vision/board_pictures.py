"""Pictures of boards to learn seeing from: drawn, turned, blurred, badly lit, with clutter around.

A picture is ``SIZE`` pixels square. What stands in it is known to the pixel: discs and stones of
both players, and the four corners of the board.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIZE = 128
FIRST, SECOND, CORNER = range(3)  # classes of things
CLASSES = ("first player's piece", "second player's piece", "corner of the board")
CORNER_SIDE = 16.0  # of the box round a corner, in pixels
FRAME = 0.35  # width of the frame, in cells: its corners and the pieces lie in other grid cells
_FINER = 2  # times as large while it is drawn
_MOST_TURN = 10.0  # degrees
_LEAST_CONTRAST = 100.0  # of red, green and blue together: between a wall and a piece before it


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of board looks: colours, each with some play."""

    board: tuple[int, int, int]
    pieces: tuple[tuple[int, int, int], tuple[int, int, int]]
    holes: bool = False  # empty cells are round holes
    crossings: bool = False  # pieces stand where lines cross


STYLES = {
    "connect_four": Style((35, 80, 185), ((205, 50, 50), (235, 205, 60)), holes=True),
    "othello": Style((35, 125, 70), ((25, 25, 28), (235, 235, 228))),
    "go": Style((215, 170, 100), ((28, 28, 30), (238, 236, 230)), crossings=True),
}


@dataclass(frozen=True, slots=True)
class BoardPicture:
    """A picture and what is in it."""

    pixels: NDArray[np.uint8]  # [SIZE, SIZE, 3]
    boxes: NDArray[np.float32]  # [N, 4] middle and extent, x y w h in pixels
    classes: NDArray[np.int64]  # [N]
    corners: NDArray[
        np.float32
    ]  # [4, 2] of the frame: upper left, upper right, lower right, lower left


def draw_board(
    cells: NDArray[np.int8], style: Style, rng: np.random.Generator, *, plain: bool = False
) -> BoardPicture:
    """Draw a position.

    Args:
        cells: ``[H, W]``, row 0 at the top: -1 empty, 0 and 1 the players.
        style: of the board.
        rng: of everything that varies.
        plain: upright, in the middle, without clutter, blur and bad light.
    """
    rows, columns = cells.shape
    longest = 90.0 if plain else rng.uniform(84, 93)
    pitch = longest / max(rows, columns)
    angle = 0.0 if plain else np.deg2rad(rng.uniform(-_MOST_TURN, _MOST_TURN))
    middle = np.full(2, SIZE / 2) + (0 if plain else rng.uniform(-5, 5, 2))
    across = pitch * np.array([np.cos(angle), np.sin(angle)])
    down = pitch * np.array([-np.sin(angle), np.cos(angle)])
    origin = middle - across * columns / 2 - down * rows / 2

    def at(row: float, column: float) -> NDArray[np.float64]:
        place: NDArray[np.float64] = origin + down * row + across * column
        return place

    def tint(colour: tuple[int, int, int], play: float = 18) -> tuple[int, ...]:
        varied = np.array(colour) + (0 if plain else rng.normal(0, play, 3))
        return tuple(int(each) for each in np.clip(varied, 0, 255))

    colours = [tint(each, 10) for each in style.pieces]
    back = tint((190, 190, 190)) if plain else _wall(rng)
    while style.holes and min(_distance(back, each) for each in colours) < _LEAST_CONTRAST:
        back = _wall(rng)  # it shows through the holes: nobody could tell it from pieces
    image = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), back)
    pen = ImageDraw.Draw(image)
    if not plain:
        _clutter(pen, rng)
    corners = np.array([at(0, 0), at(0, columns), at(rows, columns), at(rows, 0)])
    outer = corners + FRAME * (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ [across, down])
    board = tint(style.board, 12)
    frame = tuple(int(each * (0.45 if plain else rng.uniform(0.3, 0.6))) for each in board)
    pen.polygon([tuple(_FINER * each) for each in outer], fill=frame)
    pen.polygon([tuple(_FINER * each) for each in corners], fill=board)
    if not style.holes:
        _lines(pen, style, rows, columns, at)
    radius = pitch * (0.42 if plain else rng.uniform(0.36, 0.45))
    boxes, classes = [], []
    for row in range(rows):
        for column in range(columns):
            owner = int(cells[row, column])
            if owner < 0 and not style.holes:
                continue
            centre = at(row + 0.5, column + 0.5)
            if owner >= 0 and not plain:
                centre = centre + rng.normal(0, 0.02 * pitch, 2)
            _disc(pen, centre, radius, back if owner < 0 else colours[owner])
            if owner >= 0:
                boxes.append([*centre, 2 * radius, 2 * radius])
                classes.append(owner)
    boxes += [[*each, CORNER_SIDE, CORNER_SIDE] for each in outer]
    classes += [CORNER] * 4
    pixels = _photographed(image, rng, plain=plain)
    return BoardPicture(
        pixels, np.array(boxes, np.float32), np.array(classes), outer.astype(np.float32)
    )


def random_cells(name: str, rng: np.random.Generator) -> NDArray[np.int8]:
    """Some filling of a board, as likely full as nearly empty; it need not be a legal position."""
    rows, columns = {"connect_four": (6, 7), "othello": (8, 8), "go": (9, 9)}[name]
    cells = rng.integers(0, 2, (rows, columns)).astype(np.int8)
    if name == "connect_four":
        heights = rng.integers(0, rows + 1, columns)
        cells[np.arange(rows)[:, None] < rows - heights] = -1
    else:
        cells[rng.random((rows, columns)) > rng.uniform(0.05, 0.95)] = -1
    return cells


def random_pictures(count: int, *, seed: int) -> list[BoardPicture]:
    """Pictures of random boards of all styles."""
    rng = np.random.default_rng(seed)
    names = list(STYLES)
    return [
        draw_board(random_cells(name, rng), STYLES[name], rng)
        for name in (names[number % len(names)] for number in range(count))
    ]


def clutter_picture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture ``[SIZE, SIZE, 3]`` without any board."""
    image = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), _wall(rng))
    pen = ImageDraw.Draw(image)
    for _ in range(3):
        _clutter(pen, rng)
    return _photographed(image, rng, plain=False)


def empty_pictures(count: int, *, seed: int) -> list[BoardPicture]:
    """Pictures without any board, from which a network learns to see none."""
    rng = np.random.default_rng(seed)
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.float32)
    return [BoardPicture(clutter_picture(rng), *nothing) for _ in range(count)]


def _wall(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(each) for each in rng.integers(40, 240, 3))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))


def _lines(
    pen: ImageDraw.ImageDraw,
    style: Style,
    rows: int,
    columns: int,
    at: Callable[[float, float], NDArray[np.float64]],
) -> None:
    shift = 0.5 if style.crossings else 0.0
    count = 0 if style.crossings else 1
    for row in range(rows + count):
        ends = at(row + shift, shift), at(row + shift, columns - shift)
        pen.line([tuple(_FINER * each) for each in ends], fill=(30, 30, 30), width=1)
    for column in range(columns + count):
        ends = at(shift, column + shift), at(rows - shift, column + shift)
        pen.line([tuple(_FINER * each) for each in ends], fill=(30, 30, 30), width=1)


def _disc(
    pen: ImageDraw.ImageDraw,
    centre: NDArray[np.float64],
    radius: float,
    colour: tuple[int, ...],
) -> None:
    low, high = _FINER * (centre - radius), _FINER * (centre + radius)
    pen.ellipse([*low, *high], fill=colour)


def _clutter(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Shapes that are no boards."""
    side = SIZE * _FINER
    for _ in range(int(rng.integers(2, 9))):
        place, extent = rng.uniform(0, side, 2), rng.uniform(4, 60, 2)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        kind = rng.integers(3)
        if kind == 0:
            pen.ellipse([*place, *(place + extent)], fill=colour)
        elif kind == 1:
            pen.line([*place, *rng.uniform(0, side, 2)], fill=colour, width=int(rng.integers(1, 8)))
        else:
            pen.polygon([tuple(place + rng.normal(0, 30, 2)) for _ in range(3)], fill=colour)


def _photographed(
    image: Image.Image, rng: np.random.Generator, *, plain: bool
) -> NDArray[np.uint8]:
    """The drawing as a camera in a badly lit room would see it."""
    small = image.resize((SIZE, SIZE), Image.Resampling.BOX)
    if plain:
        return np.asarray(small)
    small = small.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.0))))
    pixels = np.asarray(small).astype(np.float32)
    slope = rng.normal(0, 0.25, 2)
    place = np.linspace(-0.5, 0.5, SIZE)
    light = rng.uniform(0.65, 1.2) * (1 + slope[0] * place[:, None] + slope[1] * place)
    noise = rng.normal(0, rng.uniform(0, 8), pixels.shape)
    seen: NDArray[np.uint8] = np.clip(pixels * light[:, :, None] + noise, 0, 255).astype(np.uint8)
    return seen
