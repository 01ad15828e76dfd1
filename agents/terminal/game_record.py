"""Saved games: plain text that a person can read, write and send by mail.

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
one of ``first wins``, ``second wins``, ``draw`` and ``unfinished`` and has to agree with the moves.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from games import make
from games.game import Game, GameError

FORMAT_LINE = "meijin game 1"
_MOVES_A_LINE = 10
_LARGEST_BYTES = 1_000_000
_KEYS = ("game", "first", "second", "date", "result")


class GameRecordError(GameError):
    """A saved game that cannot be read or written; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class GameRecord:
    """One saved game."""

    game_id: str
    players: tuple[str, str]
    date: str
    actions: tuple[int, ...]


def result_text(state: np.void) -> str:
    """Result of a game as records write it."""
    if not state["finished"]:
        return "unfinished"
    first, second = state["returns"]
    if first == second:
        return "draw"
    return "first wins" if first > second else "second wins"


def write_record(record: GameRecord, game: Game) -> str:
    """The text of a saved game."""
    states = game.rules.initial(1)
    moves = []
    for action in record.actions:
        moves.append(game.action_to_text(states[0], action))
        game.rules.step(states, np.array([action], np.int32))
    header = (
        f"{FORMAT_LINE}\ngame: {record.game_id}\nfirst: {record.players[0]}\n"
        f"second: {record.players[1]}\ndate: {record.date}\nresult: {result_text(states[0])}\n"
    )
    lines = [" ".join(moves[at : at + _MOVES_A_LINE]) for at in range(0, len(moves), _MOVES_A_LINE)]
    return "\n".join([header, *lines]) + ("\n" if lines else "")


def save_record(record: GameRecord, game: Game, path: Path) -> None:
    """Write a game to a file, whole or not at all.

    Raises:
        GameRecordError: the file cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(write_record(record, game), encoding="utf-8")
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise GameRecordError(
            f"cannot save the game to {path}: {why}; name another file"
        ) from error
    finally:
        if beside.name != path.name:
            _remove(beside)


def load_record(path: Path) -> tuple[GameRecord, Game]:
    """Read a saved game and the game it is of.

    Raises:
        GameRecordError: the file cannot be read, or a line of it is wrong; the line is named.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise GameRecordError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > _LARGEST_BYTES:
        raise GameRecordError(f"{path} is no saved game: it is over {_LARGEST_BYTES} bytes long")
    try:
        return read_record(data.decode("utf-8-sig"), source=str(path))
    except UnicodeDecodeError as error:
        raise GameRecordError(f"{path} is no saved game: it is not text") from error


def read_record(text: str, *, source: str) -> tuple[GameRecord, Game]:
    """Read what ``write_record`` writes.

    Args:
        text: the whole file.
        source: name of the file, for messages.

    Raises:
        GameRecordError: names the file and the line.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != FORMAT_LINE:
        raise GameRecordError(f"{source}, line 1: a saved game begins with {FORMAT_LINE!r}")
    header: dict[str, tuple[int, str]] = {}
    number = 1
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            break
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or key not in _KEYS:
            known = ", ".join(_KEYS)
            raise GameRecordError(f"{source}, line {number}: {line!r} is no header ({known})")
        if key in header:
            raise GameRecordError(f"{source}, line {number}: {key!r} stands there a second time")
        header[key] = (number, value)
    if "game" not in header:
        raise GameRecordError(f"{source}, line {number}: no line says which game it is ('game: ')")
    at, game_id = header["game"]
    try:
        game = make(game_id)
    except GameError as error:
        raise GameRecordError(f"{source}, line {at}: {error}") from error
    states, actions = _read_moves(lines, number, game, source)
    at, stated = header.get("result", (number, result_text(states[0])))
    if stated != result_text(states[0]):
        raise GameRecordError(
            f"{source}, line {at}: the result is given as {stated!r}, but the moves make it "
            f"{result_text(states[0])!r}"
        )
    names = tuple(header.get(key, (0, "unknown"))[1] for key in ("first", "second"))
    date = header.get("date", (0, ""))[1]
    return GameRecord(game_id=game.id, players=names, date=date, actions=actions), game


def _read_moves(
    lines: list[str], start: int, game: Game, source: str
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Play the moves that stand after line ``start``; the final position and the actions."""
    states = game.rules.initial(1)
    actions = []
    for number, line in enumerate(lines[start:], start=start + 1):
        for word in line.split():
            if states["finished"][0]:
                raise GameRecordError(
                    f"{source}, line {number}: move {word!r} comes after the end of the game"
                )
            try:
                action = game.text_to_action(states[0], word)
            except GameError as error:
                raise GameRecordError(f"{source}, line {number}: {error}") from error
            actions.append(action)
            game.rules.step(states, np.array([action], np.int32))
    return states, tuple(actions)


def _remove(path: Path) -> None:
    """Clear away what a failed save has left."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass
