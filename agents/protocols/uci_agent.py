"""An outside program that speaks UCI or USI as an agent, for matches."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import numpy as np

from agents.agent import RESIGN, AgentError, Decisions
from agents.protocols.clock import TimeSettings
from agents.protocols.move_text import read_move, write_line, write_position
from agents.protocols.process import LineProcess
from agents.protocols.program_agent import (
    MOVE_SECONDS,
    START_SECONDS,
    ProgramAgent,
    Say,
    print_on_stderr,
)
from agents.protocols.uci import UCI, USI, Dialect, clock_words, quoted
from games.game import Game, GameError, States

DEFAULT_LIMIT = ("movetime", 100)
#: A program that writes more lines than this before it answers is not listened to.
_MOST_LINES = 100_000

_LIMITS = ("movetime", "nodes", "depth")
#: A packet of the Go Modem Protocol begins so, which GNU Go speaks where nothing is said.
_NO_TEXT = "\1"
#: How programs of GTP, and those that expect moves, answer what they do not know.
_GTP_REPLY = re.compile(r"[=?]\d*(\s.*)?")
_COMPLAINT = r"(?i)(?=.*\b(unknown|invalid|illegal|error)\b).*\b{name}\b.*"
_TEXT = re.compile(r"(?P<name>uci|usi)(?:\((?P<settings>[^()]*)\))?:(?P<command>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A text that names an outside program."""

    dialect: Dialect
    command: str
    limit: tuple[str, int]  # of ``go``
    options: tuple[tuple[str, str], ...]  # for ``setoption``


def parse_program(text: str) -> ProgramSpec | None:
    """Read ``uci:COMMAND`` or ``usi(nodes=200,Threads=1):COMMAND``; None for anything else.

    ``movetime``, ``nodes`` or ``depth`` is the limit of each move; all else is an option of the
    program.

    Raises:
        AgentError: it has the form, but cannot be read.
    """
    if not (match := _TEXT.fullmatch(text)):
        return None
    limit, options = DEFAULT_LIMIT, []
    for setting in filter(str.strip, (match["settings"] or "").split(",")):
        name, equals, value = (part.strip() for part in setting.partition("="))
        if not (equals and name):
            raise AgentError(f"{quoted(text)}: write NAME=VALUE instead of {setting!r}")
        if name not in _LIMITS:
            options.append((name, value))
        elif value.isascii() and value.isdigit() and 0 < len(value) < 10 and int(value):
            limit = (name, int(value))
        else:
            raise AgentError(f"{quoted(text)}: {name} needs a whole number, not {value!r}")
    command = match["command"].strip()
    if not command:
        raise AgentError(f"{text} names no program; write {match['name']}:COMMAND")
    dialect = UCI if match["name"] == "uci" else USI
    return ProgramSpec(dialect, command, limit, tuple(options))


