"""Play line by line: for pipes, screen readers and scripts.

One line in, a few lines out. A line is a move or a command; whatever else it is gets one line that
says what could be played, and the game goes on. The end of input ends the sitting without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from agents.terminal.board_view import board_text, last_placed
from agents.terminal.level_text import level_line, level_said, levels_heading
from agents.terminal.mistakes import find_mistakes, next_to_review
from agents.terminal.move_squares import pieces_in_hand
from agents.terminal.seats import HUMAN, SessionError
from agents.terminal.session import Session
from agents.terminal.thought import Thought
from games.game import GameError
from games.suggestions import did_you_mean

_PATIENCE_SECONDS = 1.5  # before a line says what is being waited for

_HELP = (
    ("MOVE", "play it, in the notation under the board"),
    ("hint", "what the engine would play for you"),
    ("back", "take your last move back"),
    ("analyse", "the engine's opinion of the position"),
    ("side", "change sides with the engine"),
    ("level N", "make the engine weaker or stronger (without N: list the levels)"),
    ("setup TEXT", "begin from FEN, SFEN or a drawn board (| for line ends), or after moves"),
    ("review", "think about the whole game and list its biggest mistakes"),
    ("show N", "the position after N moves, and what the engine thinks of it"),
    ("save FILE", "keep the game (.sgf .pgn .kif .csa .usi .txt); 'meijin play FILE' goes on"),
    ("new", "start again"),
    ("board", "draw the board again"),
    ("help", "this list"),
    ("quit", "leave; so does the end of input"),
)


class LineMode:
    """The conversation about one session.

    Args:
        session: the game; it is closed by whoever made it.
        lines: what the person types; a line may end in a newline.
        output: where answers go.
        ask: prints the prompt before each line is read.
        echo: repeat each line read, so that a piped transcript can be followed.
        colour: colour the pieces.
    """

    def __init__(
        self,
        session: Session,
        *,
        lines: Iterator[str],
        output: TextIO,
        echo: bool,
        colour: bool,
    ) -> None:
        self._session = session
        self._lines = lines
        self._output = output
        self._echo = echo
        self._colour = colour
        self._commands: dict[str, Callable[[str], None]] = {
            "hint": self._hint,
            "back": self._back,
            "analyse": self._analyse,
            "analyze": self._analyse,
            "side": self._side,
            "level": self._level,
            "strength": self._level,
            "setup": self._set_up,
            "review": self._review,
            "show": self._show,
            "save": self._save,
            "new": self._new,
            "board": self._draw,
            "help": self._help,
        }

    def run(self, *, review: bool = False) -> None:
        """Talk until ``quit`` or the end of input.

        Args:
            review: begin with a review of the game that the session holds.

        Raises:
            GameError: the engine cannot be loaded.
        """
        self._introduce()
        self._draw()
        self._load_engine()
        for remark in self._session.take_remarks():
            self._say(remark)
        if review:
            self._review("")
        else:
            self._let_engine_move()
        while True:
            line = self._read()
            if line is None:
                self._say(self._farewell())
                return
            word, _, rest = line.partition(" ")
            if word.lower() in ("quit", "exit", "q"):
                return
            if not line:
                continue
            try:
                command = self._commands.get(word.lower())
                if command is not None:
                    command(rest.strip())
                else:
                    self._move(line)
            except GameError as error:
                self._say(str(error))

    def _load_engine(self) -> None:
        """Wait until the engine can answer; say so where that takes long."""
        loading = self._session.warm_up()
        try:
            loading.result(_PATIENCE_SECONDS)
        except TimeoutError:
            self._say("Loading the engine; the first start compiles it ...")
            loading.result()

    def _introduce(self) -> None:
        session = self._session
        names = session.game.board_view(session.state).player_names
        seats = ", ".join(
            f"{name} is {'you' if player == HUMAN and session.seats.engine_players else player}"
            for name, player in zip(names, session.seats.players, strict=True)
        )
        self._say(f"{session.game.id}: {seats}. 'help' lists the commands.")

    def _read(self) -> str | None:
        """The next line without its ends; None at the end of input."""
        self._output.write("> ")
        self._output.flush()
        line = next(self._lines, None)
        if line is None:
            self._output.write("\n")
            return None
        if self._echo:
            self._output.write(line.strip() + "\n")
        return line.strip()

    def _say(self, text: str) -> None:
        self._output.write(text + "\n")
        self._output.flush()

    def _farewell(self) -> str:
        session = self._session
        if session.is_finished or not session.actions:
            return "End of input."
        moves = " ".join(session.move_texts)
        return f"End of input; the game stays unfinished after: {moves}"

    # --- Moves ------------------------------------------------------------------------------------

    def _move(self, line: str) -> None:
        try:
            self._session.play_text(line)
        except GameError as error:
            meant = did_you_mean(line.lower(), self._commands)
            raise type(error)(f"{error}{meant}") from error
        self._draw_unless_engine_moves()
        self._let_engine_move()

    def _let_engine_move(self) -> None:
        """Play the engine's moves until a person is to move or the game is over."""
        session = self._session
        while session.is_engine_to_move:
            try:
                answer = session.request_reply().result()
            except GameError as error:
                session.dismiss_engine()
                self._say(f"The engine cannot move: {error}. You move for both sides now.")
                return
            before = session.state
            text = session.game.action_to_text(before, answer.action)
            session.accept(answer)
            who = self._mover_name(before) if session.seats.is_watched else "The engine"
            self._say(f"{who} plays {text}.{self._outlook(answer.thought)}")
            self._draw_unless_engine_moves()

    def _mover_name(self, state: np.void) -> str:
        names = self._session.game.board_view(state).player_names
        return names[int(state["to_play"])]

    def _outlook(self, thought: Thought | None) -> str:
        """Its win chance in half a sentence."""
        if thought is None:
            return ""
        return f" It expects {_percent(thought.expectation(thought.mover))} for itself."

    def _draw_unless_engine_moves(self) -> None:
        if not self._session.is_engine_to_move:
            self._draw()

    # --- Commands ---------------------------------------------------------------------------------

    def _draw(self, rest: str = "") -> None:
        session = self._session
        view = session.game.board_view(session.state)
        marked = view.deciding or last_placed(session.game, session.states)
        self._say("\n" + board_text(view, marked=marked, colour=self._colour))
        hands = pieces_in_hand(session.game, session.state)
        for name, held in zip(view.player_names, hands or (), strict=False):
            pieces = " ".join(f"{letter}x{count}" for letter, count in held.items())
            self._say(f"{name} holds {pieces or 'nothing'}.")
        if session.is_finished:
            self._say(f"{session.result_text} 'new' starts again, 'back' takes a move back.")
        else:
            self._say(f"{view.player_names[int(session.state['to_play'])]} to move.")

    def _hint(self, rest: str) -> None:
        session = self._session
        answer = session.request_thought().result()
        session.accept(answer)
        text = session.game.action_to_text(session.state, answer.action)
        thought = answer.thought
        chance = f" (win chance {_percent(thought.expectation(thought.mover))})" if thought else ""
        self._say(f"The engine would play {text}{chance}.")

    def _analyse(self, rest: str) -> None:
        session = self._session
        answer = session.request_thought().result()
        session.accept(answer)
        if answer.thought is None:
            self._say(f"{session.seats.adviser.name} plays without an opinion of the position.")
            return
        self._opinion(answer.thought, session.game.board_view(session.state).player_names)

    def _opinion(self, thought: Thought, names: tuple[str, str]) -> None:
        certain = " (certain)" if thought.is_proven else ""
        self._say(
            f"{names[0]} wins {_percent(thought.win_chances[0])}, draw "
            f"{_percent(thought.draw_chance)}, {names[1]} wins "
            f"{_percent(thought.win_chances[1])}{certain}"
        )
        self._say(f"best line: {' '.join(thought.line)}")
        self._say("  move  share  visits  win chance")
        for move in thought.moves:
            chance = _percent(move.win_chance) if thought.has_judged(move) else "-"
            self._say(
                f"  {move.text:>4}  {_percent(move.share):>5}  {move.visits:>6}  {chance:>10}"
            )

    def _back(self, rest: str) -> None:
        count = self._session.take_back()
        self._say(f"Took back {count} {'move' if count == 1 else 'moves'}.")
        self._draw()

    def _side(self, rest: str) -> None:
        self._session.switch_sides()
        self._introduce()
        self._let_engine_move()

    def _level(self, rest: str) -> None:
        session = self._session
        if rest:
            if not rest.isdecimal():
                raise SessionError(f"a level is a number, not {rest!r}")
            session.seats.set_level(int(rest))
        if session.seats.strength is None or session.seats.opponent is None:
            raise SessionError("this opponent plays at one strength only")
        if not rest:
            self._say(levels_heading(session.seats.opponent.levels))
            for number, each in enumerate(session.seats.opponent.levels, start=1):
                self._say(level_line(number, each))
        self._say(f"{level_said(session.seats.level, session.seats.strength)}.")

    def _set_up(self, rest: str) -> None:
        self._session.set_up(rest)
        self._draw_unless_engine_moves()
        self._let_engine_move()

    def _review(self, rest: str) -> None:
        session = self._session
        if not session.actions:
            raise SessionError("there is no move to review yet")
        while (ply := next_to_review(session)) is not None:
            answer = session.request_thought(ply).result()
            if answer.thought is None:
                raise SessionError(f"{session.seats.adviser.name} has no opinion to review with")
            session.accept(answer)
        mistakes = find_mistakes(session)
        self._say(f"Reviewed {len(session.actions)} moves; mistakes: {len(mistakes) or 'none'}.")
        for each in mistakes:
            self._say(
                f"  after {each.ply} moves {each.text}: lost {_percent(each.loss)}, "
                f"better {each.better}"
            )

    def _show(self, rest: str) -> None:
        session = self._session
        if not rest.isdecimal() or int(rest) > len(session.actions):
            raise SessionError(f"show takes a number from 0 to {len(session.actions)}")
        ply = int(rest)
        view = session.game.board_view(session.states[ply])
        marked = last_placed(session.game, session.states[: ply + 1])
        self._say("\n" + board_text(view, marked=marked, colour=self._colour))
        if ply < len(session.actions):
            self._say(f"{session.move_texts[ply]} was played.")
        thought = session.thought_at(ply)
        if thought is not None:
            self._opinion(thought, view.player_names)

    def _save(self, rest: str) -> None:
        if not rest:
            raise SessionError("save needs the name of a file: save my_game.txt")
        self._session.save(Path(rest).expanduser())
        self._say(f"Saved to {rest}.")

    def _new(self, rest: str) -> None:
        self._session.new_game()
        self._draw()
        self._let_engine_move()

    def _help(self, rest: str) -> None:
        for command, meaning in _HELP:
            self._say(f"  {command:<12} {meaning}")
        if not self._session.is_finished:
            self._say(f"  moves now: {' '.join(self._session.legal_texts)}")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
