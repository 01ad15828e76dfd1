"""The Universal Chess Interface as text, and its shogi dialect USI: lines read, lines written.

UCI: Huber and Meyer-Kahlen, version of April 2006, with the fields ``wdl`` of later engines. USI:
Romstad's adaptation for shogi. What differs between them is data (``Dialect``).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.agent import AgentError
from agents.protocols.clock import Clock


class ProtocolError(AgentError):
    """A line that the protocol does not know, or a part of one."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one of the two protocols has of its own."""

    name: str  # the word that opens a session
    new_game: str
    position: str  # the word before a position's text
    clocks: tuple[str, str]  # of player 0 and player 1
    increments: tuple[str, str]
    ponder_option: str
    has_wdl: bool
    counts_mate_in_plies: bool  # or in moves
    no_move: str  # what is answered where there is none
    no_mate: str  # the answer to ``go mate``, which nobody looks for; empty: a search like others
    move_form: re.Pattern[str]
    games: tuple[str, ...]  # the first is played where nobody says which


UCI = Dialect(
    name="uci",
    new_game="ucinewgame",
    position="fen",
    clocks=("wtime", "btime"),
    increments=("winc", "binc"),
    ponder_option="Ponder",
    has_wdl=True,
    counts_mate_in_plies=False,
    no_move="(none)",
    no_mate="",
    move_form=re.compile(r"[a-h][1-8][a-h][1-8][qrbn]?"),
    games=("chess", "minichess"),
)
USI = Dialect(
    name="usi",
    new_game="usinewgame",
    position="sfen",
    clocks=("btime", "wtime"),
    increments=("binc", "winc"),
    ponder_option="USI_Ponder",
    has_wdl=False,
    counts_mate_in_plies=True,
    no_move="resign",
    no_mate="checkmate notimplemented",
    move_form=re.compile(r"[1-9][a-i][1-9][a-i]\+?|[PLNSGBR]\*[1-9][a-i]"),
    games=("shogi", "minishogi"),
)

#: Known to both; ``debug``, ``register`` and ``gameover`` ask for nothing.
_COMMANDS = ("isready", "setoption", "position", "go", "stop", "ponderhit", "quit")
IGNORED = ("debug", "register", "gameover")

_NUMBER = re.compile(r"-?[0-9]{1,15}")
_MOST_COMPLAINTS = 5  # about one line
_FLAGS = ("ponder", "infinite")
_AMOUNTS = ("byoyomi", "movestogo", "movetime", "nodes", "depth", "mate")

#: A score is never further from 0 than this, in pawn hundredths, unless it is proven.
MOST_CENTIPAWNS = 2_000
_CENTIPAWNS_OF_TENFOLD = 400.0  # odds of 10 : 1, as in the Elo formula


@dataclass(frozen=True, slots=True)
class PositionCommand:
    """``position ...``: an empty ``start`` is the start position."""

    start: str
    moves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoLimits:
    """``go ...``: times in milliseconds, by player; None where nothing is said."""

    clocks: tuple[int | None, int | None] = (None, None)
    increments: tuple[int, int] = (0, 0)
    byoyomi: int = 0
    moves_to_go: int | None = None
    move_time: int | None = None
    nodes: int | None = None
    depth: int | None = None
    infinite: bool = False
    ponder: bool = False
    search_moves: tuple[str, ...] = ()
    complaints: tuple[str, ...] = field(default=(), compare=False)


# --- Lines read ------------------------------------------------------------------------------


def split_command(line: str, dialect: Dialect) -> tuple[str, list[str]]:
    """The command of a line and the words behind it; unknown words before it are passed over.

    Returns:
        An empty command for an empty line.

    Raises:
        ProtocolError: no word of the line is a command.
    """
    words = line.split()
    known = (*_COMMANDS, *IGNORED, dialect.name, dialect.new_game)
    for index, word in enumerate(words):
        if word in known:
            return word, words[index + 1 :]
    if words:
        raise ProtocolError(f"unknown command {quoted(line)}")
    return "", []


