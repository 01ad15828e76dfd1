"""Stored outcomes of Connect Four's opening, for positions of at most ten plies.

The file ``data/connect_four_opening.npz`` holds one outcome (-1, 0, +1, for the mover) for each
*quiet* position of ten plies: unfinished, the mover can neither win at once nor be forced to lose
at once, and of two mirror images only one. Positions are not stored: they are enumerated anew, in
the order of their keys. What the positions of fewer plies are worth follows by negamax.

The outcomes were read from the twelve-ply book of ``bitbully-databases`` (Markus Thill, MIT
licence) by ``scripts/build_solver_data.py opening``, which also recomputes a random sample of them
with this package's own search.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numba import njit

from agents.solvers.bits import (
    COLUMNS,
    key_of,
    mirror,
    non_losing_moves,
    playable,
    winning_cells,
)
from agents.solvers.search import UNBOUNDED, canonical_key, write_bounds

__all__ = [
    "TABLE_PLIES",
    "Layer",
    "OpeningTable",
    "load_opening_table",
    "opening_layers",
    "opening_table",
    "seed_search",
]

TABLE_PLIES = 10
"""Stones on the board in the stored positions."""

_U0, _U1 = np.uint64(0), np.uint64(1)


@dataclass(frozen=True, slots=True)
class Layer:
    """All unfinished positions with the same number of stones, one of each mirror pair.

    Shapes: ``mover``, ``occupied`` and ``keys`` are ``[P]`` uint64, in ascending order of keys.
    """

    mover: np.ndarray
    occupied: np.ndarray
    keys: np.ndarray

    @property
    def quiet(self) -> np.ndarray:
        """Which positions need a search: ``[P]`` bool."""
        quiet: np.ndarray = _quiet(self.mover, self.occupied)
        return quiet


@dataclass(frozen=True, slots=True)
class OpeningTable:
    """Outcomes for the mover: ``keys[ply]`` ``[P]`` uint64 ascending, ``outcomes[ply]`` int8."""

    keys: tuple[np.ndarray, ...]
    outcomes: tuple[np.ndarray, ...]

    def outcome(self, mover: int, occupied: int) -> int | None:
        """Outcome of an unfinished position, None where it has too many plies."""
        plies = occupied.bit_count()
        if plies >= len(self.keys):
            return None
        key = canonical_key(np.uint64(mover), np.uint64(occupied))
        return int(self.outcomes[plies][np.searchsorted(self.keys[plies], np.uint64(key))])


def opening_layers(plies: int) -> list[Layer]:
    """All unfinished positions of 0, 1, ... ``plies`` stones."""
    mover = occupied = np.zeros(1, np.uint64)
    layers = [_layer(mover, occupied)]
    for _ in range(plies):
        mover, occupied = _children(layers[-1].mover, layers[-1].occupied)
        layers.append(_layer(mover, occupied))
    return layers


@cache
def load_opening_table() -> OpeningTable | None:
    """The stored table, read once for each process; None where the file was not installed."""
    path = files("agents.solvers") / "data" / "connect_four_opening.npz"
    if not path.is_file():
        return None
    with path.open("rb") as stream, np.load(stream) as archive:
        stored = archive["outcomes"]
    return opening_table(stored)


def opening_table(stored: np.ndarray) -> OpeningTable:
    """Table of all that follows from the stored outcomes.

    Args:
        stored: outcomes of the quiet positions of ``TABLE_PLIES`` plies, ``[Q]`` int8.

    Raises:
        ValueError: another number of outcomes than of positions.
    """
    layers = opening_layers(TABLE_PLIES)
    last = layers[-1]
    quiet = last.quiet
    if stored.shape != (np.count_nonzero(quiet),):
        raise ValueError(f"{stored.shape} outcomes for {np.count_nonzero(quiet)} quiet positions")
    values = _forced_outcomes(last.mover, last.occupied)
    values[quiet] = stored
    outcomes = [values]
    for layer, after in zip(layers[-2::-1], layers[:0:-1], strict=True):
        outcomes.append(_backed_up(layer.mover, layer.occupied, after.keys, outcomes[-1]))
    return OpeningTable(tuple(layer.keys for layer in layers), tuple(outcomes[::-1]))


def seed_search(opening: OpeningTable, table: np.ndarray, shift: np.uint64) -> None:
    """Write the outcomes into a transposition table, where a search will meet them."""
    for plies, (keys, outcomes) in enumerate(zip(opening.keys, opening.outcomes, strict=True)):
        _seed(keys, outcomes, plies, table, shift)


def _layer(mover: np.ndarray, occupied: np.ndarray) -> Layer:
    """Distinct positions, sorted by key."""
    mover, occupied, keys = _canonical(mover, occupied)
    keys, first = np.unique(keys, return_index=True)
    return Layer(mover[first], occupied[first], keys)


@njit(cache=True, nogil=True)
def _canonical(mover, occupied):
    """Each position, or its mirror image where that has the smaller key, and the key."""
    mover, occupied = mover.copy(), occupied.copy()
    keys = np.empty_like(mover)
    for i in range(len(mover)):
        key = canonical_key(mover[i], occupied[i])
        if key != key_of(mover[i], occupied[i]):
            mover[i], occupied[i] = mirror(mover[i]), mirror(occupied[i])
        keys[i] = key
    return mover, occupied, keys


@njit(cache=True, nogil=True)
def _children(mover, occupied):
    """Every unfinished position one ply on, with repetitions."""
    next_mover = np.empty(COLUMNS * len(mover), np.uint64)
    next_occupied = np.empty(COLUMNS * len(mover), np.uint64)
    count = 0
    for i in range(len(mover)):
        moves = playable(occupied[i]) & ~winning_cells(mover[i], occupied[i])
        while moves != _U0:
            move = moves & (~moves + _U1)
            moves ^= move
            next_mover[count] = mover[i] ^ occupied[i]
            next_occupied[count] = occupied[i] | move
            count += 1
    return next_mover[:count], next_occupied[:count]


@njit(cache=True, nogil=True)
def _wins_at_once(mover, occupied):
    """Whether the mover can complete four now."""
    return (winning_cells(mover, occupied) & playable(occupied)) != _U0


@njit(cache=True, nogil=True)
def _quiet(mover, occupied):
    """Where the mover cannot win at once and has a move after which the opponent cannot."""
    quiet = np.zeros(len(mover), np.bool_)
    for i in range(len(mover)):
        if not _wins_at_once(mover[i], occupied[i]):
            quiet[i] = non_losing_moves(mover[i], occupied[i]) != _U0
    return quiet


@njit(cache=True, nogil=True)
def _forced_outcomes(mover, occupied):
    """+1 where the mover wins at once, -1 elsewhere: the outcomes of positions not quiet."""
    outcomes = np.full(len(mover), -1, np.int8)
    for i in range(len(mover)):
        if _wins_at_once(mover[i], occupied[i]):
            outcomes[i] = 1
    return outcomes


@njit(cache=True, nogil=True)
def _backed_up(mover, occupied, keys_after, outcomes_after):
    """Outcomes of a layer from those of the layer one ply on."""
    outcomes = np.full(len(mover), -1, np.int8)
    for i in range(len(mover)):
        if _wins_at_once(mover[i], occupied[i]):
            outcomes[i] = 1
            continue
        opponent = mover[i] ^ occupied[i]
        moves = playable(occupied[i])
        while moves != _U0:
            move = moves & (~moves + _U1)
            moves ^= move
            key = canonical_key(opponent, occupied[i] | move)
            outcomes[i] = max(outcomes[i], -outcomes_after[np.searchsorted(keys_after, key)])
    return outcomes


@njit(cache=True, nogil=True)
def _seed(keys, outcomes, plies, table, shift):
    """Store an outcome as what it says of the score: at least 1, exactly 0, or at most -1."""
    for i in range(len(keys)):
        low = outcomes[i] if outcomes[i] >= 0 else -UNBOUNDED
        high = outcomes[i] if outcomes[i] <= 0 else UNBOUNDED
        write_bounds(keys[i], plies, low, high, table, shift)
