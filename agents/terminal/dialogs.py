"""Questions over the board: where to save, what to set up, how strong to play."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList

from agents.records.files import suffixes_of
from agents.terminal.level_text import level_line, levels_heading
from agents.terminal.session import Session
from agents.terminal.strength import Strength
from games.game import GameError


class LineScreen(ModalScreen[str | None]):
    """Asks for one line and does something with it; what fails is told here and nothing is lost."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Cancel")]

    def __init__(
        self, question: str, suggestion: str, help_text: str, use: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._question = question
        self._suggestion = suggestion
        self._help = help_text
        self._use = use

    def compose(self) -> ComposeResult:
        """A line to type in, and one for what went wrong."""
        with Vertical(id="dialog"):
            yield Label(Text(self._question))
            yield Input(self._suggestion, id="line-input")
            yield Label(Text(self._help), id="outcome")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try it; stay open where that fails."""
        try:
            self._use(event.value.strip())
        except GameError as error:
            outcome = self.query_one("#outcome", Label)
            outcome.update(Text(str(error)))
            outcome.add_class("failed")
            return
        self.dismiss(event.value.strip())


def save_screen(session: Session) -> LineScreen:
    """Where to save the game."""
    suffixes = suffixes_of(session.game)
    return LineScreen(
        "Save the game to",
        f"{session.game.name}-{time.strftime('%Y%m%d-%H%M%S')}{suffixes[0]}",
        f"The ending is the format: {' '.join(suffixes)}. Enter saves, Escape goes back",
        lambda text: session.save(Path(text).expanduser()),
    )


def setup_screen(session: Session) -> LineScreen:
    """Which position to play from."""
    return LineScreen(
        "Begin from a position, or after moves from the start",
        session.setup_text,
        "FEN, SFEN or the drawn board (| for line ends); or moves; or nothing. Escape goes back",
        session.set_up,
    )


class LevelScreen(ModalScreen[int | None]):
    """A list of levels with their ratings, where they have been measured."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Cancel")]

    def __init__(self, levels: Sequence[Strength], current: int) -> None:
        super().__init__()
        self._levels = levels
        self._current = current

    def compose(self) -> ComposeResult:
        """One line a level."""
        with Vertical(id="dialog"):
            yield Label(Text(levels_heading(self._levels)))
            yield OptionList(
                *(level_line(number, each) for number, each in enumerate(self._levels, start=1)),
                id="levels",
            )

    def on_mount(self) -> None:
        """Point at the level that is played."""
        self.query_one(OptionList).highlighted = self._current - 1

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take a level."""
        self.dismiss(event.option_index + 1)
