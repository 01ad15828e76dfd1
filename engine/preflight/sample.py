"""Random games of a game that nobody trusts yet, and what is said when it breaks a law.

Positions come from games that are stepped ply by ply, with every legal list looked at before it is
used: compiled rules that are given an illegal action may write anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.preflight.limits import TookTooLong
from games.game import Game, States

_SECONDS = 4.0  # of a core, for the positions of one law that are looked at one by one

Item = TypeVar("Item")


class LawBroken(AssertionError):
    """A law that a game does not keep.

    Attributes:
        expected: what the law says.
        got: what the game did.
        hint: what to mend.
        functions: functions and constants of the game that are to blame, the likeliest first.
        state: the position, where there is one.
        actions: moves that lead to it from the start.
    """

    def __init__(
        self,
        expected: str,
        got: str,
        *,
        hint: str,
        functions: Sequence[str],
        state: np.void | None = None,
        actions: Sequence[int] = (),
    ) -> None:
        super().__init__(f"{expected}; but {got} ({', '.join(functions)}, after {list(actions)})")
        self.expected = expected
        self.got = got
        self.hint = hint
        self.functions = tuple(functions)
        self.state = state
        self.actions = tuple(actions)


@dataclass(frozen=True, slots=True)
class Games:
    """Random games: every position of every game, and what was played there.

    The first rows are the start positions, then come those after one ply, and so on.
    """

    game: Game
    states: States  # [N]
    actions: NDArray[np.int32]  # [N] played next; -1 where the game was over, or was not played on
    number: NDArray[np.int32]  # [N] which game

    def __len__(self) -> int:
        return len(self.states)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Positions from which was played on."""
        return self.actions >= 0

    def line(self, row: int) -> list[int]:
        """Actions that lead from the start to the position of ``row``."""
        before = np.flatnonzero(self.number[:row] == self.number[row])
        return [int(action) for action in self.actions[before]]

    def rows_of(self, number: int) -> NDArray[np.int64]:
        """Rows of one game, first to last."""
        return np.flatnonzero(self.number == number)

    def some(self, count: int) -> NDArray[np.int64]:
        """At most ``count`` rows, spread over all."""
        rows = np.linspace(0, len(self.states) - 1, min(count, len(self.states)))
        return np.unique(rows.astype(np.int64))


def random_games(
    game: Game, count: int, *, seed: int = 7, go_on: Callable[[], bool] = lambda: True
) -> Games:
    """Play random games in lockstep, a ply of each at a time.

    Args:
        game: what is played.
        count: games.
        seed: of the moves.
        go_on: asked before every ply; where it says no, the games are left as they are.

    Raises:
        LawBroken: a game that goes on past ``MAX_PLIES``, or a legal list that cannot be played.
    """
    rng = np.random.default_rng(seed)
    states = game.rules.initial(count)
    number = np.arange(count, dtype=np.int32)
    seen: list[States] = []
    played: list[NDArray[np.int32]] = []
    numbers: list[NDArray[np.int32]] = []

    def so_far() -> Games:
        return Games(game, np.concatenate(seen), np.concatenate(played), np.concatenate(numbers))

    for ply in range(game.max_plies + 2):
        seen.append(states.copy())
        numbers.append(number)
        played.append(np.full(len(states), -1, np.int32))
        if not len(states) or not go_on():
            break
        actions = np.full((len(states), game.max_legal), -2, np.int32)
        counts = np.empty(len(states), np.int32)
        _call("legal_actions", game.rules.legal_actions, so_far, states, actions, counts)
        look_at_legal(so_far, states, actions, counts, game)
        if ply >= game.max_plies and counts.any():
            raise_at(
                so_far(),
                sum(map(len, seen)) - len(states) + int(np.argmax(counts > 0)),
                f"every game ends within MAX_PLIES = {game.max_plies} plies",
                f"after {ply} plies a game is still going on",
                hint="end the game in step() by setting state.finished, if need be at a ply limit "
                "of your own, or raise MAX_PLIES where games really are so long",
                functions=("step", "MAX_PLIES"),
            )
        picked = (rng.random(len(states)) * counts).astype(np.int64)
        chosen = np.ascontiguousarray(actions[np.arange(len(states)), picked])
        played[-1] = np.where(counts > 0, chosen, -1).astype(np.int32)
        states, number = states[counts > 0], number[counts > 0]
        _call("step", game.rules.step, so_far, states, np.ascontiguousarray(chosen[counts > 0]))
    return so_far()


def _call(
    name: str, function: Callable[..., None], so_far: Callable[[], Games], *arguments: Any
) -> None:
    """Call a function of the rules; where it raises, find the position that makes it."""
    before = [argument.copy() for argument in arguments]
    try:
        function(*arguments)
        return
    except (Exception, TookTooLong) as raised:
        error = raised
    games = so_far()
    # ``games`` ends with the rows of the call, for a step with finished ones among them.
    rows = np.flatnonzero(~games.states["finished"]) if name == "step" else np.arange(len(games))
    rows = rows[-len(before[0]) :]
    guilty = 0
    for b in range(len(rows) if len(rows) > 1 else 0):
        try:
            function(*(np.ascontiguousarray(each[b : b + 1]) for each in before))
        except Exception as alone:
            guilty, error = b, alone
            break
    row = int(rows[guilty])
    doing = f" of {move_text(games, row)}" if name == "step" else ""
    said = " ".join(str(error).split())
    try:
        raise_at(
            games,
            row,
            f"{name}(){doing} comes back",
            said if isinstance(error, TookTooLong) else f"{type(error).__name__}: {said}",
            hint=_hint_for(error, name),
            functions=(name,),
        )
    except LawBroken as broken:
        raise broken from error


