"""Positions of a game as what the pages' board viewer (``templates/viewer.js``) draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.records.record import position_text
from games.game import BoardView, Game
from games.raster import ANY_ROW

_CHESS = dict(zip("kqrbnp", "♚♛♜♝♞♟", strict=True))
_DISCS = frozenset("XO●○")


def board_facts(game: Game) -> dict[str, Any]:
    """What the viewer must know of a game: size, labels, and how its board looks."""
    view = game.board_view(game.rules.initial(1)[0])
    return {
        "rows": len(view.pieces),
        "columns": len(view.pieces[0]),
        "rowLabels": list(view.row_labels),
        "columnLabels": list(view.column_labels),
        "players": list(view.player_names),
        "look": _look(game, view),
        "light": 0 if _begins_light(game, view) else 1,
    }


def shown_position(game: Game, before: np.void | None, state: np.void) -> dict[str, Any]:
    """One position: its pieces as ``[row, column, owner, glyph]``, and what is marked.

    Args:
        game: whose position it is.
        before: the position one ply earlier, whose differences are the last move; None: none.
        state: the position.
    """
    view = game.board_view(state)
    pieces = [
        [row, column, view.owners[row][column], _glyph(game, piece)]
        for row, cells in enumerate(view.pieces)
        for column, piece in enumerate(cells)
        if piece
    ]
    shown: dict[str, Any] = {"pieces": pieces}
    if before is not None:
        shown["last"] = [list(cell) for cell in _changed(game.board_view(before), view)]
    if view.deciding:
        shown["deciding"] = [list(cell) for cell in view.deciding]
    text = position_text(game, state)
    if "|" not in text:  # FEN or SFEN, which say more than the board: hands, rights, counters
        shown["text"] = text
    return shown


def shown_game(game: Game, states: Sequence[np.void]) -> list[dict[str, Any]]:
    """All positions of a game, the last move of each marked."""
    return [
        shown_position(game, states[ply - 1] if ply else None, state)
        for ply, state in enumerate(states)
    ]


def cell_of_move(game: Game, state: np.void, action: int) -> list[int] | None:
    """Where a move puts its piece, as row and column; None where that cannot be said."""
    states = np.array([state], game.state_dtype)
    before = game.board_view(states[0])
    game.rules.step(states, np.array([action], np.int32))
    cells = _changed(before, game.board_view(states[0]))
    return list(cells[0]) if cells else None


def _look(game: Game, view: BoardView) -> str:
    """Which of the viewer's boards: rack, points, hexagons, squares or a chequered board."""
    if any((game.cell_of_action(action) or (0,))[0] == ANY_ROW for action in range(3)):
        return "rack"
    if game.rules.has_ownership or game.name == "gomoku":
        return "points"
    if view.slanted:
        return "hexagons"
    if game.name in ("chess", "minichess", "breakthrough"):
        return "chequers"
    return "wedges" if game.name in ("shogi", "minishogi") else "squares"


def _begins_light(game: Game, view: BoardView) -> bool:
    """Whether player 0's pieces are the light ones."""
    return view.player_names[0].lower() == "white"


def _glyph(game: Game, piece: str) -> str:
    """What is written on a piece; nothing on discs, which their colour tells apart."""
    if piece in _DISCS:
        return ""
    if game.name in ("chess", "minichess"):
        return _CHESS.get(piece.lower(), piece)
    return piece.upper()


def _changed(before: BoardView, after: BoardView) -> list[tuple[int, int]]:
    """Cells where a move put a piece, first; then those that it left."""
    filled: list[tuple[int, int, bool]] = []  # and whether a piece is there now
    emptied: list[tuple[int, int, bool]] = []
    for row, pieces in enumerate(after.pieces):
        for column, piece in enumerate(pieces):
            was = before.pieces[row][column], before.owners[row][column]
            if was != (piece, after.owners[row][column]):
                fresh = piece and not was[0]
                (filled if fresh else emptied).append((row, column, bool(piece)))
    # A capture fills a cell that was not empty; turned pieces are no part of the move where
    # something new stands on the board.
    moved = filled or [cell for cell in emptied if cell[2]]
    left = [cell for cell in emptied if not cell[2]]
    return [
        (row, column)
        for row, column, _ in (*moved, *(left if not filled or len(left) == 1 else []))
    ]
