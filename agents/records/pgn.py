"""Chess in Portable Game Notation, and Gardner's minichess, which says so in a tag.

Source: Edwards 1994, "Portable Game Notation Specification and Implementation Guide".
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.records.record import (
    DRAW,
    UNFINISHED,
    UNKNOWN,
    WINS,
    GameRecord,
    RecordError,
    Replay,
    position_text,
)
from games import make
from games.game import Game

_RESULTS = {"1-0": WINS[0], "0-1": WINS[1], "1/2-1/2": DRAW, "*": UNFINISHED}
_WORDS = {result: word for word, result in _RESULTS.items()}
_VARIANTS = {"gardner": "minichess", "minichess": "minichess"}
_STANDARD = ("", "chess", "standard", "normal", "from position")
_TAG = re.compile(r'\[\s*(\w+)\s*"((?:[^"\\\n]|\\.)*)"\s*\]')
_TOKEN = re.compile(
    r"(?P<space>\s+|;[^\n]*|\{[^}]*\}|e\.p\.)"
    r"|(?P<result>1-0|0-1|1/2-1/2|\*)(?=[\s{;)]|$)"
    r"|(?P<number>\d+\s*\.[\s.]*|\$\d+)"
    r"|(?P<bracket>[()])"
    r"|(?P<move>[^\s{};()]+)"
)


@dataclass(slots=True)
class _Text:
    """A game's text taken apart."""

    tags: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[int, str]] = field(default_factory=list)  # line and word
    result: str = ""  # the word at the end of the moves
    last_line: int = 1


def fits(game: Game) -> bool:
    """Whether the game is chess, or minichess."""
    return game.name in ("chess", "minichess")


def write(record: GameRecord) -> bytes:
    """The text of a saved game."""
    date = re.sub(r"(\d{4})-(\d\d)-(\d\d).*", r"\1.\2.\3", record.date) or "????.??.??"
    tags = {
        "Event": "?",
        "Site": "?",
        "Date": date,
        "Round": "?",
        "White": record.players[0],
        "Black": record.players[1],
        "Result": _WORDS[record.result],
    }
    if record.game.name == "minichess":
        tags["Variant"] = "Gardner"
    if record.start is not None:
        tags |= {"SetUp": "1", "FEN": position_text(record.game, record.start)}
    words: list[str] = []
    for state, move in zip(record.states(), record.move_texts(), strict=False):
        ply = int(state["ply"])
        if ply % 2 == 0 or not words:
            words.append(f"{ply // 2 + 1}{'...' if ply % 2 else '.'}")
        words.append(move)
    text = "".join(f'[{name} "{_escaped(value)}"]\n' for name, value in tags.items())
    moves = textwrap.fill(" ".join([*words, _WORDS[record.result]]), 79, break_on_hyphens=False)
    return f"{text}\n{moves}\n".encode()


def read(data: bytes, game: Game | None = None) -> GameRecord:
    """Read the main line of the first game; comments and variations are passed over.

    Raises:
        RecordError: names the line, and the move where it is one.
    """
    text = _take_apart(_decode(data))
    tags = text.tags
    variant = tags.get("Variant", "").strip().lower()
    if variant not in _STANDARD and variant not in _VARIANTS:
        raise RecordError(f"it is a game of {tags['Variant']!r}, which is not played here")
    name = _VARIANTS.get(variant, "chess")
    game = game if game is not None and game.name == name else make(name)
    start = game.text_to_state(tags["FEN"]) if "FEN" in tags else None
    replay = Replay(game, start)
    for number, (line, word) in enumerate(text.moves, start=1):
        try:
            replay.play(word)
        except RecordError as error:
            is_cut = number == len(text.moves) and not text.result
            cut = "; the file seems to be cut short there" if is_cut else ""
            raise RecordError(f"line {line}: {error}{cut}") from None
    stated = _RESULTS.get(text.result or tags.get("Result", "*"), UNFINISHED)
    remarks = []
    if not text.result:
        remarks.append(
            f"The file ends without a result after {len(text.moves)} moves: it may be cut short."
        )
    date = tags.get("Date", "").replace(".", "-")
    return replay.record(
        players=(_name(tags, "White"), _name(tags, "Black")),
        date="" if "?" in date else date,
        stated=stated,
        remarks=remarks,
    )


def _take_apart(text: str) -> _Text:
    """Tags and moves of the first game of a file."""
    found, depth = _Text(), 0
    begun = False
    for line, kind, word in _tokens(text):
        found.last_line = line
        if kind == "tag":
            if begun:
                break  # the next game
            name, value = word.split("\0")
            found.tags[name] = value
        elif kind == "bracket":
            depth += 1 if word == "(" else -1
            if depth < 0:
                raise RecordError(f"line {line}: a variation is closed that was never opened")
        elif depth == 0 and kind == "move":
            begun = True
            if word.rstrip("!?"):
                found.moves.append((line, re.sub(r"[!?]+$", "", word)))
        elif depth == 0 and kind == "result":
            found.result = word
            break
    if depth > 0:
        raise RecordError(
            f"line {found.last_line}: a variation is never closed: the file seems to be cut short"
        )
    if not found.tags and not found.moves:
        raise RecordError("there is no game in it")
    return found


def _tokens(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, kind and word of everything that counts."""
    text = re.sub(r"(?m)^%.*$", "", text)  # lines for other programs
    at = 0
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if text[at] == "[" and (tag := _TAG.match(text, at)):
            value = re.sub(r"\\(.)", r"\1", tag[2])
            yield line, "tag", f"{tag[1]}\0{value}"
            at = tag.end()
            continue
        if text[at] == "[":
            raise RecordError(f"line {line}: a tag that is not closed: {text[at : at + 30]!r}")
        token = _TOKEN.match(text, at)
        if token is None:
            what = "a comment is never closed" if text[at] == "{" else f"{text[at]!r} is no move"
            raise RecordError(f"line {line}: {what}: the file seems to be cut short")
        if token.lastgroup not in ("space", "number"):
            yield line, str(token.lastgroup), token[0]
        at = token.end()


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # what the standard says, and every byte is a letter of it


def _name(tags: dict[str, str], key: str) -> str:
    name = tags.get(key, "").strip()
    return name if name not in ("", "?") else UNKNOWN


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
