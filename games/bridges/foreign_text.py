"""Moves and positions of a foreign game as text, and a board where one can be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from games.authoring import column_letters, draw, row_numbers, status_line
from games.bridges.foreign_rules import ForeignRules, moves_of
from games.bridges.replay import ACTION_TYPE
from games.game import (
    NUM_PLAYERS,
    BoardView,
    GameError,
    IllegalMoveError,
    InvalidMoveError,
    InvalidPositionError,
)

_MOVES = "moves:"
_GLYPHS = ("X", "O")


class ForeignText:
    """Moves and positions as text, and a board where one can be seen in the planes."""

    def __init__(self, rules: ForeignRules, *, num_actions: int, game_id: str) -> None:
        self._rules = rules
        self._game_id = game_id
        self._num_actions = num_actions
        first, second = (str(agent) for agent in rules.positions.agents)
        self._names = (first, second)

    def action_to_text(self, state: np.void, action: int) -> str:
        """The number of the action."""
        return str(action)

    def text_to_action(self, state: np.void, text: str) -> int:
        """Read the number of a legal action."""
        word = text.strip()
        if not (word.isascii() and word.isdecimal() and int(word) < self._num_actions):
            raise InvalidMoveError(
                f"{text!r} is no action; actions are 0 to {self._num_actions - 1}"
            )
        legal = self._rules.positions.at(moves_of(state)).legal.tolist()
        if int(word) in legal:
            return int(word)
        if not legal:
            raise IllegalMoveError(f"{text!r} cannot be played: the game is over")
        raise IllegalMoveError(
            f"{text!r} cannot be played in {self._game_id} after {state['ply']} plies; legal: "
            f"{' '.join(map(str, legal))}"
        )

    def state_to_text(self, state: np.void) -> str:
        """The board, who moves, and the moves so far, from which the position is read back."""
        moves = np.frombuffer(moves_of(state), ACTION_TYPE)
        board = draw(self.board_view(state), status_line(state, self._names))
        return f"{board}\n{' '.join([_MOVES, *map(str, moves)])}"

    def text_to_state(self, text: str) -> np.void:
        """Play the moves that stand behind ``moves:``; what stands before is not looked at."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or not lines[-1].startswith(_MOVES):
            raise InvalidPositionError(
                f"a position of {self._game_id} ends with its moves, as in '{_MOVES} 3 0'"
            )
        states = self._rules.initial(1)
        for word in lines[-1].removeprefix(_MOVES).split():
            try:
                action = self.text_to_action(states[0], word)
            except GameError as error:
                raise InvalidPositionError(str(error)) from error
            self._rules.step(states, np.array([action], np.int32))
        state: np.void = states[0]
        return state

    def board_view(self, state: np.void) -> BoardView:
        """Stones, where the observation is two planes: of the mover, and of the other player.

        That is the form of PettingZoo's small boards. Of other planes nobody can tell what they
        show, so the board stays empty.
        """
        position = self._rules.positions.at(moves_of(state))
        channels, height, width = position.planes.shape
        owners: NDArray[np.int64] = np.full((height, width), -1)
        if channels == NUM_PLAYERS:
            for plane, player in enumerate((position.to_play, 1 - position.to_play)):
                owners[position.planes[plane] > 0] = player
        return BoardView(
            pieces=tuple(
                tuple("" if owner < 0 else _GLYPHS[owner] for owner in row) for row in owners
            ),
            owners=tuple(tuple(row) for row in owners.tolist()),
            row_labels=row_numbers(height),
            column_labels=column_letters(width) if width <= 26 else ("",) * width,
            player_names=self._names,
        )