class UciAgent(ProgramAgent):
    """Asks a program that speaks UCI or USI for its moves (see ``program_agent``).

    Args:
        spec: the program and what it is told.
        game: what is played; the program has to play the same game.
        name: how the agent is called in results.
        start_seconds: how long the program may take until it is ready.
        move_seconds: how long it may take over a move beyond its ``movetime``.
        say: told in one line of every game that the program loses by failing.

    Raises:
        AgentError: no program of this protocol plays the game.
    """

    def __init__(
        self,
        spec: ProgramSpec,
        *,
        game: Game,
        name: str,
        start_seconds: float = START_SECONDS,
        move_seconds: float = MOVE_SECONDS,
        say: Say = print_on_stderr,
    ) -> None:
        dialect = spec.dialect
        if game.name not in dialect.games:
            known = " and ".join(dialect.games)
            raise AgentError(f"{dialect.name} programs play {known}, not {game.id}")
        if spec.limit[0] == "movetime":
            move_seconds += spec.limit[1] / 1000
        super().__init__(
            spec.command,
            game=game,
            name=name,
            start_seconds=start_seconds,
            move_seconds=move_seconds,
            say=say,
        )
        self._spec = spec
        self._is_new_game = False  # to be said before the next question

    def reset(self, *, seed: int) -> None:
        """The program forgets what it knows of earlier games. It has its own source of chance."""
        super().reset(seed=seed)
        self._is_new_game = True

    def begin_on_clock(self, settings: TimeSettings) -> None:
        """Start the program and a new game (see ``ProgramAgent``)."""
        name = self._spec.dialect.name
        if settings.stones and self._spec.dialect is UCI:
            raise AgentError(f"UCI knows no periods, so {self.name} cannot play {settings.text}")
        if settings.stones > 1:
            raise AgentError(f"{name} knows periods of one move, not {settings.text}")
        self._is_new_game = True
        self._ready()

    def _choose(self, states: States) -> Decisions:
        actions = [self._answer(state, None) for state in states]
        return Decisions(actions=np.array(actions, np.int32))

    def _ask(self, state: np.void, moves: list[int] | None) -> int:
        """The program's move; it is told the start and all moves, or the position alone."""
        if moves is None:
            text = f"{self._spec.dialect.position} {write_position(self.game, state)}"
        else:
            start = self.game.rules.initial(1)[0]
            line = " ".join(write_line(self.game, start, tuple(moves)))
            text = f"startpos moves {line}" if line else "startpos"
        process = self._ready()
        process.write(f"position {text}")
        if self._clocks is None:
            process.write("go {} {}".format(*self._spec.limit))
        else:
            process.write(f"go {clock_words(self._clocks, self._spec.dialect)}")
        words = self._wait_for("bestmove", self._answer_seconds())
        move = words[1] if len(words) > 1 else ""
        if move == USI.no_move and self._spec.dialect is USI:
            return RESIGN
        try:
            return read_move(self.game, state, move, self._spec.dialect)
        except GameError as error:
            self._refuse(f"plays against the rules: {error}")

    def _ready(self) -> LineProcess:
        """The running program, ready for a question."""
        name = self._spec.dialect.name
        if self._process is None:
            self._process = LineProcess(self._command)
            self._process.write(name)
            self._wait_for(f"{name}ok", self._start_seconds, is_first=True)
            for option, value in self._spec.options:
                self._process.write(f"setoption name {option} value {value}")
            self._is_new_game = True
        if self._is_new_game:
            # USI wants its first ``isready`` before a new game, UCI allows it.
            self._sync()
            self._process.write(self._spec.dialect.new_game)
            self._sync()
            self._is_new_game = False
        return self._process

    def _sync(self) -> None:
        assert self._process is not None
        self._process.write("isready")
        self._wait_for("readyok", self._start_seconds)

    def _wait_for(self, word: str, seconds: float, *, is_first: bool = False) -> list[str]:
        """The words of the next line that begins with ``word``; others are passed over.

        Args:
            word: that is waited for.
            seconds: how long.
            is_first: whether the program has not answered before.
        """
        assert self._process is not None
        deadline = time.monotonic() + seconds
        for _ in range(_MOST_LINES):
            if is_first:
                line = self._first_line(deadline)
            else:
                line = self._process.read(timeout_seconds=deadline - time.monotonic())
            words = line.split()
            if words[:1] == [word]:
                return words
        self._refuse(f"floods its output instead of answering {word}")

    def _judge_greeting(self, text: str, *, is_whole: bool) -> None:
        """Many say this and that before they answer, but nobody who understands complains."""
        name = self._spec.dialect.name
        said = text.strip()
        if is_whole and _GTP_REPLY.fullmatch(said):
            self._refuse(f"answers in GTP: {said[:60]!r}; name it gtp:{self._command}")
        if text[:1] == _NO_TEXT or (is_whole and re.fullmatch(_COMPLAINT.format(name=name), said)):
            self._refuse(
                f"does not speak {name.upper()} as it is started: it writes {said[:60]!r}; some "
                "programs need an option for it (uci:gnuchess --uci), those of other protocols are "
                "named gtp:COMMAND, uci:COMMAND or usi:COMMAND"
            )
