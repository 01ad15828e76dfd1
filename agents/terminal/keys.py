"""Which keys are commands in a game: none that a move of it may be written with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.terminal.move_squares import pieces_in_hand
from games.game import Game

#: Letter, the letter where capitals name pieces, action of the application, what the footer says.
_COMMANDS = (
    ("h", "H", "hint", "Hint"),
    ("t", "T", "take_back", "Back"),
    ("n", "C", "new_game", "New"),
    ("x", "X", "switch_sides", "Side"),
    ("a", "A", "analyse", "Analyse"),
    ("r", "V", "review", "Review"),
    ("l", "E", "levels", "Level"),
    ("p", "U", "set_up", "Set up"),
    ("s", "W", "save", "Save"),
    ("q", "Z", "quit", "Quit"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A key and what it does."""

    key: str
    action: str
    description: str


def command_keys(game: Game) -> tuple[tuple[Command, ...], str]:
    """The commands of a game, and the keys that show the next mistake.

    Letters; capitals where moves are written with small letters (``a2a3``); and other capitals
    where moves are written with those as well (``Nf3``, ``P*5e``).
    """
    state = game.rules.initial(1)[0]
    view = game.board_view(state)
    moves = [game.action_to_text(state, action) for action in game.legal(state)]
    written = "".join([*moves, *view.column_labels, *view.row_labels])  # later moves use all labels
    letters = {letter for letter in written if letter.isalpha()}
    small = {letter.lower() for letter in letters}
    is_typed = any(each[0] in small for each in _COMMANDS)
    names_pieces = is_typed and _names_pieces(game, state, moves)
    commands = tuple(
        Command(spare if names_pieces else letter.upper() if is_typed else letter, action, text)
        for letter, spare, action, text in _COMMANDS
    )
    return commands, "M" if is_typed else "m,M"


def _names_pieces(game: Game, state: np.void, moves: list[str]) -> bool:
    """Whether capitals name pieces: at the start already, or once there are pieces in hand."""
    is_written = any(letter.isupper() for move in moves for letter in move)
    return is_written or pieces_in_hand(game, state) is not None
