"""Laws of a game's text, drawing and symmetries; see ``laws``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from engine.preflight.sample import Games, LawBroken, differing, in_time, planes_of, raise_at
from games.game import Game, IllegalMoveError, InvalidMoveError, InvalidPositionError

_TEXTS = 60  # positions whose text is read back; text is slow
_MIRRORED_STEPS = 600  # moves played in mirror images, over all of them


def moves_read_back(games: Games) -> None:
    """Every legal move has a text of its own, which reads back; other texts are refused."""
    game = games.game
    for row in in_time(games.some(_TEXTS)):
        state = games.states[row]
        legal = game.legal(state)
        texts = [game.action_to_text(state, action) for action in legal]
        wrong = [text for text in texts if not isinstance(text, str)]
        if wrong or len(set(texts)) < len(texts):
            twice = wrong or sorted({text for text in texts if texts.count(text) > 1})
            raise_at(
                games,
                int(row),
                "legal moves have different texts",
                f"{twice[0]!r} names {texts.count(twice[0])} of them",
                hint="let action_to_text() say all that tells the actions apart",
                functions=("action_to_text",),
            )
        for action, text in zip(legal, texts, strict=True):
            try:
                read = f"it is read as action {game.text_to_action(state, text)}"
            except (InvalidMoveError, IllegalMoveError) as error:
                read = f"it is refused: {error}"
            if read != f"it is read as action {action}":
                raise_at(
                    games,
                    int(row),
                    f"the text {text!r} of action {action} reads back",
                    read,
                    hint="text_to_action() is the inverse of action_to_text()",
                    functions=("text_to_action", "action_to_text"),
                )
    start = game.rules.initial(1)[0]
    for text in ("", " ", "\x00", "no such move"):
        _refuses(
            partial(game.text_to_action, start, text),
            InvalidMoveError,
            f"{text!r} is no move",
            "text_to_action",
        )


def positions_read_back(games: Games) -> None:
    """A position's text gives the position again, its history aside."""
    game = games.game
    for row in in_time(games.some(_TEXTS)):
        state = games.states[row]
        text = game.state_to_text(state)
        try:
            again = game.text_to_state(text)
        except InvalidPositionError as error:
            raise_at(
                games,
                int(row),
                "text_to_state() reads what state_to_text() writes",
                f"it is refused: {error}",
                hint="read every line that is written",
                functions=("text_to_state", "state_to_text"),
            )
        left_out = {"key", *game.history_fields} if game.history_fields else set()
        fields = [name for name in differing(again, state) if name not in left_out]
        if fields or game.state_to_text(again) != text:
            fields.sort(key="key".__eq__)  # it differs wherever another field does
            name = fields[0] if fields else "text"
            values = (
                f"{name} {again[name].tolist()} instead of {state[name].tolist()}"
                if fields
                else "another text"
            )
            raise_at(
                games,
                int(row),
                "text_to_state() gives the record that state_to_text() was made from",
                f"it gives {values}",
                hint="restore every field, the header's included; what does not follow from the "
                "drawing must be written out",
                functions=("text_to_state", "state_to_text"),
            )
    for text in ("", "q\n" * 30):
        _refuses(
            partial(game.text_to_state, text),
            InvalidPositionError,
            f"{text[:6]!r} is no position",
            "text_to_state",
        )


def _refuses(read: Callable[[], object], kind: type[Exception], what: str, function: str) -> None:
    """Reading must raise ``kind`` with one line."""
    try:
        got = f"it is read as {read()!r}"
    except kind as error:
        if len(str(error).splitlines()) == 1:
            return
        got = f"the message has not one line but {len(str(error).splitlines())}"
    except Exception as error:
        got = f"it raises {type(error).__name__}: {error}"
    raise LawBroken(
        f"{what}, and {function}() refuses it by {kind.__name__} with one line",
        got,
        hint=f"look at the text before using it, and raise {kind.__name__}(...)",
        functions=(function,),
    )


