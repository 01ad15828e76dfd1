"""Opening books of chess in Polyglot's format: read, asked for a move, and made from games.

A book is a file of entries of 16 bytes, sorted by the position's hash: the hash (8 bytes), the move
and its weight (2 each), 4 bytes that are not used; the highest byte of each first. The hash is put
together from 781 numbers: for 12 pieces on 64 cells, 4 castling rights, 8 columns of en passant,
white to move. They are the first that ISAAC-64 gives (``isaac64``), so they are computed here.

Source: Fabien Letouzey's Polyglot, as described by Michel Van den Bergh, "Book format", and in the
chess programming wiki, "PolyGlot".
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.agent import AgentError
from agents.deep_blue.isaac64 import isaac64
from games.chess_text import Move, Position, action_of_move, move_of_action, position_of
from games.game import Game

ENTRY = np.dtype([("key", ">u8"), ("move", ">u2"), ("weight", ">u2"), ("learn", ">u4")])

_PIECES = "pPnNbBrRqQkK"  # in the order of the published numbers
_PROMOTIONS = ("", "N", "B", "R", "Q")
_CASTLING, _PASSING, _WHITE = 768, 772, 780  # where their numbers begin
_RIGHTS = "KQkq"
_MOST_WEIGHT = 0xFFFF
_ROOK_OF = {62: 63, 58: 56, 6: 7, 2: 0}  # where the king castles to, and the rook it goes by


@dataclass(frozen=True, slots=True)
class BookMove:
    """A move that a book knows, as an action of the game, with its weight."""

    action: int
    weight: int


_KEYS = isaac64(781)


def polyglot_key(position: Position) -> int:
    """Polyglot's hash of a position.

    En passant counts where a pawn stands ready to capture. A state keeps it only where that is
    legal as well; the two differ for a pawn that is pinned.
    """
    key = 0
    for cell, piece in enumerate(position.cells):
        if piece != ".":
            key ^= _KEYS[64 * _PIECES.index(piece) + (cell ^ 56)]
    for right in position.castling:
        key ^= _KEYS[_CASTLING + _RIGHTS.index(right)]
    if position.passing is not None:
        forward, pawn = (8, "P") if position.white_to_move else (-8, "p")
        beside = position.passing + forward
        column = beside % 8
        ready = [beside + step for step in (-1, 1) if 0 <= column + step < 8]
        if any(position.cells[cell] == pawn for cell in ready):
            key ^= _KEYS[_PASSING + column]
    if position.white_to_move:
        key ^= _KEYS[_WHITE]
    return key


class Book:
    """The entries of a book.

    Args:
        entries: sorted by their keys.
        name: of the book, for messages.
    """

    def __init__(self, entries: NDArray[np.void], *, name: str = "book") -> None:
        self._entries = entries
        self._keys = entries["key"].astype(np.uint64)
        self.name = name

    def __len__(self) -> int:
        """Number of moves in the book."""
        return len(self._entries)

    def moves(self, game: Game, state: np.void) -> list[BookMove]:
        """The moves for a position of chess, heaviest first; those not legal are left out."""
        position = position_of(state)
        key = np.uint64(polyglot_key(position))
        first, last = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
        if first == last:
            return []
        legal = set(game.legal(state))
        found = []
        for entry in self._entries[first:last]:
            action = action_of_move(position, _read_move(int(entry["move"]), position))
            if action in legal:
                found.append(BookMove(action, int(entry["weight"])))
        return sorted(found, key=lambda each: -each.weight)


def read_book(path: Path) -> Book:
    """Open a book.

    Raises:
        AgentError: it cannot be read, or is no book.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AgentError(f"cannot read the book {path}: {error.strerror}") from None
    if not data or len(data) % ENTRY.itemsize:
        raise AgentError(
            f"{path} is no Polyglot book: {len(data)} bytes are not a number of entries of 16"
        )
    entries = np.frombuffer(data, ENTRY)
    keys = entries["key"].astype(np.uint64)
    if (keys[1:] < keys[:-1]).any():
        raise AgentError(f"{path} is no Polyglot book: its entries are not sorted")
    return Book(entries, name=str(path))


def book_from_games(
    game: Game,
    games: Iterable[tuple[Sequence[int], float]],
    *,
    plies: int = 20,
    least_games: int = 1,
) -> Book:
    """A book of the moves of games, weighted as Polyglot does: 2 for a win, 1 for a draw.

    Args:
        game: a chess game.
        games: of each, its actions from the start, and the result of white in -1..+1.
        plies: so far into a game.
        least_games: in which a move has to have been played.
    """
    points: dict[tuple[int, int], int] = {}
    played: dict[tuple[int, int], int] = {}
    for actions, result in games:
        states = game.rules.initial(1)
        for action in actions[:plies]:
            position = position_of(states[0])
            move = move_of_action(position, int(action))
            assert move is not None  # the actions are trusted to be legal
            entry = polyglot_key(position), _written_move(move, position)
            side = result if position.white_to_move else -result
            points[entry] = points.get(entry, 0) + round(side + 1)
            played[entry] = played.get(entry, 0) + 1
            game.rules.step(states, np.array([action], np.int32))
    kept = sorted(
        (key, -weight, move)
        for (key, move), weight in points.items()
        if weight and played[key, move] >= least_games
    )
    most = max((-weight for _, weight, _ in kept), default=1)
    scale = min(1.0, _MOST_WEIGHT / most)
    entries = np.array(
        [(key, move, max(1, int(-weight * scale)), 0) for key, weight, move in kept], ENTRY
    )
    return Book(entries)


def write_book(book: Book, path: Path) -> None:
    """Write a book in Polyglot's format, whole or not at all.

    Raises:
        AgentError: it cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(book._entries.tobytes())
        os.replace(temporary, path)
    except OSError as error:
        raise AgentError(f"cannot write the book {path}: {error.strerror}") from None


def _read_move(word: int, position: Position) -> Move:
    """A move as a book writes it; castling is written as the king taking its rook."""
    origin, target = (word >> 6 & 63) ^ 56, (word & 63) ^ 56
    if position.cells[origin] in "Kk":
        own_rook = "R" if position.white_to_move else "r"
        if position.cells[target] == own_rook:
            king_to = {rook: king for king, rook in _ROOK_OF.items()}
            target = king_to.get(target, target)
    promotion = word >> 12 & 7
    return Move(origin, target, _PROMOTIONS[promotion] if promotion < len(_PROMOTIONS) else "")


def _written_move(move: Move, position: Position) -> int:
    """A move as a book writes it."""
    target = move.target
    if position.cells[move.origin] in "Kk" and abs(move.target - move.origin) == 2:
        target = _ROOK_OF[target]
    return _PROMOTIONS.index(move.promotion) << 12 | (move.origin ^ 56) << 6 | target ^ 56
