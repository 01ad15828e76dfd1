"""One game as a file tells it: where it began, its moves, who played and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from games.game import NUM_PLAYERS, Game, GameError, IllegalMoveError

UNKNOWN = "unknown"
UNFINISHED, DRAW = "unfinished", "draw"
WINS = ("first wins", "second wins")
RESULTS = (*WINS, DRAW, UNFINISHED)


class RecordError(GameError):
    """A record that cannot be read or written; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class GameRecord:
    """One game, replayed and found legal.

    Args:
        game: what was played.
        actions: the moves, from ``start`` on.
        start: the position they begin in; None: the game's own start.
        players: who played, player 0 first.
        date: as the file has it, empty where it has none.
        result: one of ``RESULTS``. A file may know more than the board, such as a resignation.
        remarks: what a reader should be told of the file, one sentence each.
    """

    game: Game
    actions: tuple[int, ...]
    start: np.void | None = None
    players: tuple[str, str] = (UNKNOWN, UNKNOWN)
    date: str = ""
    result: str = UNFINISHED
    remarks: tuple[str, ...] = ()

    def states(self) -> list[np.void]:
        """Every position, before the first move and after each."""
        return states_of(self.game, self.actions, self.start)

    def move_texts(self) -> list[str]:
        """The moves in the game's notation."""
        return [
            self.game.action_to_text(state, action)
            for state, action in zip(self.states(), self.actions, strict=False)
        ]


def states_of(game: Game, actions: Iterable[int], start: np.void | None = None) -> list[np.void]:
    """Positions before the first of ``actions`` and after each; they are trusted to be legal."""
    states = game.rules.initial(1)
    if start is not None:
        states[0] = start
    found = [states[0].copy()]
    for action in actions:
        game.rules.step(states, np.array([action], np.int32))
        found.append(states[0].copy())
    return found


def result_of(state: np.void) -> str:
    """One of ``RESULTS`` by what stands on the board."""
    if not state["finished"]:
        return UNFINISHED
    first, second = state["returns"]
    return DRAW if first == second else WINS[int(second > first)]


def position_text(game: Game, state: np.void) -> str:
    """A position as one line: FEN or SFEN where the game has it, else its drawing, ``|`` for ends.

    ``read_position`` reads it.
    """
    lines = game.state_to_text(state).splitlines()
    notation = [line for line in lines if "/" in line]
    if len(notation) == 1:
        try:
            game.text_to_state(notation[0])
            return notation[0]
        except GameError:
            pass  # the end by repetition stands in no FEN
    return " | ".join(line.strip() for line in lines)


def read_position(game: Game, text: str) -> np.void:
    """The position that ``position_text`` wrote, or that a person typed.

    Raises:
        GameError: no position of the game.
    """
    return game.text_to_state("\n".join(part.strip() for part in text.split("|")))


class Replay:
    """Moves of a file played one after the other, each checked.

    Args:
        game: whose moves they are.
        start: the position they begin in; None: the game's own start.
    """

    def __init__(self, game: Game, start: np.void | None = None) -> None:
        self.game = game
        self.start = start
        self.actions: list[int] = []
        self.left_out = 0  # moves of the file after the end of the game
        self._states = game.rules.initial(1)
        if start is not None:
            self._states[0] = start

    @property
    def state(self) -> np.void:
        """The position reached; not to be kept."""
        reached: np.void = self._states[0]
        return reached

    @property
    def is_over(self) -> bool:
        """Whether the game is over by its rules."""
        return bool(self.state["finished"])

    def play(self, text: str, *, shown: str = "") -> None:
        """Play a move in the game's notation; after the end of the game it is only counted.

        A program may end its games later than our rules do, which count repetitions themselves.

        Args:
            text: the move.
            shown: how the file writes it, for the message.

        Raises:
            RecordError: it is no move, or cannot be played; its number in the file is named.
        """
        if self.is_over:
            self.left_out += 1
            return
        number = len(self.actions) + 1
        try:
            action = self.game.text_to_action(self.state, text)
            if action not in self.game.legal(self.state):
                raise IllegalMoveError(f"{text!r} cannot be played there")
        except GameError as error:
            raise RecordError(f"move {number} ({shown or text}): {error}") from None
        self.actions.append(action)
        self.game.rules.step(self._states, np.array([action], np.int32))

    def record(
        self,
        *,
        players: tuple[str, str] = (UNKNOWN, UNKNOWN),
        date: str = "",
        stated: str = UNFINISHED,
        remarks: Iterable[str] = (),
    ) -> GameRecord:
        """What was played, as a record.

        Args:
            players: names, player 0 first.
            date: as the file has it.
            stated: the result that the file gives; the board decides where the game is over.
            remarks: what was noticed while reading.
        """
        said, result = list(remarks), stated
        if self.is_over:
            result = result_of(self.state)
            if stated not in (result, UNFINISHED):
                said.append(f"The file says {stated!r}, but by the moves it is {result!r}.")
        if self.left_out:
            said.append(
                f"The game is over after {len(self.actions)} moves; {self.left_out} more in the "
                "file are left out."
            )
        return GameRecord(
            game=self.game,
            actions=tuple(self.actions),
            start=self.start,
            players=players,
            date=date,
            result=result,
            remarks=tuple(said),
        )


def checked_result(record: GameRecord) -> GameRecord:
    """The same record with the board's result where the board is decided."""
    over = result_of(record.states()[-1])
    return record if over == UNFINISHED else replace(record, result=over)


def loser(player: int) -> str:
    """The result of a game that ``player`` lost."""
    return WINS[NUM_PLAYERS - 1 - player]
