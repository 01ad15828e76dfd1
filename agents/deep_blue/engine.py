"""One chess search that is kept from move to move: the compiled search with its memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from agents.deep_blue.kernels import search as kernels
from agents.deep_blue.kernels.moves import (
    CASTLING,
    CLOCK,
    KEY,
    LOW,
    MINE,
    PASSING,
    key_of,
)
from agents.exact.chess_tables import ChessTables
from games.chess import BLACK_KEY, PIECE_KEYS
from games.chess_actions import FIRST_UNDERPROMOTION, PLANE_OF, PLANES
from games.chess_attacks import BISHOP, KNIGHT, PAWN, QUEEN, ROOK
from games.game import Game

UNLIMITED = 1 << 62
_UNDERPROMOTIONS = (KNIGHT, BISHOP, ROOK)


@dataclass(frozen=True, slots=True)
class Thought:
    """What a search found, from the view of the player to move."""

    line: tuple[int, ...]  # best line as actions of the game, the move to play first
    score: int  # hundredths of a pawn, or nearly MATE
    depth: int  # plies of the last search that was finished
    nodes: int

    @property
    def plies_to_mate(self) -> int | None:
        """N > 0: mates in n plies; n <= 0: is mated in -n plies; None: no mate is seen."""
        if abs(self.score) <= kernels.MATED:
            return None
        plies = kernels.MATE - abs(self.score)
        return plies if self.score > 0 else -plies


class Engine:
    """Search of chess with a hash table that is kept from one question to the next.

    Args:
        game: a chess game.
        tables: endgame tables that the search looks into, those that are loaded; None for none.
        table_bits: the hash table has ``2**table_bits`` places of 16 bytes.
    """

    def __init__(
        self, *, game: Game, tables: ChessTables | None = None, table_bits: int = 18
    ) -> None:
        self._tables = tables or ChessTables()
        self._memory = kernels.new_memory(
            table_bits=table_bits, pool=self._tables.pool, offsets=self._tables.offsets.copy()
        )
        quiet = 100 if game.parameters.get("claims", "automatic") == "automatic" else 150
        self._memory.counters[kernels.QUIET_PLIES] = quiet
        self._player = 0

    def forget(self) -> None:
        """Forget all that was searched, as at the start of a game."""
        for name in ("table", "history", "killers"):
            getattr(self._memory, name)[...] = 0

    def set_position(self, state: np.void) -> None:
        """Search from this position of chess on, which must not be finished."""
        memory = self._memory
        if memory.pool is not self._tables.pool:  # more tables have been loaded
            self._memory = memory = memory._replace(
                pool=self._tables.pool, offsets=self._tables.offsets.copy()
            )
        self._player = int(state["to_play"])
        row = memory.stack[0]
        row[MINE] = state["mine"]
        row[LOW : LOW + 3] = state["kinds"]
        row[CASTLING], row[PASSING] = state["castling"], state["passing"]
        row[CLOCK] = state["clock"]
        row[KEY] = key_of(memory.stack, 0, self._player)
        past = _keys_before(state, row[KEY])[-kernels.HISTORY :]
        memory.keys[: len(past)] = past
        memory.counters[kernels.PAST] = len(past)
        memory.killers[...] = 0
        memory.history[...] //= 8

    def think(self, *, nodes: int = UNLIMITED, depth: int = kernels.MOST_PLIES - 1) -> Thought:
        """Search the position that was set, until a limit.

        At least the first ply is always searched, so there is always a move.
        """
        self.begin()
        counters = self._memory.counters
        counters[kernels.MOST_NODES] = nodes
        if depth > 1 and counters[kernels.NODES] < nodes:
            kernels.think(self._memory, self._player, 2, depth)
        return self.thought()

    def begin(self, *, left_out: Collection[int] = ()) -> Thought:
        """Search the first ply, whatever comes; ``deepen`` goes on.

        Args:
            left_out: moves of the position, as the search writes them, that are not to be played;
                at least one legal move must be left.
        """
        counters = self._memory.counters
        counters[kernels.NODES] = counters[kernels.TABLE_HITS] = 0
        counters[kernels.FOUND] = counters[kernels.SCORE] = counters[kernels.DEPTH] = 0
        counters[kernels.MOST_NODES] = UNLIMITED
        counters[kernels.STOP] = 0
        self._leave_out(left_out)
        kernels.think(self._memory, self._player, 1, 1)
        return self.thought()

    def deepen(
        self, depth: int, *, left_out: Collection[int] = (), nodes: int = UNLIMITED
    ) -> Thought | None:
        """Search one depth more; None where ``stop`` or the nodes since ``begin`` cut it off."""
        counters = self._memory.counters
        counters[kernels.MOST_NODES] = nodes
        self._leave_out(left_out)
        kernels.think(self._memory, self._player, depth, depth)
        return None if counters[kernels.STOP] else self.thought()

    def take_up(self, move: int, score: int) -> None:
        """Go on from this move as the best so far, whatever searches of other moves have found."""
        counters = self._memory.counters
        counters[kernels.FOUND], counters[kernels.SCORE] = move, score

    def stop(self) -> None:
        """End a search that runs in another thread, and all that follow, until ``begin``."""
        self._memory.counters[kernels.STOP] = 1

    @property
    def nodes(self) -> int:
        """Positions searched since ``begin``."""
        return int(self._memory.counters[kernels.NODES])

    def moves(self) -> dict[int, int]:
        """The legal moves of the position that was set: by action, as the search writes them."""
        count = kernels.root_moves(self._memory)
        return {action_of(int(move)): int(move) for move in self._memory.moves[0, :count]}

    def _leave_out(self, moves: Collection[int]) -> None:
        self._memory.counters[kernels.LEFT_OUT] = len(moves)
        self._memory.left_out[: len(moves)] = list(moves)

    def thought(self) -> Thought:
        """What the search has found so far."""
        memory, counters = self._memory, self._memory.counters
        line = [int(move) for move in memory.lines[0, : memory.lengths[0]]]
        found = int(counters[kernels.FOUND])
        if not line or line[0] != found:  # the last search was cut off before it had a line
            line = [found]
        return Thought(
            line=tuple(action_of(move) for move in line),
            score=int(counters[kernels.SCORE]),
            depth=int(counters[kernels.DEPTH]),
            nodes=int(counters[kernels.NODES]),
        )


def action_of(move: int) -> int:
    """The action of the game that a move of the search means."""
    origin, target = move & 63, move >> 6 & 63
    kind, put = move >> 12 & 7, move >> 15 & 7
    if kind == PAWN and put not in (PAWN, QUEEN):
        way = target - (origin - 9)
        return PLANES * origin + FIRST_UNDERPROMOTION + 3 * _UNDERPROMOTIONS.index(put) + way
    return PLANES * origin + int(PLANE_OF[origin, target])


def _keys_before(state: np.void, key: np.uint64) -> np.ndarray:
    """Keys of the positions since the last move that cannot be taken back, the oldest first."""
    keys = []
    player = int(state["to_play"])
    for moved in state["track"][: state["reversible"]][::-1]:
        player = 1 - player
        origin, target, kind = int(moved) & 63, int(moved) >> 6 & 63, int(moved) >> 12
        key = key ^ BLACK_KEY ^ PIECE_KEYS[player, kind, origin] ^ PIECE_KEYS[player, kind, target]
        keys.append(key)
    return np.array(keys[::-1], np.uint64)
