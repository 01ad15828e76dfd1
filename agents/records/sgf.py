"""Games of stones in SGF 4: Go, Othello, gomoku and hex, by the numbers it has for them.

Points are two letters from the top left; those of Othello and hex are read as letter and number as
well (``e4``), which is how hex is written.

Sources: www.red-bean.com/sgf (FF[4]), and its page on hex.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.records.record import (
    DRAW,
    UNFINISHED,
    UNKNOWN,
    WINS,
    GameRecord,
    RecordError,
    Replay,
)
from games import make
from games.game import Game, GameError

_NUMBERS: Mapping[str, str] = {"1": "go", "2": "othello", "4": "gomoku", "11": "hex"}
_BY_NAME = {name: number for number, name in _NUMBERS.items()}
_COLOURS = "BW"  # player 0 and 1; in all of these games Black begins
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SIZES = {"go": 19, "othello": 8, "gomoku": 15, "hex": 11}  # where a file has none

Cell = tuple[int, int]  # row from the top, column


@dataclass(frozen=True, slots=True)
class GoCourse:
    """A game of Go as a file tells it, for whoever plays it over himself (passes and all)."""

    game: Game
    komi: float | None  # the file's
    start: np.void | None  # where moves begin; None: on the empty board with Black to move
    moves: tuple[tuple[int, Cell | None], ...]  # player and point, None for a pass


def fits(game: Game) -> bool:
    """Whether SGF has a number for the game."""
    return game.name in _BY_NAME


def write(record: GameRecord) -> bytes:
    """The text of a saved game."""
    from sgfmill import sgf

    game = record.game
    size = _size(game)
    tree = sgf.Sgf_game(size, encoding="UTF-8")
    root = tree.get_root()
    if game.name != "go":
        root.set_raw("GM", _BY_NAME[game.name].encode())
    root.set("AP", ("Meijin", "0.1.0"))
    if game.name == "go":
        root.set_raw("KM", f"{game.parameters['komi']:g}".encode())
        root.set("RU", "Tromp-Taylor")
    for player, name in enumerate(record.players):
        root.set(f"P{_COLOURS[player]}", " ".join(name.split()))
    if record.date:
        root.set("DT", " ".join(record.date.split())[:10])
    root.set("RE", _result_word(record))
    if record.start is not None:
        _write_start(game, record.start, root)
    for state, action in zip(record.states(), record.actions, strict=False):
        node = tree.extend_main_sequence()
        node.set_raw(_COLOURS[int(state["to_play"])], _write_move(game, state, action).encode())
    data: bytes = tree.serialise()
    return data


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read the main line of the first game in a file.

    Args:
        data: the file.
        game: whose size it has to be; its komi is used, whatever the file says.

    Raises:
        RecordError: it is cut short, of a game that SGF knows and we do not, or a move fails.
    """
    nodes, size = _open(data)
    root = nodes[0]
    number = _kind(root)
    if number not in _NUMBERS:
        known = ", ".join(f"{each} is {name}" for each, name in _NUMBERS.items())
        raise RecordError(f"it is a record of another game, GM[{number}]; {known}")
    game, remarks = _game(_NUMBERS[number], root, size, game)
    start, moves = _split(game, nodes)
    replay = Replay(game, start)
    _play(replay, moves)
    return replay.record(
        players=(_text(root, "PB") or UNKNOWN, _text(root, "PW") or UNKNOWN),
        date=_text(root, "DT"),
        stated=_stated(_text(root, "RE")),
        remarks=remarks,
    )


def read_go(data: bytes, game_of_size: Callable[[int], Game]) -> GoCourse:
    """Read the main line of the first game in a file, which has to be of Go.

    Args:
        data: the file.
        game_of_size: the game to read it by; may raise a ``GameError`` where there is none.

    Raises:
        RecordError: it is cut short or of another game, or what is set up is no position.
    """
    nodes, size = _open(data)
    root = nodes[0]
    if _kind(root) != _BY_NAME["go"]:
        raise RecordError(f"it is a record of another game than Go (GM[{_kind(root)}])")
    game = game_of_size(size)
    start, moves = _split(game, nodes)
    return GoCourse(
        game=game,
        komi=_komi(root),
        start=start,
        moves=tuple(
            (player, None if _is_pass(game, text) else _point(game, text, number))
            for number, (player, text) in enumerate(moves, start=1)
        ),
    )


def _open(data: bytes) -> tuple[list[Any], int]:
    """Nodes of the main line of the first game, and the size of its board (19: or none is said)."""
    from sgfmill import sgf

    try:
        tree = sgf.Sgf_game.from_bytes(data)
    except Exception as error:  # the library lets through whatever a broken file makes it meet
        why = " ".join(str(error).split())
        raise RecordError(f"it cannot be read as SGF ({why}); it may be cut short") from None
    return list(tree.get_main_sequence()), tree.get_size()


