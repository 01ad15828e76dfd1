"""What a board looks like before any colour: cells, clicks, the last move, and plain text.

Everything here follows from ``Game.board_view`` and ``Game.cell_of_action``; no game is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from games.game import BoardView, Game
from games.raster import ANY_ROW, Cell


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the moves of one position lie on the board."""

    by_cell: dict[Cell, int]  # a click here plays this action; cells of several moves are left out
    landing: dict[int, tuple[Cell, ...]]  # action -> cells where it puts a piece


def find_targets(game: Game, state: np.void) -> Targets:
    """Clickable cells and landing cells of the legal moves of ``state``."""
    view = game.board_view(state)
    rows = range(len(view.pieces))
    by_cell: dict[Cell, int] = {}
    crowded: set[Cell] = set()
    landing: dict[int, tuple[Cell, ...]] = {}
    for action in game.legal(state):
        states = np.array([state], game.state_dtype)
        game.rules.step(states, np.array([action], np.int32))
        landing[action] = placed_cells(view, game.board_view(states[0]))
        named = game.cell_of_action(action)
        if named is None:
            continue
        row, column = named
        for cell in ((each, column) for each in rows) if row == ANY_ROW else (named,):
            if cell in by_cell:
                crowded.add(cell)
            by_cell[cell] = action
    for cell in crowded:
        del by_cell[cell]
    return Targets(by_cell=by_cell, landing=landing)


def placed_cells(before: BoardView, after: BoardView) -> tuple[Cell, ...]:
    """Cells where a move put a piece; where it only turned pieces over, those."""
    changed = [
        (row, column)
        for row, pieces in enumerate(after.pieces)
        for column, piece in enumerate(pieces)
        if piece
        and (piece, after.owners[row][column])
        != (before.pieces[row][column], before.owners[row][column])
    ]
    fresh = [(row, column) for row, column in changed if not before.pieces[row][column]]
    return tuple(fresh or changed)


def board_text(view: BoardView, *, marked: tuple[Cell, ...] = (), colour: bool = False) -> str:
    """The board as plain lines; ``marked`` cells stand in brackets.

    Args:
        view: what to draw.
        marked: the last move, or the pieces that settled the game.
        colour: add ANSI colours to the pieces.
    """
    width = max(
        [1, *(len(label) for label in view.column_labels)]
        + [len(piece) for pieces in view.pieces for piece in pieces]
    )
    margin = max((len(label) for label in view.row_labels), default=0)
    # Where rows are shifted by half a cell, a cell has an even number of characters.
    gap = " " * ((width + 2) % 2) if view.slanted else ""
    half = (width + 2 + len(gap)) // 2 if view.slanted else 0
    lines = []
    for row, pieces in enumerate(view.pieces):
        cells = []
        for column, piece in enumerate(pieces):
            left, right = ("[", "]") if (row, column) in marked else (" ", " ")
            text = (piece or ".").center(width)
            owner = view.owners[row][column]
            if colour and owner >= 0:
                text = f"\x1b[1;{(31, 33)[owner]}m{text}\x1b[0m"
            cells.append(f"{left}{text}{right}{gap}")
        lines.append(" " * (row * half) + f"{view.row_labels[row]:>{margin}}" + "".join(cells))
    labels = "".join(f" {label.center(width)} {gap}" for label in view.column_labels)
    lines.append(" " * (len(lines) * half + margin) + labels.rstrip())
    return "\n".join(line.rstrip() for line in lines)


def last_placed(game: Game, states: tuple[np.void, ...]) -> tuple[Cell, ...]:
    """Cells of the last move of a game; empty before the first."""
    if len(states) < 2:
        return ()
    return placed_cells(game.board_view(states[-2]), game.board_view(states[-1]))
