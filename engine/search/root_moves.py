"""The moves at a root as a grown tree knows them, and keeping the choice to some of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.search.tree import (
    ACTION,
    ACTION_BITS,
    ACTION_MASK,
    CHILD,
    COUNT,
    DRAW,
    DRAWS,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    MOVER,
    PRIOR,
    UNKNOWN,
    VALUES,
    VISITS,
    claim,
    edge_at,
    edge_proof,
    principal_line,
)

_ROOT = 0
_LOST_BEFORE = (-1 << 2) | LOSS  # a proof: lost sooner than any move that was found to lose


@dataclass(frozen=True, slots=True)
class RootMove:
    """A move at a root; value and draw are from the view of the player who makes it."""

    action: int
    prior: float  # what the evaluator gave it before the search
    visits: int
    value: float  # -1..+1, exact where proven; the root's own where never visited
    draw: float  # probability
    plies: int | None  # to the end at most, the move included; None: not proven
    line: tuple[int, ...]  # expected play, the move itself first

    @property
    def is_proven(self) -> bool:
        """Whether its result is certain."""
        return self.plies is not None


def root_moves(
    ints: NDArray[np.int32], floats: NDArray[np.float32], *, kept: Collection[int] | None
) -> list[RootMove]:
    """Moves at the root of an arena, the one to play first: quick wins, visits, losses that last.

    Args:
        ints: the arena (``tree``).
        floats: the same memory.
        kept: actions to list; None: all.
    """
    edges = [
        edge
        for edge in _edges(ints)
        if kept is None or int(ints[edge + ACTION]) & ACTION_MASK in kept
    ]
    edges.sort(key=lambda edge: claim(ints, floats, edge), reverse=True)
    return [_root_move(ints, floats, edge) for edge in edges]


def keep_to(ints: NDArray[np.int32], kept: Collection[int]) -> None:
    """Note all other moves of a root as lost already: the search passes them over.

    Sooner than at once, so that none of them is preferred where all that are kept lose, too.

    Trusts: the root was only just planted, and one legal move at least is kept.
    """
    for edge in _edges(ints):
        action = int(ints[edge + ACTION]) & ACTION_MASK
        if action not in kept:
            ints[edge + ACTION] = action | (_LOST_BEFORE << ACTION_BITS)


def _edges(ints: NDArray[np.int32]) -> list[int]:
    return [int(edge_at(_ROOT, slot)) for slot in range(int(ints[_ROOT + COUNT]))]


def _root_move(ints: NDArray[np.int32], floats: NDArray[np.float32], edge: int) -> RootMove:
    proof = int(edge_proof(ints, edge))
    kind, plies = proof & 3, proof >> 2
    visits, child = int(ints[edge + EDGE_VISITS]), int(ints[edge + CHILD])
    draw = float(floats[_ROOT + DRAWS]) / int(ints[_ROOT + VISITS])
    if kind != UNKNOWN:
        value, draw = float(kind - 2), float(kind == DRAW)
    elif visits:
        value = float(floats[edge + EDGE_VALUE]) / visits
        if child > 0:
            draw = float(floats[child + DRAWS]) / int(ints[child + VISITS])
    else:
        mover = int(ints[_ROOT + MOVER])
        value = float(floats[_ROOT + VALUES + mover]) / int(ints[_ROOT + VISITS])
    action = int(ints[edge + ACTION]) & ACTION_MASK
    follow = principal_line(ints, floats, child) if child > 0 else []
    return RootMove(
        action=action,
        prior=float(floats[edge + PRIOR]),
        visits=visits,
        value=value,
        draw=draw,
        plies=None if kind == UNKNOWN else plies + 1,
        line=(action, *follow),
    )
