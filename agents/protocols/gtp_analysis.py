"""The analysis commands of Leela Zero and KataGo: what they ask, and reports as they write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.protocols.deepening import Stage
from agents.protocols.gtp import COLOURS, GtpError, read_colour, read_number
from agents.protocols.gtp_moves import ILLEGAL_MOVE, MoveNames
from engine.search.root_moves import RootMove
from games.game import Game

_USUAL_CENTISECONDS = 100
#: Keys whose value is read over: what they ask for is left out of reports, which both protocols
#: allow (KataGo's own keys, mostly about points).
_IGNORED = (
    "ownership ownershipStdev movesOwnership movesOwnershipStdev pvVisits pvEdgeVisits"
).split()


@dataclass(frozen=True, slots=True)
class Rule:
    """``avoid`` or ``allow``: moves of a player that are kept out, or kept to, at the root."""

    is_allowed: bool
    player: int
    moves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """Arguments of an analysis command."""

    player: int
    interval_seconds: float
    least_moves: int  # so many, even if they were not visited
    most_moves: int | None  # None: all that were visited
    rules: tuple[Rule, ...]
    with_root: bool


WriteLine = Callable[[tuple[int, ...]], str]
WriteStage = Callable[[Stage, Request, WriteLine], str]


def read_request(arguments: tuple[str, ...], *, to_play: int) -> Request:
    """Read ``[COLOR] [CENTISECONDS] [KEY VALUE]...``.

    Raises:
        GtpError: something in it cannot be read.
    """
    words = list(arguments)
    player = to_play
    if words and words[0].lower() in (*COLOURS, "black", "white"):
        player = read_colour(words.pop(0))
    centiseconds = _USUAL_CENTISECONDS
    if words and words[0].isdigit():
        centiseconds = read_number(words.pop(0))
    least_moves, most_moves, with_root = 0, None, False
    rules: list[Rule] = []
    while words:
        key = words.pop(0)
        if key in ("avoid", "allow"):
            rules.append(_read_rule(key, words))
            continue
        if not words:
            raise GtpError(f"syntax error: {key[:20]!r} without a value")
        value = words.pop(0)
        if key == "interval":
            centiseconds = read_number(value)
        elif key == "minmoves":
            least_moves = read_number(value)
        elif key == "maxmoves":
            most_moves = read_number(value)
        elif key == "rootInfo":
            with_root = value.lower() == "true"
        elif key not in _IGNORED:
            raise GtpError(f"syntax error: {key[:20]!r} is no key of an analysis")
    if sum(rule.is_allowed for rule in rules) > 1:
        raise GtpError("syntax error: allow is given once at most")
    return Request(
        player=player,
        interval_seconds=max(centiseconds, 1) / 100,
        least_moves=least_moves,
        most_moves=most_moves,
        rules=tuple(rules),
        with_root=with_root,
    )


def _read_rule(key: str, words: list[str]) -> Rule:
    """Take ``COLOR MOVE,MOVE,... DEPTH`` off the words. Whatever the depth, the root is meant.

    Raises:
        GtpError: something of it is missing or cannot be read.
    """
    if len(words) < 3:
        raise GtpError(f"syntax error: {key} COLOR MOVES DEPTH")
    player, moves = read_colour(words.pop(0)), words.pop(0)
    if read_number(words.pop(0)) < 1:
        raise GtpError(f"syntax error: the depth of {key} is at least 1")
    return Rule(key == "allow", player, tuple(each for each in moves.split(",") if each))


def kept_moves(
    request: Request, state: np.void, game: Game, names: MoveNames
) -> frozenset[int] | None:
    """Root moves that ``avoid`` and ``allow`` leave; None: all. Moves that are not legal are none.

    Raises:
        GtpError: a move cannot be read, or none is left.
    """
    legal = left = frozenset(game.legal(state))
    for rule in request.rules:
        if rule.player == request.player:
            named = _named_moves(rule.moves, state, names)
            left = left & named if rule.is_allowed else left - named
    if not left:
        raise GtpError("no move is left to analyze")
    return None if left == legal else left


def _named_moves(moves: tuple[str, ...], state: np.void, names: MoveNames) -> frozenset[int]:
    """Actions of moves; those that are not legal are left out."""
    found = set()
    for text in moves:
        try:
            found.add(names.read(state, text))
        except GtpError as error:
            if str(error) != ILLEGAL_MOVE:
                raise
    return frozenset(found)


def write_lz_stage(stage: Stage, request: Request, write_line: WriteLine) -> str:
    """One line of Leela Zero's report; chances and priors in ten-thousandths."""
    return " ".join(
        f"info move {write_line(each.line[:1])} visits {each.visits} "
        f"winrate {round(10_000 * _chance(each.value))} prior {round(10_000 * each.prior)} "
        f"order {order} pv {write_line(each.line)}"
        for order, each in enumerate(_shown(stage, request))
    )


def write_kata_stage(stage: Stage, request: Request, write_line: WriteLine) -> str:
    """One line of KataGo's report; chances and priors between 0 and 1.

    A chance always has its point: Sabaki takes one without for ten-thousandths.
    """
    parts = [
        f"info move {write_line(each.line[:1])} visits {each.visits} "
        f"winrate {_chance(each.value):.6f} prior {each.prior:.6g} order {order} "
        f"pv {write_line(each.line)}"
        for order, each in enumerate(_shown(stage, request))
    ]
    if request.with_root:
        parts.append(f"rootInfo visits {stage.simulations} winrate {_chance(stage.value):.6f}")
    return " ".join(parts)


def _shown(stage: Stage, request: Request) -> list[RootMove]:
    """Moves that a report names: the best, others that were visited, and as many as are asked."""
    first, *others = stage.moves
    shown = [first, *(each for each in others if each.visits)]
    unvisited = sorted((each for each in others if not each.visits), key=lambda each: -each.prior)
    shown += unvisited[: max(request.least_moves - len(shown), 0)]
    return shown[: request.most_moves]


def _chance(value: float) -> float:
    """Expected score of a value, a draw counting half."""
    return (1.0 + min(max(value, -1.0), 1.0)) / 2
