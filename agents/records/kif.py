"""Shogi in KIF, the format of Japanese programs: ``1 ７六歩(77)``, headers and diagrams."""

# ruff: noqa: RUF001 - the format is written in characters as wide as kanji

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

_FILES = "１２３４５６７８９"
_RANKS = "一二三四五六七八九"
_KINDS = {"歩": 1, "香": 2, "桂": 3, "銀": 4, "金": 5, "角": 6, "飛": 7, "玉": 8, "と": 9}
_KINDS |= {"杏": 10, "圭": 11, "全": 12, "馬": 14, "龍": 15}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_SYNONYMS = (("王", "玉"), ("竜", "龍"), ("成香", "杏"), ("成桂", "圭"), ("成銀", "全"))

#: White's back rows where White begins with less, as in an SFEN.
_HANDICAPS = {
    "香落ち": "lnsgkgsn1/1r5b1",
    "右香落ち": "1nsgkgsnl/1r5b1",
    "角落ち": "lnsgkgsnl/1r7",
    "飛車落ち": "lnsgkgsnl/7b1",
    "飛香落ち": "lnsgkgsn1/7b1",
    "二枚落ち": "lnsgkgsnl/9",
    "三枚落ち": "lnsgkgsn1/9",
    "四枚落ち": "1nsgkgsn1/9",
    "五枚落ち": "2sgkgsn1/9",
    "左五枚落ち": "1nsgkgs2/9",
    "六枚落ち": "2sgkgs2/9",
    "八枚落ち": "3gkg3/9",
    "十枚落ち": "4k4/9",
}
_REST = "ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"

_ENDS = {
    # what it says of the player to move: lost (-1), won (1), drawn (0), nothing (None)
    **{"投了": -1, "切れ負け": -1, "詰み": -1, "反則負け": -1, "不戦敗": -1},
    **{"反則勝ち": 1, "入玉勝ち": 1, "千日手": 0, "持将棋": 0, "中断": None, "不詰": None},
}
_LINE = re.compile(r"\s*([0-9]+)\s+(\S.*)")
_MOVE = re.compile(
    rf"(?:([{_FILES}1-9])([{_RANKS}1-9])|同)[\s　]*([{''.join(_KINDS)}])"
    r"(不成|成|打)?(?:\((\d)(\d)\))?"
)
_CELL = re.compile(r"[ v^]?[^ v^|]")
_PLAYERS = (("先手", "下手"), ("後手", "上手"))


def write(record: GameRecord) -> bytes:
    """The text of a saved game in UTF-8, as files called ``.kifu`` have it."""
    return ("#KIF version=2.0 encoding=UTF-8\n" + _text(record)).encode()