def views_fit(games: Games) -> None:
    """What a terminal draws has rows and columns of one size, and an owner for every piece."""
    game = games.game
    for row in in_time(games.some(_TEXTS)):
        state = games.states[row]
        view = game.board_view(state)
        height, width = len(view.row_labels), len(view.column_labels)
        sizes = {len(line) for lines in (view.pieces, view.owners) for line in lines}
        fault = ""
        if len(view.pieces) != height or len(view.owners) != height or sizes != {width}:
            fault = f"{height} and {width} labels do not fit the pieces or owners"
        elif any(
            (piece == "") != (owner == -1) or owner not in (-1, 0, 1)
            for pieces, owners in zip(view.pieces, view.owners, strict=True)
            for piece, owner in zip(pieces, owners, strict=True)
        ):
            fault = "a piece has no owner, or an empty cell has one"
        elif view.deciding and {view.owners[r][c] for r, c in view.deciding} != {
            int(np.argmax(state["returns"]))
        }:
            fault = "deciding cells are not the winner's"
        elif view.deciding and not state["finished"]:
            fault = "deciding cells of a game that is not finished"
        if fault:
            raise_at(
                games,
                int(row),
                "board_view() has a glyph and an owner (or '' and -1) for each cell, a label for "
                "each row and column, and deciding cells of the winner alone",
                fault,
                hint="compare what it returns with games.game.BoardView",
                functions=("board_view",),
            )
        for action in game.legal(state):
            cell = game.cell_of_action(action)
            if cell is not None and not (-1 <= cell[0] < height and 0 <= cell[1] < width):
                raise_at(
                    games,
                    int(row),
                    f"cell_of_action() names a cell of the {height} x {width} board, or None",
                    f"{cell} for action {action}",
                    hint="rows and columns count from 0 at the top left",
                    functions=("cell_of_action",),
                )


def symmetries_are_permutations(game: Game) -> None:
    """Index tables of the right shape; the first is the identity, no two are alike."""
    _, height, width = game.observation_shape
    for name, table, size in (
        ("cells", game.symmetries.cells, height * width),
        ("actions", game.symmetries.actions, game.num_actions),
    ):
        fault = ""
        if table.shape != (game.symmetries.count, size):
            fault = f"has shape {list(table.shape)}"
        elif (np.sort(table, axis=1) != np.arange(size)).any():
            row = int(np.argmax((np.sort(table, axis=1) != np.arange(size)).any(1)))
            fault = f"leaves out or repeats a number in row {row}"
        elif (table[0] != np.arange(size)).any():
            fault = "does not begin with the identity"
        if fault:
            raise LawBroken(
                f"symmetries().{name} holds permutations of 0..{size - 1}, "
                f"{game.symmetries.count} x {size}, the identity first",
                f"it {fault}",
                hint="games.authoring has square_symmetries() and mirror_symmetries(); see "
                "Symmetries in games/game.py for the direction of the tables",
                functions=("symmetries",),
            )
    if len({row.tobytes() for row in game.symmetries.cells}) < game.symmetries.count:
        raise LawBroken(
            "no two symmetries are alike",
            "a row of cells is there twice",
            hint="leave the second out",
            functions=("symmetries",),
        )


def symmetries_hold_in_play(games: Games) -> None:
    """Mirrored moves lead to mirrored positions with the same results."""
    game = games.game
    flat = (game.observation_shape[0], -1)
    steps = _MIRRORED_STEPS
    numbers = range(int(games.number.max(initial=0)) + 1)
    for number, s in in_time(itertools.product(numbers, range(1, game.symmetries.count))):
        cells, actions = game.symmetries.cells[s], game.symmetries.actions[s]
        image = game.rules.initial(1)
        for row in games.rows_of(number):
            steps -= 1
            state = games.states[row]
            legal = sorted(int(action) for action in actions[game.legal(state)])
            here = planes_of(game, games.states[row : row + 1])[0].reshape(flat)
            there = planes_of(game, image)[0].reshape(flat)
            fault = ""
            if legal != game.legal(image[0]):
                fault = f"legal there are {game.legal(image[0])}, mirrored {legal}"
            elif (here[:, cells] != there).any():
                plane = int(np.argmax((here[:, cells] != there).any(1)))
                fault = f"plane {plane} is not the mirrored plane"
            elif (state["returns"] != image[0]["returns"]).any():
                fault = "the result is another"
            if fault:
                raise_at(
                    games,
                    int(row),
                    f"symmetry {s} maps this position to one that looks and plays like it",
                    fault,
                    hint="leave the symmetry out if the rules or the start position do not "
                    "have it; else correct its row of cells (what stands at i came from "
                    "cells[s, i]) or of actions (a becomes actions[s, a])",
                    functions=("symmetries",),
                )
            if games.actions[row] >= 0:
                game.rules.step(image, actions[games.actions[row : row + 1]])
        if steps < 0:
            return
