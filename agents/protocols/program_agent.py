"""An outside program as a player: asked again where it fails, and its game lost where it fails on.

The rules of the arena for a program that breaks a game off: one that ends, hangs or closes its
input or output is started once more and asked again; if it fails at the same question again, plays
against the rules or floods its output, the game is lost by it and the match goes on. A program that
cannot be used at all, or fails in one game after the other, ends the match with an error.
"""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from agents.agent import RESIGN, Agent, AgentError, Decisions, FinishedGameError
from agents.protocols.clock import Clock, TimeSettings
from agents.protocols.process import LineProcess, ProcessError, SilentError
from games.game import Game, States

#: How long a program may take to start, and over a move.
START_SECONDS = 60.0
MOVE_SECONDS = 120.0
#: Games lost in a row by failing, without a move in between, after which nothing more is tried.
MOST_FORFEITS = 10
#: How long an answer is waited for after the clock has run out, so that a program that was late by
#: a little is ready for the next game.
_LATE_SECONDS = 1.0
#: Between two looks at what a program has written of its first lines.
_LOOK_SECONDS = 0.2

Say = Callable[[str], None]


def print_on_stderr(line: str) -> None:
    """Where nobody else wants to be told."""
    print(f"meijin: {line}", file=sys.stderr, flush=True)


class ProgramFault(AgentError):
    """A program that runs, but breaks the protocol or the rules."""


class ProgramAgent(Agent):
    """What agents behind GTP, UCI and USI share; the program is started at the first question.

    Args:
        command: of the program, as it would be typed; a shell is not asked.
        game: what is played; the program has to play the same game.
        name: how the agent is called in results.
        start_seconds: how long the program may take until it is ready.
        move_seconds: how long it may take over a move.
        say: told in one line of every game that the program loses by failing.
    """

    def __init__(
        self,
        command: str,
        *,
        game: Game,
        name: str,
        start_seconds: float,
        move_seconds: float,
        say: Say,
    ) -> None:
        super().__init__(name=name, game=game)
        self._command = command
        self._start_seconds = start_seconds
        self._move_seconds = move_seconds
        self._say = say
        self._process: LineProcess | None = None
        self._has_answered = False  # a question, ever: the program can be used
        self._forfeits_in_a_row = 0
        self._clocks: tuple[Clock, Clock] | None = None  # while a move on a clock is asked for
        self._flag_falls = 0.0  # when that move has to be here
        #: What went wrong in each game that was lost by failing.
        self.forfeits: list[str] = []

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.close()
        self._process = None

    def choose_after(self, states: States, moves: Sequence[Sequence[int]]) -> Decisions:
        """One move for each game, asked one after the other; ``RESIGN`` where the program fails."""
        if states["finished"].any():
            raise FinishedGameError(f"{self.name} cannot move: the game is over")
        actions = [
            self._move_or_forfeit(state, list(line))
            for state, line in zip(states, moves, strict=True)
        ]
        return Decisions(actions=np.array(actions, np.int32))

    @abstractmethod
    def begin_on_clock(self, settings: TimeSettings) -> None:
        """Start the program and tell it of a new game and its time, before any clock runs.

        Raises:
            AgentError: it cannot be started, or does not know such a clock.
        """

    def choose_on_clock(
        self, state: np.void, moves: Sequence[int], clocks: tuple[Clock, Clock]
    ) -> int:
        """The move of one game on a clock; ``RESIGN`` where the program fails or is too late.

        Args:
            state: an unfinished position.
            moves: all actions from the start position on.
            clocks: of player 0 and player 1; they are read and not changed.
        """
        self._clocks = clocks
        self._flag_falls = time.monotonic() + clocks[int(state["to_play"])].reach
        try:
            return self._move_or_forfeit(state, list(moves))
        finally:
            self._clocks = None

    def _answer_seconds(self) -> float:
        """How long an answer is waited for: on a clock, a little longer than it allows."""
        if self._clocks is None:
            return self._move_seconds
        return max(self._flag_falls - time.monotonic(), 0.0) + _LATE_SECONDS

    @abstractmethod
    def _ask(self, state: np.void, moves: list[int] | None) -> int:
        """The program's move; None: the position is all that is known.

        Raises:
            ProcessError: it has ended or is silent.
            ProgramFault: it breaks the protocol or the rules.
            AgentError: it cannot be used for this game at all.
        """

    def _move_or_forfeit(self, state: np.void, moves: list[int]) -> int:
        try:
            action = self._answer(state, moves)
        except ProgramFault as error:
            if not self._has_answered:
                raise
            self.forfeits.append(str(error))
            self._forfeits_in_a_row += 1
            if self._forfeits_in_a_row > MOST_FORFEITS:
                count = self._forfeits_in_a_row
                raise AgentError(f"{error}; {count} games in a row were lost by it") from None
            self._say(f"{error}; the game is lost by it")
            return RESIGN
        self._forfeits_in_a_row = 0
        return action

    def _answer(self, state: np.void, moves: list[int] | None) -> int:
        """The program's move, asked again by a new process where the first fails."""
        try:
            return self._asked(state, moves)
        except ProcessError:
            self.close()
        if self._clocks is not None and time.monotonic() >= self._flag_falls:
            return RESIGN  # lost on time; there is nothing left to ask for
        try:
            return self._asked(state, moves)
        except ProcessError as error:
            self.close()
            raise ProgramFault(
                f"{self.name} failed twice after {state['ply']} plies: {error}"
            ) from None

    def _asked(self, state: np.void, moves: list[int] | None) -> int:
        action = self._ask(state, moves)
        self._has_answered = True
        return action

    def _first_line(self, deadline: float) -> str:
        """The next line of a program that has not answered yet.

        A program of another protocol may never end a line, or never answer at all: what it has
        begun to write is judged, too.
        """
        assert self._process is not None
        while True:
            left = deadline - time.monotonic()
            try:
                line = self._process.read(timeout_seconds=min(left, _LOOK_SECONDS))
            except SilentError:
                self._judge_greeting(self._process.unfinished, is_whole=False)
                if left <= _LOOK_SECONDS:
                    raise
            else:
                self._judge_greeting(line, is_whole=True)
                return line

    @abstractmethod
    def _judge_greeting(self, text: str, *, is_whole: bool) -> None:
        """Refuse a program whose first lines show that it speaks another protocol.

        Args:
            text: a line, or what has come of it.
            is_whole: whether its end has come.

        Raises:
            ProgramFault: it does.
        """

    def _refuse(self, what: str) -> NoReturn:
        """Give up on a process that runs but cannot be played with."""
        self.close()
        raise ProgramFault(f"{self.name} {what}")
