"""The analysis commands of Leela Zero and KataGo: what they ask, and reports as they write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.protocols.deepening import Stage
from agents.protocols.gtp import COLOURS, GtpError, read_colour, read_number
from engine.search.root_moves import RootMove

_USUAL_CENTISECONDS = 100
#: Keys whose value is read over: what they ask for is left out of reports, which both protocols
#: allow (KataGo's own keys, mostly about points).
_IGNORED = (
    "minmoves ownership ownershipStdev movesOwnership movesOwnershipStdev pvVisits pvEdgeVisits"
).split()


@dataclass(frozen=True, slots=True)
class Request:
    """Arguments of an analysis command."""

    player: int
    interval_seconds: float
    most_moves: int | None  # None: all that were visited
    with_root: bool


WriteLine = Callable[[tuple[int, ...]], str]
WriteStage = Callable[[Stage, Request, WriteLine], str]


def read_request(arguments: tuple[str, ...], *, to_play: int) -> Request:
    """Read ``[COLOR] [CENTISECONDS] [KEY VALUE]...``.

    Raises:
        GtpError: something in it cannot be read, or is not offered (``avoid`` and ``allow``).
    """
    words = list(arguments)
    player = to_play
    if words and words[0].lower() in (*COLOURS, "black", "white"):
        player = read_colour(words.pop(0))
    centiseconds = _USUAL_CENTISECONDS
    if words and words[0].isdigit():
        centiseconds = read_number(words.pop(0))
    most_moves, with_root = None, False
    while words:
        key = words.pop(0)
        if key in ("avoid", "allow"):
            raise GtpError(f"{key} is not offered")
        if not words:
            raise GtpError(f"syntax error: {key[:20]!r} without a value")
        value = words.pop(0)
        if key == "interval":
            centiseconds = read_number(value)
        elif key == "maxmoves":
            most_moves = read_number(value)
        elif key == "rootInfo":
            with_root = value.lower() == "true"
        elif key not in _IGNORED:
            raise GtpError(f"syntax error: {key[:20]!r} is no key of an analysis")
    return Request(
        player=player,
        interval_seconds=max(centiseconds, 1) / 100,
        most_moves=most_moves,
        with_root=with_root,
    )


def write_lz_stage(stage: Stage, request: Request, write_line: WriteLine) -> str:
    """One line of Leela Zero's report; chances and priors in ten-thousandths."""
    return " ".join(
        f"info move {write_line(each.line[:1])} visits {each.visits} "
        f"winrate {round(10_000 * _chance(each.value))} prior {round(10_000 * each.prior)} "
        f"order {order} pv {write_line(each.line)}"
        for order, each in enumerate(_shown(stage, request))
    )


def write_kata_stage(stage: Stage, request: Request, write_line: WriteLine) -> str:
    """One line of KataGo's report; chances and priors between 0 and 1."""
    parts = [
        f"info move {write_line(each.line[:1])} visits {each.visits} "
        f"winrate {_chance(each.value):.6g} prior {each.prior:.6g} order {order} "
        f"pv {write_line(each.line)}"
        for order, each in enumerate(_shown(stage, request))
    ]
    if request.with_root:
        parts.append(f"rootInfo visits {stage.simulations} winrate {_chance(stage.value):.6g}")
    return " ".join(parts)


def _shown(stage: Stage, request: Request) -> list[RootMove]:
    """Moves that a report names: the best, and others that were visited."""
    first, *others = stage.moves
    return [first, *(each for each in others if each.visits)][: request.most_moves]


def _chance(value: float) -> float:
    """Expected score of a value, a draw counting half."""
    return (1.0 + min(max(value, -1.0), 1.0)) / 2
