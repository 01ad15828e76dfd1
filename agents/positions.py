"""Positions given as moves, the form in which they come from outside."""

from __future__ import annotations

import numpy as np

from agents.agent import AgentError
from games.game import Game, GameError

#: Stands for the start position where a line of moves would be empty.
START = "-"


def position_after(game: Game, text: str) -> np.void:
    """The position after moves separated by spaces, ``-`` for none.

    Raises:
        AgentError: one line naming the move that cannot be read or played. A position in which the
            game is over is returned like any other.
    """
    words = text.split()
    if not words:
        raise AgentError(f"no moves; write {START} for the start position")
    states = game.rules.initial(1)
    for number, word in enumerate([] if words == [START] else words, start=1):
        if states[0]["finished"]:
            raise AgentError(f"move {number} ({word!r}) comes after the game is over")
        try:
            action = game.text_to_action(states[0], word)
        except GameError as error:
            raise AgentError(f"move {number}: {error}") from None
        game.rules.step(states, np.array([action], np.int32))
    reached: np.void = states[0]
    return reached