def read_option(words: Sequence[str]) -> tuple[str, str]:
    """Name and value of ``setoption name NAME value VALUE``.

    Raises:
        ProtocolError: no name.
    """
    rest = list(words)
    if rest[:1] != ["name"]:
        raise ProtocolError("setoption needs: name NAME value VALUE")
    end = rest.index("value") if "value" in rest else len(rest)
    name = " ".join(rest[1:end])
    if not name:
        raise ProtocolError("setoption needs: name NAME value VALUE")
    return name, " ".join(rest[end + 1 :])


def read_position(words: Sequence[str], dialect: Dialect) -> PositionCommand:
    """What stands behind ``position``.

    Raises:
        ProtocolError: neither the start position nor a position's text.
    """
    rest = list(words)
    end = rest.index("moves") if "moves" in rest else len(rest)
    start, moves = rest[:end], rest[end + 1 :]
    if start == ["startpos"]:
        return PositionCommand("", tuple(moves))
    if start[:1] == [dialect.position] and len(start) > 1:
        return PositionCommand(" ".join(start[1:]), tuple(moves))
    raise ProtocolError(f"position needs: startpos or {dialect.position} TEXT, then moves ...")


def read_go(words: Sequence[str], dialect: Dialect) -> GoLimits:
    """What stands behind ``go``. What cannot be read is left out and named in ``complaints``.

    A search is always begun: a program that asked for a move waits for one.
    """
    amounts: dict[str, int] = {}
    flags: set[str] = set()
    moves: list[str] = []
    complaints: list[str] = []
    named = (*dialect.clocks, *dialect.increments, *_AMOUNTS)
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word in _FLAGS:
            flags.add(word)
        elif word == "searchmoves":
            while rest and rest[0] not in (*_FLAGS, *named):
                moves.append(rest.popleft())
        elif word not in named:
            complaints.append(f"go: {quoted(word)} is not known")
        elif rest and _NUMBER.fullmatch(rest[0]):
            amounts[word] = max(int(rest.popleft()), 0)
        elif word != "mate" or not rest or rest[0] != "infinite":
            complaints.append(f"go: {word} needs a whole number")
    first, second = dialect.clocks
    return GoLimits(
        clocks=(amounts.get(first), amounts.get(second)),
        increments=(
            amounts.get(dialect.increments[0], 0),
            amounts.get(dialect.increments[1], 0),
        ),
        byoyomi=amounts.get("byoyomi", 0),
        moves_to_go=amounts.get("movestogo") or None,
        move_time=amounts.get("movetime"),
        nodes=amounts.get("nodes"),
        depth=amounts.get("depth"),
        infinite="infinite" in flags,
        ponder="ponder" in flags,
        search_moves=tuple(moves),
        complaints=few(complaints),
    )


def few(complaints: list[str]) -> tuple[str, ...]:
    """The first complaints about a line, and how many more there are."""
    if len(complaints) <= _MOST_COMPLAINTS:
        return tuple(complaints)
    more = len(complaints) - _MOST_COMPLAINTS
    return (*complaints[:_MOST_COMPLAINTS], f"and {more} words more are not understood")


