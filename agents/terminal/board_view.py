"""What a board looks like before any colour: cells, clicks, the last move, and plain text.

Everything here follows from ``Game.board_view``, ``Game.cell_of_action`` and the text of moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agents.terminal.move_squares import Squares, read_squares, text_by_squares
from games.game import BoardView, Game
from games.raster import ANY_ROW, Cell

#: Where more moves name no square, they are typed: buttons would fill the screen.
_MOST_NAMED = 8

Origin = Cell | str  # a square of the board, or the letter of a piece in hand


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the moves of one position lie on the board."""

    by_cell: dict[Cell, int]  # a click here plays this action; cells of several moves are left out
    landing: dict[int, tuple[Cell, ...]]  # action -> cells where it puts a piece
    #: What can be taken up, and where each may be set down, by which actions (promotions are more).
    moves: dict[Origin, dict[Cell, tuple[int, ...]]] = field(default_factory=dict)
    named: tuple[int, ...] = ()  # actions that no square stands for, such as a pass
    origins: dict[int, Origin] = field(default_factory=dict)  # of the actions that move a piece


NO_TARGETS = Targets(by_cell={}, landing={})


def find_targets(game: Game, state: np.void) -> Targets:
    """What clicks on the board mean in ``state``."""
    view = game.board_view(state)
    by_cell: dict[Cell, list[int]] = {}
    landing: dict[int, tuple[Cell, ...]] = {}
    moves: dict[Origin, dict[Cell, tuple[int, ...]]] = {}
    origins: dict[int, Origin] = {}
    named = []
    for action in game.legal(state):
        squares = _squares(game, view, state, action)
        if squares is not None and squares.origin is not None:
            landing[action] = (squares.target,)
            origins[action] = squares.origin
            ways = moves.setdefault(squares.origin, {})
            ways[squares.target] = (*ways.get(squares.target, ()), action)
            continue
        cell = game.cell_of_action(action)
        if cell is None or cell[0] == ANY_ROW:
            landing[action] = _landing(game, view, state, action)
        else:
            landing[action] = (cell,)
        if cell is None:
            named.append(action)
            continue
        row, column = cell
        rows = range(len(view.pieces)) if row == ANY_ROW else (row,)
        for each in rows:
            by_cell.setdefault((each, column), []).append(action)
    if len(named) > _MOST_NAMED:  # a game that tells nothing of its cells: what changes is clicked
        for action in named:
            if len(landing[action]) == 1:
                by_cell.setdefault(landing[action][0], []).append(action)
        named = []
    return Targets(
        by_cell={cell: actions[0] for cell, actions in by_cell.items() if len(actions) == 1},
        landing=landing,
        moves=moves,
        named=tuple(named),
        origins=origins,
    )


def _squares(game: Game, view: BoardView, state: np.void, action: int) -> Squares | None:
    """From where to where, if the move's text says both."""
    return read_squares(view, text_by_squares(game, state, action))


def _landing(game: Game, view: BoardView, state: np.void, action: int) -> tuple[Cell, ...]:
    states = np.array([state], game.state_dtype)
    game.rules.step(states, np.array([action], np.int32))
    return placed_cells(view, game.board_view(states[0]))


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


def left_cells(before: BoardView, after: BoardView, mover: int) -> tuple[Cell, ...]:
    """Cells that a piece of the mover went away from."""
    return tuple(
        (row, column)
        for row, owners in enumerate(before.owners)
        for column, owner in enumerate(owners)
        if owner == mover and not after.pieces[row][column]
    )


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


def last_left(game: Game, states: tuple[np.void, ...]) -> tuple[Cell, ...]:
    """Cells that the last move's piece came from; empty where pieces are only placed."""
    if len(states) < 2:
        return ()
    mover = int(states[-2]["to_play"])
    return left_cells(game.board_view(states[-2]), game.board_view(states[-1]), mover)
