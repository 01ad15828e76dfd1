"""The review of a game on the screen: the adviser thinks about one position after the other."""

from __future__ import annotations

from collections.abc import Callable

from agents.terminal.engine_requests import EngineRequests
from agents.terminal.mistakes import find_mistakes, next_to_review
from agents.terminal.scene import Scene
from agents.terminal.session import Answer


class Review:
    """Finds the biggest mistakes of the game; how far it is stands in the scene.

    Args:
        scene: what is reviewed, and told.
        requests: through which the adviser is asked.
        show: called after anything that is to be seen.
    """

    def __init__(self, scene: Scene, requests: EngineRequests, *, show: Callable[[], None]) -> None:
        self._scene = scene
        self._requests = requests
        self._show = show

    def begin(self) -> None:
        """Begin, unless a review is under way; two engines stop playing for it."""
        scene, session = self._scene, self._scene.session
        if scene.reviewing is not None:
            return
        if not session.actions:
            scene.say("There is no move to review yet.", failure=True)
            self._show()
            return
        if session.seats.is_watched and not session.is_finished:
            scene.is_paused = True
        self._go_on()

    def _go_on(self) -> None:
        """Ask about the next position, or tell what was found."""
        scene, session = self._scene, self._scene.session
        scene.mistakes = find_mistakes(session)
        scene.reviewing = next_to_review(session)
        if scene.reviewing is not None:
            self._requests.ask(session.request_thought(scene.reviewing), self._use)
        else:
            count = len(scene.mistakes)
            found = f"{count} mistake{'' if count == 1 else 's'}" if count else "no mistakes"
            scene.say(f"Reviewed: {found}." + (" M shows the next." if count else ""))
        self._show()

    def _use(self, answer: Answer) -> None:
        scene, session = self._scene, self._scene.session
        if not session.accept(answer) or scene.reviewing != answer.ply:
            return
        if answer.thought is None:
            scene.reviewing = None
            scene.say(f"{session.seats.adviser.name} has no opinion to review with.", failure=True)
            self._show()
        else:
            self._go_on()
