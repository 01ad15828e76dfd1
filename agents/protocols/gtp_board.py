"""The game that a GTP controller plays: moves in any order of colours, undo, stones set up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from agents.protocols.gtp import PASS, GtpError
from agents.protocols.gtp_moves import MoveNames
from games.game import Game, GameError, InvalidMoveError

Cell = tuple[int, int]  # row from the top, column

_TO_MOVE = ("Black to move", "White to move")
_SMALLEST_HANDICAP_BOARD = 7


@dataclass(frozen=True, slots=True)
class Turn:
    """A position in which a player is to move, and how it follows from the one on the board."""

    state: np.void
    passes: tuple[int, ...]  # plies of the other player that lead there
    is_earlier: bool  # it lies before passes that would end the game, or have ended it


class GtpBoard:
    """One game from its start position, or from stones that were set up.

    GTP lets a colour move twice in a row. Where the game has a pass, the other colour passes in
    between; elsewhere a move of the side that is not to move is refused. Nor does a game end by
    passes for a controller: who plays on moves from the position before them, so that what must
    not be repeated stays forbidden.
    """

    def __init__(self, game: Game, names: MoveNames, *, start: np.void | None = None) -> None:
        self.game = game
        self.names = names
        state = game.rules.initial(1)[0] if start is None else start
        # Positions after each play of the controller, with whose stone it was, if it was one.
        self._positions: list[np.void] = [state.copy()]
        self._stone_of: list[int | None] = [None]

    @property
    def state(self) -> np.void:
        """The position; not to be written to."""
        return self._positions[-1]

    @property
    def is_begun(self) -> bool:
        """Whether anything has been played."""
        return len(self._positions) > 1

    @property
    def is_over(self) -> bool:
        """Whether the game is over."""
        return bool(self.state["finished"])

    def turn_of(self, player: int) -> Turn:
        """The position in which ``player`` is to move.

        Raises:
            GtpError: the other player is to move and cannot pass, or the game is over.
        """
        if self.is_over:
            return self._turn_before_passes(player)
        if int(self.state["to_play"]) == player:
            return Turn(self.state, (), is_earlier=False)
        action = self._pass_action()
        if action is None:
            raise GtpError(f"illegal move: it is the other side's turn in {self.game.name}")
        after = self._after(self.state, action)
        if after["finished"]:
            return self._turn_before_passes(player)
        return Turn(after, (action,), is_earlier=False)

    def _turn_before_passes(self, player: int) -> Turn:
        """The last position with ``player`` to move from which only passes led to this one."""
        for position, stone_of in zip(
            reversed(self._positions), reversed(self._stone_of), strict=True
        ):
            if not position["finished"] and int(position["to_play"]) == player:
                return Turn(position, (), is_earlier=True)
            if stone_of is not None:
                break
        raise GtpError("illegal move: the game is over")

    def play(self, player: int, text: str) -> tuple[int, ...] | None:
        """Play a move.

        Returns:
            the plies that it is, a pass of the other colour included; None where the game goes on
            from a position before its last passes.

        Raises:
            GtpError: it cannot be read or played.
        """
        if self.is_over and self._has_pass() and text.lower() == PASS:
            return self._push(self.state, None, ())  # controllers may go on passing
        if self.is_over:
            self.names.read(self._positions[0], text)
        turn = self.turn_of(player)
        return self._play_turn(turn, self.names.read(turn.state, text))

    def play_action(self, player: int, action: int) -> tuple[int, ...] | None:
        """The same with an action that is known to be legal."""
        return self._play_turn(self.turn_of(player), action)

    def _play_turn(self, turn: Turn, action: int) -> tuple[int, ...] | None:
        is_pass = action == self._pass_action(turn.state)
        after = self._after(turn.state, action)
        if is_pass and turn.passes and after["finished"]:
            # One colour passes, and the other one has not: it is still to move.
            return self._push(self.state, None, ())
        stone_of = None if is_pass else int(turn.state["to_play"])
        plies = None if turn.is_earlier else (*turn.passes, action)
        return self._push(after, stone_of, plies)

    def undo(self) -> None:
        """Take the last play back.

        Raises:
            GtpError: there is none.
        """
        if not self.is_begun:
            raise GtpError("cannot undo")
        self._positions.pop()
        self._stone_of.pop()

    def captured(self) -> tuple[int, int]:
        """Stones of each player that are no longer on the board where they were put."""
        if not self.game.rules.has_ownership:
            return (0, 0)
        counts = list(self._stones(self._positions[0]))
        for player in self._stone_of:
            if player is not None:
                counts[player] += 1
        there = self._stones(self.state)
        return counts[0] - there[0], counts[1] - there[1]

    def area(self) -> tuple[np.ndarray, float]:
        """Whose each point is (rows from the top; 1, -1, 0), and the lead of player 0.

        Raises:
            GtpError: nothing is counted in this game.
        """
        if not self.game.rules.has_ownership:
            raise GtpError(f"cannot score: nothing is counted in {self.game.name}")
        _, height, width = self.game.observation_shape
        owners = np.zeros((1, height, width), np.int8)
        leads = np.zeros(1, np.float32)
        states = np.array([self.state], self.game.state_dtype)
        self.game.rules.final_ownership(states, owners, leads)
        return owners[0], float(leads[0])

    def chains(self) -> list[list[Cell]]:
        """Chains of stones, from the top left."""
        owners = self.game.board_view(self.state).owners
        seen: set[Cell] = set()
        found = []
        for row, cells in enumerate(owners):
            for column, owner in enumerate(cells):
                if owner < 0 or (row, column) in seen:
                    continue
                chain = [(row, column)]
                seen.add((row, column))
                for r, c in chain:  # it grows while we walk
                    for near in ((r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)):
                        inside = 0 <= near[0] < len(owners) and 0 <= near[1] < len(cells)
                        if inside and near not in seen and owners[near[0]][near[1]] == owner:
                            seen.add(near)
                            chain.append(near)
                found.append(chain)
        return found

    def _pass_action(self, state: np.void | None = None) -> int | None:
        try:
            return self.game.text_to_action(self.state if state is None else state, PASS)
        except GameError:
            return None

    def _has_pass(self) -> bool:
        try:
            self.game.text_to_action(self._positions[0], PASS)
        except InvalidMoveError:
            return False
        return True

    def _stones(self, state: np.void) -> tuple[int, int]:
        owners = [owner for row in self.game.board_view(state).owners for owner in row]
        return owners.count(0), owners.count(1)

    def _after(self, state: np.void, action: int) -> np.void:
        states = np.array([state], self.game.state_dtype)
        self.game.rules.step(states, np.array([action], np.int32))
        after: np.void = states[0]
        return after

    def _push(
        self, position: np.void, stone_of: int | None, plies: tuple[int, ...] | None
    ) -> tuple[int, ...] | None:
        self._positions.append(position.copy())
        self._stone_of.append(stone_of)
        return plies


def set_up(
    game: Game, *, black: Iterable[Cell], white: Iterable[Cell] = (), to_play: int | None = None
) -> np.void:
    """A position of Go with stones set up, as few plies into the game as these stones need.

    Raises:
        GameError: the game refuses such a position.
    """
    if not game.rules.has_ownership:
        raise GtpError(f"no stones can be set up in {game.name}, only in Go")
    _, height, width = game.observation_shape
    rows = [["."] * width for _ in range(height)]
    for stones, glyph in ((black, "X"), (white, "O")):
        for row, column in stones:
            rows[row][column] = glyph
    drawn = [f"{height - number} {' '.join(row)}" for number, row in enumerate(rows)]
    drawn.append("  " + " ".join(game.board_view(game.rules.initial(1)[0]).column_labels))
    if to_play is not None:
        drawn.append(_TO_MOVE[to_play])
    return game.text_to_state("\n".join(drawn))


def most_handicap_stones(size: int) -> int:
    """How many handicap stones a board has places for."""
    if size < _SMALLEST_HANDICAP_BOARD:
        return 0
    return 9 if size % 2 and size > _SMALLEST_HANDICAP_BOARD else 4


def handicap_cells(size: int, count: int) -> list[Cell]:
    """Where the protocol puts handicap stones (section 4.1.1 of the specification).

    On 12 x 12 as GNU Go does, which is the protocol's reference implementation.

    Raises:
        GtpError: the board has no places for so many, or it is no handicap.
    """
    if not 2 <= count <= most_handicap_stones(size):
        raise GtpError("invalid number of stones")
    edge = 3 if size >= 12 else 2
    low, middle, high = edge, size // 2, size - 1 - edge  # rows from the top, columns
    corners = [(high, low), (low, high), (low, low), (high, high)]
    sides = [(middle, low), (middle, high), (high, middle), (low, middle)]
    centre = [(middle, middle)]
    if count <= 4:
        return corners[:count]
    if count == 5:
        return corners + centre
    if count in (6, 7):
        return corners + sides[:2] + centre[: count - 6]
    return corners + sides + centre[: count - 8]
