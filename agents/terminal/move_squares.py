"""Which squares a move goes from and to, read from its text: so that every game can be clicked.

No game says this of its moves; their notations do. Chess is read in UCI, which names both squares,
shogi in USI; a game of one's own is understood if it writes its moves like ``a1b2`` or ``a1xb2``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from agents.protocols.move_text import write_move
from games.game import BoardView, Game
from games.raster import Cell

_BY_SQUARES = ("chess", "minichess")  # whose own notation leaves the first square out


@dataclass(frozen=True, slots=True)
class Squares:
    """A move as hands make it."""

    origin: Cell | str | None  # a square, the letter of a piece in hand, or None: a piece is placed
    target: Cell


def read_squares(view: BoardView, text: str) -> Squares | None:
    """Squares of a move's text such as ``e2e4``, ``7g7f+``, ``P*5e``; None where it names none."""
    pattern, columns, rows = _pattern(view.column_labels, view.row_labels)
    found = pattern.match(text)
    if found is None:
        return None
    target = (rows[found["row"]], columns[found["column"]])
    if found["piece"]:
        return Squares(origin=found["piece"].upper(), target=target)
    return Squares(origin=(rows[found["from_row"]], columns[found["from_column"]]), target=target)


def text_by_squares(game: Game, state: np.void, action: int) -> str:
    """A move in the notation that names its squares, where the game has one."""
    if game.name in _BY_SQUARES:
        return write_move(game, state, action)
    return game.action_to_text(state, action)


@lru_cache(maxsize=16)
def _pattern(
    columns: tuple[str, ...], rows: tuple[str, ...]
) -> tuple[re.Pattern[str], dict[str, int], dict[str, int]]:
    column, row = (
        "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
        for labels in (columns, rows)
    )
    pattern = re.compile(
        rf"(?:(?P<piece>[A-Za-z])\*|(?P<from_column>{column})(?P<from_row>{row})[-x:]?)"
        rf"(?P<column>{column})(?P<row>{row})(?![0-9])"
    )
    return (
        pattern,
        {label: index for index, label in enumerate(columns)},
        {label: index for index, label in enumerate(rows)},
    )


def pieces_in_hand(game: Game, state: np.void) -> tuple[dict[str, int], dict[str, int]] | None:
    """Pieces that each player may drop, with their number; None in a game without hands."""
    if game.name not in ("shogi", "minishogi"):
        return None
    sfen = next(line for line in game.state_to_text(state).splitlines() if "/" in line)
    hands: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for count, letter in re.findall(r"([0-9]*)([A-Za-z])", sfen.removeprefix("sfen ").split()[2]):
        hands[letter.islower()][letter.upper()] = int(count or 1)
    return hands
