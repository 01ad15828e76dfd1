"""One position searched deeper and deeper, with a look at the tree after every slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from agents.search_agent import SearchAgent
from engine.records import SearchResult
from engine.search.search import Search
from games.game import UNPROVEN

#: Simulations of one look; memory for the tree is reserved for so many, and used as it grows.
MOST_SIMULATIONS = 20_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One legal move of a searched position; chances are those of the player to move."""

    action: int
    visits: int
    chance: float  # expected score 0..1, a draw counting half
    prior: float  # share that the evaluator gave it before the search
    line: tuple[int, ...]  # expected play, the move itself first


@dataclass(frozen=True, slots=True)
class Stage:
    """What is known after some simulations."""

    simulations: int
    chance: float  # of the position, for the player to move
    candidates: tuple[Candidate, ...]  # the best first
    is_final: bool  # the result is certain, or the tree is full: no further stage comes


def deepen(
    agent: SearchAgent, state: np.void, *, slice_simulations: int, most: int = MOST_SIMULATIONS
) -> Iterator[Stage]:
    """Search a position in slices with a tree of its own; ``agent`` keeps what it knows.

    Args:
        agent: says how to search and what judges the leaves.
        state: an unfinished position of its game.
        slice_simulations: between two stages.
        most: simulations after which the last stage comes.
    """
    config = msgspec.structs.replace(agent.config, algorithm="puct")
    search = Search(
        agent.game,
        agent.evaluator,
        config.search_config(simulations=min(slice_simulations, most)),
        num_trees=1,
        max_simulations=most,
        seed=agent.seed,
    )
    search.set_roots(np.array([state], agent.game.state_dtype))
    mover = int(state["to_play"])
    spent = 0
    while True:
        result = search.run(min(slice_simulations, most - spent))
        made = int(result.simulations[0])
        spent += made
        is_proven = int(result.proven[0]) != UNPROVEN
        is_final = is_proven or made == 0 or spent >= most
        value = float(result.proven[0]) if is_proven else float(result.values[0, mover])
        yield Stage(
            simulations=spent,
            chance=_chance(value),
            candidates=_candidates(result, search.principal_variation(0)),
            is_final=is_final,
        )
        if is_final:
            return


def _candidates(result: SearchResult, line: list[int]) -> tuple[Candidate, ...]:
    """Legal moves, the one to play first, then by visits, then by what the evaluator liked."""
    best = int(result.best_actions[0])
    found = []
    for slot in range(int(result.counts[0])):
        action = int(result.actions[0, slot])
        found.append(
            Candidate(
                action=action,
                visits=int(result.visits[0, slot]),
                chance=_chance(float(result.q_values[0, slot])),
                prior=float(result.priors[0, slot]),
                line=tuple(line) if line[:1] == [action] else (action,),
            )
        )
    found.sort(key=lambda each: (each.action != best, -each.visits, -each.prior))
    return tuple(found)


def _chance(value: float) -> float:
    return (1.0 + min(max(value, -1.0), 1.0)) / 2
