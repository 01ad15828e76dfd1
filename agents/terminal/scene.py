"""What the screen shows of a session: which position, what is held, typed and said about it.

No terminal is needed here: the application changes a scene, and ``Drawing`` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agents.terminal.board_view import find_targets
from agents.terminal.mistakes import Mistake
from agents.terminal.pointing import Pointing
from agents.terminal.session import Session
from agents.terminal.thought import Thought
from agents.terminal.typed_moves import TypedMoves


@dataclass(slots=True)
class Scene:
    """A session as it is looked at: which position of it, and what has come up about that.

    Moves, players and thoughts are the session's own; what is kept here is on no record.
    """

    session: Session
    notice: str = ""  # a sentence beside the board
    is_failure: bool = False  # whether the notice says that something went wrong
    shown: int | None = None  # ply that is looked back at; None: the newest
    pointing: Pointing = field(default_factory=Pointing)
    typed: str = ""  # the beginning of a move
    hint: tuple[int, int] | None = None  # revision of the session, action
    mistakes: list[Mistake] = field(default_factory=list)  # the biggest first
    reviewing: int | None = None  # ply that a review is thinking about
    is_loaded: bool = False  # whether the engine can answer
    is_thinking: bool = False  # whether the engine was asked for its move
    is_paused: bool = False  # two engines wait, and people may move for either
    _typed_moves: TypedMoves | None = field(default=None, init=False, repr=False)

    # --- The position -----------------------------------------------------------------------------

    @property
    def ply(self) -> int:
        """Which position of the game is on the screen."""
        return self.shown if self.shown is not None else len(self.session.actions)

    @property
    def state(self) -> np.void:
        """The position on the screen; not to be written to."""
        return self.session.states[self.ply]

    @property
    def waits_for_engine(self) -> bool:
        """Whether nobody else can move now."""
        return self.shown is None and not self.is_paused and self.session.is_engine_to_move

    @property
    def is_person_to_move(self) -> bool:
        """Whether a move may be made for the position on the screen."""
        return not self.state["finished"] and not self.waits_for_engine

    def show_newest(self) -> None:
        """Show the board again, after anything that puts another position or player in charge."""
        self.notice, self.shown, self.reviewing = "", None, None
        self.mistakes = []
        self._take_up_position()

    def look_at(self, ply: int) -> None:
        """Show the position after ``ply`` moves, or the nearest that there is."""
        newest = len(self.session.actions)
        ply = max(0, min(newest, ply))
        self.shown = ply if ply < newest else None
        self.notice = ""
        self._take_up_position()

    def look_at_next_mistake(self) -> bool:
        """Show the position before the next biggest mistake; False: none is known."""
        if not self.mistakes:
            return False
        plies = [each.ply for each in self.mistakes]
        at = plies.index(self.ply) + 1 if self.ply in plies else 0
        self.look_at(plies[at % len(plies)])
        return True

    def _take_up_position(self) -> None:
        """What was held or typed means nothing in another position."""
        self.typed, self._typed_moves = "", None
        if self.waits_for_engine:
            self.pointing = Pointing()
        else:
            self.pointing.show(find_targets(self.session.game, self.state))

    # --- What is thought of it --------------------------------------------------------------------

    def latest_thought(self) -> tuple[Thought | None, bool]:
        """The newest opinion up to the position shown, and whether it is about that."""
        for ply in range(self.ply, -1, -1):
            thought = self.session.thought_at(ply)
            if thought is not None:
                return thought, ply == self.ply
        return None, True

    def thought_before_end(self) -> Thought | None:
        """The last opinion about an earlier position, which still had moves."""
        plies = range(self.ply - 1, -1, -1)
        return next(filter(None, (self.session.thought_at(ply) for ply in plies)), None)

    # --- What is said, held and typed -------------------------------------------------------------

    def say(self, text: str, *, failure: bool = False) -> None:
        """Put a sentence beside the board."""
        self.notice, self.is_failure = text, failure

    def put_down(self) -> None:
        """Forget what is typed and held."""
        self.typed = ""
        self.pointing.clear()

    @property
    def hinted(self) -> int | None:
        """The move to be pointed out, while it can be played by pointing."""
        if self.hint is None or not self.is_person_to_move:
            return None
        revision, action = self.hint
        is_current = revision == self.session.revision and action in self.pointing.targets.landing
        return action if is_current else None

    def type(self, character: str) -> bool:
        """Add to the move being typed.

        Returns:
            Whether it is to be ended: it can be no other move any more, or none at all.
        """
        self.typed += character
        reading = self._moves_to_type().read(self.typed)
        return reading.is_hopeless or (bool(reading.exact) and not reading.is_open)

    def end_typing(self) -> tuple[str, tuple[int, ...]]:
        """What was typed, and the actions that it says; the next move can be typed."""
        typed, self.typed = self.typed, ""
        return typed, self._moves_to_type().read(typed).exact

    def _moves_to_type(self) -> TypedMoves:
        """Made when they are first needed: writing every move of a position takes a while."""
        if self._typed_moves is None:
            self._typed_moves = TypedMoves(self.session.game, self.state)
        return self._typed_moves
