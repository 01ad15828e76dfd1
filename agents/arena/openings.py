"""Short random openings, so that repeatable agents do not play one game a hundred times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.choice import legal_slots, random_slots
from games.game import UNPROVEN, Game, States

#: Openings whose result shows within so many plies are not worth a game.
_SETTLED_WITHIN = 3

_TRIES = 64  # openings drawn at once; a fixed number, so that a longer book begins as a shorter one
_DRY_TRIES = 8  # draws without a new position after which there are no more


class OpeningBook:
    """Openings by number; they reach different positions as far as there are enough.

    Positions that are over, or won or lost within three plies, are left out wherever others exist.
    The opening of a number depends on nothing but the game, the plies and the seed. A game too
    small for the numbers that are asked for repeats its openings in turn.

    Args:
        game: what is played.
        plies: random half-moves in each.
        seed: settles them all.
    """

    def __init__(self, game: Game, *, plies: int, seed: int) -> None:
        self.game = game
        self.plies = plies
        self.seed = seed
        self._openings: list[list[int]] = []
        self._seen: set[int] = set()  # keys of the positions that they reach
        self._draws = 0
        self._dry = 0

    def __getitem__(self, number: int) -> list[int]:
        """Actions of the opening of a number from 0 on."""
        while len(self._openings) <= number and self._dry < _DRY_TRIES:
            self._draw(settled=False)
        if not self._openings:
            self._draw(settled=True)
        if not self._openings:
            return []
        return self._openings[number % len(self._openings)]

    def _draw(self, *, settled: bool) -> None:
        """Some more random openings; ``settled`` takes those whose result shows as well."""
        states, played, alive = self._random_games()
        rows = np.flatnonzero(alive)
        if not settled and len(rows):
            outcomes = np.empty(len(rows), np.int8)
            self.game.rules.prove(states[rows], _SETTLED_WITHIN, outcomes)
            rows = rows[outcomes == UNPROVEN]
        before = len(self._openings)
        for row in rows:
            key = int(states["key"][row])
            if key not in self._seen:
                self._seen.add(key)
                self._openings.append([int(action) for action in played[row]])
        self._draws += 1
        self._dry = 0 if len(self._openings) > before else self._dry + 1

    def _random_games(self) -> tuple[States, NDArray[np.int32], NDArray[np.bool_]]:
        """Positions after random plies, the actions that led there, and which are not over."""
        rng = np.random.default_rng([self.seed, self._draws])
        states = self.game.rules.initial(_TRIES)
        played = np.empty((_TRIES, self.plies), np.int32)
        for ply in range(self.plies):
            rows = np.flatnonzero(~states["finished"])
            if not len(rows):
                break
            legal, _ = legal_slots(self.game, states[rows])
            # Keys of equal positions are equal, so every row gets its own number instead.
            numbers = rng.integers(2**63, size=len(rows), dtype=np.uint64)
            slots = random_slots(numbers, legal >= 0, seed=self.seed)
            actions = legal[np.arange(len(rows)), slots]
            played[rows, ply] = actions
            moved = states[rows]
            self.game.rules.step(moved, actions)
            states[rows] = moved
        return states, played, ~states["finished"]


def random_openings(game: Game, *, count: int, plies: int, seed: int) -> list[list[int]]:
    """The first openings of a book, as lists of actions; see ``OpeningBook``."""
    book = OpeningBook(game, plies=plies, seed=seed)
    return [book[number] for number in range(count)]
