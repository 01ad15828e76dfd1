"""A fixed ladder of opponents, so that every network of a game is placed on one scale.

The rungs have played among themselves once, and their ratings follow from those results, which come
with the package. Whoever climbs is rated against the rungs as they stand: its games move nobody but
itself, so that the numbers of two users mean the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agents.agent import Agent
from agents.arena.elo import Pairing, Rating, Ratings, fit_ratings, pairings_of, rate_against
from agents.arena.fixtures import games_in_flight
from agents.arena.match import OPENING_PLIES, MatchResult, Tally, play_match
from agents.arena.rules_signature import rules_signature
from agents.arena.rungs import own_rungs, program_rungs
from agents.factory import make_agent
from games.game import Game

#: Results of the rungs among themselves, played once; ``scripts/ladder_table.py`` plays them again.
KNOWN_FILE = Path(__file__).resolve().parent / "ladder_results.json"

#: Where a game has no stored results: games of every two rungs, played now.
_GAMES_OF_RUNGS = 20


@dataclass(frozen=True, slots=True)
class Ladder:
    """Opponents that have ratings."""

    rungs: tuple[Agent, ...]  # those that can be met here
    ratings: Ratings  # of all, also of those that are left out
    left_out: tuple[str, ...]  # programs that are not installed

    def close(self) -> None:
        """End the programs."""
        for rung in self.rungs:
            rung.close()


@dataclass(frozen=True, slots=True)
class LadderReport:
    """An agent against every rung, and its place on their scale."""

    matches: tuple[MatchResult, ...]  # of the agent against each rung, from its view
    rating: Rating  # of the agent; the interval holds the rungs to be where they are
    ladder: Ladder


def open_ladder(
    game: Game,
    *,
    seed: int,
    programs: bool = True,
    progress: Callable[[str, float], None] | None = None,
) -> Ladder:
    """The rungs of a game, and what they are rated.

    Outside programs stand on it where their games against the others come with the package.

    Args:
        game: what is played.
        seed: of the rungs.
        programs: whether outside programs are met.
        progress: told what is played where no results are stored.
    """
    rungs, left_out = make_rungs(game, seed=seed, programs=programs)
    own = rungs[: len(own_rungs(game))]
    results = stored_results(game)
    known = {name for each in results for name in (each.first, each.second)}
    if not {rung.name for rung in own} <= known:
        results = play_rungs(own, games=_GAMES_OF_RUNGS, seed=seed, progress=progress)
        known = {rung.name for rung in own}
    return Ladder(
        rungs=tuple(rung for rung in rungs if rung.name in known),
        ratings=fit_ratings(results, anchor=own[0].name),
        left_out=tuple(name for name in left_out if name in known),
    )


def make_rungs(
    game: Game, *, seed: int, programs: bool = True
) -> tuple[list[Agent], tuple[str, ...]]:
    """All rungs of a game that can be met here, and the names of programs that are missing."""
    rungs = [make_agent(text, game=game, seed=seed) for text in own_rungs(game)]
    missing = []
    for each in program_rungs(game) if programs else ():
        if (text := each.command) is None:
            missing.append(each.name)
        else:
            rungs.append(make_agent(text, game=game, seed=seed))
            rungs[-1].name = each.name
    return rungs, tuple(missing)


def climb_ladder(
    agent: Agent,
    ladder: Ladder,
    *,
    games: int,
    seed: int,
    opening_plies: int = OPENING_PLIES,
    progress: Callable[[str, float], None] | None = None,
) -> LadderReport:
    """Play the agent against each rung and rate it among them.

    Args:
        agent: who climbs.
        ladder: opponents and what they are rated.
        games: against each rung.
        seed: settles openings and agents; the same seed gives every agent the same openings.
        opening_plies: random half-moves at the start of each game.
        progress: told the rung's name and the share of its games that is played.
    """
    matches = []
    for rung in ladder.rungs:
        matches.append(
            play_match(
                agent,
                rung,
                games=games,
                seed=seed,
                opening_plies=opening_plies,
                parallel=games_in_flight(None, (agent, rung)),
                progress=None if progress is None else partial(progress, rung.name),
            )
        )
    results = [
        (match.b, pairing)
        for match in matches
        for pairing in zip((True, False), pairings_of(match), strict=True)
    ]
    seen = [
        (ladder.ratings.players[rung].elo, climber_first, pairing.tally)
        for rung, (climber_first, pairing) in results
    ]
    rating = rate_against(seen, scale=ladder.ratings)
    return LadderReport(matches=tuple(matches), rating=rating, ladder=ladder)


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
                progress=None if progress is None else partial(progress, f"{a.name} - {b.name}"),
            )
            pairings += pairings_of(match)
    return pairings


def stored_results(game: Game) -> list[Pairing]:
    """Results of a game's rungs among themselves, as they come with the package.

    Empty where it has none of these rules.
    """
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
