"""The course of a game as a query tells it: where it starts, and the positions that follow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.analysis.fields import Fields, quoted
from agents.protocols.gtp import PASS, GtpError
from agents.protocols.gtp_board import GtpBoard, set_up
from agents.protocols.gtp_moves import ILLEGAL_MOVE, MoveNames
from games.game import Game, GameError, IllegalMoveError
from games.registry import read_spec

#: A longer list of moves is a mistake in any of our games.
_MOST_MOVES = 20_000
LONGEST_MOVE = 40
_LONGEST_POSITION = 10_000
_WHITE: dict[str, int] = {}  # which player has White, by game
_WORDS = ("b", "black", "w", "white", "first", "second")
#: Names of rule sets that are ours: area scoring, positional superko.
_GO_RULES = ("tromp-taylor", "chinese", "aga", "new-zealand")
_TOP_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"


def read_player(fields: Fields, name: str, value: object) -> str:
    """A word for a player, which is in order.

    Raises:
        QueryError: it is none.
    """
    if not isinstance(value, str) or value.lower() not in _WORDS:
        raise fields.fault(name, f'must be "B" or "W" (or "first", "second"), not {quoted(value)}')
    return value


def player_of(game: Game, word: str) -> int:
    """Player 0 or 1 of a word that is in order: colours are those of the game.

    Where no side is called White, as in Connect Four, Black is the one that begins.
    """
    word = word.lower()
    if word in ("first", "second"):
        return int(word == "second")
    if game.id not in _WHITE:
        names = game.board_view(game.rules.initial(1)[0]).player_names
        _WHITE[game.id] = 0 if names[0].lower() == "white" else 1
    return _WHITE[game.id] if word in ("w", "white") else 1 - _WHITE[game.id]


def colour_of(game: Game, player: int) -> str:
    """``B`` or ``W``, as ``player_of`` reads it."""
    return "W" if player_of(game, "W") == player else "B"


def read_course(fields: Fields, game: Game) -> list[np.void]:
    """Positions before the first move and after each, by the fields that say so.

    Raises:
        QueryError: another game than is served, or moves that cannot be read or played.
    """
    _check_game(fields, game)
    board = GtpBoard(game, MoveNames(game), start=_read_start(fields, game))
    states = [board.state]
    moves: Any = fields.get("moves")
    if isinstance(moves, str):
        moves = moves.split()
    if not isinstance(moves, list):
        raise fields.fault("moves", "a list of moves is needed; [] is the start")
    if len(moves) > _MOST_MOVES:
        raise fields.fault("moves", f"{len(moves)} moves are more than a game has")
    for number, each in enumerate(moves, start=1):
        player, text = _read_move(fields, board, each)
        try:
            _play(board, player, text)
        except (GameError, GtpError) as error:
            raise fields.fault("moves", _fault_of_move(number, error)) from None
        states.append(board.state)
    return states


def _read_move(fields: Fields, board: GtpBoard, move: object) -> tuple[int, str]:
    """Whose move and which: its text, or ``[player, text]`` as KataGo writes it."""
    player, text = int(board.state["to_play"]), move
    if isinstance(move, list):
        if len(move) != 2:
            raise fields.fault("moves", f"{quoted(move)} is not [player, move]")
        player, text = player_of(board.game, read_player(fields, "moves", move[0])), move[1]
    if not isinstance(text, str) or len(text) > LONGEST_MOVE:
        raise fields.fault("moves", f"{quoted(text)} is no move")
    return player, text


def _play(board: GtpBoard, player: int, text: str) -> None:
    """Play a move as a controller of GTP may: also twice in a row, and on after two passes."""
    if board.is_over and text.lower() == PASS:
        board.play(player, text)
        return
    action = board.game.text_to_action(board.turn_of(player).state, text)
    board.play_action(player, action)


def _fault_of_move(number: int, error: Exception) -> str:
    """In KataGo's words where a move is illegal: its programs try points that may be forbidden."""
    said = str(error).removeprefix(f"{ILLEGAL_MOVE}: ")
    is_illegal = isinstance(error, IllegalMoveError) or said != str(error)
    return f"{'Illegal move' if is_illegal else 'move'} {number}: {said}"


# --- The start --------------------------------------------------------------------------------


def _check_game(fields: Fields, game: Game) -> None:
    """Refuse a query about another game, size, komi or set of rules than is served."""
    named = fields.text("game")
    if named is not None:
        try:
            asked = read_spec(named)[0]
        except GameError as error:
            raise fields.fault("game", str(error)) from None
        if asked != game.id:
            raise fields.fault("game", f"this service plays {game.id}, not {asked}")
    _, height, width = game.observation_shape
    for name, size in (("boardXSize", width), ("boardYSize", height)):
        if fields.whole(name, size, least=1, most=1000) != size:
            raise fields.fault(name, f"the board of {game.id} has {size}")
    komi = fields.get("komi")
    if komi is not None:
        is_number = isinstance(komi, int | float) and not isinstance(komi, bool)
        if not is_number or not math.isfinite(komi):
            raise fields.fault("komi", f"must be a number, not {quoted(komi)}")
        if komi != game.parameters.get("komi", komi):
            own = game.parameters["komi"]
            what = f"start it with --game '{game.name}(...,komi={komi:g})' for another"
            raise fields.fault("komi", f"this service plays with a komi of {own:g}; {what}")
    rules = fields.text("rules")
    if rules is not None and game.rules.has_ownership and rules.lower() not in _GO_RULES:
        known = ", ".join(_GO_RULES)
        raise fields.fault("rules", f"{quoted(rules)} are not the rules played; these are: {known}")


def _read_start(fields: Fields, game: Game) -> np.void:
    stones, drawn = fields.items("initialStones"), fields.text("initialPosition")
    first = fields.get("initialPlayer")
    if drawn is not None:
        if stones or first is not None:
            raise fields.fault("initialPosition", "it says everything; leave initial... out")
        if len(drawn) > _LONGEST_POSITION:
            raise fields.fault("initialPosition", "it is too long")
        try:
            return game.text_to_state(drawn)
        except GameError as error:
            raise fields.fault("initialPosition", str(error)) from None
    player = None
    if first is not None:
        player = player_of(game, read_player(fields, "initialPlayer", first))
    start: np.void = game.rules.initial(1)[0]
    if not game.rules.has_ownership:
        if stones:
            raise fields.fault(
                "initialStones", f"no stones can be set up in {game.name}; say initialPosition"
            )
        if player not in (None, int(start["to_play"])):
            raise fields.fault("initialPlayer", f"the other side begins in {game.name}")
        return start
    if not stones and player in (None, 0):
        return start
    _, height, width = game.observation_shape
    colours: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for each in stones[: height * width + 1]:
        if not isinstance(each, list) or len(each) != 2:
            raise fields.fault("initialStones", f"{quoted(each)} is not [player, point]")
        owner = player_of(game, read_player(fields, "initialStones", each[0]))
        colours[owner].append(_cell(fields, each[1], height, width))
    try:
        return set_up(game, black=colours[0], white=colours[1], to_play=player or 0)
    except GameError as error:
        raise fields.fault("initialStones", str(error)) from None


def _cell(fields: Fields, text: object, height: int, width: int) -> tuple[int, int]:
    """Row from the top and column of a point such as ``C3``."""
    if isinstance(text, str) and 2 <= len(text) <= 3 and text[1:].isdecimal() and text.isascii():
        column, row = _TOP_LETTERS.find(text[0].upper()), height - int(text[1:])
        if 0 <= column < width and 0 <= row < height:
            return row, column
    raise fields.fault("initialStones", f"{quoted(text)} is no point of the board")
