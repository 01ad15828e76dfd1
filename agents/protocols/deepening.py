"""One position searched deeper and deeper, with a look at the tree after every slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np

from agents.protocols.watched_search import FIRST_SLICE, WatchedSearch, next_slice
from agents.search_agent import SearchAgent
from engine.search.root_moves import RootMove
from games.game import UNPROVEN

#: Simulations of one look; memory for the tree is reserved for so many, and used as it grows.
MOST_SIMULATIONS = 20_000


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known after some simulations; from the view of the player to move."""

    simulations: int
    value: float  # of the position, -1..+1
    moves: tuple[RootMove, ...]  # the best first
    is_final: bool  # the result is certain, or the tree is full: no further stage comes


def deepen(
    agent: SearchAgent,
    state: np.void,
    *,
    only: Collection[int] | None = None,
    most: int = MOST_SIMULATIONS,
    is_ended: Callable[[], bool] | None = None,
) -> Iterator[Stage]:
    """Search a position in short slices with a tree of its own; ``agent`` keeps what it knows.

    Args:
        agent: says how to search and what judges the leaves.
        state: an unfinished position of its game.
        only: root moves to choose from; None: all.
        most: simulations after which the last stage comes.
        is_ended: asked every few milliseconds; True brings the next stage at once.
    """
    search = WatchedSearch(agent, most=most)
    try:
        search.start(state, only)
        mover = int(state["to_play"])
        size, spent = FIRST_SLICE, 0
        while True:
            began = time.perf_counter()
            # The first stage is more than a guess, however soon the end is wanted.
            result = search.grow(min(size, most - spent), is_ended=is_ended if spent else None)
            made = int(result.simulations[0])
            spent += made
            size = next_slice(made, time.perf_counter() - began)
            is_proven = int(result.proven[0]) != UNPROVEN
            is_final = is_proven or made == 0 or spent >= most
            yield Stage(
                simulations=spent,
                value=float(result.proven[0]) if is_proven else float(result.values[0, mover]),
                moves=tuple(search.candidates()),
                is_final=is_final,
            )
            if is_final:
                return
    finally:
        search.close()
