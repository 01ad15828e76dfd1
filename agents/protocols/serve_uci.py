"""An agent behind UCI or USI: answers every line that it should, and ends only when told."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agents.protocols.lines import LineReader
from agents.protocols.move_text import played_on, read_move, read_start
from agents.protocols.thinking import Settled, Task, Thinking
from agents.protocols.uci import (
    IGNORED,
    Dialect,
    GoLimits,
    ProtocolError,
    best_move_line,
    few,
    quoted,
    read_go,
    read_option,
    read_position,
    split_command,
    text_line,
)
from agents.protocols.watched_search import WatchedSearch
from agents.search_agent import SearchAgent
from games.game import Game, GameError

if TYPE_CHECKING:
    from agents.deep_blue.agent import DeepBlueAgent
    from agents.deep_blue.thinking import BruteThinking

_MOST_LINES = 100
_MOST_SIMULATIONS = 1_000_000_000
_POLL_SECONDS = 0.1
_WARM_UP_NODES = 2_000


@dataclass(frozen=True, slots=True)
class _Path:
    """A position and how it came about: where from, and by which actions."""

    origin: tuple[str, ...]  # the text of the start, and all moves up to where it was begun anew
    actions: tuple[int, ...]
    state: np.void


@dataclass(slots=True)
class _Options:
    simulations: int = 0  # 0: as many as the agent says
    lines: int = 1
    shows_wdl: bool = False
    ponders: bool = False


class _Loading:
    """The agent, made in a thread, so that the handshake does not wait for it."""

    def __init__(self, load: Callable[[], SearchAgent | DeepBlueAgent]) -> None:
        self._load = load
        self._agent: SearchAgent | DeepBlueAgent | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="loading", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether ``result`` answers at once."""
        return not self._thread.is_alive()

    def result(self) -> SearchAgent | DeepBlueAgent:
        """The agent; waits for it.

        Raises:
            LoadingError: it cannot be made.
        """
        self._thread.join()
        if isinstance(self._error, GameError):
            raise LoadingError(str(self._error)) from self._error
        if self._error is not None:
            raise self._error
        assert self._agent is not None
        return self._agent

    def _run(self) -> None:
        try:
            self._agent = self._load()
        except Exception as error:
            self._error = error


class LoadingError(Exception):
    """The agent cannot be made: nothing can be served."""