# --- What the root says -----------------------------------------------------------------------


def _kind(root: Any) -> str:
    """SGF's number of the game; without one it is Go."""
    return _raw(root, "GM") or _BY_NAME["go"]


def _game(name: str, root: Any, size: int, wanted: Game | None) -> tuple[Game, list[str]]:
    """The game that a file is of, and what was passed over of it."""
    if "SZ" not in root.properties():
        size = _SIZES[name]
    komi, remarks = _playable_komi(root, size) if name == "go" else (None, [])
    if wanted is not None and wanted.name == name and _size(wanted) == size:
        own = wanted.parameters.get("komi", komi)
        if komi is None or komi == own:
            return wanted, remarks
        return wanted, [f"The file's komi is {_raw(root, 'KM')}; it is read with {own:g}."]
    try:
        settings = f"size={size}" + (f",komi={komi:g}" if komi is not None else "")
        return make(f"{name}({settings})"), remarks
    except GameError as error:
        raise RecordError(str(error)) from None


def _komi(root: Any) -> float | None:
    text = _raw(root, "KM")
    if not text:
        return None
    try:
        komi = float(text)
    except ValueError:
        komi = math.nan
    if not math.isfinite(komi):
        raise RecordError(f"the komi {text!r} is no number")
    return komi


def _playable_komi(root: Any, size: int) -> tuple[float | None, list[str]]:
    """The komi to play with, None for the usual one, and what is said where the file's is none."""
    komi, text = _komi(root), _raw(root, "KM")
    if komi is None:
        return None, []
    if not abs(komi) <= size * size:  # such as 375, by which some servers mean 3.75 stones
        what = "more than the board has points: it is passed over"
        return None, [f"The file's komi is {text}, {what}."]
    halves = round(2 * komi) / 2
    if halves == komi:
        return komi, []
    return halves, [f"The file's komi is {text}; it is read as {halves:g}."]


def _size(game: Game) -> int:
    return game.observation_shape[1]


def _raw(node: Any, key: str) -> str:
    return node.get_raw(key).decode(errors="replace").strip() if node.has_property(key) else ""


def _text(node: Any, key: str) -> str:
    """A property as one line, whatever encoding the file claims."""
    if not node.has_property(key):
        return ""
    try:
        return " ".join(str(node.get(key)).split())
    except (ValueError, LookupError):
        return " ".join(_raw(node, key).split())


def _stated(word: str) -> str:
    """The result in the words of records."""
    upper = word.upper()
    if upper.startswith(("B+", "W+")):
        return WINS[_COLOURS.index(upper[0])]
    return DRAW if upper in ("0", "DRAW", "JIGO") else UNFINISHED


def _result_word(record: GameRecord) -> str:
    last = record.states()[-1]
    if record.result == UNFINISHED:
        return "?"
    if record.result == DRAW:
        return "0"
    colour = _COLOURS[WINS.index(record.result)]
    if not last["finished"]:
        return f"{colour}+R"
    if not record.game.rules.has_ownership:
        return f"{colour}+"
    _, height, width = record.game.observation_shape
    leads = np.zeros(1, np.float32)
    states = np.array([last], record.game.state_dtype)
    record.game.rules.final_ownership(states, np.zeros((1, height, width), np.int8), leads)
    return f"{colour}+{abs(float(leads[0])):g}"


# --- Stones set up ----------------------------------------------------------------------------


def _split(game: Game, nodes: list[Any]) -> tuple[np.void | None, list[tuple[int, str]]]:
    """The position that moves begin in (None: the usual one), and player and text of each move."""
    size = _size(game)
    cells = np.full((size, size), -1)
    to_play, is_set_up = None, False
    moves: list[tuple[int, str]] = []
    for node in nodes:
        for key, owner in (("AB", 0), ("AW", 1), ("AE", -1)):
            if not node.has_property(key):
                continue
            if moves:
                raise RecordError(f"stones are set up after move {len(moves)}")
            for value in node.get_raw_list(key):
                for cell in _cells(game, value.decode(errors="replace")):
                    cells[cell] = owner
            is_set_up = True
        if node.has_property("PL") and not moves:
            word = _raw(node, "PL").upper()[:1]
            to_play = _COLOURS.index(word) if word in ("B", "W") else None
        for player, colour in enumerate(_COLOURS):
            if node.has_property(colour):
                moves.append((player, _raw(node, colour)))
    if to_play is None and moves and (is_set_up or game.name == "go"):
        to_play = moves[0][0]
    if not is_set_up and not to_play:
        return None, moves
    names = game.board_view(game.rules.initial(1)[0]).player_names
    lines = [" ".join(".XO"[owner + 1] for owner in row) for row in cells.tolist()]
    if to_play is not None:
        lines.append(f"{names[to_play]} to move")
    try:
        return game.text_to_state("\n".join(lines)), moves
    except GameError as error:
        raise RecordError(f"the stones that are set up: {error}") from None


