"""Lines of the analysis protocol, read: questions about positions, and orders to the service.

The fields are those of KataGo's analysis engine (its docs/Analysis_Engine.md) wherever they mean
something in all games.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from agents.analysis.course import LONGEST_MOVE, player_of, read_course, read_player
from agents.analysis.fields import Fields, QueryError, quoted
from games.game import Game, IllegalMoveError, InvalidMoveError

MOST_VISITS = 1_000_000_000
_MOST_PRIORITY = 1 << 31
_USUAL_LINE = 15  # moves of a line of play
_MOST_WARNINGS = 10  # about one question
_ACTIONS = ("query_version", "query_models", "clear_cache", "terminate", "terminate_all")
_DECODER = msgspec.json.Decoder()

#: Whose chances can be told.
VIEWS = ("FIRST", "SECOND", "BLACK", "WHITE", "SIDETOMOVE")


@dataclass(frozen=True, slots=True)
class Position:
    """One position of a question."""

    turn: int  # moves played before it
    state: np.void
    priority: int
    only: frozenset[int] | None  # moves to choose from; None: all


@dataclass(frozen=True, slots=True)
class Question:
    """Positions of one game to be searched, and what to tell of them."""

    id: str
    positions: tuple[Position, ...]
    visits: int
    seconds: float | None
    line_moves: int
    view: int | None  # whose chances are told: player 0's, 1's, None: the player's to move
    with_policy: bool
    with_ownership: bool
    report_every: float | None  # seconds; None: no partial reports
    warnings: tuple[tuple[str, str], ...] = ()  # message, field


@dataclass(frozen=True, slots=True)
class Order:
    """An action of the service."""

    id: str
    action: str
    fields: dict[str, Any] = field(compare=False)  # as they came, to be echoed
    terminate_id: str | None = None
    turns: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds where a question does not say."""

    visits: int
    view: int | None = 0


def player_of_view(game: Game, word: str) -> int | None:
    """The player that one of ``VIEWS`` means; None for the player to move."""
    return None if word.upper() == "SIDETOMOVE" else player_of(game, word)


def parse_line(line: str) -> dict[str, Any]:
    """A line as an object.

    Raises:
        QueryError: it is no JSON, or no object.
    """
    try:
        value = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise QueryError(f"this is no JSON: {' '.join(str(error).split())}", None) from None
    if not isinstance(value, dict):
        raise QueryError(f"must be a JSON object, not {quoted(value)}", None)
    return value


def read_line(values: dict[str, Any], game: Game, usual: Usual) -> Question | Order:
    """What an object asks.

    Raises:
        QueryError: something in it cannot be obeyed; nothing of it is done then.
    """
    fields = Fields(values)
    query_id = fields.text("id")
    if query_id is None:
        raise QueryError("a string is needed that comes back with the answer", "id")
    action = fields.text("action")
    if action is None:
        return _read_question(fields, query_id, game, usual)
    if action not in _ACTIONS:
        raise QueryError(f"no action {quoted(action)}; known: {', '.join(_ACTIONS)}", "action")
    terminate_id = fields.text("terminateId")
    if action == "terminate" and terminate_id is None:
        raise QueryError("the id of the question to end is needed", "terminateId")
    turns = None
    if action in ("terminate", "terminate_all") and fields.get("turnNumbers") is not None:
        turns = frozenset(
            fields.as_whole("turnNumbers", each, least=0, most=_MOST_PRIORITY)
            for each in fields.items("turnNumbers")
        )
    return Order(query_id, action, values, terminate_id, turns)


def _read_question(fields: Fields, query_id: str, game: Game, usual: Usual) -> Question:
    states = read_course(fields, game)
    warnings: list[tuple[str, str]] = []
    override = fields.inner("overrideSettings")
    visits = fields.whole("maxVisits", usual.visits, least=1, most=MOST_VISITS)
    positions = _read_positions(fields, game, states, warnings)
    visits = override.whole("maxVisits", visits, least=1, most=MOST_VISITS)
    seconds = override.seconds("maxTime")
    line_moves = fields.whole("analysisPVLen", _USUAL_LINE, least=1, most=1000)
    view = _read_view(override, game, usual.view)
    with_policy = fields.truth("includePolicy")
    with_ownership = fields.truth("includeOwnership")
    report_every = fields.seconds("reportDuringSearchEvery")
    warnings += [("this field is not known and changes nothing", name) for name in fields.unused]
    warnings += [
        ("this setting is not known and changes nothing", f"overrideSettings.{name}")
        for name in override.unused
    ]
    return Question(
        id=query_id,
        positions=positions,
        visits=visits,
        seconds=seconds,
        line_moves=line_moves,
        view=view,
        with_policy=with_policy,
        with_ownership=with_ownership,
        report_every=report_every,
        warnings=tuple(warnings[:_MOST_WARNINGS]),
    )


