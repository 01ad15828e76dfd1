"""Reading and writing game files: which format a file has, and that it is whole or not written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.records import csa, kif, pgn, plain, sgf, shogi_files, usi
from agents.records.record import GameRecord, RecordError, checked_result
from games.game import Game, GameError

_LARGEST_BYTES = 1_000_000

Reader = Callable[[bytes, Game | None], GameRecord]
Writer = Callable[[GameRecord], bytes]


@dataclass(frozen=True, slots=True)
class _Format:
    """One format: its readers and writers live in a module of its name."""

    name: str
    suffixes: tuple[str, ...]
    read: Reader
    write: Writer
    fits: Callable[[Game], bool]


_FORMATS = (
    _Format("SGF", (".sgf",), sgf.read, sgf.write, sgf.fits),
    _Format("PGN", (".pgn",), pgn.read, pgn.write, pgn.fits),
    _Format("KIF", (".kif",), kif.read, kif.write_shift_jis, shogi_files.fits),
    _Format("KIF", (".kifu",), kif.read, kif.write, shogi_files.fits),
    _Format("CSA", (".csa",), csa.read, csa.write, shogi_files.fits),
    _Format("USI", (".usi", ".sfen"), usi.read, usi.write, usi.fits),
    _Format("plain", (".txt",), plain.read, plain.write, lambda game: True),
)
_BY_SUFFIX = {suffix: each for each in _FORMATS for suffix in each.suffixes}


def suffixes_of(game: Game) -> tuple[str, ...]:
    """Names of files end in one of these in formats that can hold the game; the usual one first."""
    return tuple(each.suffixes[0] for each in _FORMATS if each.fits(game))


def read_game(path: Path, *, game: Game | None = None) -> GameRecord:
    """Read one game from a file; its name's ending tells the format, or its first bytes do.

    Args:
        path: ``.sgf``, ``.pgn``, ``.kif``, ``.csa``, ``.usi``, or a plain record of any name.
        game: what it has to be a game of; None: whatever the file says, compiled if need be.

    Raises:
        RecordError: there is no such file, it is of another game, cut short, or a move in it
            cannot be read or played. One line that names the file and the place in it.
    """
    data = read_bytes(path)
    found = _BY_SUFFIX.get(path.suffix.lower()) or _guess(data)
    try:
        record = found.read(data, game)
    except GameError as error:
        raise RecordError(f"{path}: {error}") from None
    if game is not None and record.game.id != game.id:
        raise RecordError(f"{path}: it is a game of {record.game.id}, not of {game.id}")
    return record


def read_bytes(path: Path) -> bytes:
    """What is in a file, as long as it may hold a game.

    Raises:
        RecordError: there is no such file, it is empty, or too long for a game.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        why = getattr(error, "strerror", None) or error
        raise RecordError(f"cannot read {path}: {why}") from None
    if len(data) > _LARGEST_BYTES:
        raise RecordError(f"{path} is no saved game: it is over {_LARGEST_BYTES} bytes long")
    if not data.strip():
        raise RecordError(f"{path} is empty; there is no game in it")
    return data


def save_game(path: Path, record: GameRecord) -> None:
    """Write a game to a file, whole or not at all; its name's ending chooses the format.

    A name with another ending, or with none, is written as a plain record.

    Raises:
        RecordError: the format cannot hold this game, or the file cannot be written.
    """
    wanted = _BY_SUFFIX.get(path.suffix.lower(), _FORMATS[-1])
    if not wanted.fits(record.game):
        fitting = " or ".join(suffixes_of(record.game))
        raise RecordError(
            f"{wanted.name} holds no games of {record.game.name}; save to a name that ends in "
            f"{fitting}"
        )
    data = wanted.write(checked_result(record))
    beside = path.with_name(path.name + ".part") if path.name else path
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RecordError(f"cannot save the game to {path}: {why}; name another file") from None
    finally:
        if beside.name != path.name:
            _remove(beside)


def _guess(data: bytes) -> _Format:
    """The format by how the file begins; a plain record where nothing tells."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:2000]
    if start.startswith(b"(;"):
        return _BY_SUFFIX[".sgf"]
    if start.startswith(b"[") or start.startswith(b"1."):
        return _BY_SUFFIX[".pgn"]
    if start.startswith((b"V2", b"V3", b"N+", b"'CSA", b"PI")):
        return _BY_SUFFIX[".csa"]
    if start.startswith((b"position ", b"startpos", b"sfen ")):
        return _BY_SUFFIX[".usi"]
    if start.startswith(b"#KIF") or "手合割".encode() in start or "手合割".encode("cp932") in start:
        return _BY_SUFFIX[".kif"]
    return _FORMATS[-1]


def _remove(path: Path) -> None:
    """Clear away what a failed save has left."""
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError):
        pass
