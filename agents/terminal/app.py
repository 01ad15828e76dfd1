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
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from agents.records.files import suffixes_of
from agents.terminal.board_view import find_targets
from agents.terminal.board_widget import BoardWidget
from agents.terminal.dialogs import LevelScreen, save_screen, setup_screen
from agents.terminal.drawing import Drawing
from agents.terminal.keys import command_keys
from agents.terminal.mistakes import Mistake, find_mistakes
from agents.terminal.pointing import Outcome, Pointing
from agents.terminal.session import Answer, Session, SessionError
from agents.terminal.terminal_size import needed_size, too_small_text
from agents.terminal.typed_moves import TypedMoves
from games.game import GameError
from games.raster import drops_pieces

_NEW_GAME_SECONDS = 4.0  # within which a second press clears an unfinished game
_WATCH_SECONDS = 0.7  # a move of two engines takes at least, so that it can be followed
_MOST_LISTED = 24  # legal moves in a message


class PlayApp(App[None]):
    """One session on the screen.

    Args:
        session: the game; it is closed by whoever made it.
        notice: a sentence shown beside the board at first.
        review: begin with a review of the game that the session holds.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Meijin"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = (
        Binding("ctrl+q", "quit", show=False),
        Binding("greater_than_sign,full_stop", "look(1)", show=False),
        Binding("tab", "next_in_hand", show=False, priority=True),
    )

    class EngineDone(Message):
        """A future of the engine's thread is settled."""

        def __init__(self, future: Future[Any], use: Callable[[Any], None]) -> None:
            self.future = future
            self.use = use
            super().__init__()

    def __init__(self, session: Session, *, notice: str = "", review: bool = False) -> None:
        super().__init__()
        self.session = session
        self.pointing = Pointing()
        self.shown: int | None = None  # ply that is looked back at; None: the newest
        self.mistakes: list[Mistake] = []
        self.hint: tuple[int, int] | None = None  # revision, action
        self.typed = ""
        self.notice = notice
        self.is_failure = False
        self.is_thinking = False
        self.is_loaded = False
        self.is_paused = False
        self.reviewing: int | None = None  # ply that is being thought about
        self._game = session.game
        self._drops = drops_pieces(session.game)
        self._needed = needed_size(session.game)
        self._drawing = Drawing(self)
        self._review_first = review
        self._analysing = False
        self._awaited = 1  # answers of the engine that are due, and the first drawing
        self._new_game_asked = -_NEW_GAME_SECONDS
        self._typed_moves: TypedMoves | None = None
        self._moved_at = 0.0
        self._command_characters = {"+", "=", "-", "<", ">", ",", ".", " "}
        self._bind_commands()

    def compose(self) -> ComposeResult:
        """Title, board and panel, the strip over the game, and the keys."""
        view = self._game.board_view(self.session.state)
        with Vertical(id="table"):
            yield Static(id="title")
            with Horizontal(id="middle"):
                with Vertical(id="board-side"):
                    yield Static(id="hand-1", classes="hand")
                    yield BoardWidget(view, drops=self._drops, id="board")
                    yield Static(id="hand-0", classes="hand")
                    yield Static(id="choices")
                with Vertical(id="panel"):
                    yield Static(id="players")
                    yield Static(id="status")
                    yield Static("Win chance", classes="heading", id="chances-heading")
                    yield Static(id="chances")
                    yield Static(id="line")
                    yield Static(id="mistakes")
                    yield Static(id="moves")
            yield Static(id="strip")
            yield Static(id="strip-marks")
            yield Footer(compact=True)
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """Show the board first, and only then load the engine."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        notice = self.notice
        self._watch(self.session.warm_up(), self._engine_loaded)
        self._board_changed()
        self.say(notice)
        if self._review_first:
            self.action_review()
        self.show()
        self._awaited -= 1

    def _engine_loaded(self, _: object) -> None:
        self.is_loaded = True
        self.show()

    def _bind_commands(self) -> None:
        """Letters are commands, where no move is written with them."""
        commands, next_mistake = command_keys(self._game)
        for each in commands:
            self.bind(each.key, each.action, description=each.description, key_display=each.key)
            self._command_characters.add(each.key)
        self.bind("less_than_sign,comma", "look(-1)", description="Look", key_display="<>")
        self.bind("plus,equals_sign", "stronger", show=False)
        self.bind("minus", "weaker", show=False)
        self.bind(next_mistake, "next_mistake", show=False)
        self._command_characters.update(next_mistake.split(","))
        if self.session.is_watched:
            self.bind("space", "pause", description="Pause")

    # --- The engine -------------------------------------------------------------------------------

    def _watch(self, future: Future[Any], use: Callable[[Any], None]) -> None:
        """Have ``use`` called in this thread once the engine is done."""
        self._awaited += 1
        future.add_done_callback(lambda done: self.post_message(self.EngineDone(done, use)))

    async def settled(self) -> None:
        """Wait until the engine has answered everything it was asked."""
        while self._awaited and self.is_running:
            await asyncio.sleep(0.01)

    def on_play_app_engine_done(self, message: EngineDone) -> None:
        """Use an answer, or say why there is none."""
        self._awaited -= 1
        remarks = self.session.take_remarks()
        if remarks:
            self.say(" ".join(remarks))
        try:
            answer = message.future.result()
        except (CancelledError, asyncio.CancelledError):
            return
        except Exception as error:
            # Whatever the engine stumbled over, the game on the board goes on.
            self.reviewing = None
            why = f"The engine cannot play: {error}."
            if self.session.is_engine_to_move:
                self.is_thinking = False
                self.session.dismiss_engine()
                why += " You move for both sides."
            self.say(why, failure=True)
            self.show()
            return
        message.use(answer)

    def _ask_engine(self) -> None:
        """Have the engine move, unless two of them are paused."""
        self.is_thinking = self.session.is_engine_to_move and not self.is_paused
        if self.is_thinking:
            self._moved_at = time.monotonic()
            self._watch(self.session.request_reply(), self._use_reply)

    def _use_reply(self, answer: Answer) -> None:
        if self.is_paused or answer.revision != self.session.revision:
            return
        wait = _WATCH_SECONDS - (time.monotonic() - self._moved_at)
        if self.session.is_watched and wait > 0:
            self._awaited += 1
            self.set_timer(wait, lambda: self._play_late(answer))
        elif self.session.accept(answer):
            self._board_changed()

    def _play_late(self, answer: Answer) -> None:
        self._awaited -= 1
        if not self.is_paused and self.session.accept(answer):
            self._board_changed()

    def _use_thought(self, answer: Answer) -> None:
        if self.session.accept(answer):
            self.show()

    def _use_hint(self, answer: Answer) -> None:
        if not self.session.accept(answer):
            return
        text = self._game.action_to_text(self.session.states[answer.ply], answer.action)
        self.hint = (self.session.revision, answer.action)
        self.say(f"Hint: {text}")
        self.show()

    def _board_changed(self) -> None:
        """After anything that puts another position or player in charge."""
        self.notice, self.shown, self.reviewing = "", None, None
        self.mistakes = []
        self._position_changed()
        self._ask_engine()
        if self._analysing and not self.is_thinking and not self.session.is_finished:
            self._watch(self.session.request_thought(), self._use_thought)
        self.show()

    def _position_changed(self) -> None:
        """Another position is shown: what was held or typed means nothing there."""
        self.typed, self._typed_moves = "", None
        state, session = self.state, self.session
        if session.is_engine_to_move and self.shown is None and not self.is_paused:
            self.pointing.clear()
            self.pointing = Pointing()
        else:
            self.pointing.show(find_targets(self._game, state))

    @property
    def board(self) -> BoardWidget:
        """The board, which lies below a question that is asked."""
        return self.screen_stack[0].query_one(BoardWidget)

    # --- What people do ---------------------------------------------------------------------------

    @property
    def ply(self) -> int:
        """Which position of the game is on the screen."""
        return self.shown if self.shown is not None else len(self.session.actions)

    @property
    def state(self) -> Any:
        """The position on the screen; not to be written to."""
        return self.session.states[self.ply]

    @property
    def is_person_to_move(self) -> bool:
        """Whether a move may be made for the position on the screen."""
        if self.state["finished"]:
            return False
        return self.shown is not None or self.is_paused or not self.session.is_engine_to_move

    def _try(self, deed: Callable[[], object]) -> bool:
        """Do something that may be refused; a refusal is one line beside the board."""
        try:
            deed()
        except GameError as error:
            self.typed = ""
            self.say(str(error), failure=True)
            self.show()
            return False
        return True

    def _play(self, action: int) -> None:
        if not self.is_person_to_move and not self.state["finished"]:
            self.say("Wait, the engine is to move.")
            self.show()
            return
        if self.shown is not None:
            self.session.go_back_to(self.shown)
        if self._try(lambda: self.session.play(action)):
            self._board_changed()

    def _follow(self, outcome: Outcome) -> None:
        """Do what pointing at something came to."""
        if outcome.action is not None:
            self._play(outcome.action)
            return
        if outcome.missed:
            if not self.is_person_to_move:
                return
            legal = self.session.legal_texts
            listed = " ".join(legal) if len(legal) <= _MOST_LISTED else f"{len(legal)} moves"
            self.say(f"Nothing can be played there; legal: {listed}", failure=True)
        self.show()

    def on_board_widget_pointed(self, message: BoardWidget.Pointed) -> None:
        """A click on a square."""
        if not self.is_person_to_move and not self.state["finished"]:
            self.say("Wait, the engine is to move.")
            self.show()
            return
        self._follow(self.pointing.point(message.cell))

    def action_take_up(self, letter: str) -> None:
        """Take up a piece in hand."""
        self._follow(self.pointing.point(letter))

    def action_next_in_hand(self) -> None:
        """Take up the next piece in hand that can be dropped."""
        letters = sorted(each for each in self.pointing.targets.moves if isinstance(each, str))
        if letters:
            held = self.pointing.held
            at = letters.index(held) + 1 if held in letters else 0
            self.pointing.held = letters[at % len(letters)]
            self.show()

    def action_play_action(self, action: int) -> None:
        """A click on a move that is written below the board."""
        self._play(action)

    def on_key(self, event: events.Key) -> None:
        """Arrows and Enter, or a move typed in the game's notation."""
        if isinstance(self.screen, ModalScreen):
            return
        steps = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        board = self.board
        if event.key in steps:
            board.move_cursor(*steps[event.key])
        elif event.key == "enter":
            if self.typed:  # such as a1, where there is also an a10
                self._play_typed()
            elif board.cursor is not None and self.is_person_to_move:
                self._follow(self.pointing.point(board.cursor))
        elif event.key in ("backspace", "escape"):
            self.typed = ""
            self.pointing.clear()
            self.show()
        elif self.pointing.choices and event.is_printable and (event.character or "").isdigit():
            self._follow(self.pointing.choose(int(event.character or 0)))
        elif event.is_printable and (
            event.character not in self._command_characters
            or (self.typed and event.character in "+=")  # a promotion, as in 8h2b+ and e8=q
        ):
            # Keys of commands arrive here as well, beside their binding.
            self._type(event.character or "")

    def _type(self, character: str) -> None:
        """Add to the move being typed; play it as soon as it can be no other."""
        if not self.is_person_to_move or character.isspace():
            return
        self.typed += character
        if self._typed_moves is None:
            self._typed_moves = TypedMoves(self._game, self.state)
        reading = self._typed_moves.read(self.typed)
        if reading.is_hopeless or (reading.exact and not reading.is_open):
            self._play_typed()
        else:
            self.show()

    def _play_typed(self) -> None:
        """Play the move that was typed, or say why it cannot be played."""
        moves = self._typed_moves or TypedMoves(self._game, self.state)
        typed, self.typed = self.typed, ""
        exact = moves.read(typed).exact
        if exact:
            self._follow(self.pointing.offer(exact))
            return
        text = typed
        if self._try(lambda: self._play(self.session.read_move(text, ply=self.ply))):
            self.show()

    # --- Commands ---------------------------------------------------------------------------------

    def action_hint(self) -> None:
        """Mark what the engine would play."""
        if self._try(lambda: self._watch(self.session.request_thought(self.ply), self._use_hint)):
            self.say("Thinking about a hint …")
            self.show()

    def action_take_back(self) -> None:
        """Take the last move of a person back; or go on from the position that is looked at."""
        if self.shown is not None:
            self.session.go_back_to(self.shown)
            self._board_changed()
            return
        if self.session.is_watched:
            self.is_paused = True
        if self._try(self.session.take_back):
            self._board_changed()

    def action_new_game(self) -> None:
        """Clear the board; an unfinished game only at a second press."""
        session, now = self.session, time.monotonic()
        if session.actions and not session.is_finished:
            if now - self._new_game_asked > _NEW_GAME_SECONDS:
                self._new_game_asked = now
                self.say("Press again to give this game up and start a new one.")
                self.show()
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
        if self._analysing and self.is_person_to_move:
            self._watch(self.session.request_thought(self.ply), self._use_thought)
        self.say(f"Analysis of your positions is {'on' if self._analysing else 'off'}.")
        self.show()

    def action_pause(self) -> None:
        """Stop two engines, or let them go on."""
        if not self.session.is_watched:
            return
        self.is_paused = not self.is_paused
        self._board_changed()
        if self.is_paused:
            self.say("Paused; you may move for either side.")
            self.show()

    def action_stronger(self) -> None:
        """One level up; while a move is typed, + and = belong to it."""
        if not self.typed:
            self._change_level(self.session.level + 1)

    def action_weaker(self) -> None:
        """One level down."""
        self._change_level(self.session.level - 1)

    def _change_level(self, level: int | None) -> None:
        if level is not None and self._try(lambda: self.session.set_level(level)):
            strength = self.session.strength
            text = strength.text if strength is not None else ""
            if strength is not None and strength.rating is not None:
                text = f"{strength.rating.text}; {text}"
            self.say(f"Level {self.session.level}: {text}")
            self.show()

    def action_levels(self) -> None:
        """Choose a level from a list."""
        opponent = self.session.opponent

        def ask() -> None:
            if opponent is None or not opponent.levels:
                raise SessionError("there is no level to choose: nobody here plays at several")
            self.push_screen(LevelScreen(opponent.levels, self.session.level), self._change_level)

        self._try(ask)

    def action_save(self) -> None:
        """Ask for a file and save there."""
        suffixes = suffixes_of(self._game)
        name = f"{self._game.name}-{time.strftime('%Y%m%d-%H%M%S')}{suffixes[0]}"

        def saved(path: str | None) -> None:
            if path is not None:
                self.say(f"Saved to {Path(path).expanduser()}")
                self.show()

        self.push_screen(save_screen(self.session.save, name, suffixes), saved)

    def action_set_up(self) -> None:
        """Ask for a position and begin there."""

        def done(text: str | None) -> None:
            if text is not None:
                self._board_changed()
                self.say("Set up.")
                self.show()

        self.push_screen(setup_screen(self.session.set_up, self.session.setup_text), done)

    # --- Looking back -----------------------------------------------------------------------------

    def action_look(self, plies: int) -> None:
        """Show an earlier or later position of the game."""
        newest = len(self.session.actions)
        ply = max(0, min(newest, self.ply + plies))
        self.shown = ply if ply < newest else None
        self.notice = ""
        self._position_changed()
        if self._analysing and self.shown is not None and self.session.thought_at(ply) is None:
            self._watch(self.session.request_thought(ply), self._use_thought)
        self.show()

    def action_review(self) -> None:
        """Think about every position of the game, and find the biggest mistakes."""
        if self.reviewing is not None:
            return
        if not self.session.actions:
            self.say("There is no move to review yet.", failure=True)
            self.show()
            return
        if self.session.is_watched and not self.session.is_finished:
            self.is_paused = True
        self._review_from(0)

    def _review_from(self, ply: int) -> None:
        session = self.session
        while ply < len(session.states) and (
            session.states[ply]["finished"] or session.has_advice_at(ply)
        ):
            ply += 1
        self.mistakes = find_mistakes(session)
        if ply == len(session.states):
            self.reviewing = None
            count = len(self.mistakes)
            found = f"{count} mistake{'' if count == 1 else 's'}" if count else "no mistakes"
            self.say(f"Reviewed: {found}." + (" M shows the next." if count else ""))
            self.show()
            return
        self.reviewing = ply
        self._watch(session.request_thought(ply), self._use_review)
        self.show()

    def _use_review(self, answer: Answer) -> None:
        if self.session.accept(answer) and self.reviewing == answer.ply:
            if answer.thought is None:
                self.reviewing = None
                self.say(
                    f"{self.session.adviser.name} has no opinion to review with.", failure=True
                )
                self.show()
            else:
                self._review_from(answer.ply + 1)

    def action_next_mistake(self) -> None:
        """Show the position before the next biggest mistake."""
        if not self.mistakes:
            self.say("No mistakes are known; review the game first.", failure=True)
            self.show()
            return
        plies = [each.ply for each in self.mistakes]
        at = plies.index(self.ply) + 1 if self.ply in plies else 0
        self.shown = plies[at % len(plies)]
        self.notice = ""
        self._position_changed()
        self.show()

    # --- Drawing ----------------------------------------------------------------------------------

    def say(self, text: str, *, failure: bool = False) -> None:
        """Put a sentence beside the board, when it is drawn next."""
        self.notice = text
        self.is_failure = failure

    def show(self) -> None:
        """Draw everything that depends on the session."""
        self._drawing.draw()

    def on_resize(self, event: events.Resize) -> None:
        """Say so when the window became too small, and come back when it is large again."""
        small = event.size.width < self._needed.width or event.size.height < self._needed.height
        self.set_class(small, "small")
        self.set_class(event.size.height >= self._needed.height + 10, "tall")
        notice = too_small_text(self._needed, event.size)
        self.screen_stack[0].query_one("#too-small", Static).update(Text(notice, justify="center"))
        self.call_after_refresh(self.show)
