"""Positions of a foreign environment by the moves that lead there.

An environment holds one position and only goes forward. A position is therefore its list of moves;
what is to be known about it is remembered, and an environment that stands there is found by playing
on from the nearest one that is kept. Playing the moves again from the start is always right. Copies
of an environment, where it can be copied, only spare the moves before.
"""

from __future__ import annotations

import copy
import sys
import threading
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import (
    AssertOutOfBoundsWrapper,
    OrderEnforcingWrapper,
    TerminateIllegalWrapper,
)

from games.bridges.planes import PlaneConversion
from games.game import NUM_PLAYERS, GameError

MakeEnvironment = Callable[[], AECEnv]

#: How a move is kept: in a list of moves, and in a state record.
ACTION_TYPE = np.dtype("<u2")

_REMEMBERED_BYTES = 64 << 20  # for what is known about positions
_KEPT_BYTES = 128 << 20  # for environments that stand somewhere
_FEWEST_KEPT, _MOST_KEPT = 64, 8192
_SEED = 0  # of every reset; an environment that depends on it is refused

#: Wrappers that only check calls. Only legal moves are ever played here, so they are taken off.
_CHECKING = (OrderEnforcingWrapper, AssertOutOfBoundsWrapper, TerminateIllegalWrapper)


@dataclass(frozen=True, slots=True)
class Position:
    """What is known about a position of a foreign game."""

    to_play: int
    finished: bool
    returns: tuple[float, float]
    legal: NDArray[np.int32]  # ascending; empty once finished
    planes: NDArray[np.uint8]  # [C, H, W] from the view of the player to move
    key: int


