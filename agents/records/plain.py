"""The plain record: text that a person can read, write and send by mail; it holds every game.

    meijin game 1
    game: connect_four
    first: human
    second: shipped, level 8
    date: 2026-05-17 20:15:09
    result: first wins

    4 4 4 4 4 2
    3 5 2 6

The first line names the format. Header lines follow in any order, ``game`` is required; then an
empty line, then the moves in the game's own notation, parted by spaces or line ends. ``result`` is
one of ``first wins``, ``second wins``, ``draw`` and ``unfinished``; where the moves decide the game
it has to agree with them. ``start`` is a position as ``position_text`` writes it.
"""

from __future__ import annotations

from agents.records.record import (
    RESULTS,
    UNFINISHED,
    UNKNOWN,
    GameRecord,
    RecordError,
    Replay,
    position_text,
    read_position,
    result_of,
)
from games import make
from games.game import Game, GameError

FORMAT_LINE = "meijin game 1"
_MOVES_A_LINE = 10
_KEYS = ("game", "start", "first", "second", "date", "result")


def write(record: GameRecord) -> bytes:
    """The text of a saved game."""
    start = ""
    if record.start is not None:
        start = f"start: {position_text(record.game, record.start)}\n"
    header = (
        f"{FORMAT_LINE}\ngame: {record.game.id}\n{start}first: {_one_line(record.players[0])}\n"
        f"second: {_one_line(record.players[1])}\ndate: {_one_line(record.date)}\n"
        f"result: {record.result}\n"
    )
    moves = record.move_texts()
    lines = [" ".join(moves[at : at + _MOVES_A_LINE]) for at in range(0, len(moves), _MOVES_A_LINE)]
    return ("\n".join([header, *lines]) + ("\n" if lines else "")).encode()


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read what ``write`` writes.

    Raises:
        RecordError: names the line.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise RecordError("it is no saved game: it is not text") from None
    if not lines or lines[0].strip() != FORMAT_LINE:
        raise RecordError(
            f"line 1: a saved game begins with {FORMAT_LINE!r}; other formats are told by the "
            "ending of the name: .sgf .pgn .kif .csa .usi"
        )
    header, number = _read_header(lines)
    at, game_id = header["game"]
    try:
        game = make(game_id) if game is None or game.id != game_id else game
    except GameError as error:
        raise RecordError(f"line {at}: {error}") from None
    at, written = header.get("start", (0, ""))
    try:
        replay = Replay(game, read_position(game, written) if written else None)
    except GameError as error:
        raise RecordError(f"line {at}: {error}") from None
    _read_moves(lines, number, replay)
    at, stated = header.get("result", (number, result_of(replay.state)))
    if stated not in RESULTS or (replay.is_over and stated != result_of(replay.state)):
        raise RecordError(
            f"line {at}: the result is given as {stated!r}, but the moves make it "
            f"{result_of(replay.state)!r}"
        )
    first, second = (header.get(key, (0, UNKNOWN))[1] for key in ("first", "second"))
    return replay.record(
        players=(first, second), date=header.get("date", (0, ""))[1], stated=stated or UNFINISHED
    )


def _read_header(lines: list[str]) -> tuple[dict[str, tuple[int, str]], int]:
    """Header lines by key, each with its number, and the number of the line after the last."""
    header: dict[str, tuple[int, str]] = {}
    number = 1
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            break
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or key not in _KEYS:
            known = ", ".join(_KEYS)
            raise RecordError(f"line {number}: {line!r} is no header ({known})")
        if key in header:
            raise RecordError(f"line {number}: {key!r} stands there a second time")
        header[key] = (number, value)
    if "game" not in header:
        raise RecordError(f"line {number}: no line says which game it is ('game: ')")
    return header, number


def _read_moves(lines: list[str], start: int, replay: Replay) -> None:
    """Play the moves that stand after line ``start``."""
    for number, line in enumerate(lines[start:], start=start + 1):
        for word in line.split():
            if replay.is_over:
                raise RecordError(f"line {number}: move {word!r} comes after the end of the game")
            try:
                replay.play(word)
            except RecordError as error:
                raise RecordError(f"line {number}: {error}") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
