"""Play in a terminal: board, mouse and keys, and beside them what the engine thinks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, Static

from agents.terminal.board_view import Targets, find_targets, last_placed
from agents.terminal.board_widget import BoardWidget, board_size
from agents.terminal.panel import (
    WIDTH,
    chances_text,
    line_text,
    moves_table,
    players_text,
    strip_text,
)
from agents.terminal.session import Answer, Session
from agents.terminal.thought import Thought
from games.game import Game, GameError
from games.raster import PITCHES, Marks, drops_pieces

_CHROME_ROWS = 5  # title, strip, footer
_PANEL_ROWS = 20
_NEW_GAME_SECONDS = 4.0  # within which a second press clears an unfinished game

_LOADING = "Loading the engine; the first start compiles it …"

_COMMANDS = (
    ("h", "hint", "Hint"),
    ("t", "take_back", "Take back"),
    ("n", "new_game", "New"),
    ("x", "switch_sides", "Side"),
    ("a", "analyse", "Analyse"),
    ("s", "save", "Save"),
    ("q", "quit", "Quit"),
)


def needed_size(game: Game) -> Size:
    """Smallest terminal, in characters, that shows a game's board and the panel."""
    board = board_size(game.board_view(game.after([])), PITCHES[-1])
    return Size(board.width + 2 + WIDTH, max(board.height, _PANEL_ROWS) + _CHROME_ROWS - 1)


class TerminalTooSmallError(GameError):
    """The board does not fit into the terminal."""


def check_terminal(game: Game, size: tuple[int, int]) -> None:
    """Refuse a terminal of so many columns and lines that the board does not fit into it.

    Raises:
        TerminalTooSmallError: names the size that is needed.
    """
    needed = needed_size(game)
    actual = Size(*size)
    if actual.width < needed.width or actual.height < needed.height:
        raise TerminalTooSmallError(f"{too_small_text(needed, actual)}, or play with --plain")


def too_small_text(needed: Size, actual: Size) -> str:
    """The one line for a terminal that is too small."""
    return (
        f"the terminal is {actual.width} x {actual.height} characters; the board needs "
        f"{needed.width} x {needed.height}: make the window larger"
    )


