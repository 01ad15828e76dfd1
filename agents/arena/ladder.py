"""A fixed ladder of opponents, so that every network of a game is placed on one scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.agent import Agent
from agents.arena.elo import Pairing, Ratings, fit_ratings, pairings_of
from agents.arena.match import OPENING_PLIES, MatchResult, play_match

#: Rungs from the bottom, as ``agents.factory`` reads them; the first is 0 Elo.
RUNGS = ("random", "one_ply", "alpha_beta:5", "mcts:1000")


@dataclass(frozen=True, slots=True)
class LadderReport:
    """An agent against every rung, and all of them on one scale."""

    matches: tuple[MatchResult, ...]  # of the agent against each rung, from its view
    ratings: Ratings


def climb_ladder(
    agent: Agent,
    rungs: Sequence[Agent],
    *,
    games: int,
    seed: int,
    known: Sequence[Pairing] = (),
    opening_plies: int = OPENING_PLIES,
    progress: Callable[[str, float], None] | None = None,
) -> LadderReport:
    """Play the agent against each rung and rate them together.

    Args:
        agent: who climbs.
        rungs: opponents; the first anchors the ratings at 0.
        games: against each rung.
        seed: settles openings and agents; the same seed gives every agent the same openings.
        known: earlier results of the rungs among themselves. Without them a rung that loses every
            game has only the agent to be compared with.
        opening_plies: random half-moves at the start of each game.
        progress: told the rung's name and the share of its games that is played.
    """
    matches = []
    for rung in rungs:
        matches.append(
            play_match(
                agent,
                rung,
                games=games,
                seed=seed,
                opening_plies=opening_plies,
                progress=(lambda share, name=rung.name: progress(name, share))
                if progress is not None
                else None,
            )
        )
    pairings = [*known, *(each for match in matches for each in pairings_of(match))]
    return LadderReport(matches=tuple(matches), ratings=fit_ratings(pairings, anchor=rungs[0].name))


def play_rungs(
    rungs: Sequence[Agent],
    *,
    games: int,
    seed: int,
    opening_plies: int = OPENING_PLIES,
    progress: Callable[[str, float], None] | None = None,
) -> list[Pairing]:
    """Results of the rungs among themselves, every pair ``games`` games."""
    pairings = []
    for index, a in enumerate(rungs):
        for b in rungs[index + 1 :]:
            match = play_match(
                a,
                b,
                games=games,
                seed=seed,
                opening_plies=opening_plies,
                progress=(lambda share, name=f"{a.name} - {b.name}": progress(name, share))
                if progress is not None
                else None,
            )
            pairings += pairings_of(match)
    return pairings
