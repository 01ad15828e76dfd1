"""Moves and positions of chess and shogi as their protocols write them."""

from __future__ import annotations

import numpy as np

from agents.protocols.uci import Dialect, ProtocolError, quoted
from games.chess_text import move_of_action, position_of, uci
from games.game import Game, GameError, InvalidPositionError


def write_move(game: Game, state: np.void, action: int) -> str:
    """A legal move in UCI or USI."""
    if game.name == "chess":
        move = move_of_action(position_of(state), action)
        assert move is not None
        return uci(move)
    if game.name == "minichess":
        return _by_squares(game, state, action)
    return game.action_to_text(state, action)


def read_move(game: Game, state: np.void, text: str, dialect: Dialect) -> int:
    """The action that a move in UCI or USI means; other notations of the game do not count.

    Raises:
        GameError: no such notation, or not legal.
    """
    if not dialect.move_form.fullmatch(text):
        raise ProtocolError(f"{quoted(text)} is no move")
    return game.text_to_action(state, text)


def write_line(game: Game, state: np.void, actions: tuple[int, ...]) -> tuple[str, ...]:
    """Moves that follow each other from a position on."""
    states = np.array([state], game.state_dtype)
    texts = []
    for action in actions:
        texts.append(write_move(game, states[0], action))
        game.rules.step(states, np.array([action], np.int32))
    return tuple(texts)


def write_position(game: Game, state: np.void) -> str:
    """A position as FEN or SFEN."""
    lines = game.state_to_text(state).splitlines()
    return next(line for line in lines if "/" in line).removeprefix("sfen ")


def read_start(game: Game, text: str) -> np.void:
    """The position that a FEN or SFEN means; an empty text is the start position.

    Counters that this game would end by are begun anew: the other program plays on.

    Raises:
        GameError: no position.
    """
    if not text:
        start: np.void = game.rules.initial(1)[0]
        return start
    try:
        state = game.text_to_state(text)
    except InvalidPositionError:
        if _without_counters(text) == text:
            raise
        return game.text_to_state(_without_counters(text))
    return played_on(game, state)


def played_on(game: Game, state: np.void) -> np.void:
    """The same board with the game going on, where it was over by a count of plies or positions.

    Our games end by themselves where a draw could be claimed; a program that sends the position
    all the same wants a move. Checkmate, stalemate and the like are returned as they are.
    """
    if not state["finished"]:
        return state
    try:
        fresh = game.text_to_state(_without_counters(write_position(game, state)))
    except GameError:
        return state
    return state if fresh["finished"] else fresh


def _without_counters(text: str) -> str:
    """A FEN with its clock and move number, or a SFEN with its move number, at the beginning."""
    fields = text.split()
    if len(fields) > 1 and fields[1] in ("w", "b") and len(fields) in (4, 6):
        if len(fields) == 4 and fields[3].isdigit():
            return " ".join(fields[:3])
        return " ".join([*fields[:4], "0", "1"])
    return text


def _by_squares(game: Game, state: np.void, action: int) -> str:
    """A move that empties one cell and fills another, as the board before and after it shows."""
    states = np.array([state], game.state_dtype)
    before = game.board_view(states[0])
    game.rules.step(states, np.array([action], np.int32))
    after = game.board_view(states[0])
    cells = [
        (row, column)
        for row in range(len(before.pieces))
        for column in range(len(before.pieces[row]))
        if before.pieces[row][column] != after.pieces[row][column]
    ]
    (origin,) = (cell for cell in cells if not after.pieces[cell[0]][cell[1]])
    (target,) = (cell for cell in cells if cell != origin)
    moved, became = before.pieces[origin[0]][origin[1]], after.pieces[target[0]][target[1]]
    squares = "".join(before.column_labels[c] + before.row_labels[r] for r, c in (origin, target))
    return squares + (became.lower() if became != moved else "")
