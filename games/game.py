"""What every game is made of: the state record, the batched rules and the facts about a game.

Nothing here knows a particular game, and nothing outside ``games/`` knows more of a game than this.

Axis letters used in the whole project: B batch of positions or trees, K slots for legal actions
(``Game.max_legal``), A actions, P players, T plies of an episode, C x H x W observation planes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_PLAYERS = 2

#: Fields that every state record starts with. A game adds its own after them (``state_dtype``).
HEADER: tuple[tuple[Any, ...], ...] = (
    ("key", "<u8"),  # hash of everything that legal play from here depends on
    ("ply", "<i2"),  # half-moves played since the start position
    ("to_play", "i1"),  # player 0 or 1 who moves next; says nothing once finished
    ("finished", "?"),
    ("returns", "<f4", (NUM_PLAYERS,)),  # result per player in -1..+1; zeros until finished
)

#: Exact results for the player to move, as ``BatchedRules.prove`` writes them.
WIN, DRAW, LOSS = 1, 0, -1
#: What it writes where the result is not settled within the plies searched.
UNPROVEN = 2

States = NDArray[np.void]  # [B] records of a game's ``state_dtype``


class GameError(ValueError):
    """A fault in what was asked of a game; its message is one line meant for the user."""


class UnknownGameError(GameError):
    """No game of that name, or no such parameter; the message names the nearest."""


class InvalidMoveError(GameError):
    """Text that cannot be read as a move of the game."""


class IllegalMoveError(GameError):
    """A move that can be read but not played in the position."""


class InvalidPositionError(GameError):
    """Text that cannot be read as a position of the game."""


def state_dtype(*fields: tuple[Any, ...]) -> np.dtype[np.void]:
    """Record type of a game's state: the common header followed by the game's own fields."""
    return np.dtype([*HEADER, *fields], align=True)


class BatchedRules(ABC):
    """The one seam between games and everything else: rules over arrays of states.

    Rows are independent. Arguments are trusted (actions are legal, arrays have the right shape):
    whatever comes from outside is checked where it enters, in ``Game.text_to_action`` and the like.
    """

    state_dtype: np.dtype[np.void]
    #: Whether ``prove`` settles two plies at once, without searching them.
    settles_in_two: bool = False

    @abstractmethod
    def initial(self, count: int) -> States:
        """``count`` start positions."""

    @abstractmethod
    def step(self, states: States, actions: NDArray[np.int32]) -> None:
        """Play ``actions[b]`` in ``states[b]``, in place. Finished states must not be stepped."""

    @abstractmethod
    def legal_actions(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> None:
        """Write each state's legal actions.

        Args:
            states: ``[B]``.
            actions: out ``[B, K]``; the first ``counts[b]`` of row b, ascending, the rest is -1.
            counts: out ``[B]``; zero exactly when the state is finished.
        """

    @abstractmethod
    def observe(self, states: States, planes: NDArray[np.uint8]) -> None:
        """Write observation planes ``[B, C, H, W]`` from the view of the player to move."""

    @abstractmethod
    def prove(self, states: States, plies: int, outcomes: NDArray[np.int8]) -> None:
        """Search ``plies`` half-moves exhaustively for a settled result.

        ``outcomes[b]`` becomes +1, 0 or -1, the exact result **for the player to move**, or
        ``UNPROVEN``. A finished state is proven at any depth (its ``to_play`` names the view).
        """

    def ending_reach(self, nodes: int) -> int:
        """Most plies left where a search to the end of so many nodes pays; 0: nowhere."""
        return 0

    def look_ahead(
        self,
        states: States,
        plies: int,
        nodes: int,
        reach: int,
        tables: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
        distances: NDArray[np.int32],
    ) -> None:
        """As ``prove``; where at most ``reach`` plies are left, to the end by alpha-beta.

        Args:
            states: ``[B]``.
            plies: of the exhaustive search that comes first.
            nodes: budget of alpha-beta for each state; where it is spent the state is unproven.
            reach: at most ``ending_reach(nodes)``.
            tables: ``[N, W]``, W a power of two; each row is what alpha-beta found out about this
                game, zeros at first. Not for two threads at once.
            rows: ``[B]`` the table that each state uses.
            outcomes: out ``[B]``, as in ``prove``.
            distances: out ``[B]``; where proven, the most plies to the end.
        """
        self.prove(states, plies, outcomes)
        distances[:] = np.where(states["finished"], 0, plies)

    def arrive(
        self,
        states: States,
        actions: NDArray[np.int32],
        plies: int,
        nodes: int,
        reach: int,
        tables: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
        distances: NDArray[np.int32],
        legal: NDArray[np.int32],
        counts: NDArray[np.int32],
    ) -> None:
        """All that a search asks about new leaves: ``step``, ``look_ahead`` and ``legal_actions``.

        Args:
            states: ``[B]`` parents; in place, the leaves.
            actions: ``[B]`` what leads from each parent to its leaf.
            plies: as for ``look_ahead``, and so are the next six.
            nodes: see there.
            reach: see there.
            tables: see there.
            rows: see there.
            outcomes: see there.
            distances: see there.
            legal: out ``[B, K]``, where the outcome is ``UNPROVEN`` (elsewhere it means nothing).
            counts: out ``[B]``, the same.
        """
        self.step(states, actions)
        self.look_ahead(states, plies, nodes, reach, tables, rows, outcomes, distances)
        self.legal_actions(states, legal, counts)

    def settle_moves(
        self,
        states: States,
        movers: NDArray[np.int8],
        nodes: int,
        reach: int,
        table: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
    ) -> None:
        """Search the positions after all moves of some roots to the end by alpha-beta.

        A root's other moves are left alone once one of them is found to win.

        Args:
            states: ``[B]`` positions after the moves, those of one root together and in the order
                in which they are tried.
            movers: ``[B]`` who moves at the root.
            nodes: budget for each root.
            reach: at most ``ending_reach(nodes)``; states further from the end are unproven.
            table: ``[W]``, W a power of two, for what alpha-beta finds out: begun anew for every
                root.
            rows: ``[B]`` the root of each state.
            outcomes: out ``[B]`` for the player to move in ``states[b]``, or ``UNPROVEN``.
        """
        outcomes[:] = UNPROVEN

    @property
    def has_ownership(self) -> bool:
        """Whether points of the board belong to players at the end, as in Go."""
        return False

    def final_ownership(
        self, states: States, owners: NDArray[np.int8], leads: NDArray[np.float32]
    ) -> None:
        """Score positions as if the games ended here.

        Args:
            states: ``[B]``, finished or not.
            owners: out ``[B, H, W]``, rows and columns as in the planes; 1 where the point is
                player 0's, -1 where it is player 1's, else 0.
            leads: out ``[B]``, the points by which player 0 leads, komi included.

        Raises:
            GameError: a game without ``has_ownership``.
        """
        raise GameError("in this game no point of the board belongs to a player at the end")

    @abstractmethod
    def play_out(self, states: States, rng: NDArray[np.uint64]) -> None:
        """Play uniformly random legal moves to the end of every game, in place.

        ``rng`` is a one-element generator state; it is advanced.
        """


@dataclass(frozen=True, slots=True)
class Symmetries:
    """Symmetries of board and actions as index tables; row 0 is the identity.

    ``transformed.reshape(C, H * W)[:, i] = planes.reshape(C, H * W)[:, cells[s, i]]`` and the
    action ``a`` of the original position is ``actions[s, a]`` in the transformed one.
    """

    cells: NDArray[np.int32]  # [S, H * W]
    actions: NDArray[np.int32]  # [S, A]

    @property
    def count(self) -> int:
        """Number of symmetries, the identity included."""
        return len(self.cells)


@dataclass(frozen=True, slots=True)
class BoardView:
    """What a terminal needs to draw a position: cells, and what a move touches.

    Rows run from the top. ``pieces[r][c]`` is "" or a short glyph; ``owners`` -1, 0 or 1.
    """

    pieces: tuple[tuple[str, ...], ...]
    owners: tuple[tuple[int, ...], ...]
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    player_names: tuple[str, str]
    # (row, column) of the pieces that settled a finished game, such as four in a row
    deciding: tuple[tuple[int, int], ...] = ()
    slanted: bool = False  # each row half a cell further to the right: six neighbours, as in hex


@dataclass(frozen=True, slots=True)
class Game:
    """Facts about one game with its parameters settled. Equal ids mean equal games."""

    id: str  # canonical text, e.g. "connect_four" or "connect_four(width=5)"; ``make(id)`` gives it
    name: str  # without parameters
    parameters: Mapping[str, int | float | str]
    source_hash: str  # of the rules' source; a run refuses to go on with other rules
    num_actions: int
    max_legal: int  # most legal actions of any position (K)
    max_plies: int
    observation_shape: tuple[int, int, int]  # C, H, W
    observation_scales: NDArray[np.float32]  # [C] a plane's byte times this is what networks see
    rules: BatchedRules
    symmetries: Symmetries
    action_to_text: Callable[[np.void, int], str]  # state, action -> move in the game's notation
    text_to_action: Callable[[np.void, str], int]  # raises InvalidMoveError, IllegalMoveError
    state_to_text: Callable[[np.void], str]  # drawn board, several lines, side to move included
    text_to_state: Callable[[str], np.void]  # reads what ``state_to_text`` writes
    board_view: Callable[[np.void], BoardView]
    cell_of_action: Callable[[int], tuple[int, int] | None] = field(default=lambda action: None)
    # (row, column) of the board view that a click for this action lands on; -1 as row: any row
    history_fields: tuple[str, ...] = ()
    # fields of the state that hold what came before (for repetition rules). Text of a position
    # leaves them out, and so does the key, but for what they forbid or show now.

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """Record type of this game's states."""
        return self.rules.state_dtype

    def after(self, actions: list[int]) -> np.void:
        """Position (one record) after ``actions`` from the start; they are trusted to be legal."""
        states = self.rules.initial(1)
        for action in actions:
            self.rules.step(states, np.array([action], np.int32))
        last: np.void = states[0]
        return last

    def legal(self, state: np.void) -> list[int]:
        """Legal actions of one position, ascending."""
        actions = np.empty((1, self.max_legal), np.int32)
        counts = np.empty(1, np.int32)
        self.rules.legal_actions(np.array([state], self.state_dtype), actions, counts)
        return [int(action) for action in actions[0, : counts[0]]]