class Line:
    """One environment and what its players have been given so far."""

    def __init__(self, environment: AECEnv, agents: list[Any]) -> None:
        self.environment = environment
        self.agents = agents
        self.totals = [0.0] * NUM_PLAYERS

    def restart(self) -> None:
        """Back to the start position."""
        self.environment.reset(seed=_SEED)
        self.totals = [0.0] * NUM_PLAYERS

    def play(self, action: int) -> None:
        """Play a legal action."""
        self.environment.step(action)
        rewards = self.environment.rewards
        self.totals = [
            total + float(rewards.get(agent, 0.0))
            for total, agent in zip(self.totals, self.agents, strict=True)
        ]

    @property
    def is_over(self) -> bool:
        """Whether no agent can move any more."""
        environment = self.environment
        return all(
            environment.terminations[agent] or environment.truncations[agent]
            for agent in environment.agents
        )

    def returns(self) -> tuple[float, float]:
        """What both players got until now.

        Raises:
            GameError: no two-player zero-sum game gives that.
        """
        first, second = self.totals
        if abs(first + second) > 1e-6:
            raise GameError(f"it is no zero-sum game: the players got {first:g} and {second:g}")
        if abs(first) > 1:
            raise GameError(f"results lie in -1..1; the players got {first:g} and {second:g}")
        return first, second

    def observe(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Observation and mask of the agent whose turn it is.

        Raises:
            GameError: there is no mask.
        """
        agent = self.environment.agent_selection
        seen = self.environment.observe(agent)
        if isinstance(seen, dict) and "observation" in seen and "action_mask" in seen:
            return seen["observation"], np.asarray(seen["action_mask"])
        mask = self.environment.infos.get(agent, {}).get("action_mask")
        if mask is None or isinstance(seen, dict):
            raise GameError("its observations have no action_mask, so what is legal is unknown")
        return seen, np.asarray(mask)

    def copied(self) -> Line:
        """A line that goes on by itself from here."""
        twin = Line(copy_environment(self.environment), self.agents)
        twin.totals = list(self.totals)
        return twin


def without_checks(environment: AECEnv) -> AECEnv:
    """The environment inside PettingZoo's wrappers that only check calls."""
    while type(environment) in _CHECKING:
        environment = environment.env
    return environment


def copy_environment(environment: AECEnv) -> AECEnv:
    """A copy that goes on from the same position; spaces are shared.

    ``copy.deepcopy`` does not do: environments that inherit Gymnasium's ``EzPickle``, PettingZoo's
    classic ones among them, are copied as new ones at their start. So the attributes are copied.
    """
    memo: dict[int, Any] = {}
    for agent in environment.possible_agents:
        for space in (environment.observation_space(agent), environment.action_space(agent)):
            memo[id(space)] = space
    return _copied(environment, memo)


def _copied(environment: AECEnv, memo: dict[int, Any]) -> AECEnv:
    if hasattr(type(environment), "__deepcopy__"):
        return copy.deepcopy(environment, memo)
    kind: Any = type(environment)
    twin = kind.__new__(kind)
    memo[id(environment)] = twin
    for name, value in vars(environment).items():
        inner = isinstance(value, AECEnv)
        vars(twin)[name] = _copied(value, memo) if inner else copy.deepcopy(value, memo)
    return twin


class Positions:
    """All positions of a foreign game, by their moves.

    Threads may ask at the same time; one is answered after the other.
    """

    def __init__(
        self,
        make_environment: MakeEnvironment,
        conversion: PlaneConversion,
        *,
        max_plies: int,
        max_legal: int,
        copies: bool,
    ) -> None:
        """Make an environment and put it at the start.

        Args:
            make_environment: gives a new environment.
            conversion: for its observations.
            max_plies: a game that goes on for so long is over, as a draw.
            max_legal: most legal actions that a position may have.
            copies: whether environments may be copied; else moves are played again from the start.
        """
        environment = without_checks(make_environment())
        self.agents = list(environment.possible_agents)
        self._conversion = conversion
        self._max_plies = max_plies
        self._max_legal = max_legal
        self._copies = copies
        self._lock = threading.RLock()
        self._line = Line(environment, self.agents)  # the only one, where there are no copies
        self._line.restart()
        self._moves: bytes | None = b""  # that ``_line`` has played; None: unknown after an error
        self._start = self._line.copied() if copies else self._line
        self._kept: OrderedDict[bytes, Line] = OrderedDict()
        self._most_kept = self._lines_that_fit() if copies else 0
        self._known: OrderedDict[bytes, Position] = OrderedDict()
        start = self._read(self._line, 0)
        cost = start.planes.nbytes + start.legal.nbytes + 2 * sys.getsizeof(start) + 400
        self._most_known = max(1024, _REMEMBERED_BYTES // cost)

    def at(self, moves: bytes) -> Position:
        """The position after ``moves`` (actions as ``ACTION_TYPE``), which must be legal."""
        with self._lock:
            known = self._known.get(moves)
            if known is None:
                known = self._read(self._line_at(moves), len(moves) // ACTION_TYPE.itemsize)
                self._remember(moves, known)
            else:
                self._known.move_to_end(moves)
            return known

    def play_out(self, moves: bytes, choose: Callable[[NDArray[np.int32]], int]) -> bytes:
        """Moves to the end of a game from ``moves`` on, each picked by ``choose``.

        The positions on the way are not remembered: few come again.
        """
        with self._lock:
            position, line = self.at(moves), None
            while not position.finished:
                action = choose(position.legal)
                after = moves + ACTION_TYPE.type(action).tobytes()
                known = self._known.get(after) if line is None else None
                if known is None:
                    line = line or self._free_line_at(moves)
                    self._moves = None
                    line.play(action)
                    known = self._read(line, len(after) // ACTION_TYPE.itemsize)
                moves, position = after, known
            if line is self._line:
                self._moves = moves
            self._remember(moves, position)
            return moves

    def fresh_line(self) -> Line:
        """A line of its own at the start position, from the environment that is used here."""
        with self._lock:
            if self._copies:
                return self._start.copied()
            self._moves = None
            self._line.restart()
            return self._line

    def _line_at(self, moves: bytes) -> Line:
        """A line that stands at ``moves``; it must not be played on by the caller."""
        if not self._copies:
            return self._free_line_at(moves)
        line = self._kept.get(moves)
        if line is None:
            line = self._free_line_at(moves)
            self._kept[moves] = line
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(moves)
        return line

    def _free_line_at(self, moves: bytes) -> Line:
        """A line that stands at ``moves`` and may be played on, from the nearest that is kept."""
        width = ACTION_TYPE.itemsize
        if not self._copies:
            line, played = self._line, self._moves
            self._moves = None
            if played is None or not moves.startswith(played):
                line.restart()
                played = b""
        else:
            nearest = next(
                (end for end in range(len(moves), 0, -width) if moves[:end] in self._kept), 0
            )
            played = moves[:nearest]
            line = (self._kept[played] if played else self._start).copied()
        for action in np.frombuffer(moves[len(played) :], ACTION_TYPE).tolist():
            line.play(action)
        if line is self._line:
            self._moves = moves
        return line

    def _remember(self, moves: bytes, position: Position) -> None:
        self._known[moves] = position
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)

    def _read(self, line: Line, plies: int) -> Position:
        """What a line shows after so many plies.

        Raises:
            GameError: the environment does what no game of Meijin does.
        """
        observation, mask = line.observe()
        over = line.is_over
        finished = over or plies >= self._max_plies
        returns = (line.totals[0], line.totals[1]) if over else (0.0, 0.0)
        if abs(returns[0] + returns[1]) > 1e-6:
            raise GameError(f"it is no zero-sum game: the players got {returns[0]}, {returns[1]}")
        if max(returns) > 1:
            raise GameError(
                f"results must lie in -1..1; the players got {returns[0]}, {returns[1]}"
            )
        legal = np.flatnonzero(mask).astype(np.int32) if not finished else np.empty(0, np.int32)
        if not finished and not len(legal):
            raise GameError(f"no action is legal after {plies} plies, and the game goes on")
        if len(legal) > self._max_legal:
            raise GameError(
                f"{len(legal)} actions are legal after {plies} plies, more than max_legal = "
                f"{self._max_legal}; give a higher max_legal"
            )
        to_play = self.agents.index(line.environment.agent_selection)
        planes = self._conversion.convert(observation)
        digest = blake2b(digest_size=8)
        for part in (planes, legal, np.array([to_play, finished, *returns])):
            digest.update(part.tobytes())
        key = int.from_bytes(digest.digest(), "little") or 1
        return Position(to_play, finished, returns, legal, planes, key)

    def _lines_that_fit(self) -> int:
        """How many lines may be kept, by the memory that a few of them take."""
        line = self._start.copied()
        for _ in range(10):
            _, mask = line.observe()
            if line.is_over:
                break
            line.play(int(np.flatnonzero(mask)[0]))
        counting = tracemalloc.is_tracing()
        if not counting:
            tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        samples = [line.copied() for _ in range(4)]
        size = (tracemalloc.get_traced_memory()[0] - before) // len(samples)
        if not counting:
            tracemalloc.stop()
        return int(np.clip(_KEPT_BYTES // max(size, 1), _FEWEST_KEPT, _MOST_KEPT))
