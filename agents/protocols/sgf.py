"""The main line of a game of Go in SGF, read with sgfmill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.agent import AgentError

_LARGEST_BYTES = 1_000_000
_GO = "1"  # what GM says of it

Cell = tuple[int, int]  # row from the top, column


class SgfError(AgentError):
    """A file that is no game of Go in SGF, or cannot be read; the message is one line."""


@dataclass(frozen=True, slots=True)
class SgfGame:
    """What a file says of the course of a game."""

    size: int
    komi: float | None
    black: tuple[Cell, ...]  # stones set up at the start
    white: tuple[Cell, ...]
    to_play: int | None
    moves: tuple[tuple[int, Cell | None], ...]  # player and point, None for a pass


def load_sgf(path: Path) -> SgfGame:
    """Read a file.

    Raises:
        SgfError: it cannot be read, or holds no game of Go, or more set up later.
    """
    try:
        if not path.is_file():
            raise SgfError(f"there is no file {str(path)!r}")
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise SgfError(f"cannot read {str(path)!r}: {error}") from None
    if len(data) > _LARGEST_BYTES:
        raise SgfError(f"{str(path)!r} is too large for one game")
    return parse_sgf(data)


def parse_sgf(data: bytes) -> SgfGame:
    """Read the main line of the first game in ``data``.

    Raises:
        SgfError: it is no game of Go, or stones are set up after its first move.
    """
    from sgfmill import boards, sgf

    try:
        game = sgf.Sgf_game.from_bytes(data)
        root = game.get_root()
        kind = root.get_raw("GM").decode(errors="replace").strip() if "GM" in _keys(root) else _GO
        if kind != _GO:
            raise SgfError(f"it is a record of another game than Go (GM[{kind}])")
        size = game.get_size()
        board = boards.Board(size)
        plays: list[tuple[str, Cell | None]] = []
        to_play: int | None = None
        for node in game.main_sequence_iter():
            # Stones may be set up in several nodes before the first move (CGoban does so).
            if node.has_setup_stones():
                if plays:
                    raise SgfError("stones are set up after the first move")
                if not board.apply_setup(*node.get_setup_stones()):
                    raise SgfError("the stones that are set up leave a chain without liberties")
            if "PL" in _keys(node) and not plays:
                to_play = _player(node.get("PL"))
            if node.get_raw_move()[0] is not None:
                plays.append(node.get_move())
        komi = float(root.get("KM")) if "KM" in _keys(root) else None
    except SgfError:
        raise
    except Exception as error:  # the library lets through whatever a broken file makes it meet
        raise SgfError(f"it cannot be read as SGF: {' '.join(str(error).split())}") from None
    stones: tuple[list[Cell], list[Cell]] = ([], [])
    for colour, (row, column) in board.list_occupied_points():
        stones[_player(colour)].append((size - 1 - row, column))
    moves = tuple(
        (_player(colour), None if point is None else (size - 1 - point[0], point[1]))
        for colour, point in plays
    )
    return SgfGame(
        size=size,
        komi=komi,
        black=tuple(sorted(stones[0])),
        white=tuple(sorted(stones[1])),
        to_play=moves[0][0] if to_play is None and moves else to_play,
        moves=moves,
    )


def _keys(node: Any) -> set[str]:
    return set(node.properties())


def _player(colour: str) -> int:
    return 0 if colour == "b" else 1
