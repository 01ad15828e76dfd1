"""Shogi in the format of the Computer Shogi Association, version 2 (``+7776FU``)."""

from __future__ import annotations

import re

import numpy as np

from agents.records.record import (
    DRAW,
    UNFINISHED,
    UNKNOWN,
    GameRecord,
    RecordError,
    Replay,
    loser,
)
from agents.records.shogi_files import (
    LETTERS,
    SIZE,
    begin_at,
    decode,
    fits,
    piece_at,
    position_of,
    result_by,
)
from games import make
from games.game import Game
from games.shogi_text import Position

KINDS = {
    **{"FU": "P", "KY": "L", "KE": "N", "GI": "S", "KI": "G", "KA": "B", "HI": "R", "OU": "K"},
    **{"TO": "+P", "NY": "+L", "NK": "+N", "NG": "+S", "UM": "+B", "RY": "+R"},
}
_NAMES = {letter: name for name, letter in KINDS.items()}
_ENDS = {
    # what it says of the player to move: lost (-1), won (1), drawn (0), nothing (None)
    **{"TORYO": -1, "TIME_UP": -1, "ILLEGAL_MOVE": -1, "TSUMI": -1, "KACHI": 1},
    **{"SENNICHITE": 0, "JISHOGI": 0, "HIKIWAKE": 0, "MAX_MOVES": 0},
    **{"CHUDAN": None, "MATTA": None, "FUZUMI": None, "ERROR": None},
}
_ALL = "AL"  # in hand: whatever is nowhere else, the kings left out
#: How many there are of the kinds 0 to 7.
_SET = (0, 18, 4, 4, 4, 4, 2, 2)
_MOVE = re.compile(r"[+-]\d{4}[A-Z]{2}")
_BOARD_ROW = re.compile(r"P([1-9])((?:[ +-](?:[A-Z]{2}|\*| ) ?)*)")