class Server:
    """The state of one session. ``handle`` takes the lines one after the other.

    Args:
        dialect: which protocol.
        load: makes the agent; called at once, in a thread.
        write: takes the lines of the answers, from two threads, but never at the same time.
    """

    def __init__(
        self,
        dialect: Dialect,
        load: Callable[[], SearchAgent | DeepBlueAgent],
        write: Callable[[str], None],
    ) -> None:
        self._dialect = dialect
        self._loading = _Loading(load)
        self._write_line = write
        self._writing = threading.Lock()
        self._options = _Options()
        self._path: _Path | None = None
        self._search: WatchedSearch | None = None
        self._searched: _Path | None = None  # what the tree is about; None: it is not to be kept
        self._thinking: Thinking | BruteThinking | Settled | None = None

    def handle(self, line: str) -> bool:
        """Obey one line; False after ``quit``.

        Raises:
            LoadingError: there is no agent to serve.
        """
        try:
            command, words = split_command(line, self._dialect)
            if command == "quit":
                self._stop()
                return False
            if command and command not in IGNORED:
                self._obey(command, words)
        except GameError as error:
            self._say(str(error))
        return True

    def finish(self) -> None:
        """No more lines come: let a limited search reach its limits, and stop any other."""
        if self._thinking:
            self._thinking.finish()

    def check_loading(self) -> bool:
        """Whether the agent is there.

        Raises:
            LoadingError: it cannot be made.
        """
        if self._loading.is_done:
            self._loading.result()
        return self._loading.is_done

    def _obey(self, command: str, words: list[str]) -> None:
        if command == self._dialect.name:
            self._introduce()
        elif command == self._dialect.new_game:
            self._stop()
            self._searched = None
        elif command == "isready":
            if not (self._thinking and self._thinking.is_running):
                self._warm_up()
            self._write("readyok")
        elif command == "setoption":
            self._set_option(*read_option(words))
        elif command == "position":
            self._set_position(words)
        elif command == "go":
            self._go(words)
        elif command == "stop":
            self._stop()
        elif command == "ponderhit" and self._thinking:
            self._thinking.ponder_hit()

    # --- Handshake and options ------------------------------------------------------------------

    def _introduce(self) -> None:
        dialect = self._dialect
        self._write("id name Meijin")
        self._write("id author the Meijin authors")
        most = _MOST_SIMULATIONS
        self._write(f"option name Simulations type spin default 0 min 0 max {most}")
        self._write(f"option name MultiPV type spin default 1 min 1 max {_MOST_LINES}")
        if dialect.has_wdl:
            self._write("option name UCI_ShowWDL type check default false")
        self._write(f"option name {dialect.ponder_option} type check default false")
        self._write(f"{dialect.name}ok")

    def _set_option(self, name: str, value: str) -> None:
        options, wanted = self._options, name.lower()
        if wanted == "simulations":
            options.simulations = _whole_number(name, value, 0, _MOST_SIMULATIONS)
        elif wanted == "multipv":
            options.lines = _whole_number(name, value, 1, _MOST_LINES)
        elif wanted == "uci_showwdl" and self._dialect.has_wdl:
            options.shows_wdl = _truth(name, value)
        elif wanted == self._dialect.ponder_option.lower():
            options.ponders = _truth(name, value)
        else:
            raise ProtocolError(f"there is no option {quoted(name)}")

    def _warm_up(self) -> None:
        """Have everything compiled and loaded that a search needs."""
        if self._search is None:
            agent = self._loading.result()
            if not isinstance(agent, SearchAgent):
                agent.engine.set_position(agent.game.rules.initial(1)[0])
                agent.engine.think(nodes=_WARM_UP_NODES)
                return
            self._search = WatchedSearch(agent)
            self._search.warm_up()

    # --- Positions --------------------------------------------------------------------------------

    @property
    def _game(self) -> Game:
        return self._loading.result().game

    def _set_position(self, words: list[str]) -> None:
        """Take a position; where a move in it is not legal, what came before that move stands."""
        command = read_position(words, self._dialect)
        self._stop()
        game = self._game
        path = _Path((command.start,), (), read_start(game, command.start))
        for number, text in enumerate(command.moves, start=1):
            try:
                action = read_move(game, path.state, text, self._dialect)
            except GameError as error:
                self._say(f"move {number}: {error}; the moves before it stand")
                break
            states = np.array([path.state], game.state_dtype)
            game.rules.step(states, np.array([action], np.int32))
            path = _Path(path.origin, (*path.actions, action), states[0].copy())
            if path.state["finished"]:
                fresh = played_on(game, path.state)
                if not fresh["finished"]:
                    path = _Path((command.start, *command.moves[:number]), (), fresh)
        self._path = path

    # --- Searching --------------------------------------------------------------------------------

    def _go(self, words: list[str]) -> None:
        self._stop()
        if self._dialect.no_mate and words[:1] == ["mate"]:
            self._write(self._dialect.no_mate)
            return
        limits = read_go(words, self._dialect)
        for complaint in limits.complaints:
            self._say(complaint)
        agent, game = self._loading.result(), self._game
        path = self._path or _Path(("",), (), read_start(game, ""))
        if path.state["finished"]:
            self._answer_finished(path.state, limits)
            return
        options = self._options
        task = Task(
            game=game,
            state=path.state,
            limits=limits,
            simulations=options.simulations or _size_of(agent),
            lines=options.lines,
            shows_wdl=options.shows_wdl,
            ponders=options.ponders,
            dialect=self._dialect,
            only=self._search_moves(path, limits),
        )
        if isinstance(agent, SearchAgent):
            prepare = functools.partial(self._rooted, agent, path, task.only)
            self._thinking = Thinking(task, prepare, self._write)
        else:
            from agents.deep_blue.thinking import BruteThinking

            self._thinking = BruteThinking(task, agent, self._write)

    def _search_moves(self, path: _Path, limits: GoLimits) -> frozenset[int] | None:
        """Root moves that a search is kept to; what is not legal is left out."""
        actions = set()
        complaints = []
        for text in limits.search_moves:
            try:
                actions.add(read_move(self._game, path.state, text, self._dialect))
            except GameError as error:
                complaints.append(f"searchmoves: {error}")
        for complaint in few(complaints):
            self._say(complaint)
        return frozenset(actions) or None

    def _rooted(
        self, agent: SearchAgent, path: _Path, only: frozenset[int] | None
    ) -> WatchedSearch:
        """The search with its root at a position, with what it knows of it already."""
        if self._search is None:
            self._search = WatchedSearch(agent)
        kept, self._searched = self._searched, None
        if only is not None:
            self._search.start(path.state, only)
            return self._search
        known = len(kept.actions) if kept else 0
        if kept and kept.origin == path.origin and kept.actions == path.actions[:known]:
            for action in path.actions[known:]:
                self._search.advance(np.array([action], np.int32))
        else:
            self._search.start(path.state)
        self._searched = path
        return self._search

    def _answer_finished(self, state: np.void, limits: GoLimits) -> None:
        """The game is over: there is no move."""
        value = float(state["returns"][int(state["to_play"])])
        self._say("the game is over")
        self._write(f"info depth 0 score {'mate 0' if value else 'cp 0'}")
        answer = best_move_line((), self._dialect)
        if self._dialect.name == "usi" and value > 0:
            answer = "bestmove win"  # by declaration, for the king has entered
        self._thinking = Settled(limits, answer, self._write)

    def _stop(self) -> None:
        if self._thinking:
            self._thinking.stop()
            if self._thinking.has_failed and self._search:
                self._search.close()
                self._search = self._searched = None
            self._thinking = None

    # --- Writing ----------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self._write(text_line(text))

    def _write(self, line: str) -> None:
        with self._writing:
            self._write_line(line)


def serve(
    dialect: Dialect,
    load: Callable[[], SearchAgent | DeepBlueAgent],
    *,
    descriptor: int,
    write: Callable[[str], None],
) -> None:
    """Obey the lines of a file descriptor until ``quit`` or its end.

    Raises:
        LoadingError: the agent cannot be made.
    """
    lines = LineReader(descriptor)
    server = Server(dialect, load, write)
    is_loaded = False
    while True:
        try:
            line = lines.next(None if is_loaded else _POLL_SECONDS)
        except TimeoutError:
            is_loaded = server.check_loading()
            continue
        if line is None:
            server.finish()
            return
        if not server.handle(line):
            return


def _size_of(agent: SearchAgent | DeepBlueAgent) -> int:
    """Simulations of a move, or positions, where no limit is given."""
    return agent.simulations if isinstance(agent, SearchAgent) else agent.nodes


def _whole_number(name: str, value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 15):
        raise ProtocolError(f"option {name} needs a whole number, not {quoted(value)}")
    if not least <= int(value) <= most:
        raise ProtocolError(f"option {name} must lie in {least}..{most}, not {int(value)}")
    return int(value)


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise ProtocolError(f"option {name} is true or false, not {quoted(value)}")
    return value == "true"
