"""A GTP 2 server over any agent, for every game.

Whatever comes in is answered: a command that cannot be done gets a ``?`` reply that says why, and
nothing is changed by it.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from agents.agent import Agent
from agents.protocols.clock import TimeSettings
from agents.protocols.deepening import MOST_SIMULATIONS, deepen
from agents.protocols.gtp import (
    COLOURS,
    PASS,
    Command,
    GtpError,
    read_colour,
    read_command,
    read_number,
    read_vertex,
    write_reply,
    write_vertex,
)
from agents.protocols.gtp_analysis import (
    WriteStage,
    kept_moves,
    read_request,
    write_kata_stage,
    write_lz_stage,
)
from agents.protocols.gtp_board import GtpBoard, handicap_cells, most_handicap_stones, set_up
from agents.protocols.gtp_moves import MoveNames
from agents.protocols.gtp_player import GtpPlayer
from agents.protocols.gtp_reports import (
    final_score,
    final_status_list,
    gogui_analyze_commands,
    gogui_board,
    gogui_board_size,
    gogui_final_result,
    gogui_game_id,
    gogui_legal_moves,
    gogui_side_to_move,
    write_cells,
)
from agents.protocols.lines import LineReader
from agents.records.files import read_bytes
from agents.records.sgf import read_go
from agents.search_agent import SearchAgent
from games import make
from games.game import Game, GameError

#: Between two looks for the next line where an analysis has nothing more to find.
_WAIT_SECONDS = 0.01
_LARGEST_NUMBER = 1e9  # seconds and points beyond it are a mistake

MakeAgent = Callable[[Game], Agent]
Say = Callable[[str], None]
Write = Callable[[str], None]


class GtpServer:
    """One session with a controller.

    Args:
        game: what is played at first; ``boardsize`` may replace it by one of another size.
        make_agent: the agent for a game; called once for each game.
        vertices: write all cells as GTP's vertices (see ``gtp_moves``).
        is_bounded: whether the agent's simulations bound its moves on a clock, too.
        ponders: whether it searches on while the other side thinks.
        say: told in one line what the user should know and the protocol has no room for.

    Raises:
        AgentError: the agent cannot be made, or the game has no vertices.
    """

    def __init__(
        self,
        game: Game,
        make_agent: MakeAgent,
        *,
        vertices: bool = False,
        is_bounded: bool = False,
        ponders: bool = False,
        say: Say,
    ) -> None:
        self._make_agent = make_agent
        self._vertices = vertices
        self._say = say
        self._player = GtpPlayer(make_agent(game), is_bounded=is_bounded, ponders=ponders)
        self._board = GtpBoard(game, MoveNames(game, vertices=vertices))
        self._komi = float(game.parameters.get("komi", 0.0))
        self._has_moved = False  # the last change of the board was a move of ours
        self.is_over = False  # after ``quit``
        self._commands: dict[str, Callable[[tuple[str, ...]], str]] = {
            "protocol_version": self._protocol_version,
            "name": self._name,
            "version": self._version,
            "known_command": self._known_command,
            "list_commands": self._list_commands,
            "quit": self._quit,
            "boardsize": self._boardsize,
            "clear_board": self._clear_board,
            "komi": self._set_komi,
            "play": self._play,
            "genmove": self._genmove,
            "reg_genmove": self._reg_genmove,
            "undo": self._undo,
            "fixed_handicap": self._fixed_handicap,
            "place_free_handicap": self._place_free_handicap,
            "set_free_handicap": self._set_free_handicap,
            "time_settings": self._time_settings,
            "time_left": self._time_left,
            "final_score": lambda _: final_score(self._board, self._komi),
            "final_status_list": self._final_status_list,
            "loadsgf": self._loadsgf,
            "showboard": self._showboard,
            "gogui-analyze_commands": lambda _: gogui_analyze_commands(self._board),
            "gogui-rules_game_id": lambda _: gogui_game_id(self._board),
            "gogui-rules_board": lambda _: gogui_board(self._board),
            "gogui-rules_board_size": lambda _: gogui_board_size(self._board),
            "gogui-rules_captured_count": lambda _: "{} {}".format(*self._board.captured()),
            "gogui-rules_legal_moves": lambda _: gogui_legal_moves(self._board),
            "gogui-rules_side_to_move": lambda _: gogui_side_to_move(self._board),
            "gogui-rules_final_result": lambda _: gogui_final_result(self._board),
        }
        #: Commands whose reply grows until the next line comes: writer, whether a move is played.
        self._streams: dict[str, tuple[WriteStage, bool]] = {
            "lz-analyze": (write_lz_stage, False),
            "kata-analyze": (write_kata_stage, False),
            "lz-genmove_analyze": (write_lz_stage, True),
            "kata-genmove_analyze": (write_kata_stage, True),
        }

    # --- Lines in, replies out ----------------------------------------------------------------

    def serve(self, lines: LineReader, write: Write) -> None:
        """Answer line after line until ``quit`` or the end of the input."""
        while not self.is_over:
            if self._player.ponders and self._has_moved and not self._board.is_over:
                self._player.ponder(self._board.state, lambda: lines.is_waiting)
            if (line := lines.next()) is None:
                return
            self.answer(line, write, is_waiting=lambda: lines.is_waiting)

    def answer(
        self, line: str, write: Write, *, is_waiting: Callable[[], bool] = lambda: True
    ) -> None:
        """Answer one line; one that holds no command is passed over.

        Args:
            line: as it came, without its end.
            write: takes text as it is to be sent.
            is_waiting: whether another line is there, which ends an analysis.
        """
        command = read_command(line)
        if command is None:
            return
        try:
            if command.name in self._streams:
                self._analyze(command, write, is_waiting)
                return
            if command.name not in self._commands:
                raise GtpError("unknown command")
            text, is_success = self._commands[command.name](command.arguments), True
        except GameError as error:
            text, is_success = " ".join(str(error).split()), False
        except Exception as error:  # a fault of ours; the controller's game goes on
            text, is_success = f"internal error: {type(error).__name__}", False
            self._say(f"{command.name}: {type(error).__name__}: {' '.join(str(error).split())}")
        write(write_reply(command.id, text, is_success=is_success))

    # --- The program --------------------------------------------------------------------------

    def _protocol_version(self, arguments: tuple[str, ...]) -> str:
        return "2"

    def _name(self, arguments: tuple[str, ...]) -> str:
        return "Meijin"

    def _version(self, arguments: tuple[str, ...]) -> str:
        try:
            number = importlib.metadata.version("meijin")
        except importlib.metadata.PackageNotFoundError:
            number = "source"
        return f"{number} {self._player.agent.name}"

    def _known_command(self, arguments: tuple[str, ...]) -> str:
        known = len(arguments) == 1 and arguments[0] in self._names()
        return "true" if known else "false"

    def _list_commands(self, arguments: tuple[str, ...]) -> str:
        return "\n".join(self._names())

    def _names(self) -> list[str]:
        return [*self._commands, *self._streams]

    def _quit(self, arguments: tuple[str, ...]) -> str:
        self.is_over = True
        return ""

    # --- The board ----------------------------------------------------------------------------

    def _boardsize(self, arguments: tuple[str, ...]) -> str:
        if len(arguments) not in (1, 2):  # GoGui gives the height as well where it differs
            raise GtpError("syntax error: boardsize SIZE")
        _, height, width = self._board.game.observation_shape
        asked = tuple(read_number(each) for each in arguments)
        if asked in ((width,), (width, height)):
            self._replace(self._board.game)
            return ""
        try:
            if len(set(asked)) > 1:
                raise GtpError(f"{self._board.game.name} has no board of {asked[0]} x {asked[1]}")
            self._replace(self._game_of_size(asked[0]))
        except GameError as error:
            self._say(str(error))
            raise GtpError("unacceptable size") from None
        return ""

    def _game_of_size(self, size: int) -> Game:
        """The game with a board of another size.

        Raises:
            GameError: it has no such size.
        """
        game = self._board.game
        if "size" not in game.parameters:
            raise GtpError(f"the board of {game.name} has one size")
        if size == game.parameters["size"]:
            return game
        settings = ",".join(
            f"{key}={value}" for key, value in {**game.parameters, "size": size}.items()
        )
        return make(f"{game.name}({settings})")

    def _replace(self, game: Game, board: GtpBoard | None = None) -> None:
        """Put another board in place of this one, and for another game another agent.

        Raises:
            GameError: no such agent plays that game; nothing is changed then.
        """
        names = self._board.names
        if game.id != self._board.game.id:
            names = MoveNames(game, vertices=self._vertices)
            self._player.sit_down(self._make_agent(game))
        self._board = board or GtpBoard(game, names)
        self._forget()

    def _forget(self) -> None:
        """The agent's tree belongs to a game that is no longer played."""
        self._player.forget()
        self._has_moved = False

    def _clear_board(self, arguments: tuple[str, ...]) -> str:
        self._replace(self._board.game)
        return ""

    def _set_komi(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "komi KOMI")
        komi = _read_float(arguments[0], least=-_LARGEST_NUMBER)
        played = self._board.game.parameters.get("komi")
        if played is not None and komi not in (self._komi, played):
            self._say(f"scores count a komi of {komi:g}; the agent plays for {played:g}")
        self._komi = komi
        return ""

    def _play(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 2, "play COLOR MOVE")
        self._observe(self._board.play(read_colour(arguments[0]), arguments[1]))
        self._has_moved = False
        return ""

    def _observe(self, plies: tuple[int, ...] | None) -> None:
        """Tell the agent what was played; None: it does not follow from what it knows."""
        if plies is None:
            self._player.forget()
        else:
            self._player.observe(plies)

    def _undo(self, arguments: tuple[str, ...]) -> str:
        self._board.undo()
        self._forget()
        return ""

    def _showboard(self, arguments: tuple[str, ...]) -> str:
        return "\n" + self._board.game.state_to_text(self._board.state)

    # --- Moves of the agent -------------------------------------------------------------------

    def _genmove(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "genmove COLOR")
        player = read_colour(arguments[0])
        return self._play_chosen(player, self._choose(player))

    def _reg_genmove(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "reg_genmove COLOR")
        player = read_colour(arguments[0])
        action = self._choose(player, on_clock=False)
        if action is None:
            return PASS
        return self._board.names.write(self._board.turn_of(player).state, action)

    def _choose(self, player: int, *, on_clock: bool = True) -> int | None:
        """The agent's move for a player; None is the pass of a game that is over."""
        if self._board.is_over:
            if self._board.game.rules.has_ownership:
                return None
            raise GtpError("the game is over")
        turn = self._board.turn_of(player)
        if turn.passes or turn.is_earlier:
            self._forget()  # what it knows is about the position with the other side to move
        return self._player.choose(turn.state, player, on_clock=on_clock)

    def _play_chosen(self, player: int, action: int | None) -> str:
        """Play what the agent chose; returns it as text."""
        board = self._board
        if action is None:
            board.play(player, PASS)
            return PASS
        text = board.names.write(board.turn_of(player).state, action)
        self._observe(board.play_action(player, action))
        self._has_moved = True
        return text

    # --- Handicap and records, in Go ------------------------------------------------------------

    def _fixed_handicap(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "fixed_handicap NUMBER")
        return self._put_handicap(self._handicap_cells(read_number(arguments[0])))

    def _place_free_handicap(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "place_free_handicap NUMBER")
        self._need_go()
        most = most_handicap_stones(self._board.game.observation_shape[1])
        # Fewer than asked for are allowed.
        return self._put_handicap(self._handicap_cells(min(read_number(arguments[0]), most)))

    def _set_free_handicap(self, arguments: tuple[str, ...]) -> str:
        self._need_go()
        _, height, width = self._board.game.observation_shape
        if len(arguments) < 2 or len(arguments) >= height * width:
            raise GtpError("bad vertex list: a handicap is two stones or more")
        try:
            cells = [read_vertex(each, height=height, width=width) for each in arguments]
        except GtpError as error:
            raise GtpError(f"bad vertex list: {error}") from None
        if len(set(cells)) < len(cells):
            raise GtpError("bad vertex list: a point is named twice")
        self._put_handicap(cells)
        return ""

    def _handicap_cells(self, count: int) -> list[tuple[int, int]]:
        self._need_go()
        return handicap_cells(self._board.game.observation_shape[1], count)

    def _put_handicap(self, cells: list[tuple[int, int]]) -> str:
        """Black's stones are set up, and White is to move."""
        board = self._board
        if board.is_begun or board.chains():
            raise GtpError("board not empty")
        start = set_up(board.game, black=cells, to_play=1)
        self._replace(board.game, GtpBoard(board.game, board.names, start=start))
        return write_cells(cells, height=board.game.observation_shape[1])

    def _need_go(self) -> None:
        if not self._board.game.rules.has_ownership:
            raise GtpError(f"{self._board.game.name} has no handicap stones, only Go has")

    def _loadsgf(self, arguments: tuple[str, ...]) -> str:
        if len(arguments) not in (1, 2):
            raise GtpError("syntax error: loadsgf FILE [MOVE_NUMBER]")
        before = read_number(arguments[1]) if len(arguments) == 2 else None
        try:
            self._load(Path(arguments[0]), before)
        except GameError as error:
            raise GtpError(f"cannot load file: {error}") from None
        return ""

    def _load(self, path: Path, before: int | None) -> None:
        """Put the game of a file on the board, up to but without move number ``before``."""
        if not self._board.game.rules.has_ownership:
            raise GtpError(f"only games of Go are read, not of {self._board.game.name}")
        # Not a pipe either, which would be waited for. ``Path.is_file`` raises for long names.
        if not os.path.isfile(path):
            raise GtpError(f"there is no file {str(path)!r}")
        course = read_go(read_bytes(path), self._game_of_size)
        game = course.game
        board = GtpBoard(game, MoveNames(game, vertices=self._vertices), start=course.start)
        height = game.observation_shape[1]
        moves = course.moves if before is None else course.moves[: max(before - 1, 0)]
        for number, (player, cell) in enumerate(moves, start=1):
            text = PASS if cell is None else write_vertex(*cell, height=height)
            try:
                board.play(player, text)
            except GtpError as error:
                raise GtpError(f"move {number} ({COLOURS[player]} {text}): {error}") from None
        self._replace(game, board)
        if course.komi is not None:
            self._komi = course.komi

    # --- Time -----------------------------------------------------------------------------------

    def _time_settings(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 3, "time_settings MAIN_TIME BYO_YOMI_TIME BYO_YOMI_STONES")
        settings = TimeSettings(
            main=_read_float(arguments[0]),
            period=_read_float(arguments[1]),
            stones=read_number(arguments[2]),
        )
        self._player.set_time(settings)
        return ""

    def _time_left(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 3, "time_left COLOR TIME STONES")
        player = read_colour(arguments[0])
        seconds, stones = _read_float(arguments[1]), read_number(arguments[2])
        self._player.set_left(player, seconds, stones)
        return ""

    def _final_status_list(self, arguments: tuple[str, ...]) -> str:
        _expect(arguments, 1, "final_status_list STATUS")
        return final_status_list(self._board, arguments[0])

    # --- Analysis -----------------------------------------------------------------------------

    def _analyze(self, command: Command, write: Write, is_waiting: Callable[[], bool]) -> None:
        """Report until the next line comes; for a genmove, until the move is chosen, and play."""
        write_stage, is_genmove = self._streams[command.name]
        board, agent = self._board, self._player.agent
        request = read_request(command.arguments, to_play=int(board.state["to_play"]))
        if not isinstance(agent, SearchAgent):
            raise GtpError(f"{agent.name} does not search, so there is nothing to analyze")
        if is_genmove and board.is_over:
            text = self._play_chosen(request.player, self._choose(request.player))
            write(f"={command.id}\nplay {text}\n\n")
            return
        state = board.turn_of(request.player).state
        only = kept_moves(request, state, board.game, board.names)
        clock = self._player.clock_of(request.player) if is_genmove else None
        began = reported = time.monotonic()
        deadline = math.inf if clock is None else began + clock.seconds_for_move()
        most = MOST_SIMULATIONS
        if clock is not None:
            most = self._player.most_on_clock() or MOST_SIMULATIONS
        elif is_genmove:
            most = agent.simulations

        def is_ended() -> bool:
            return time.monotonic() >= deadline if is_genmove else is_waiting()

        def write_line(line: tuple[int, ...]) -> str:
            return " ".join(board.names.write_line(state, line))

        write(f"={command.id}\n")
        for stage in deepen(agent, state, only=only, most=most, is_ended=is_ended):
            is_ending = stage.is_final or is_ended()
            now = time.monotonic()
            if is_ending or now - reported >= request.interval_seconds:
                reported = now
                write(write_stage(stage, request, write_line) + "\n")
            if is_ending:
                break
        if is_genmove:
            if clock is not None:
                clock.spend(time.monotonic() - began)
            text = self._play_chosen(request.player, stage.moves[0].action)
            write(f"play {text}\n")
        while not is_genmove and not is_waiting():
            time.sleep(_WAIT_SECONDS)
        write("\n")


def _expect(arguments: tuple[str, ...], count: int, usage: str) -> None:
    if len(arguments) != count:
        raise GtpError(f"syntax error: {usage}")


def _read_float(text: str, *, least: float = 0.0) -> float:
    """A number of seconds or points."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= _LARGEST_NUMBER:
        raise GtpError(f"syntax error: {text[:20]!r} is no such number")
    return number