def write_shift_jis(record: GameRecord) -> bytes:
    """The same in Shift JIS, as files called ``.kif`` have it."""
    return _text(record).encode("cp932", errors="replace")


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read the main line of a file, in UTF-8 or Shift JIS.

    Raises:
        RecordError: names the line.
    """
    game = game if game is not None and fits(game) else make("shogi")
    lines = decode(data).splitlines()
    header: dict[str, str] = {}
    rows: list[str] = []
    replay: Replay | None = None
    stated = UNFINISHED
    before = ""  # the square that the last move went to, for the sign of "the same"
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        try:
            if text.startswith("変化"):
                break  # variations follow the main line
            if text[:1] in ("#", "*", "&", "") or text.startswith(("手数", "まで")):
                continue
            if found := _LINE.fullmatch(line):
                if replay is None:
                    replay = _begin(game, header, rows)
                ending = found[2].split()[0]
                if ending in _ENDS:
                    stated = result_by(ending, _ENDS, int(replay.state["to_play"]))
                    break
                usi = _read_move(found[2], before)
                replay.play(usi, shown=found[2].split("(")[0].strip())
                before = usi[2:4]
            elif text.startswith("|"):
                rows.append(text)
            elif "：" in text or ":" in text:
                key, value = re.split("[：:]", text, maxsplit=1)
                header[key.strip()] = value.strip()
            elif text in ("先手番", "下手番", "後手番", "上手番"):
                header["手番"] = text
            elif replay is not None or not (set(text) <= set("+-") or text[0] in _FILES):
                raise RecordError(f"{text[:30]!r} is no move")
        except RecordError as error:
            raise RecordError(f"line {number}: {error}") from None
    replay = replay or _begin(game, header, rows)
    names = [next((header[key] for key in keys if header.get(key)), UNKNOWN) for keys in _PLAYERS]
    date = header.get("開始日時", "")
    return replay.record(players=(names[0], names[1]), date=date, stated=stated)


# --- Moves ------------------------------------------------------------------------------------


def _read_move(text: str, before: str) -> str:
    """A move in USI; ``before`` is the square that the last one went to.

    Raises:
        RecordError: it cannot be read.
    """
    plain = text
    for other, name in _SYNONYMS:
        plain = plain.replace(other, name)
    found = _MOVE.match(plain)
    if not found:
        raise RecordError(f"{text.strip()[:30]!r} is no move; one is written as ７六歩(77)")
    file, rank, name, how, from_file, from_rank = found.groups()
    target = before
    if file:
        row = _RANKS.index(rank) if rank in _RANKS else int(rank) - 1
        target = f"{_FILES.index(file) + 1 if file in _FILES else file}{'abcdefghi'[row]}"
    elif not before:
        raise RecordError("the first move cannot go to 'the same' square")
    kind = _KINDS[name]
    if how == "打" or (from_file, from_rank) == ("0", "0"):
        if kind > 7:
            raise RecordError(f"{text.strip()[:30]!r} drops a piece that is never in hand")
        return f"{LETTERS[kind]}*{target}"
    if from_file is None or "0" in (from_file, from_rank):
        raise RecordError(f"{text.strip()[:30]!r} does not say where the piece comes from")
    return f"{from_file}{'abcdefghi'[int(from_rank) - 1]}{target}{'+' if how == '成' else ''}"


def _write_move(game: Game, state: np.void, action: int, before: str) -> str:
    usi = game.action_to_text(state, action)
    target = usi[2:4]
    place = "同　"
    if target != before:
        place = _FILES[int(target[0]) - 1] + _RANKS["abcdefghi".index(target[1])]
    if usi[1] == "*":
        return f"{place}{_NAMES[LETTERS.index(usi[0].upper())]}打"
    kind = piece_at(game, state, usi[:2])
    promotes = "成" if usi.endswith("+") else ""
    return f"{place}{_NAMES[kind]}{promotes}({usi[0]}{'abcdefghi'.index(usi[1]) + 1})"


# --- The whole text ---------------------------------------------------------------------------


def _text(record: GameRecord) -> str:
    game, states = record.game, record.states()
    lines = []
    if record.date:
        lines.append(f"開始日時：{_one_line(record.date).replace('-', '/')}")
    if record.start is None:
        lines.append("手合割：平手")
    else:
        lines += _write_diagram(game, record.start)
    lines += [f"先手：{_one_line(record.players[0])}", f"後手：{_one_line(record.players[1])}"]
    lines.append("手数----指手---------消費時間--")
    before, number = "", 0
    for number, action in enumerate(record.actions, start=1):
        move = _write_move(game, states[number - 1], action, before)
        before = game.action_to_text(states[number - 1], action)[2:4]
        lines.append(f"{number:4d} {move}   ( 0:00/00:00:00)")
    lines.append(f"{number + 1:4d} {_end_of(record, states[-1])}   ( 0:00/00:00:00)")
    return "\n".join(lines) + "\n"


def _end_of(record: GameRecord, last: np.void) -> str:
    """The word for how a game ended."""
    if record.result == UNFINISHED:
        return "中断"
    won = record.result != loser(int(last["to_play"]))
    if not last["finished"]:
        return "持将棋" if record.result == DRAW else "反則勝ち" if won else "投了"
    status = record.game.state_to_text(last).splitlines()[-1]
    if record.result == DRAW:
        return "千日手" if "repetition" in status else "持将棋"
    if "repetition" in status:  # perpetual check
        return "反則勝ち" if won else "反則負け"
    return "入玉勝ち" if won else "詰み"


def _begin(game: Game, header: dict[str, str], rows: list[str]) -> Replay:
    """The start that handicap or diagram describe.

    Raises:
        RecordError: an unknown handicap, or a diagram that cannot be read.
    """
    if rows:
        return _read_diagram(game, header, rows)
    handicap = header.get("手合割", "平手")
    if handicap == "平手":
        return Replay(game)
    if handicap not in _HANDICAPS:
        raise RecordError(f"{handicap!r} is no start of shogi that is known here")
    return Replay(game, game.text_to_state(f"sfen {_HANDICAPS[handicap]}/{_REST}"))


def _write_diagram(game: Game, start: np.void) -> list[str]:
    position = position_of(game, start)
    lines = [f"後手の持駒：{_hand(position.hands[1])}", "  ９ ８ ７ ６ ５ ４ ３ ２ １"]
    lines.append(f"+{'-' * 27}+")
    for row in range(SIZE):
        cells = (
            f"{'v' if piece < 0 else ' '}{_NAMES[abs(piece)] if piece else '・'}"
            for piece in position.board[row * SIZE : (row + 1) * SIZE]
        )
        lines.append(f"|{''.join(cells)}|{_RANKS[row]}")
    lines += [f"+{'-' * 27}+", f"先手の持駒：{_hand(position.hands[0])}"]
    return [*lines, ("先手番", "後手番")[position.to_play]]


def _read_diagram(game: Game, header: dict[str, str], rows: list[str]) -> Replay:
    """A game that begins as a diagram shows."""
    if len(rows) != SIZE:
        raise RecordError(f"the diagram has {len(rows)} rows instead of {SIZE}")
    board: list[int] = []
    for row in rows:
        text = row.strip("|").partition("|")[0]
        for other, name in _SYNONYMS:
            text = text.replace(other, name)
        cells = _CELL.findall(text)
        if len(cells) != SIZE or any(cell[-1] not in ("・", *_KINDS) for cell in cells):
            raise RecordError(f"{row!r} is no row of a diagram")
        for cell in cells:
            kind = _KINDS.get(cell[-1], 0)
            board.append(-kind if cell[0] == "v" else kind)
    hands = [_read_hand(header, keys) for keys in _PLAYERS]
    to_play = int(header.get("手番", "先手番") in ("後手番", "上手番"))
    return begin_at(game, board, hands, to_play)


def _hand(held: tuple[int, ...]) -> str:
    """Pieces in hand, the rook first: ``飛　金二``."""
    names = [
        _NAMES[kind] + (_count_name(held[kind]) if held[kind] > 1 else "")
        for kind in (7, 6, 5, 4, 3, 2, 1)
        if held[kind]
    ]
    return "　".join(names) or "なし"


def _count_name(count: int) -> str:
    return ("十" if count >= 10 else "") + ("" if count == 10 else _RANKS[count % 10 - 1])


def _read_hand(header: dict[str, str], keys: tuple[str, ...]) -> list[int]:
    held = [0] * 9
    text = next((header[f"{key}の持駒"] for key in keys if f"{key}の持駒" in header), "なし")
    for word in text.split() if text != "なし" else ():
        kind = _KINDS.get(word[0], 0)
        counts = [""] + [_count_name(count) for count in range(1, 20)]
        if not 1 <= kind <= 7 or word[1:] not in counts:
            raise RecordError(f"{word!r} is nothing that a hand holds")
        held[kind] += max(1, counts.index(word[1:]))
    return held


def _one_line(text: str) -> str:
    return " ".join(text.split())