class SaveScreen(ModalScreen[Path | None]):
    """Asks where to save; a failed save is told here and nothing is lost."""

    BINDINGS = (("escape", "dismiss", "Cancel"),)

    def __init__(self, save: Callable[[Path], None], suggestion: str) -> None:
        super().__init__()
        self._save = save
        self._suggestion = suggestion

    def compose(self) -> ComposeResult:
        """A line to type in, and one for what went wrong."""
        with Vertical(id="dialog"):
            yield Label("Save the game to")
            yield Input(self._suggestion, id="path")
            yield Label("Enter saves, Escape goes back", id="outcome")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try to save; stay open where that fails."""
        path = Path(event.value.strip()).expanduser()
        try:
            self._save(path)
        except GameError as error:
            outcome = self.query_one("#outcome", Label)
            outcome.update(Text(str(error)))
            outcome.add_class("failed")
            return
        self.dismiss(path)


class PlayApp(App[None]):
    """One session on the screen.

    Args:
        session: the game; it is closed by whoever made it.
        notice: a sentence shown beside the board at first.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Meijin"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = (Binding("ctrl+q", "quit", show=False),)

    class EngineDone(Message):
        """A future of the engine's thread is settled."""

        def __init__(self, future: Future[Any], use: Callable[[Any], None]) -> None:
            self.future = future
            self.use = use
            super().__init__()

    def __init__(self, session: Session, *, notice: str = "") -> None:
        super().__init__()
        self.session = session
        self._game = session.game
        self._drops = drops_pieces(session.game)
        self._needed = needed_size(session.game)
        self._typed = ""
        self._notice = notice
        self._is_failure = False
        self._analysing = False
        self._thinking = False
        self._is_loaded = False
        self._awaited = 1  # answers of the engine that are due, and the first drawing
        self._hint: tuple[int, int] | None = None  # revision, action
        self._new_game_asked = -_NEW_GAME_SECONDS
        self._command_characters = {"+", "=", "-"}
        self._bind_commands()

    def compose(self) -> ComposeResult:
        """Title, board and panel, the strip over the game, and the keys."""
        view = self._game.board_view(self.session.state)
        with Vertical(id="table"):
            yield Static(id="title")
            with Horizontal(id="middle"):
                yield BoardWidget(view, drops=self._drops, id="board")
                with Vertical(id="panel"):
                    yield Static(id="players")
                    yield Static(id="status")
                    yield Static("Win chance", classes="heading", id="chances-heading")
                    yield Static(id="chances")
                    yield Static(id="line")
                    yield Static(id="moves")
            yield Static(id="strip")
            yield Footer()
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """Show the board first, and only then load the engine."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        notice = self._notice
        self._watch(self.session.warm_up(), self._engine_loaded)
        self._board_changed()
        self._say(notice)
        self._show()
        self._awaited -= 1

    def _engine_loaded(self, _: object) -> None:
        self._is_loaded = True
        self._show()

    def _bind_commands(self) -> None:
        """Letters are commands; held with Shift where the game's own moves use letters."""
        state = self._game.after([])
        moves = {self._game.action_to_text(state, action) for action in self._game.legal(state)}
        letters = {letter.lower() for move in moves for letter in move if letter.isalpha()}
        shifted = any(letter in letters for letter, _, _ in _COMMANDS)
        for letter, action, description in _COMMANDS:
            key = letter.upper() if shifted else letter
            self.bind(key, action, description=description, key_display=key)
            self._command_characters.add(key)
        self.bind("plus,equals_sign", "stronger", description="Strength", key_display="+/-")
        self.bind("minus", "weaker", show=False)

    # --- The engine -------------------------------------------------------------------------------

    def _watch(self, future: Future[Any], use: Callable[[Any], None]) -> None:
        """Have ``use`` called in this thread once the engine is done."""
        self._awaited += 1
        future.add_done_callback(lambda done: self.post_message(self.EngineDone(done, use)))

    async def settled(self) -> None:
        """Wait until the engine has answered everything it was asked."""
        while self._awaited:
            await asyncio.sleep(0.01)

    def on_play_app_engine_done(self, message: EngineDone) -> None:
        """Use an answer, or say why there is none."""
        self._awaited -= 1
        remarks = self.session.take_remarks()
        if remarks:
            self._say(" ".join(remarks))
        try:
            answer = message.future.result()
        except (CancelledError, asyncio.CancelledError):
            return
        except Exception as error:
            # Whatever the engine stumbled over, the game on the board goes on.
            why = f"The engine cannot play: {error}."
            if self.session.is_engine_to_move:
                self._thinking = False
                self.session.dismiss_engine()
                why += " You move for both sides."
            self._say(why, failure=True)
            self._show()
            return
        message.use(answer)

    def _use_reply(self, answer: Answer) -> None:
        if self.session.accept(answer):
            self._thinking = False
            self._board_changed()

    def _use_thought(self, answer: Answer) -> None:
        if self.session.accept(answer):
            self._show()

    def _use_hint(self, answer: Answer) -> None:
        if not self.session.accept(answer):
            return
        text = self._game.action_to_text(self.session.state, answer.action)
        self._hint = (self.session.revision, answer.action)
        self._say(f"Hint: {text}")
        self._show()

    def _board_changed(self) -> None:
        """After anything that puts another position or player in charge."""
        self._typed = ""
        self._notice = ""
        session = self.session
        self._thinking = session.is_engine_to_move
        if session.is_engine_to_move:
            self._watch(session.request_reply(), self._use_reply)
        elif self._analysing and not session.is_finished:
            self._watch(session.request_thought(), self._use_thought)
        self._show()

    # --- What people do ---------------------------------------------------------------------------

    def _try(self, deed: Callable[[], object]) -> bool:
        """Do something that may be refused; a refusal is one line beside the board."""
        try:
            deed()
        except GameError as error:
            self._typed = ""
            self._say(str(error), failure=True)
            self._show()
            return False
        return True

    def _play(self, action: int) -> None:
        if self.session.is_engine_to_move:
            self._say("Wait, the engine is to move.")
            self._show()
        elif self._try(lambda: self.session.play(action)):
            self._board_changed()

    def on_board_widget_chosen(self, message: BoardWidget.Chosen) -> None:
        """A click on a square."""
        self._play(message.action)

    def on_board_widget_missed(self) -> None:
        """A click where nothing can be played."""
        if not self.session.is_finished and not self.session.is_engine_to_move:
            legal = " ".join(self.session.legal_texts)
            self._say(f"Nothing can be played there; legal: {legal}", failure=True)
            self._show()

    def on_key(self, event: events.Key) -> None:
        """Arrows and Enter, or a move typed in the game's notation."""
        if isinstance(self.screen, ModalScreen):
            return
        steps = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        board = self.query_one(BoardWidget)
        if event.key in steps:
            board.move_cursor(*steps[event.key])
        elif event.key == "enter":
            if self._typed:  # such as a1, where there is also an a10
                self._play_typed()
            elif board.action_at_cursor is not None:
                self._play(board.action_at_cursor)
        elif event.key in ("backspace", "escape"):
            self._typed = ""
            self._show()
        elif event.is_printable and event.character not in self._command_characters:
            # Keys of commands arrive here as well, beside their binding.
            self._type(event.character or "")

    def _type(self, character: str) -> None:
        """Add to the move being typed; play it as soon as it can be no other."""
        session = self.session
        if session.is_finished or session.is_engine_to_move or character.isspace():
            return
        self._typed += character
        typed = self._typed.lower()
        fitting = [text for text in map(str.lower, session.legal_texts) if text.startswith(typed)]
        if fitting == [typed] or not fitting:
            self._play_typed()
        else:
            self._show()

    def _play_typed(self) -> None:
        """Play the move that was typed, or say why it cannot be played."""
        legal = {text.lower(): text for text in self.session.legal_texts}
        typed, self._typed = self._typed, ""
        if self._try(lambda: self.session.play_text(legal.get(typed.lower(), typed))):
            self._board_changed()

    def action_hint(self) -> None:
        """Mark what the engine would play."""
        if self._try(lambda: self._watch(self.session.request_thought(), self._use_hint)):
            self._say("Thinking about a hint …")
            self._show()

    def action_take_back(self) -> None:
        """Take the last move of a person back."""
        if self._try(self.session.take_back):
            self._board_changed()

    def action_new_game(self) -> None:
        """Clear the board; an unfinished game only at a second press."""
        session, now = self.session, time.monotonic()
        if session.actions and not session.is_finished:
            if now - self._new_game_asked > _NEW_GAME_SECONDS:
                self._new_game_asked = now
                self._say("Press again to give this game up and start a new one.")
                self._show()
                return
        self._new_game_asked = -_NEW_GAME_SECONDS
        session.new_game()
        self._board_changed()

    def action_switch_sides(self) -> None:
        """Change sides with the engine."""
        if self._try(self.session.switch_sides):
            self._board_changed()

    def action_analyse(self) -> None:
        """Turn the running analysis of one's own positions on or off."""
        self._analysing = not self._analysing
        self._board_changed()

    def action_stronger(self) -> None:
        """One level up."""
        self._change_level(1)

    def action_weaker(self) -> None:
        """One level down."""
        self._change_level(-1)

    def _change_level(self, step: int) -> None:
        if self._try(lambda: self.session.set_level(self.session.level + step)):
            strength = self.session.strength
            text = strength.text if strength is not None else ""
            self._say(f"Strength {self.session.level}: {text}")
            self._show()

    def action_save(self) -> None:
        """Ask for a file and save there."""
        name = self._game.name
        suggestion = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.txt"

        def saved(path: Path | None) -> None:
            if path is not None:
                self._say(f"Saved to {path}")
                self._show()

        self.push_screen(SaveScreen(self.session.save, suggestion), saved)

    # --- Drawing ----------------------------------------------------------------------------------

    def _say(self, text: str, *, failure: bool = False) -> None:
        self._notice = text
        self._is_failure = failure

    def on_resize(self, event: events.Resize) -> None:
        """Say so when the window became too small, and come back when it is large again."""
        small = event.size.width < self._needed.width or event.size.height < self._needed.height
        self.set_class(small, "small")
        self.set_class(event.size.height >= self._needed.height + 10, "tall")
        notice = too_small_text(self._needed, event.size)
        self.query_one("#too-small", Static).update(Text(notice, justify="center"))
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        """Draw everything that depends on the session."""
        session = self.session
        state = session.state
        view = self._game.board_view(state)
        thought, is_current = self._latest_thought()
        advice = thought if not session.is_finished else self._thought_before_end()
        is_person_to_move = not session.is_finished and not session.is_engine_to_move
        targets = find_targets(self._game, state) if is_person_to_move else Targets({}, {})
        hinted = ()
        if self._hint is not None and self._hint[0] == session.revision:
            hinted = targets.landing.get(self._hint[1], ())
        marks = Marks(
            last=last_placed(self._game, session.states),
            deciding=view.deciding,
            hinted=hinted,
            mover=int(state["to_play"]),
        )
        self.query_one(BoardWidget).show(view, targets=targets, marks=marks)
        self.query_one("#title", Static).update(self._title())
        self.query_one("#players", Static).update(players_text(session))
        self.query_one("#status", Static).update(self._status())
        heading = "Win chance" if is_current else "Win chance, before its last move"
        if thought is not None and thought.is_proven and not session.is_finished:
            heading = heading.replace("Win chance", "Proven result")
        self.query_one("#chances-heading", Static).update(heading)
        self.query_one("#chances", Static).update(chances_text(thought, view.player_names))
        self.query_one("#line", Static).update(line_text(advice))
        moves = self.query_one("#moves", Static)
        moves.update(moves_table(advice, rows=max(1, moves.size.height - 1)))
        self._show_strip()

    def _show_strip(self) -> None:
        strip = self.query_one("#strip", Static)
        thoughts = [self.session.thought_at(ply) for ply in range(len(self.session.states))]
        expectations = [None if each is None else each.expectation(0) for each in thoughts]
        width, height = strip.content_size
        if width and height:
            strip.update(strip_text(expectations, width=width, height=height))

    def _latest_thought(self) -> tuple[Thought | None, bool]:
        """The engine's newest opinion, and whether it is about the position on the board."""
        last = len(self.session.states) - 1
        for ply in range(last, -1, -1):
            thought = self.session.thought_at(ply)
            if thought is not None:
                return thought, ply == last
        return None, True

    def _thought_before_end(self) -> Thought | None:
        """The last opinion about a position that still had moves."""
        plies = range(len(self.session.states) - 2, -1, -1)
        return next(filter(None, (self.session.thought_at(ply) for ply in plies)), None)

    def _title(self) -> Text:
        text = Text(" MEIJIN ", style="bold").append(f" {self._game.id}")
        if self.session.strength is not None:
            text.append(f"   {self.session.strength.text}", style="dim")
        return text

    def _status(self) -> Text:
        session = self.session
        if session.is_finished:
            return Text(session.result_text, style="bold").append("\n" + self._notice)
        if self._typed:
            return Text(f"Move: {self._typed}_", style="bold")
        if self._notice:
            return Text(self._notice, style="bold rgb(255,140,120)" if self._is_failure else "bold")
        if self._thinking:
            return Text("The engine is thinking …" if self._is_loaded else _LOADING)
        names = self._game.board_view(session.state).player_names
        return Text(f"Your move: {names[int(session.state['to_play'])]}")
