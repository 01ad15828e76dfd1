"""An outside program that speaks GTP as an agent, for matches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from agents.agent import RESIGN, Agent, AgentError, Decisions, FinishedGameError
from agents.protocols.gtp import COLOURS, GtpError, Reply, read_reply
from agents.protocols.gtp import RESIGN as RESIGN_TEXT
from agents.protocols.process import LineProcess, ProcessError
from games.game import Game, GameError, States

#: How long a program may take to start, and over a move; everything else is quicker.
START_SECONDS = 60.0
MOVE_SECONDS = 120.0
#: A program that writes more than this before a reply ends is not listened to.
_MOST_LINES = 10_000


class GtpAgent(Agent):
    """Asks a program for its moves; it is started at the first question.

    The program is told the board size and komi of the game where it has them, and every move of
    the game it is asked about. One process answers for all games of a match, so that going over to
    another game means telling it that game from the start.

    A program that ends or is silent for too long is started once more and asked again; if it fails
    at the same question again, that is an error, and so is a move that cannot be played.

    Args:
        command: of the program, as it would be typed.
        game: what is played; the program has to play the same game.
        name: how the agent is called in results.
        start_seconds: how long the program may take until it answers for the first time.
        move_seconds: how long it may take over a move.
    """

    def __init__(
        self,
        command: str,
        *,
        game: Game,
        name: str = "",
        start_seconds: float = START_SECONDS,
        move_seconds: float = MOVE_SECONDS,
    ) -> None:
        super().__init__(name=name or f"gtp:{command}", game=game)
        if not command.strip():
            raise AgentError("gtp: names no program; write gtp:COMMAND")
        self._command = command
        self._start_seconds = start_seconds
        self._move_seconds = move_seconds
        self._process: LineProcess | None = None
        self._told: list[int] | None = None  # moves that the program knows; None: no game at all

    def reset(self, *, seed: int) -> None:
        """Nothing: the program is told every game anew. It has its own source of chance."""
        super().reset(seed=seed)

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.close()
        self._process = None
        self._told = None

    def _choose(self, states: States) -> Decisions:
        if states["ply"].any():
            raise AgentError(
                f"{self.name} follows games, so it plays in `meijin match` alone: a position "
                "without the moves that led to it cannot be told to it"
            )
        return self.choose_after(states, [()] * len(states))

    def choose_after(self, states: States, moves: Sequence[Sequence[int]]) -> Decisions:
        """One move for each game, asked one after the other."""
        if states["finished"].any():
            raise FinishedGameError(f"{self.name} cannot move: the game is over")
        actions = [
            self._answer(state, list(line)) for state, line in zip(states, moves, strict=True)
        ]
        return Decisions(actions=np.array(actions, np.int32))

    def _answer(self, state: np.void, moves: list[int]) -> int:
        try:
            return self._ask(state, moves)
        except ProcessError:
            self.close()
        try:
            return self._ask(state, moves)
        except ProcessError as error:
            self.close()
            raise AgentError(
                f"{self.name} failed twice after {state['ply']} plies: {error}"
            ) from None

    def _ask(self, state: np.void, moves: list[int]) -> int:
        """The program's move after ``moves``, which lead to ``state``."""
        self._tell(moves)
        colour = COLOURS[int(state["to_play"])]
        text = self._command_reply(f"genmove {colour}", self._move_seconds)
        if text.lower() == RESIGN_TEXT:
            self._told = None  # whether it has changed its board is not said
            return RESIGN
        try:
            action = self.game.text_to_action(state, text)
        except GameError as error:
            self.close()
            raise AgentError(f"{self.name} plays against the rules: {error}") from None
        assert self._told is not None
        self._told.append(action)
        return action

    def _tell(self, moves: list[int]) -> None:
        """Bring the program to the position after ``moves``."""
        if self._process is None:
            self._process = LineProcess(self._command)
            version = self._command_reply("protocol_version", self._start_seconds)
            if version != "2":
                self._refuse(f"speaks version {version[:20]!r} of GTP, not 2")
            self._told = None
        if self._told is None or moves[: len(self._told)] != self._told:
            if "size" in self.game.parameters:
                self._command_reply(f"boardsize {self.game.parameters['size']}")
            self._command_reply("clear_board")
            if "komi" in self.game.parameters:
                self._command_reply(f"komi {self.game.parameters['komi']:g}")
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
        reply = self._read_reply(time.monotonic() + (seconds or self._move_seconds))
        if not reply.is_success:
            self._refuse(f"answers {command!r} with an error: {reply.text[:200]}")
        return reply.text

    def _read_reply(self, deadline: float) -> Reply:
        assert self._process is not None
        lines: list[str] = []
        for _ in range(_MOST_LINES):
            line = self._process.read(timeout_seconds=deadline - time.monotonic())
            if line.strip():
                lines.append(line)
            elif lines:  # an empty line ends a reply; before one it means nothing
                try:
                    return read_reply(lines)
                except GtpError as error:
                    self._refuse(f"answers wrongly: {error}")
        self._refuse("floods its output instead of answering")

    def _refuse(self, what: str) -> NoReturn:
        """Give up on a program that runs but cannot be played with."""
        self.close()
        raise AgentError(f"{self.name} {what}")
