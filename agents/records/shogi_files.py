"""What the files of Japanese programs share, KIF and CSA: encoding, pieces, starts and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agents.records.record import (
    DRAW,
    UNFINISHED,
    WINS,
    RecordError,
    Replay,
    loser,
    position_text,
)
from games.game import Game
from games.shogi_text import Position, find_sfen, read_sfen, write_sfen

SIZE = 9
#: Letters of the kinds 1 to 8, which are those of hands and the king; 8 more is the promoted piece.
LETTERS = " PLNSGBRK"


def fits(game: Game) -> bool:
    """Whether the game is shogi on 9 x 9."""
    return game.name == "shogi"


def decode(data: bytes) -> str:
    """The text of a file, in UTF-8 or Shift JIS.

    Raises:
        RecordError: it is neither.
    """
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RecordError("it is text neither in UTF-8 nor in Shift JIS")


def result_by(ending: str, ends: Mapping[str, int | None], to_play: int) -> str:
    """The result by the word that ends a game.

    Args:
        ending: the word.
        ends: what each says of the player to move: lost (-1), won (1), drawn (0), nothing (None).
        to_play: who that is.
    """
    outcome = ends[ending]
    if outcome is None:
        return UNFINISHED
    return DRAW if outcome == 0 else WINS[to_play] if outcome > 0 else loser(to_play)


def piece_at(game: Game, state: np.void, square: str) -> int:
    """The kind of the piece on a square such as ``7g``, whoever owns it."""
    view = game.board_view(state)
    piece = view.pieces[view.row_labels.index(square[1])][view.column_labels.index(square[0])]
    return LETTERS.index(piece[-1].upper()) + 8 * (piece[0] == "+")


def position_of(game: Game, state: np.void) -> Position:
    """A state as a position of pieces."""
    pieces = dict.fromkeys(range(9), 40)  # they are in order: the game wrote them
    return read_sfen(find_sfen(position_text(game, state)), size=SIZE, pieces=pieces)


def begin_at(
    game: Game, board: Sequence[int], hands: Sequence[Sequence[int]], to_play: int
) -> Replay:
    """A game that begins in a position of its own.

    Raises:
        GameError: the position is none of shogi.
    """
    first, second = (tuple(hand) for hand in hands)
    position = Position(board=tuple(board), hands=(first, second), to_play=to_play, ply=0)
    return Replay(game, game.text_to_state(f"sfen {write_sfen(position, SIZE)}"))
