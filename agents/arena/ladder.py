"""A fixed ladder of opponents, so that every network of a game is placed on one scale."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.agent import Agent
from agents.arena.elo import Pairing, Ratings, fit_ratings, pairings_of
from agents.arena.match import OPENING_PLIES, MatchResult, Tally, play_match
from games.batched_rules import CompiledRules
from games.game import Game

#: Rungs from the bottom, as ``agents.factory`` reads them; the first is 0 Elo.
RUNGS = ("random", "one_ply", "alpha_beta:5", "mcts:1000")

#: Results of the rungs among themselves, played once; ``scripts/ladder_table.py`` plays them again.
KNOWN_FILE = Path(__file__).resolve().parent / "ladder_results.json"


@dataclass(frozen=True, slots=True)
class LadderReport:
    """An agent against every rung, and all of them on one scale."""

    matches: tuple[MatchResult, ...]  # of the agent against each rung, from its view
    ratings: Ratings


def rungs_for(game: Game) -> tuple[str, ...]:
    """The rungs that can play a game: alpha-beta is compiled together with compiled rules alone."""
    compiled = isinstance(game.rules, CompiledRules)
    return tuple(rung for rung in RUNGS if compiled or not rung.startswith("alpha_beta"))


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


def known_results(
    game: Game,
    rungs: Sequence[Agent],
    *,
    games: int,
    seed: int,
    progress: Callable[[str, float], None] | None = None,
) -> list[Pairing]:
    """Results of the rungs among themselves, from the file if it has them, else played now."""
    stored = json.loads(KNOWN_FILE.read_text(encoding="utf-8")).get(game.id)
    if stored is None or stored["source_hash"] != game.source_hash:
        return play_rungs(rungs, games=games, seed=seed, progress=progress)
    names = {rung.name for rung in rungs}
    return [
        Pairing(first=first, second=second, tally=Tally(*counts))
        for first, second, *counts in stored["results"]
        if {first, second} <= names
    ]


def store_results(game: Game, pairings: Sequence[Pairing]) -> None:
    """Put the results of a game's rungs into the file."""
    known = json.loads(KNOWN_FILE.read_text(encoding="utf-8")) if KNOWN_FILE.is_file() else {}
    known[game.id] = {
        "source_hash": game.source_hash,
        "results": [
            [each.first, each.second, each.tally.wins, each.tally.draws, each.tally.losses]
            for each in pairings
        ],
    }
    KNOWN_FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
