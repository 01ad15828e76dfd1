"""USI's own line for a game of shogi or minishogi: ``position startpos moves 7g7f 3c3d``."""

from __future__ import annotations

from agents.records.record import GameRecord, RecordError, Replay, position_text
from games import make
from games.game import Game


def fits(game: Game) -> bool:
    """Whether the game's moves are written in USI."""
    return game.name in ("shogi", "minishogi")


def write(record: GameRecord) -> bytes:
    """The line; names and dates have no place in it."""
    start = "startpos"
    if record.start is not None:
        start = "sfen " + position_text(record.game, record.start).removeprefix("sfen ")
    moves = record.move_texts()
    return f"position {start}{' moves ' if moves else ''}{' '.join(moves)}\n".encode()


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read a line with or without ``position``; its SFEN tells shogi from minishogi.

    Raises:
        RecordError: it is no such line, or a move cannot be played.
    """
    try:
        words = data.decode("utf-8-sig").split()
    except UnicodeDecodeError:
        raise RecordError("it is not text") from None
    if words[:1] == ["position"]:
        words = words[1:]
    at = words.index("moves") if "moves" in words else len(words)
    start, moves = words[:at], words[at + 1 :]
    if start[:1] == ["sfen"] and 4 <= len(start) <= 5:
        small = start[1].count("/") == 4
        game = _game("minishogi" if small else "shogi", game)
        replay = Replay(game, game.text_to_state(" ".join(start)))
    elif start == ["startpos"]:
        # Nothing tells the boards apart where a game begins as usual, but who asks may know.
        replay = Replay(_game(game.name if game is not None and fits(game) else "shogi", game))
    else:
        raise RecordError(
            "line 1: a game in USI is 'position startpos moves ...', or 'position sfen ...' with it"
        )
    for move in moves:
        replay.play(move)
    return replay.record()


def _game(name: str, game: Game | None) -> Game:
    return game if game is not None and game.name == name else make(name)
