"""Which keys are commands in a game: none that a move of it may be written with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.terminal.move_squares import pieces_in_hand
from games.game import Game

#: Letter, the letter where capitals name pieces, action of the application, what the footer says.
_LETTERS = (
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
    """Keys and what each of them does."""

    keys: tuple[str, ...]  # by Textual's names; a letter is its own
    action: str
    description: str = ""  # in the footer; empty: it is not listed there
    label: str | None = None  # how the footer writes the key; None: as it is called


#: Signs that are commands in every game.
_LOOK_BACK = Command(("less_than_sign", "comma"), "look(-1)", "Look", "<>")
_SIGNS = (
    Command(("greater_than_sign", "full_stop"), "look(1)"),
    Command(("plus", "equals_sign"), "stronger"),
    Command(("minus",), "weaker"),
)
_PAUSE = Command(("space",), "pause", "Pause")
_SIGN_CHARACTERS = frozenset("<,>.+=- ")
_PROMOTIONS = frozenset("+=")  # as in 8h2b+ and e8=q


class Keys:
    """The keys of a game: which are commands, and which belong to a move.

    Args:
        game: what is played.
        is_watched: whether two engines play, which can be paused.
    """

    def __init__(self, game: Game, *, is_watched: bool) -> None:
        letters = letter_commands(game)
        self.commands = (*letters, _LOOK_BACK, *_SIGNS, *((_PAUSE,) if is_watched else ()))
        self._characters = _SIGN_CHARACTERS.union(*(each.keys for each in letters))

    def belongs_to_move(self, character: str, *, typed: str) -> bool:
        """Whether a printable character continues ``typed``, the beginning of a move."""
        return character not in self._characters or bool(typed and character in _PROMOTIONS)


def letter_commands(game: Game) -> tuple[Command, ...]:
    """The commands that are letters, those of the footer first, and what shows the next mistake.

    Letters; capitals where moves are written with small letters (``a2a3``); and other capitals
    where moves are written with those as well (``Nf3``, ``P*5e``).
    """
    state = game.rules.initial(1)[0]
    view = game.board_view(state)
    moves = [game.action_to_text(state, action) for action in game.legal(state)]
    written = "".join([*moves, *view.column_labels, *view.row_labels])  # later moves use all labels
    letters = {letter for letter in written if letter.isalpha()}
    small = {letter.lower() for letter in letters}
    is_typed = any(each[0] in small for each in _LETTERS)
    names_pieces = is_typed and _names_pieces(game, state, moves)
    commands = []
    for letter, spare, action, description in _LETTERS:
        key = spare if names_pieces else letter.upper() if is_typed else letter
        commands.append(Command((key,), action, description, key))
    return (*commands, Command(("M",) if is_typed else ("m", "M"), "next_mistake"))


def _names_pieces(game: Game, state: np.void, moves: list[str]) -> bool:
    """Whether capitals name pieces: at the start already, or once there are pieces in hand."""
    is_written = any(letter.isupper() for move in moves for letter in move)
    return is_written or pieces_in_hand(game, state) is not None
