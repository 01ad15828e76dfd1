"""Whose each point will be at the end of a game of Go, as random games from there share them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.analysis.ownership import Foreseen, average, last_of_line
from engine.search.root_moves import RootMove
from games.game import Game

#: Moves of random games for one answer, about: some hundred games on 9 x 9, twenty milliseconds.
_MOVES = 50_000
_MOVES_A_POINT = 1.5  # has a random game on an empty board, about
_LEAST_GAMES = 4  # from each line of play


class RandomEndings:
    """Counts the ends of random games, as Monte Carlo Go has done since Bruegmann (1993).

    They are of the kind that judges the leaves of ``mcts``, whose agent goes with it. A lead is
    the mean of what they come to: it has a standard error of one or two points on 9 x 9, and it
    leans to zero, since a random player throws away what a person would keep.

    Args:
        game: a game of Go.
        seed: of the random moves.
    """

    def __init__(self, game: Game, *, seed: int = 0) -> None:
        self._game = game
        self._rng = np.array([seed], np.uint64)

    def read(self, state: np.void, moves: Sequence[RootMove]) -> Foreseen:
        """What comes out from the ends of the lines of play; their mean by visits of their moves.

        Args:
            state: an unfinished position.
            moves: as the search knows them; may be empty, and the position itself is judged then.
        """
        _, height, width = self._game.observation_shape
        ends = [last_of_line(self._game, state, each.line) for each in moves] or [state]
        budget = int(_MOVES / (_MOVES_A_POINT * height * width))
        visits = np.array([each.visits for each in moves] or [1], np.float64)
        shares = visits / max(visits.sum(), 1.0)
        games = np.maximum((budget * shares).astype(int), _LEAST_GAMES)
        states = np.repeat(np.array(ends, self._game.state_dtype), games)
        self._game.rules.play_out(states, self._rng)
        owners = np.zeros((len(states), height, width), np.int8)
        leads = np.zeros(len(states), np.float32)
        self._game.rules.final_ownership(states, owners, leads)
        begins = np.concatenate([[0], np.cumsum(games)[:-1]])
        owned = np.add.reduceat(owners, begins, axis=0, dtype=np.float32) / games[:, None, None]
        lead = np.add.reduceat(leads, begins, dtype=np.float32) / games
        return average(owned.astype(np.float32), lead, moves)
