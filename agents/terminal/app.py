"""Play in a terminal: board, mouse and keys, and beside them what the engine thinks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from agents.terminal.board_widget import BoardWidget
from agents.terminal.dialogs import LevelScreen, save_screen, setup_screen
from agents.terminal.drawing import Drawing
from agents.terminal.engine_requests import EngineRequests
from agents.terminal.keys import Keys
from agents.terminal.level_text import level_said
from agents.terminal.pointing import Outcome
from agents.terminal.review import Review
from agents.terminal.scene import Scene
from agents.terminal.seats import SessionError
from agents.terminal.session import Session
from agents.terminal.terminal_size import needed_size, too_small_text
from games.game import GameError
from games.raster import drops_pieces

_NEW_GAME_SECONDS = 4.0  # within which a second press clears an unfinished game
_MOST_LISTED = 24  # legal moves in a message
_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
_WAIT = "Wait, the engine is to move."


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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False),
        Binding("tab", "next_in_hand", show=False, priority=True),
    ]

    def __init__(self, session: Session, *, notice: str = "", review: bool = False) -> None:
        super().__init__()
        self.session = session
        self.scene = Scene(session, notice=notice)
        self._seats = session.seats
        self._drawing = Drawing(self.scene, self)
        self._requests = EngineRequests(
            self.scene, self, board_changed=self._board_changed, show=self.show
        )
        self._review = Review(self.scene, self._requests, show=self.show)
        self._keys = Keys(session.game, is_watched=self._seats.is_watched)
        self._needed = needed_size(session.game)
        self._review_first = review
        self._new_game_asked = -_NEW_GAME_SECONDS
        for each in self._keys.commands:
            self.bind(
                ",".join(each.keys),
                each.action,
                description=each.description,
                show=bool(each.description),
                key_display=each.label,
            )

    def compose(self) -> ComposeResult:
        """Title, board and panel, the strip over the game, and the keys."""
        view = self.session.game.board_view(self.session.state)
        with Vertical(id="table"):
            yield Static(id="title")
            with Horizontal(id="middle"):
                with Vertical(id="board-side"):
                    yield Static(id="hand-1", classes="hand")
                    yield BoardWidget(view, drops=drops_pieces(self.session.game), id="board")
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
        notice = self.scene.notice  # which is of no position
        self._requests.load()
        self._board_changed()
        self.scene.say(notice)
        if self._review_first:
            self.action_review()
        self.show()

    async def settled(self) -> None:
        """Wait until the engine has answered everything it was asked."""
        await self._requests.settled()

    def _board_changed(self) -> None:
        """After anything that puts another position or player in charge."""
        self.scene.show_newest()
        self._requests.follow_board()
        self.show()

    # --- Moves ------------------------------------------------------------------------------------

    def _try(self, deed: Callable[[], object]) -> bool:
        """Do something that may be refused; a refusal is one line beside the board."""
        try:
            deed()
        except GameError as error:
            self.scene.typed = ""
            self._tell(str(error), failure=True)
            return False
        return True

    def _play(self, action: int) -> None:
        if self.scene.waits_for_engine:
            self._tell(_WAIT)
            return
        if self.scene.shown is not None:
            self.session.go_back_to(self.scene.shown)
        if self._try(lambda: self.session.play(action)):
            self._board_changed()

    def _follow(self, outcome: Outcome) -> None:
        """Do what pointing at something came to."""
        if outcome.action is not None:
            self._play(outcome.action)
        elif not outcome.missed:
            self.show()
        elif self.scene.is_person_to_move:
            legal = self.session.legal_texts
            listed = " ".join(legal) if len(legal) <= _MOST_LISTED else f"{len(legal)} moves"
            self._tell(f"Nothing can be played there; legal: {listed}", failure=True)

    def on_board_widget_pointed(self, message: BoardWidget.Pointed) -> None:
        """A click on a square."""
        if self.scene.waits_for_engine:
            self._tell(_WAIT)
            return
        self._follow(self.scene.pointing.point(message.cell))

    def action_take_up(self, letter: str) -> None:
        """Take up a piece in hand."""
        self._follow(self.scene.pointing.point(letter))

    def action_next_in_hand(self) -> None:
        """Take up the next piece in hand that can be dropped."""
        if self.scene.pointing.take_next_in_hand():
            self.show()

    def action_play_action(self, action: int) -> None:
        """A click on a move that is written below the board."""
        self._play(action)

    def on_key(self, event: events.Key) -> None:
        """Arrows and Enter, or a move typed in the game's notation."""
        if isinstance(self.screen, ModalScreen):
            return
        scene, board = self.scene, self.query_one(BoardWidget)
        character = event.character or "" if event.is_printable else ""
        if event.key in _STEPS:
            board.move_cursor(*_STEPS[event.key])
        elif event.key == "enter":
            if scene.typed:  # such as a1, where there is also an a10
                self._play_typed()
            elif board.cursor is not None and scene.is_person_to_move:
                self._follow(scene.pointing.point(board.cursor))
        elif event.key in ("backspace", "escape"):
            scene.put_down()
            self.show()
        elif scene.pointing.choices and character.isdigit():
            self._follow(scene.pointing.choose(int(character)))
        elif character and self._keys.belongs_to_move(character, typed=scene.typed):
            # Keys of commands arrive here as well, beside their binding.
            self._type(character)

    def _type(self, character: str) -> None:
        """Add to the move being typed; play it as soon as it can be no other."""
        if not self.scene.is_person_to_move or character.isspace():
            return
        if self.scene.type(character):
            self._play_typed()
        else:
            self.show()

    def _play_typed(self) -> None:
        """Play the move that was typed, or say why it cannot be played."""
        typed, actions = self.scene.end_typing()
        if actions:
            self._follow(self.scene.pointing.offer(actions))
        elif self._try(lambda: self._play(self.session.read_move(typed, ply=self.scene.ply))):
            self.show()

    # --- Commands ---------------------------------------------------------------------------------

    def action_hint(self) -> None:
        """Mark what the engine would play."""
        if self._try(self._requests.hint):
            self._tell("Thinking about a hint …")

    def action_take_back(self) -> None:
        """Take the last move of a person back; or go on from the position that is looked at."""
        if self.scene.shown is not None:
            self.session.go_back_to(self.scene.shown)
            self._board_changed()
            return
        if self._seats.is_watched:
            self.scene.is_paused = True
        if self._try(self.session.take_back):
            self._board_changed()

    def action_new_game(self) -> None:
        """Clear the board; an unfinished game only at a second press."""
        session, now = self.session, time.monotonic()
        if session.actions and not session.is_finished:
            if now - self._new_game_asked > _NEW_GAME_SECONDS:
                self._new_game_asked = now
                self._tell("Press again to give this game up and start a new one.")
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
        self._requests.switch_analysis()
        state = "on" if self._requests.is_analysing else "off"
        self._tell(f"Analysis of your positions is {state}.")

    def action_pause(self) -> None:
        """Stop two engines, or let them go on."""
        if not self._seats.is_watched:
            return
        self.scene.is_paused = not self.scene.is_paused
        self._board_changed()
        if self.scene.is_paused:
            self._tell("Paused; you may move for either side.")

    def action_stronger(self) -> None:
        """One level up; while a move is typed, + and = belong to it."""
        if not self.scene.typed:
            self._change_level(self._seats.level + 1)

    def action_weaker(self) -> None:
        """One level down."""
        self._change_level(self._seats.level - 1)

    def _change_level(self, level: int | None) -> None:
        if level is not None and self._try(lambda: self._seats.set_level(level)):
            strength = self._seats.strength
            if strength is not None:
                self._tell(level_said(level, strength))

    def action_levels(self) -> None:
        """Choose a level from a list."""
        opponent = self._seats.opponent

        def ask() -> None:
            if opponent is None or not opponent.levels:
                raise SessionError("there is no level to choose: nobody here plays at several")
            self.push_screen(LevelScreen(opponent.levels, self._seats.level), self._change_level)

        self._try(ask)

    def action_save(self) -> None:
        """Ask for a file and save there."""

        def saved(path: str | None) -> None:
            if path is not None:
                self._tell(f"Saved to {Path(path).expanduser()}")

        self.push_screen(save_screen(self.session), saved)

    def action_set_up(self) -> None:
        """Ask for a position and begin there."""

        def done(text: str | None) -> None:
            if text is not None:
                self._board_changed()
                self._tell("Set up.")

        self.push_screen(setup_screen(self.session), done)

    # --- Looking back -----------------------------------------------------------------------------

    def action_look(self, plies: int) -> None:
        """Show an earlier or later position of the game."""
        self.scene.look_at(self.scene.ply + plies)
        self._requests.follow_look()
        self.show()

    def action_review(self) -> None:
        """Think about every position of the game, and find the biggest mistakes."""
        self._review.begin()

    def action_next_mistake(self) -> None:
        """Show the position before the next biggest mistake."""
        if not self.scene.look_at_next_mistake():
            self.scene.say("No mistakes are known; review the game first.", failure=True)
        self.show()

    # --- Drawing ----------------------------------------------------------------------------------

    def _tell(self, text: str, *, failure: bool = False) -> None:
        """Put a sentence beside the board."""
        self.scene.say(text, failure=failure)
        self.show()

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
