"""The grammar of GTP, version 2: commands, replies, colours and vertices as text, and nothing else.

Source: Farnebäck 2002, "Specification of the Go Text Protocol, version 2, draft 2".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.agent import AgentError

#: Column letters of vertices; i is left out. 25 columns are the protocol's limit.
LETTERS = "abcdefghjklmnopqrstuvwxyz"
LARGEST_BOARD = len(LETTERS)
PASS = "pass"
RESIGN = "resign"
COLOURS = ("b", "w")  # of player 0 and player 1

_COLOUR_NAMES = {"b": 0, "black": 0, "w": 1, "white": 1}
# Control characters mean nothing, but for the tab, which is a space, and the end of the line.
_MEANINGLESS = {code: None for code in (*range(32), 127) if code != ord("\n")} | {ord("\t"): " "}


class GtpError(AgentError):
    """A command that fails; the message is the text of the reply."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line."""

    id: str  # digits as they came, or empty
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a program answered."""

    id: str
    is_success: bool
    text: str


def printable(text: str) -> str:
    """A text without the characters that mean nothing in GTP."""
    return text.translate(_MEANINGLESS)


def read_command(line: str) -> Command | None:
    """Read a line as a command; None where it holds none (it is empty or a comment)."""
    words = printable(line).partition("#")[0].split()
    if not words:
        return None
    has_id = words[0].isascii() and words[0].isdigit()
    number = words.pop(0) if has_id else ""
    return Command(id=number, name=words[0] if words else "", arguments=tuple(words[1:]))


def write_reply(command_id: str, text: str, *, is_success: bool = True) -> str:
    """A whole reply, the empty line at its end included.

    An empty line would end it early, so lines of the text that are empty are left out.
    """
    sign = "=" if is_success else "?"
    first, newline, rest = text.partition("\n")
    body = "\n".join(line for line in rest.split("\n") if line.strip())
    head = f"{sign}{command_id} {first}".rstrip()
    return head + (newline + body if body else "") + "\n\n"


def read_reply(lines: Sequence[str]) -> Reply:
    """Read a reply from its lines, without the empty line at the end.

    Raises:
        GtpError: the first line is no reply.
    """
    text = "\n".join(printable(line) for line in lines)
    match = re.fullmatch(r"([=?])(\d*)(?:\s(.*))?", text, re.DOTALL)
    if not match:
        raise GtpError(f"not a reply of GTP: {text[:60]!r}")
    return Reply(id=match[2], is_success=match[1] == "=", text=(match[3] or "").strip())


def read_colour(text: str) -> int:
    """Player of a colour.

    Raises:
        GtpError: there is no such colour.
    """
    if text.lower() not in _COLOUR_NAMES:
        raise GtpError(f"invalid color or coordinate: {text!r} is no color")
    return _COLOUR_NAMES[text.lower()]


def read_number(text: str) -> int:
    """A whole number that is not negative, as the protocol has them: below 2^31.

    Raises:
        GtpError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) >= 1 << 31:
        raise GtpError(f"syntax error: {text[:20]!r} is no whole number")
    return int(text)


def read_vertex(text: str, *, height: int, width: int) -> tuple[int, int]:
    """Row from the top and column of a vertex.

    Raises:
        GtpError: it cannot be read or is not on the board.
    """
    column, row = LETTERS.find(text[:1].lower()), text[1:]
    is_number = row.isascii() and row.isdigit() and len(row) <= 2
    if not text or not is_number or not (0 <= column < width and 1 <= int(row) <= height):
        raise GtpError(f"invalid color or coordinate: {text[:20]!r} is no point of the board")
    return height - int(row), column


def write_vertex(row: int, column: int, *, height: int) -> str:
    """A vertex; rows are counted from the top, as everywhere in Meijin."""
    return f"{LETTERS[column].upper()}{height - row}"
