"""What a game file needs besides NumPy: the mark for rules, hashing, text, symmetries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from games.game import BoardView, InvalidPositionError, Symmetries

#: Marks a function of a game that is compiled. It works on ONE state record and may call others.
rule = njit(cache=True, nogil=True)


@njit(uint64(uint64), cache=True, nogil=True)
def mix(bits):
    """Scramble 64 bits, different inputs to different outputs (the finaliser of SplitMix64).

    A game whose position fits in 64 bits gets a ``key`` without any collision by this.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def column_letters(count: int) -> tuple[str, ...]:
    """``a``, ``b``, ``c``, ... for up to 26 columns."""
    return tuple("abcdefghijklmnopqrstuvwxyz"[:count])


def row_numbers(count: int) -> tuple[str, ...]:
    """Row labels from the top, where row 1 is the bottom."""
    return tuple(str(row) for row in range(count, 0, -1))


def draw(view: BoardView, status: str) -> str:
    """A board as text: one line a row from the top, the column labels, and a line of status."""
    label_width = max((len(label) for label in view.row_labels), default=0)
    cell_width = max(
        *(len(label) for label in view.column_labels),
        *(len(piece) for row in view.pieces for piece in row),
    )
    lines = []
    for label, row in zip(view.row_labels, view.pieces, strict=True):
        cells = " ".join((piece or ".").rjust(cell_width) for piece in row)
        lines.append(f"{label.rjust(label_width)} {cells}" if label_width else cells)
    columns = " ".join(label.rjust(cell_width) for label in view.column_labels)
    lines.append(f"{' ' * label_width} {columns}" if label_width else columns)
    return "\n".join([*lines, status])


def status_line(state: np.void, player_names: tuple[str, str]) -> str:
    """Who moves, or how the game ended: the line under a drawn board."""
    if not state["finished"]:
        return f"{player_names[state['to_play']]} to move"
    if state["returns"][0] == 0:
        return "draw"
    return f"{player_names[0 if state['returns'][0] > 0 else 1]} won"


def read_board(text: str, *, height: int, width: int, glyphs: str) -> NDArray[np.int8]:
    """Read a drawn board back.

    Labels and the status line may be there or not; a row is a line of ``width`` glyphs, spaces
    between them or not.

    Args:
        text: the drawing.
        height: rows that it must have.
        width: columns that it must have.
        glyphs: the pieces, the empty cell first, for instance ``".XO"``.

    Returns:
        Index into ``glyphs`` of every cell, ``[height, width]``, row 0 at the top.

    Raises:
        InvalidPositionError: other than ``height`` rows of ``width`` cells.
    """
    rows = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].isdigit():
            words = words[1:]
        cells = "".join(words)
        if cells and set(cells) <= set(glyphs):
            rows.append(cells)
    if len(rows) != height or any(len(row) != width for row in rows):
        found = ", ".join(str(len(row)) for row in rows) or "none"
        raise InvalidPositionError(
            f"a board needs {height} rows of {width} cells out of {glyphs!r}; "
            f"found {len(rows)} rows with cells: {found}"
        )
    return np.array([[glyphs.index(cell) for cell in row] for row in rows], np.int8)


def cells_in_lines(owners: Sequence[Sequence[int]], length: int) -> tuple[tuple[int, int], ...]:
    """Cells, as (row, column), of all lines of ``length`` or more pieces of one owner."""
    height, width = len(owners), len(owners[0])
    found = set()
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                line = [(row + i * down, column + i * right) for i in range(length)]
                last_row, last_column = line[-1]
                if last_row < height and 0 <= last_column < width:
                    holders = {owners[r][c] for r, c in line}
                    if len(holders) == 1 and -1 not in holders:
                        found.update(line)
    return tuple(sorted(found))


def mirror_symmetries(height: int, width: int, mirrored_actions: Sequence[int]) -> Symmetries:
    """Identity and left-right mirror; ``mirrored_actions[a]`` is the mirror image of action a."""
    board = np.arange(height * width).reshape(height, width)
    cells = np.stack([board.ravel(), board[:, ::-1].ravel()]).astype(np.int32)
    actions = np.array([range(len(mirrored_actions)), mirrored_actions], np.int32)
    return Symmetries(cells=cells, actions=actions)


def square_symmetries(size: int) -> Symmetries:
    """The eight turns and mirrors of a square board where action = row * size + column."""
    board = np.arange(size * size).reshape(size, size)
    boards = [np.rot90(side, turns) for side in (board, board[:, ::-1]) for turns in range(4)]
    cells = np.stack([turned.ravel() for turned in boards]).astype(np.int32)
    # The cell i of a transformed board comes from cells[s, i], so what stood on a is now where
    # cells[s] holds a: the inverse permutation.
    return Symmetries(cells=cells, actions=np.argsort(cells, axis=1).astype(np.int32))