def _hint_for(error: BaseException, name: str) -> str:
    """What usually lies behind an exception in a rule."""
    if isinstance(error, TookTooLong):
        return "a loop in it never ends for this position"
    if isinstance(error, IndexError):
        more = "; or MAX_LEGAL is too small" if name == "legal_actions" else ""
        return f"an index lies outside its array, which compiled code would not notice{more}"
    if isinstance(error, OverflowError):
        return "the number does not fit its type: give the field of STATE or the array a wider one"
    return "look at the line with this position in mind"


def joined(parts: Sequence[Games]) -> Games:
    """Games that were played apart, as one collection."""
    first = np.cumsum([0, *(int(part.number.max(initial=-1)) + 1 for part in parts)])
    return Games(
        parts[0].game,
        np.concatenate([part.states for part in parts]),
        np.concatenate([part.actions for part in parts]),
        np.concatenate([part.number + n for part, n in zip(parts, first, strict=False)]),
    )


def look_at_legal(
    so_far: Callable[[], Games],
    states: States,
    actions: NDArray[np.int32],
    counts: NDArray[np.int32],
    game: Game,
) -> None:
    """Refuse a legal list that must not be played from."""
    inside = np.arange(actions.shape[1]) < counts[:, None]
    in_range = (actions >= 0) & (actions < game.num_actions)
    ascending = np.ones_like(inside)
    ascending[:, 1:] = actions[:, 1:] > actions[:, :-1]
    unplayable = (inside & ~(in_range & ascending)).any(1)
    unplayable |= (counts < 0) | (counts > game.max_legal)
    unplayable |= (counts == 0) != states["finished"]
    if not unplayable.any():
        return
    row = int(np.argmax(unplayable))
    games = so_far()
    where = len(games.states) - len(states) + row
    count = int(counts[row])
    shown = [int(action) for action in actions[row, : max(0, min(count, game.max_legal))]]
    if not 0 <= count <= game.max_legal:
        raise_at(
            games,
            where,
            f"legal_actions() returns at most MAX_LEGAL = {game.max_legal}",
            f"it returned {count}",
            hint="count one for each action written; raise MAX_LEGAL if there can be so many",
            functions=("legal_actions", "MAX_LEGAL"),
        )
    if count == 0:
        raise_at(
            games,
            where,
            "a position that is not finished has a legal action",
            "there is none, and state.finished is not set",
            hint="where a player cannot move, step() ends the game, gives the turn to the other, "
            "or there is an action that passes",
            functions=("legal_actions", "step"),
        )
    raise_at(
        games,
        where,
        f"legal actions are different numbers from 0 to {game.num_actions - 1}, in ascending order",
        f"legal_actions() wrote {shown}",
        hint="go through the actions from the lowest to the highest and write each once",
        functions=("legal_actions",),
    )


def in_time(items: Iterable[Item]) -> Iterator[Item]:
    """Items for as long as there is time: rules in plain Python may be slow."""
    begin = time.process_time()
    for item in items:
        yield item
        if time.process_time() - begin > _SECONDS:
            return


def legal_of(game: Game, states: States) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Legal actions ``[B, K]`` and their number ``[B]``."""
    actions = np.full((len(states), game.max_legal), -2, np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, actions, counts)
    return actions, counts


def planes_of(game: Game, states: States) -> NDArray[np.uint8]:
    """Observations ``[B, C, H, W]``."""
    planes = np.full((len(states), *game.observation_shape), 77, np.uint8)
    game.rules.observe(states, planes)
    return planes


def fields_of(record: np.dtype[Any]) -> tuple[str, ...]:
    """Names of the fields of a record type."""
    return record.names or ()


def present(game: Game, states: States) -> list[bytes]:
    """What a position is now: every field but key and ply, and what its history forbids or shows.

    Once finished, nothing depends on whose turn it would be.
    """
    names = [n for n in fields_of(states.dtype) if n not in ("key", "ply", *game.history_fields)]
    fields = [np.ascontiguousarray(states[name]).view(np.uint8) for name in names]
    parts = [field.reshape(len(states), -1) for field in fields]
    if game.history_fields:
        parts.append(legal_of(game, states)[0].view(np.uint8).reshape(len(states), -1))
        parts.append(planes_of(game, states).reshape(len(states), -1))
    return [row.tobytes() for row in np.concatenate(parts, axis=1)]


def differing(a: np.void, b: np.void) -> list[str]:
    """Names of the fields in which two records differ."""
    return [name for name in fields_of(a.dtype) if not np.array_equal(a[name], b[name])]


def raise_at(
    games: Games, row: int, expected: str, got: str, *, hint: str, functions: Sequence[str]
) -> NoReturn:
    """Say that the position of ``row`` breaks a law."""
    raise LawBroken(
        expected,
        got,
        hint=hint,
        functions=functions,
        state=games.states[row],
        actions=games.line(row),
    )


def first_of(broken: NDArray[np.bool_]) -> int | None:
    """The first row that breaks a law; None where all keep it."""
    return int(np.argmax(broken)) if broken.any() else None


def move_text(games: Games, row: int) -> str:
    """The move played at ``row``, as text where the game can say it."""
    try:
        return str(games.game.action_to_text(games.states[row], int(games.actions[row])))
    except Exception:
        return f"action {games.actions[row]}"


def played_text(games: Games, row: int) -> str:
    """The moves that lead to a row, in short."""
    texts = []
    state = games.game.rules.initial(1)
    for action in games.line(row):
        try:
            texts.append(str(games.game.action_to_text(state[0], action)))
        except Exception:
            texts.append(str(action))
        games.game.rules.step(state, np.array([action], np.int32))
    return " ".join(texts) or "no moves"
