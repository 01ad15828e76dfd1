"""What the application asks its engines for, and what becomes of each answer on the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TypeVar

from textual.app import App

from agents.terminal.scene import Scene
from agents.terminal.session import Answer

_WATCH_SECONDS = 0.7  # a move of two engines takes at least, so that it can be followed

Result = TypeVar("Result")


class EngineRequests:
    """Replies, hints and running analysis; the answers are used in the application's thread.

    Args:
        scene: what the answers change; its session is asked.
        app: in whose thread answers are used.
        board_changed: called after the engine has moved.
        show: called after anything else that is to be seen.
    """

    def __init__(
        self,
        scene: Scene,
        app: App[None],
        *,
        board_changed: Callable[[], None],
        show: Callable[[], None],
    ) -> None:
        self.is_analysing = False  # whether every position of a person is thought about
        self._scene = scene
        self._session = scene.session
        self._app = app
        self._board_changed = board_changed
        self._show = show
        self._due = 1  # answers that are yet to be used; the first is that of ``load``
        self._asked_at = 0.0

    async def settled(self) -> None:
        """Wait until the engine has answered everything it was asked."""
        while self._due and self._app.is_running:
            await asyncio.sleep(0.01)

    # --- Asking -----------------------------------------------------------------------------------

    def load(self) -> None:
        """Load the engine; called once, when the board can be seen."""
        self._use_when_done(self._session.warm_up(), self._loaded)

    def follow_board(self) -> None:
        """Have the engine move or think, whichever the position on the board calls for."""
        scene, session = self._scene, self._session
        scene.is_thinking = scene.waits_for_engine
        if scene.is_thinking:
            self._asked_at = time.monotonic()
            self.ask(session.request_reply(), self._use_reply)
        elif self.is_analysing and not session.is_finished:
            self.ask(session.request_thought(), self._use_thought)

    def follow_look(self) -> None:
        """Analyse the position that is looked back at, unless that has been done."""
        scene, session = self._scene, self._session
        is_new = scene.shown is not None and session.thought_at(scene.ply) is None
        if self.is_analysing and is_new:
            self.ask(session.request_thought(scene.ply), self._use_thought)

    def switch_analysis(self) -> None:
        """Turn the running analysis on or off."""
        self.is_analysing = not self.is_analysing
        if self.is_analysing and self._scene.is_person_to_move:
            self.ask(self._session.request_thought(self._scene.ply), self._use_thought)

    def hint(self) -> None:
        """Ask what the adviser would play in the position on the screen.

        Raises:
            SessionError: the game is over there.
        """
        self.ask(self._session.request_thought(self._scene.ply), self._use_hint)

    def ask(self, future: Future[Result], use: Callable[[Result], None]) -> None:
        """Have ``use`` called in the application's thread with what the engine answers."""
        self._due += 1
        self._use_when_done(future, use)

    def _use_when_done(self, future: Future[Result], use: Callable[[Result], None]) -> None:
        future.add_done_callback(lambda done: self._app.call_later(self._use, done, use))

    # --- Answers ----------------------------------------------------------------------------------

    def _use(self, done: Future[Result], use: Callable[[Result], None]) -> None:
        """Use an answer, or say why there is none."""
        self._due -= 1
        remarks = self._session.take_remarks()
        if remarks:
            self._scene.say(" ".join(remarks))
        try:
            answer = done.result()
        except (CancelledError, asyncio.CancelledError):
            return
        except Exception as error:
            # Whatever the engine stumbled over, the game on the board goes on.
            self._go_on_without(error)
            return
        use(answer)

    def _go_on_without(self, error: Exception) -> None:
        """Leave the game to people where the engine cannot move."""
        scene = self._scene
        scene.reviewing = None
        why = f"The engine cannot play: {error}."
        if self._session.is_engine_to_move:
            scene.is_thinking = False
            self._session.dismiss_engine()
            why += " You move for both sides."
        scene.say(why, failure=True)
        self._show()

    def _loaded(self, _: object) -> None:
        self._scene.is_loaded = True
        self._show()

    def _use_reply(self, answer: Answer) -> None:
        if self._scene.is_paused or answer.revision != self._session.revision:
            return
        wait = _WATCH_SECONDS - (time.monotonic() - self._asked_at)
        if self._session.seats.is_watched and wait > 0:
            self._due += 1
            self._app.set_timer(wait, lambda: self._play_late(answer))
        else:
            self._play(answer)

    def _play_late(self, answer: Answer) -> None:
        self._due -= 1
        self._play(answer)

    def _play(self, answer: Answer) -> None:
        if not self._scene.is_paused and self._session.accept(answer):
            self._board_changed()

    def _use_thought(self, answer: Answer) -> None:
        if self._session.accept(answer):
            self._show()

    def _use_hint(self, answer: Answer) -> None:
        session = self._session
        if not session.accept(answer):
            return
        text = session.game.action_to_text(session.states[answer.ply], answer.action)
        self._scene.hint = (session.revision, answer.action)
        self._scene.say(f"Hint: {text}")
        self._show()