def _write_start(game: Game, start: np.void, root: Any) -> None:
    view = game.board_view(start)
    for player, colour in enumerate(_COLOURS):
        points = [
            _write_cell(game, row, column).encode()
            for row, owners in enumerate(view.owners)
            for column, owner in enumerate(owners)
            if owner == player
        ]
        if points:
            root.set_raw_list(f"A{colour}", points)
    black, white = (sum(row.count(player) for row in view.owners) for player in (0, 1))
    if game.name == "go" and black > 1 and not white and int(start["to_play"]) == 1:
        root.set_raw("HA", str(black).encode())
    root.set_raw("PL", _COLOURS[int(start["to_play"])].encode())


# --- Moves ------------------------------------------------------------------------------------


def _play(replay: Replay, moves: list[tuple[int, str]]) -> None:
    """Play the moves of a file; passes that our rules make by themselves are passed over."""
    game = replay.game
    mirrored = False  # in hex, after the players have changed sides and not the stone
    for number, (player, text) in enumerate(moves, start=1):
        word = text.lower()
        if mirrored:
            player = 1 - player
        to_play = int(replay.state["to_play"])
        if _is_pass(game, text):
            if game.name == "go":
                if not replay.is_over:
                    replay.play("pass")
            continue  # Othello's passes are not moves of ours
        if word in ("resign", "forfeit"):
            return
        if game.name == "hex" and word in ("swap", "swap-pieces", "swap-sides"):
            mirrored = word == "swap-sides"
            replay.play("swap", shown=text)
            continue
        row, column = _point(game, text, number)
        if mirrored:
            row, column = column, row
        if player != to_play and not replay.is_over:
            if game.name != "go":
                names = game.board_view(replay.state).player_names
                raise RecordError(f"move {number} ({text}): it is the turn of {names[to_play]}")
            replay.play("pass")  # a colour that moves twice in a row: the other has passed
            if replay.is_over:
                raise RecordError(
                    f"move {number} ({text}): the pass that must lie between two turns of a colour "
                    "ends the game, since the last move is a pass as well"
                )
        view = game.board_view(replay.state)
        replay.play(view.column_labels[column] + view.row_labels[row], shown=text)


def _is_pass(game: Game, text: str) -> bool:
    """Whether a move is a pass: empty, or in files of old a point beyond the board."""
    is_old = text.lower() == "tt" and _size(game) <= 19 and game.name in ("go", "othello")
    return not text or is_old


def _point(game: Game, text: str, number: int) -> Cell:
    """The point of move ``number``.

    Raises:
        RecordError: it is none of the board, or more than one.
    """
    try:
        (cell,) = _cells(game, text)
    except RecordError as error:
        raise RecordError(f"move {number}: {error}") from None
    except ValueError:
        raise RecordError(f"move {number} ({text}) is more than one point") from None
    return cell


def _cells(game: Game, text: str) -> list[Cell]:
    """The point of ``dc`` or ``d3``, or the points of a rectangle ``aa:cc``.

    Raises:
        RecordError: no point of the board.
    """
    first, colon, last = text.lower().partition(":")
    row, column = _cell(game, first)
    if not colon:
        return [(row, column)]
    to_row, to_column = _cell(game, last)
    return [(r, c) for r in range(row, to_row + 1) for c in range(column, to_column + 1)]


def _cell(game: Game, text: str) -> Cell:
    size, rest = _size(game), text[1:]
    column = _LETTERS.find(text[:1] or "?")
    if game.name in ("hex", "othello") and re.fullmatch(r"\d{1,2}", rest):
        row = int(rest) - 1
    else:
        row = _LETTERS.find(rest or "?")
    if len(rest) > 2 or not (0 <= row < size and 0 <= column < size):
        raise RecordError(f"{text!r} is no point of a board of {size} x {size}")
    return row, column


def _write_cell(game: Game, row: int, column: int) -> str:
    return f"{_LETTERS[column]}{row + 1 if game.name == 'hex' else _LETTERS[row]}"


def _write_move(game: Game, state: np.void, action: int) -> str:
    cell = game.cell_of_action(action)
    if cell is None:
        return "swap-pieces" if game.name == "hex" else ""
    return _write_cell(game, *cell)