def write(record: GameRecord) -> bytes:
    """The text of a saved game."""
    game, states = record.game, record.states()
    lines = ["V2.2", f"N+{_one_line(record.players[0])}", f"N-{_one_line(record.players[1])}"]
    if record.date:
        lines.append(f"$START_TIME:{_one_line(record.date).replace('-', '/')}")
    if record.start is None:
        lines += ["PI", "+"]
    else:
        lines += _write_position(position_of(game, record.start))
    for state, action in zip(states, record.actions, strict=False):
        lines.append(_write_move(game, state, action))
    return "\n".join([*lines, f"%{_end_of(record)}", ""]).encode()


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read the first game of a file.

    Raises:
        RecordError: names the line.
    """
    game = game if game is not None and fits(game) else make("shogi")
    players, date, stated = [UNKNOWN, UNKNOWN], "", UNFINISHED
    setup: list[str] = []
    replay: Replay | None = None
    for number, line in enumerate(decode(data).splitlines(), start=1):
        line = line.rstrip()
        if line == "/":
            break  # the next game of the file
        for word in line.split(",") if line[:1] not in ("N", "$", "'") else [line]:
            try:
                if not word or word[0] in "'VT":
                    continue
                if word[0] == "N":
                    players["+-".index(word[1])] = word[2:].strip() or UNKNOWN
                elif word[0] == "$":
                    date = word[12:] if word.startswith("$START_TIME:") else date
                elif word[0] == "P" or word in "+-":
                    setup.append(word)
                elif word[0] == "%" and word.lstrip("%+-") in (*_ENDS, "ILLEGAL_ACTION"):
                    replay = replay or _begin(game, setup)
                    stated = _stated(word, int(replay.state["to_play"]))
                elif _MOVE.fullmatch(word):
                    replay = replay or _begin(game, setup)
                    replay.play(word)
                else:
                    raise RecordError(f"{word!r} is nothing that CSA knows")
            except (RecordError, ValueError, IndexError) as error:
                raise RecordError(f"line {number}: {error}") from None
    replay = replay or _begin(game, setup)
    return replay.record(players=(players[0], players[1]), date=date, stated=stated)


def _stated(word: str, to_play: int) -> str:
    """The result by a line that ends a game."""
    if word.endswith("ILLEGAL_ACTION"):  # the sign names who did something illegal
        return loser(int(word[1] == "-"))
    return result_by(word.lstrip("%+-"), _ENDS, to_play)


def _end_of(record: GameRecord) -> str:
    """The word for how a game ended."""
    last = record.states()[-1]
    if record.result == UNFINISHED:
        return "CHUDAN"
    to_play = int(last["to_play"])
    if not last["finished"]:
        return (
            "HIKIWAKE"
            if record.result == DRAW
            else ("TORYO" if record.result == loser(to_play) else "ILLEGAL_MOVE")
        )
    status = record.game.state_to_text(last).splitlines()[-1]
    if "repetition" in status:
        if record.result == DRAW:
            return "SENNICHITE"
        return f"{'+-'[int(record.result == loser(1))]}ILLEGAL_ACTION"  # perpetual check
    if "declaration" in status:
        return "KACHI"
    return "HIKIWAKE" if record.result == DRAW else "TSUMI"


# --- Positions --------------------------------------------------------------------------------


def _write_position(position: Position) -> list[str]:
    """Lines ``P1`` to ``P9``, the hands and who moves."""
    lines = []
    for row in range(SIZE):
        cells = []
        for piece in position.board[row * SIZE : (row + 1) * SIZE]:
            kind = abs(piece)
            letter = LETTERS[kind] if kind <= 8 else "+" + LETTERS[kind - 8]
            cells.append(f"{'+' if piece > 0 else '-'}{_NAMES[letter]}" if piece else " * ")
        lines.append(f"P{row + 1}{''.join(cells)}")
    for player, sign in enumerate("+-"):
        held = "".join(
            f"00{_NAMES[LETTERS[kind]]}" * count
            for kind, count in enumerate(position.hands[player])
            if count
        )
        if held:
            lines.append(f"P{sign}{held}")
    return [*lines, "+-"[position.to_play]]


def _begin(game: Game, setup: list[str]) -> Replay:
    """The start that lines of positions describe.

    Raises:
        RecordError: a line that is none.
    """
    board, hands = [0] * SIZE * SIZE, [[0] * 9, [0] * 9]
    to_play, is_usual, holds_rest = 0, True, None
    for line in setup:
        if line in ("+", "-"):
            to_play = "+-".index(line)
        elif line.startswith("PI"):
            usual = position_of(game, game.rules.initial(1)[0])
            board = list(usual.board)
            for square in re.findall(r"(\d\d)[A-Z]{2}", line[2:]):
                board[_square(square)] = 0
                is_usual = False
        elif found := _BOARD_ROW.fullmatch(line.ljust(2 + 3 * SIZE)):
            is_usual = False
            row = int(found[1]) - 1
            for column in range(SIZE):
                board[row * SIZE + column] = _piece(line[2 + 3 * column : 5 + 3 * column])
        elif line[1:2] in ("+", "-"):
            is_usual = False
            player = "+-".index(line[1])
            for square, name in re.findall(r"(\d\d)([A-Z]{2})", line[2:]):
                if square == "00" and name == _ALL:
                    holds_rest = player
                    continue
                if name not in KINDS:
                    raise RecordError(f"{name!r} is no piece that can be set up")
                value = _piece(line[1] + name)
                if square == "00":
                    hands[player][abs(value)] += 1
                else:
                    board[_square(square)] = value
        else:
            raise RecordError(f"{line!r} sets up no position")
    if holds_rest is not None:
        for kind, count in enumerate(_SET):
            used = sum(abs(piece) in (kind, kind + 8) for piece in board if piece)
            used += sum(hand[kind] for hand in hands)
            hands[holds_rest][kind] += max(count - used, 0)
    if is_usual and to_play == 0:
        return Replay(game)
    return begin_at(game, board, hands, to_play)


def _square(text: str) -> int:
    file, rank = int(text[0]), int(text[1])
    if not (1 <= file <= SIZE and 1 <= rank <= SIZE):
        raise RecordError(f"{text!r} is no square")
    return (rank - 1) * SIZE + SIZE - file


def _piece(text: str) -> int:
    """A piece of a board line, such as ``+FU``; 0 for none."""
    sign, name = text[:1], text[1:].strip()
    if name in ("*", ""):
        return 0
    if name not in KINDS or sign not in "+-":
        raise RecordError(f"{text!r} is no piece")
    letter = KINDS[name]
    kind = LETTERS.index(letter[-1]) + (8 if letter[0] == "+" else 0)
    return kind if sign == "+" else -kind


def _write_move(game: Game, state: np.void, action: int) -> str:
    """A legal move: squares as two figures, then the piece as it is after the move."""
    usi = game.action_to_text(state, action)
    sign = "+-"[int(state["to_play"])]
    target = _figures(usi[2:4])
    if usi[1] == "*":
        return f"{sign}00{target}{_NAMES[usi[0].upper()]}"
    kind = piece_at(game, state, usi[:2]) + 8 * usi.endswith("+")
    name = _NAMES[("+" if kind > 8 else "") + LETTERS[kind - 8 * (kind > 8)]]
    return f"{sign}{_figures(usi[:2])}{target}{name}"


def _figures(square: str) -> str:
    """``7g`` as ``77``."""
    return f"{square[0]}{'abcdefghi'.index(square[1]) + 1}"


def _one_line(text: str) -> str:
    return " ".join(text.replace(",", " ").split())
