"""From the picture of a board to the position on it: what was detected, put into cells.

Knows boards of ``board_pictures``: Connect Four, Othello and Go, upright or turned by some degrees,
nearly filling a picture that is about square.
"""

from __future__ import annotations

import itertools
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors.torch import load_file

from engine.vision.board_pictures import CORNER, FIRST, FRAME, SECOND, SIZE, STYLES
from engine.vision.yolo import Detections, Yolo, detect

_LEAST_SIDE = 40.0  # pixels
_MOST_SKEW = 0.12  # of a side: how far the corners may be from a rectangle
_MOST_STRETCH = 1.12  # of the cells: width over height
_MOST_TURN = 0.35  # sine of the angle
_CANDIDATES = 8  # corners that are looked at
_LEAST_PIECE = 0.25  # confidence of a piece that counts
_LARGEST_PICTURE = 50_000_000  # pixels


class PictureError(ValueError):
    """No position can be read from a picture; the message is one line meant for the user."""


def shipped_yolo() -> Yolo:
    """The network that comes with the package."""
    network = Yolo()
    path = files("engine.vision") / "data" / "yolo.safetensors"
    network.load_state_dict(load_file(str(path)))
    return network.eval()


def open_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as the network takes it ``[SIZE, SIZE, 3]``, with bars where it is not square.

    Raises:
        PictureError: there is none, or it cannot be read as a picture.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > _LARGEST_PICTURE:
                raise PictureError(f"{path} has {image.width} x {image.height} pixels, too many")
            picture = image.convert("RGB")
    except FileNotFoundError:
        raise PictureError(f"there is no picture {path}") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        reason = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        raise PictureError(f"{path} is no picture that can be read{reason}") from None
    side = max(picture.size)
    mean = tuple(int(each) for each in np.asarray(picture).reshape(-1, 3).mean(0))
    square = Image.new("RGB", (side, side), mean)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BOX))


def read_cells(
    network: Yolo, pixels: NDArray[np.uint8], *, rows: int, columns: int
) -> NDArray[np.int8]:
    """The position in a picture ``[SIZE, SIZE, 3]``.

    Returns:
        ``[rows, columns]``, row 0 at the top: -1 empty, 0 and 1 the players.

    Raises:
        PictureError: no board of this size is seen.
    """
    with torch.inference_mode():
        (seen,) = detect(network, pixels[None])
    return cells_of(seen, rows=rows, columns=columns)


def cells_of(seen: Detections, *, rows: int, columns: int) -> NDArray[np.int8]:
    """What was detected, put into the cells of a board; see ``read_cells``."""
    corners = _corners(seen, rows=rows, columns=columns)
    # Least squares: from pixels to rows and columns, by an affine map.
    known = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], float)
    known += FRAME * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    places = np.column_stack([corners, np.ones(4)])
    transform, *_ = np.linalg.lstsq(places, known, rcond=None)
    cells = np.full((rows, columns), -1, np.int8)
    # The surest come first.
    for box, kind, score in zip(seen.boxes, seen.classes, seen.scores, strict=True):
        if kind not in (FIRST, SECOND) or score < _LEAST_PIECE:
            continue
        column, row = np.floor(np.array([box[0], box[1], 1.0]) @ transform).astype(int)
        if 0 <= row < rows and 0 <= column < columns and cells[row, column] < 0:
            cells[row, column] = kind
    return cells


def text_of(game_name: str, cells: NDArray[np.int8]) -> str:
    """A position as a drawn board that ``Game.text_to_state`` reads; the mover by the count.

    Args:
        game_name: of ``STYLES``.
        cells: as ``read_cells`` gives them.

    Raises:
        PictureError: pictures of that game cannot be read.
    """
    if game_name not in STYLES:
        raise PictureError(f"pictures of {', '.join(STYLES)} can be read, not of {game_name}")
    lines = [" ".join(".XO"[owner + 1] for owner in row) for row in cells]
    counts = [int((cells == owner).sum()) for owner in (FIRST, SECOND)]
    if game_name == "othello":
        mover = sum(counts) % 2  # passes apart
    else:
        mover = int(counts[0] > counts[1])
    names = ("X", "O") if game_name == "connect_four" else ("Black", "White")
    return "\n".join([*lines, f"{names[mover]} to move"])


def _corners(seen: Detections, *, rows: int, columns: int) -> NDArray[np.float64]:
    """The corners ``[4, 2]``: upper left, upper right, lower right, lower left.

    The surest four, or three and the point that completes them, that lie as a board's would.
    """
    mine = seen.classes == CORNER
    points = seen.boxes[mine][:_CANDIDATES, :2].astype(float)
    scores = seen.scores[mine][:_CANDIDATES]
    for size in (4, 3):
        best, best_score = None, 0.0
        for chosen in itertools.combinations(range(len(points)), size):
            corners = _in_order(points[list(chosen)])
            score = float(scores[list(chosen)].sum())
            if corners is not None and score > best_score:
                if _is_board(corners, rows=rows, columns=columns):
                    best, best_score = corners, score
        if best is not None:
            return best
    raise PictureError(
        f"the picture shows no board of {rows} x {columns} cells: "
        f"{len(points)} corners are seen, and no four lie as a board's do"
    )


def _in_order(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Corners clockwise from the upper left, None where they are no rectangle at all."""
    if len(points) == 3:  # the right angle lies across from the longest side
        sides = [np.hypot(*(points[(k + 1) % 3] - points[(k + 2) % 3])) for k in range(3)]
        square = int(np.argmax(sides))
        one, other = (points[k] for k in range(3) if k != square)
        points = np.vstack([points, one + other - points[square]])
    total, difference = points.sum(1), points[:, 0] - points[:, 1]
    order = [total.argmin(), difference.argmax(), total.argmax(), difference.argmin()]
    return points[order] if len(set(map(int, order))) == 4 else None


def _is_board(corners: NDArray[np.float64], *, rows: int, columns: int) -> bool:
    """Whether corners are those of a board with so many cells, large and upright enough."""
    right = corners[1] - corners[0] + corners[2] - corners[3]  # twice a side
    down = corners[3] - corners[0] + corners[2] - corners[1]
    width, height = np.hypot(*right) / 2, np.hypot(*down) / 2
    if min(width, height) < _LEAST_SIDE:
        return False
    skew = np.hypot(*(corners[0] + corners[2] - corners[1] - corners[3])) / max(width, height)
    slope = abs(right @ down) / (4 * width * height)
    turn = abs(right[1]) / (2 * width)
    stretch = (width / (columns + 2 * FRAME)) / (height / (rows + 2 * FRAME))
    return bool(
        max(skew, slope) < _MOST_SKEW
        and turn < _MOST_TURN
        and 1 / _MOST_STRETCH < stretch < _MOST_STRETCH
    )
