"""An outside program that speaks GTP as an agent, for matches."""

from __future__ import annotations

import time

import numpy as np

from agents.agent import RESIGN, AgentError, Decisions
from agents.protocols.clock import TimeSettings
from agents.protocols.gtp import COLOURS, GtpError, Reply, printable, read_reply
from agents.protocols.gtp import RESIGN as RESIGN_TEXT
from agents.protocols.process import LineProcess
from agents.protocols.program_agent import (
    MOVE_SECONDS,
    START_SECONDS,
    ProgramAgent,
    Say,
    print_on_stderr,
)
from games.game import Game, GameError, States

#: A program that writes more than this before a reply ends is not listened to.
_MOST_LINES = 10_000


class GtpAgent(ProgramAgent):
    """Asks a program that speaks GTP for its moves (see ``program_agent``).

    The program is told the board size and komi of the game where it has them, and every move of
    the game it is asked about. One process answers for all games of a match, so that going over to
    another game means telling it that game from the start.

    Args:
        command: of the program, as it would be typed.
        game: what is played; the program has to play the same game.
        name: how the agent is called in results.
        start_seconds: how long the program may take until it answers for the first time.
        move_seconds: how long it may take over a move.
        say: told in one line of every game that the program loses by failing.

    Raises:
        AgentError: no command.
    """

    def __init__(
        self,
        command: str,
        *,
        game: Game,
        name: str = "",
        start_seconds: float = START_SECONDS,
        move_seconds: float = MOVE_SECONDS,
        say: Say = print_on_stderr,
    ) -> None:
        if not command.strip():
            raise AgentError("gtp: names no program; write gtp:COMMAND")
        super().__init__(
            command,
            game=game,
            name=name or f"gtp:{command}",
            start_seconds=start_seconds,
            move_seconds=move_seconds,
            say=say,
        )
        self._is_greeted = False  # the running program has answered
        self._told: list[int] | None = None  # moves that the program knows; None: no game at all
        self._time: TimeSettings | None = None  # of the game's clocks, where there are any

    def reset(self, *, seed: int) -> None:
        """Nothing: the program is told every game anew. It has its own source of chance."""
        super().reset(seed=seed)

    def begin_on_clock(self, settings: TimeSettings) -> None:
        """Start the program and a new game (see ``ProgramAgent``)."""
        if settings.increment or any(each % 1 for each in (settings.main, settings.period)):
            raise AgentError(
                f"GTP knows whole seconds and no increments, so {self.name} cannot play "
                f"{settings.text}"
            )
        self._told, self._time = None, settings
        self._tell([])

    def close(self) -> None:
        """End the program."""
        super().close()
        self._told = None

    def _choose(self, states: States) -> Decisions:
        if states["ply"].any():
            raise AgentError(
                f"{self.name} follows games, so it plays in `meijin match` alone: a position "
                "without the moves that led to it cannot be told to it"
            )
        actions = [self._answer(state, []) for state in states]
        return Decisions(actions=np.array(actions, np.int32))

    def _ask(self, state: np.void, moves: list[int] | None) -> int:
        """The program's move after ``moves``, which lead to ``state``."""
        assert moves is not None
        self._tell(moves)
        colour = COLOURS[int(state["to_play"])]
        if self._clocks is not None:
            clock = self._clocks[int(state["to_play"])]
            self._command_reply(f"time_left {colour} {int(clock.left)} {clock.stones}")
        text = self._command_reply(f"genmove {colour}")
        if text.lower() == RESIGN_TEXT:
            self._told = None  # whether it has changed its board is not said
            return RESIGN
        try:
            action = self.game.text_to_action(state, text)
        except GameError as error:
            self._refuse(f"plays against the rules: {error}")
        assert self._told is not None
        self._told.append(action)
        return action

    def _tell(self, moves: list[int]) -> None:
        """Bring the program to the position after ``moves``."""
        if self._process is None:
            self._process = LineProcess(self._command)
            self._is_greeted = False
            version = self._command_reply("protocol_version", self._start_seconds)
            self._is_greeted = True
            if version != "2":
                self._refuse(f"speaks version {version[:20]!r} of GTP, not 2")
            self._told = None
        if self._told is None or moves[: len(self._told)] != self._told:
            if "size" in self.game.parameters:
                self._command_reply(f"boardsize {self.game.parameters['size']}")
            self._command_reply("clear_board")
            if "komi" in self.game.parameters:
                self._command_reply(f"komi {self.game.parameters['komi']:g}")
            if (clock := self._time) is not None:
                periods = f"{clock.period:g} {clock.stones}"
                self._command_reply(f"time_settings {clock.main:g} {periods}")
            self._told = []
        states = self.game.rules.initial(1)
        for number, action in enumerate(moves):
            if number >= len(self._told):
                colour = COLOURS[int(states[0]["to_play"])]
                text = self.game.action_to_text(states[0], action)
                self._command_reply(f"play {colour} {text}")
                self._told.append(action)
            self.game.rules.step(states, np.array([action], np.int32))

    def _command_reply(self, command: str, seconds: float | None = None) -> str:
        """The text of a successful reply."""
        assert self._process is not None
        self._process.write(command)
        reply = self._read_reply(time.monotonic() + (seconds or self._answer_seconds()))
        if not reply.is_success:
            self._refuse(f"answers {command!r} with an error: {reply.text[:200]}")
        return reply.text

    def _read_reply(self, deadline: float) -> Reply:
        assert self._process is not None
        lines: list[str] = []
        for _ in range(_MOST_LINES):
            if self._is_greeted:
                line = self._process.read(timeout_seconds=deadline - time.monotonic())
            else:
                line = self._first_line(deadline)
            if line.strip():
                lines.append(line)
            elif lines:  # an empty line ends a reply; before one it means nothing
                try:
                    return read_reply(lines)
                except GtpError as error:
                    self._refuse(f"answers wrongly: {error}")
        self._refuse("floods its output instead of answering")

    def _judge_greeting(self, text: str, *, is_whole: bool) -> None:
        """Nothing but a reply may come, and each begins with its sign (see ``ProgramAgent``)."""
        said = printable(text).strip()
        if said and said[0] not in "=?":
            self._refuse(
                f"does not speak GTP as it is started: it writes {said[:60]!r}; many programs need "
                "an option for it (gtp:gnugo --mode gtp), those of UCI or USI are named uci:COMMAND"
                " or usi:COMMAND"
            )
