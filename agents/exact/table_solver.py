"""Perfect play of any game so small that all its positions fit into a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.agent import AgentError
from agents.choice import expand_children
from agents.exact.solver import UNKNOWN, SolvedMoves, Solver
from games.game import Game, States

#: Positions that a table may have; so many take some seconds and less than 100 MB.
MOST_POSITIONS = 500_000
#: Games that may last longer are not tried: they would fill the table before anybody knew.
MOST_PLIES = 17
_END = 1_000  # worth of a win, less the plies to it


@dataclass(frozen=True, slots=True)
class _Level:
    """The unfinished positions after some number of plies, sorted by key."""

    states: States
    worth: NDArray[np.int16]  # for the player to move: +-(1000 - plies to the end), 0 for a draw


class TableSolver(Solver):
    """Every position that play can reach from the start, solved backwards from the ends.

    Positions are told apart by their ``key`` among those after equally many plies.

    Args:
        game: a small one.
        most_positions: more are refused.

    Raises:
        AgentError: the game is too large.
    """

    limits = "positions that play can reach"

    def __init__(self, *, game: Game, most_positions: int = MOST_POSITIONS) -> None:
        self.game = game
        self._levels = self._solve(self._positions(most_positions))

    def __len__(self) -> int:
        """Number of positions."""
        return sum(len(level.states) for level in self._levels)

    @property
    def states(self) -> States:
        """All positions, by plies."""
        return np.concatenate([level.states for level in self._levels])

    def knows(self, state: np.void) -> bool:
        """Whether play can reach it."""
        ply = int(state["ply"])
        if not 0 <= ply < len(self._levels):
            return False
        keys = self._levels[ply].states["key"]
        place = int(np.searchsorted(keys, state["key"]))
        return place < len(keys) and keys[place] == state["key"]

    def moves(self, state: np.void) -> SolvedMoves:
        """Solve a position that it ``knows``."""
        children = expand_children(self.game, np.array([state], self.game.state_dtype))
        ply = int(state["ply"])
        below = self._levels[ply + 1] if ply + 1 < len(self._levels) else None
        worth = _worth_after(int(state["to_play"]), children.states, below)
        plies = np.where(worth == 0, UNKNOWN, _END - np.abs(worth.astype(np.int32)))
        return SolvedMoves(
            actions=children.actions,
            outcomes=np.sign(worth).astype(np.int8),
            scores=worth.astype(np.int32),
            plies=plies.astype(np.int32),
        )

    def _positions(self, most: int) -> list[States]:
        levels = [self.game.rules.initial(1)]
        total = 1
        while True:
            children = expand_children(self.game, levels[-1]).states
            children = children[~children["finished"]]
            if not len(children):
                return levels
            _, first = np.unique(children["key"], return_index=True)  # sorts as well
            levels.append(children[first])
            total += len(first)
            if total > most:
                raise AgentError(f"{self.game.id} has more than {most:,} positions")

    def _solve(self, positions: list[States]) -> list[_Level]:
        solved: list[_Level] = []
        for states in reversed(positions):
            children = expand_children(self.game, states)
            movers = states["to_play"][children.rows].astype(np.int64)
            worth = _worth_after(movers, children.states, solved[-1] if solved else None)
            best = np.full(len(states), -_END - 1, np.int16)
            np.maximum.at(best, children.rows, worth)
            solved.append(_Level(states, best))
        return solved[::-1]


def _worth_after(
    movers: NDArray[np.int64] | int, children: States, below: _Level | None
) -> NDArray[np.int16]:
    """What each move is worth to whoever made it; ``below`` holds the unfinished children."""
    rows = np.arange(len(children))
    movers = np.broadcast_to(movers, len(children))
    results = np.sign(children["returns"][rows, movers])
    worth: NDArray[np.int16] = (results * (_END - 1)).astype(np.int16)
    going_on = ~children["finished"]
    if below is not None and going_on.any():
        places = np.searchsorted(below.states["key"], children["key"][going_on])
        found = below.worth[places]
        found = np.where(children["to_play"][going_on] == movers[going_on], found, -found)
        worth[going_on] = found - np.sign(found)
    return worth
