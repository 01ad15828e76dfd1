"""Moves typed letter by letter: in the game's notation, or by squares where it has both.

Small letters stand for capitals, so that Shift is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.terminal.move_squares import text_by_squares
from games.game import Game


@dataclass(frozen=True, slots=True)
class Reading:
    """What a beginning may become."""

    exact: tuple[int, ...]  # actions that it says as it stands
    is_open: bool  # longer moves begin with it

    @property
    def is_hopeless(self) -> bool:
        """No legal move begins like this."""
        return not self.exact and not self.is_open


class TypedMoves:
    """The texts of all legal moves of one position."""

    def __init__(self, game: Game, state: np.void) -> None:
        self._texts: list[tuple[str, int]] = []
        if state["finished"]:
            return
        for action in game.legal(state):
            own = game.action_to_text(state, action)
            written = {own, own.rstrip("+#") if "=" in own or own[:1].isalpha() else own}
            written.add(text_by_squares(game, state, action))
            self._texts += [(text, action) for text in sorted(written)]

    def read(self, typed: str) -> Reading:
        """Actions that ``typed`` says; capitals decide only where small letters do not."""
        small = typed.lower()
        exact = {action for text, action in self._texts if text.lower() == small}
        if len(exact) > 1:
            as_written = {action for text, action in self._texts if text == typed}
            exact = as_written or exact
        is_open = any(
            text.lower().startswith(small) and action not in exact and text.lower() != small
            for text, action in self._texts
        )
        return Reading(exact=tuple(sorted(exact)), is_open=is_open)
