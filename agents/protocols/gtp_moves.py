"""Moves as a GTP controller writes them: in the game's own notation, or as vertices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.agent import AgentError
from agents.protocols.gtp import GtpError, read_vertex, write_vertex
from games.game import Game, IllegalMoveError, InvalidMoveError

_LONGEST_MOVE = 40  # characters
#: What a move that can be read but not played is answered with.
ILLEGAL_MOVE = "illegal move"


class MoveNames:
    """Reads and writes the moves of a game.

    Go has vertices of its own accord. Other games keep their notation, which may name columns and
    rows otherwise (hex counts rows from the top, gomoku has a column i), unless ``vertices`` asks
    for GTP's names, which is what boards such as GoGui's know.

    Raises:
        AgentError: vertices are asked for in a game whose moves are not cells of the board.
    """

    def __init__(self, game: Game, *, vertices: bool = False) -> None:
        self._game = game
        self._cells: dict[int, tuple[int, int]] | None = None
        if vertices and not game.rules.has_ownership:
            self._cells = {
                action: cell
                for action in range(game.num_actions)
                if (cell := game.cell_of_action(action)) is not None
            }
            if not self._cells or len(set(self._cells.values())) < len(self._cells):
                raise AgentError(
                    f"moves of {game.name} are not cells of the board, so they have no vertices"
                )
            self._actions = {cell: action for action, cell in self._cells.items()}

    def write(self, state: np.void, action: int) -> str:
        """A move that can be played in ``state``."""
        text = self._game.action_to_text(state, action)
        if self._cells is None:
            # Vertices are written with capitals, as all programs do.
            is_vertex = self._game.rules.has_ownership and text[-1:].isdigit()
            return text.upper() if is_vertex else text
        if action not in self._cells:
            return text
        row, column = self._cells[action]
        owners = self._game.board_view(state).owners
        if row < 0:  # any cell of the column means it; the stone comes to rest on the lowest
            row = max((r for r, cells in enumerate(owners) if cells[column] < 0), default=0)
        return write_vertex(row, column, height=len(owners))

    def write_line(self, state: np.void, actions: Sequence[int]) -> list[str]:
        """Moves that follow each other from ``state`` on."""
        states = np.array([state], self._game.state_dtype)
        texts = []
        for action in actions:
            texts.append(self.write(states[0], action))
            self._game.rules.step(states, np.array([action], np.int32))
        return texts

    def read(self, state: np.void, text: str) -> int:
        """The action of a move.

        Raises:
            GtpError: it cannot be read, or not be played in ``state``.
        """
        if len(text) > _LONGEST_MOVE:
            raise GtpError("invalid color or coordinate")
        try:
            if self._cells is None:
                return self._game.text_to_action(state, text)
            return self._read_vertex(state, text)
        except IllegalMoveError:
            raise GtpError(ILLEGAL_MOVE) from None
        except InvalidMoveError as error:
            raise GtpError(f"invalid color or coordinate: {error}") from None

    def _read_vertex(self, state: np.void, text: str) -> int:
        owners = self._game.board_view(state).owners
        try:
            row, column = read_vertex(text, height=len(owners), width=len(owners[0]))
        except GtpError:
            return self._game.text_to_action(state, text)  # a move off the board, as swap in hex
        action = self._actions.get((row, column), self._actions.get((-1, column)))
        if action is None or action not in self._game.legal(state):
            raise GtpError(ILLEGAL_MOVE)
        return action
