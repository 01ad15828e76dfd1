"""A fixed ladder of opponents, so that every network of a game is placed on one scale.

The rungs have played among themselves once, and their ratings follow from those results, which come
with the package. Whoever climbs is rated against the rungs as they stand: its games move nobody but
itself, so that the numbers of two users mean the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.agent import Agent
from agents.arena.elo import Pairing, Rating, Ratings, fit_ratings, pairings_of, rate_against
from agents.arena.match import OPENING_PLIES, MatchResult, Tally, play_match
from agents.arena.rules_signature import rules_signature
from games.batched_rules import CompiledRules
from games.game import Game

#: Rungs of the judge while training goes on, as ``agents.factory`` reads them.
RUNGS = ("random", "one_ply", "alpha_beta:5", "mcts:1000")

#: Rungs of the ladder from the bottom; the first is 0 Elo.
LADDER = (
    "random",
    "one_ply",
    "mcts:30",
    "mcts:100",
    "alpha_beta:3",
    "mcts:300",
    "alpha_beta:5",
    "mcts:1000",
)

#: Results of the rungs among themselves, played once; ``scripts/ladder_table.py`` plays them again.
KNOWN_FILE = Path(__file__).resolve().parent / "ladder_results.json"

#: Where a game has no stored results: games of every two rungs, played now.
_GAMES_OF_RUNGS = 20


@dataclass(frozen=True, slots=True)
class LadderReport:
    """An agent against every rung, and its place on their scale."""

    matches: tuple[MatchResult, ...]  # of the agent against each rung, from its view
    rating: Rating  # of the agent; the interval holds the rungs to be where they are
    rungs: Ratings  # the ladder


def rungs_for(game: Game, rungs: Sequence[str] = RUNGS) -> tuple[str, ...]:
    """The rungs that can play a game: alpha-beta is compiled together with compiled rules alone."""
    compiled = isinstance(game.rules, CompiledRules)
    return tuple(rung for rung in rungs if compiled or not rung.startswith("alpha_beta"))


def climb_ladder(
    agent: Agent,
    rungs: Sequence[Agent],
    ladder: Ratings,
    *,
    games: int,
    seed: int,
    opening_plies: int = OPENING_PLIES,
    progress: Callable[[str, float], None] | None = None,
) -> LadderReport:
    """Play the agent against each rung and rate it among them.

    Args:
        agent: who climbs.
        rungs: opponents.
        ladder: what they are rated.
        games: against each rung.
        seed: settles openings and agents; the same seed gives every agent the same openings.
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
    results = [
        (match.b, pairing)
        for match in matches
        for pairing in zip((True, False), pairings_of(match), strict=True)
    ]
    seen = [
        (ladder.players[rung].elo, climber_first, pairing.tally)
        for rung, (climber_first, pairing) in results
    ]
    return LadderReport(
        matches=tuple(matches), rating=rate_against(seen, scale=ladder), rungs=ladder
    )


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


def ladder_ratings(
    game: Game,
    rungs: Sequence[Agent],
    *,
    seed: int,
    progress: Callable[[str, float], None] | None = None,
) -> Ratings:
    """What the rungs are rated: by the results that come with the package, else by games now."""
    pairings = rung_results(game, rungs, seed=seed, progress=progress)
    return fit_ratings(pairings, anchor=rungs[0].name)


def rung_results(
    game: Game,
    rungs: Sequence[Agent],
    *,
    seed: int,
    progress: Callable[[str, float], None] | None = None,
) -> list[Pairing]:
    """Results of the rungs among themselves, as they come with the package, else of games now."""
    pairings = _stored(game)
    names = {name for each in pairings for name in (each.first, each.second)}
    if {rung.name for rung in rungs} <= names:
        return pairings
    return play_rungs(rungs, games=_GAMES_OF_RUNGS, seed=seed, progress=progress)


def _stored(game: Game) -> list[Pairing]:
    """Results of a game's rungs from the file; none where it has none of these rules."""
    stored = json.loads(KNOWN_FILE.read_text(encoding="utf-8")).get(game.id)
    if stored is None or stored["rules"] != rules_signature(game):
        return []
    return [
        Pairing(first=first, second=second, tally=Tally(*counts))
        for first, second, *counts in stored["results"]
    ]


def store_results(game: Game, pairings: Sequence[Pairing]) -> None:
    """Put the results of a game's rungs into the file."""
    known = json.loads(KNOWN_FILE.read_text(encoding="utf-8")) if KNOWN_FILE.is_file() else {}
    known[game.id] = {
        "rules": rules_signature(game),
        "results": [
            [each.first, each.second, each.tally.wins, each.tally.draws, each.tally.losses]
            for each in pairings
        ],
    }
    rows = [
        f' "{name}": {{\n  "rules": "{facts["rules"]}",\n  "results": [\n   '
        + ",\n   ".join(json.dumps(row) for row in facts["results"])
        + "\n  ]\n }"
        for name, facts in sorted(known.items())
    ]
    KNOWN_FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