def _read_view(override: Fields, game: Game, usual: int | None) -> int | None:
    named = override.text("reportAnalysisWinratesAs")
    if named is None:
        return usual
    if named.upper() not in VIEWS:
        raise override.fault(
            "reportAnalysisWinratesAs", f"{quoted(named)} is none of {', '.join(VIEWS)}"
        )
    return player_of_view(game, named)


def _read_positions(
    fields: Fields, game: Game, states: list[np.void], warnings: list[tuple[str, str]]
) -> tuple[Position, ...]:
    last = len(states) - 1
    turns = [last]
    if fields.get("analyzeTurns") is not None:
        asked = fields.items("analyzeTurns")
        turns = [fields.as_whole("analyzeTurns", each, least=0, most=last) for each in asked]
        if not turns or len(set(turns)) < len(turns):
            raise fields.fault("analyzeTurns", "must name one turn or more, each once")
    bound = _MOST_PRIORITY
    priority = fields.whole("priority", 0, least=-bound, most=bound)
    priorities = [priority] * len(turns)
    if fields.get("priorities") is not None:
        given = fields.items("priorities")
        if len(given) != len(turns):
            raise fields.fault("priorities", f"{len(turns)} numbers are needed, one for each turn")
        priorities = [
            fields.as_whole("priorities", each, least=-bound, most=bound) for each in given
        ]
    kept = _read_kept(fields, game, [states[turn] for turn in turns], warnings)
    return tuple(
        Position(turn, states[turn], each, only)
        for turn, each, only in zip(turns, priorities, kept, strict=True)
    )


def _read_kept(
    fields: Fields, game: Game, states: list[np.void], warnings: list[tuple[str, str]]
) -> list[frozenset[int] | None]:
    """Of each position the moves that ``avoidMoves`` and ``allowMoves`` leave; None: all."""
    rules = [
        (name == "allowMoves", *_read_rule(fields, name, each, warnings))
        for name in ("avoidMoves", "allowMoves")
        for each in fields.items(name)
    ]
    if sum(is_allowed for is_allowed, _, _ in rules) > 1:
        raise fields.fault("allowMoves", "one list of moves at most")
    if not rules:
        return [None] * len(states)
    kept: list[frozenset[int] | None] = []
    for state in states:
        left = legal = frozenset(game.legal(state))
        for is_allowed, player, texts in rules:
            if state["finished"] or player_of(game, player) != int(state["to_play"]):
                continue
            name = "allowMoves" if is_allowed else "avoidMoves"
            named = frozenset(_actions(fields, name, game, state, texts))
            left = left & named if is_allowed else left - named
        if legal and not left:
            raise fields.fault("avoidMoves", "no move is left to choose from")
        kept.append(None if left == legal else left)
    return kept


def _read_rule(
    fields: Fields, name: str, value: object, warnings: list[tuple[str, str]]
) -> tuple[str, list[object]]:
    """The player and the moves of one entry."""
    if not isinstance(value, dict):
        raise fields.fault(name, f"must hold objects, not {quoted(value)}")
    entry = Fields(value, inside=f"{name}.")
    player = entry.text("player")
    read_player(entry, "player", player)
    if entry.whole("untilDepth", 1, least=1, most=MOST_VISITS) > 1:
        warnings.append(("moves are kept to at the root alone, whatever the depth", name))
    return str(player), entry.items("moves")


def _actions(
    fields: Fields, name: str, game: Game, state: np.void, texts: list[object]
) -> Iterator[int]:
    """Actions of moves; those that are not legal here are left out."""
    for text in texts[: game.num_actions]:
        if not isinstance(text, str) or len(text) > LONGEST_MOVE:
            raise fields.fault(f"{name}.moves", f"{quoted(text)} is no move")
        try:
            yield game.text_to_action(state, text)
        except IllegalMoveError:
            continue
        except InvalidMoveError as error:
            raise fields.fault(f"{name}.moves", str(error)) from None