def quoted(text: str) -> str:
    """A piece of what was received, short and on one line."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


# --- Time and size of a search ---------------------------------------------------------------

#: Seconds of each move that are left for the way to the other program and back.
RESERVE_SECONDS = 0.03
#: The time left is spread over so many moves, where nobody says how many are to come.
MOVES_TO_COME = 25
#: Of a clock, what is never planned with: one move may be late by so much on a busy machine.
CUSHION_SECONDS = 0.3
_CUSHION_SHARE = 0.3  # at most, of what is left
_MOST_OF_CLOCK = 0.6  # of what is left, for one move
_PONDERING_PAYS = 1.25


def seconds_for_move(limits: GoLimits, mover: int, *, ponders: bool) -> float | None:
    """How long the player to move may think; None: no time is said.

    Args:
        limits: as given.
        mover: player 0 or 1.
        ponders: whether time of the other player is used as well; a move may then take more.
    """
    if limits.move_time is not None:
        return _less_reserve(limits.move_time / 1000)
    left, byoyomi = limits.clocks[mover], limits.byoyomi / 1000
    if left is None and not byoyomi:
        return None
    seconds = (left or 0) / 1000
    # With byo-yomi the main time may be used up; then that is all there is.
    end = seconds + byoyomi
    end -= min(CUSHION_SECONDS, _CUSHION_SHARE * end)
    if not byoyomi:
        seconds = end
    share = seconds / (limits.moves_to_go or MOVES_TO_COME)
    if ponders:
        share *= _PONDERING_PAYS
    share += 0.8 * limits.increments[mover] / 1000
    return _less_reserve(min(min(share, _MOST_OF_CLOCK * seconds) + byoyomi, end))


def _less_reserve(seconds: float) -> float:
    return max(seconds - RESERVE_SECONDS, seconds / 4)


def depth_of(simulations: int) -> int:
    """What is called depth: how often the search has doubled. 16 simulations are depth 1."""
    return max(1, simulations.bit_length() - 4)


def simulations_of_depth(depth: int) -> int:
    """Simulations with which a depth is reached: 16 for 1, twice as many for each more."""
    return 1 << (min(max(depth, 1), 40) + 3)


# --- Lines written ---------------------------------------------------------------------------


def clock_words(clocks: tuple[Clock, Clock], dialect: Dialect) -> str:
    """What ``go`` says of the clocks of player 0 and 1; periods are for one move."""
    words = []
    for name, clock in zip(dialect.clocks, clocks, strict=True):
        words.append(f"{name} {0 if clock.stones else int(1000 * clock.left)}")
    settings = clocks[0].settings
    if settings.increment:
        words += [f"{name} {int(1000 * settings.increment)}" for name in dialect.increments]
    if settings.stones:
        words.append(f"byoyomi {int(1000 * settings.period)}")
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class Report:
    """One line of play and what it is worth to the player to move."""

    moves: tuple[str, ...]
    value: float  # -1..+1
    draw: float  # probability
    mate_plies: int | None = None  # to the proven end; None: not proven, or a draw
    rank: int = 1


def centipawns(value: float) -> int:
    """A value as hundredths of a pawn: 400 log10(s / (1 - s)) of the expected score s.

    The inverse of s = 1 / (1 + 10^(-cp / 400)); 0 for an even position, 191 for three points in
    four, 382 for nine in ten.
    """
    least = 1 / (1 + 10 ** (MOST_CENTIPAWNS / _CENTIPAWNS_OF_TENFOLD))
    score = min(max((1 + value) / 2, least), 1 - least)
    return round(_CENTIPAWNS_OF_TENFOLD * math.log10(score / (1 - score)))


def permille(value: float, draw: float) -> tuple[int, int, int]:
    """Wins, draws and losses in a thousand games; they sum to 1,000."""
    bounded = min(max(value, -1.0), 1.0)
    drawn = round(1000 * min(max(draw, 0.0), 1.0 - abs(bounded)))
    won = min(max(round((1000 - drawn + 1000 * bounded) / 2), 0), 1000 - drawn)
    return won, drawn, 1000 - drawn - won


def info_line(
    report: Report,
    dialect: Dialect,
    *,
    simulations: int,
    seconds: float,
    shows_wdl: bool,
    depth: int | None = None,
) -> str:
    """``info depth ... pv ...`` for one line of play; ``depth`` is told where plies are counted."""
    parts = [
        f"info depth {depth or depth_of(simulations)} seldepth {max(len(report.moves), 1)}",
        f"multipv {report.rank} score {_score(report, dialect)}",
    ]
    if shows_wdl:
        parts.append("wdl {} {} {}".format(*permille(report.value, report.draw)))
    speed = round(simulations / seconds) if seconds > 0 else 0
    parts.append(f"nodes {simulations} nps {speed} time {round(1000 * seconds)}")
    if report.moves:
        parts.append(f"pv {' '.join(report.moves)}")
    return " ".join(parts)


def _score(report: Report, dialect: Dialect) -> str:
    if report.mate_plies is None:
        return f"cp {centipawns(report.value)}"
    plies = report.mate_plies
    distance = plies if dialect.counts_mate_in_plies else (plies + 1) // 2
    return f"mate {'' if report.value > 0 else '-'}{distance}"


def best_move_line(moves: Sequence[str], dialect: Dialect) -> str:
    """``bestmove`` with the first of ``moves``, the second as what to ponder on."""
    if not moves:
        return f"bestmove {dialect.no_move}"
    return f"bestmove {moves[0]}" + (f" ponder {moves[1]}" if len(moves) > 1 else "")


def text_line(text: str) -> str:
    """A remark for people."""
    return f"info string {' '.join(text.split())}"
