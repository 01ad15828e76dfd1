"""Two agents meet: paired openings, both colours, many games at once.

Every opening is played twice with the sides exchanged, so that neither agent profits from a lucky
opening nor from moving first. All games that wait for the same agent are asked in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from agents.agent import Agent, AgentError
from agents.arena.clocked_games import play_on_clock
from agents.arena.fixtures import PARALLEL, Fixture, Outcome, play_fixtures
from agents.arena.openings import OpeningBook
from agents.arena.sprt import RunningSprt, Sprt, SprtReport
from agents.protocols.clock import TimeSettings
from games.game import Game, States

Progress = Callable[[float], None]  # told the share of the work that is done, 0 to 1

Place = tuple[int, bool]  # number of the opening, and whether the sides are exchanged

#: Random plies before the agents take over, unless told.
OPENING_PLIES = 4


@dataclass(frozen=True, slots=True)
class Tally:
    """Wins, draws and losses of one side of a match, from that side's view."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def games(self) -> int:
        """How many games are counted."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """Share of the points, a draw being half; 0.5 without games."""
        return (self.wins + 0.5 * self.draws) / self.games if self.games else 0.5

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)


@dataclass(frozen=True, slots=True)
class PlayedGame:
    """One game of a match."""

    actions: tuple[int, ...]  # all of them, the opening first
    opening_plies: int
    a_is_player: int  # 0: agent A moved first
    result_for_a: float  # return of agent A in -1..+1
    on_time: bool = False  # lost because the loser's clock ran out


@dataclass(frozen=True, slots=True)
class MatchResult:
    """A finished match from the view of agent A."""

    game_id: str
    a: str
    b: str
    as_first: Tally  # of A where A moved first
    as_second: Tally  # of A where B moved first
    duplicates: int  # games that repeat an earlier one move by move: they prove nothing new
    seed: int
    games: tuple[PlayedGame, ...]  # both games of a pair one after the other
    sprt: SprtReport | None = None  # where a sequential test was asked for

    @property
    def total(self) -> Tally:
        """Both colours together, from the view of A."""
        return self.as_first + self.as_second

    @property
    def lost_on_time(self) -> tuple[int, int]:
        """Games that A and that B lost because the clock ran out."""
        late = [each.result_for_a for each in self.games if each.on_time]
        return sum(result < 0 for result in late), sum(result > 0 for result in late)


def play_match(
    a: Agent,
    b: Agent,
    *,
    games: int,
    seed: int,
    opening_plies: int = OPENING_PLIES,
    sprt: Sprt | None = None,
    parallel: int | None = None,
    clock: TimeSettings | None = None,
    known: Mapping[Place, PlayedGame] | None = None,
    keep: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
) -> MatchResult:
    """Play ``games`` games, in pairs that share an opening.

    Args:
        a: one agent; both are reset from ``seed`` first.
        b: the other. It may be the same object only if its choices need no stream.
        games: rounded up to an even number; with a sequential test, at most.
        seed: settles openings and agents.
        opening_plies: random half-moves before the agents take over.
        sprt: stop as soon as this test is settled; pairs begun after the one that settles it are
            left out of the result.
        parallel: games in flight; unless told all of them, with a test at most 256.
        clock: the time of each player in a game; such games are played one after the other.
        known: games that were played before; they are counted and not played again.
        keep: told of every game that ends.
        progress: told now and then how far the match is.

    Raises:
        AgentError: fewer than one game, or the agents play different games.
    """
    if games < 1:
        raise AgentError(f"a match needs at least 1 game, not {games}")
    if a.game.id != b.game.id:
        raise AgentError(f"{a.name} plays {a.game.id} and {b.name} plays {b.game.id}")
    seeds = np.random.SeedSequence(seed).generate_state(2)
    a.reset(seed=int(seeds[0]))
    b.reset(seed=int(seeds[1]))
    pairs = (games + 1) // 2
    book = opening_book(a.game, plies=opening_plies, seed=seed)
    played = {place: game for place, game in (known or {}).items() if place[0] < pairs}
    look = _Look(sprt) if sprt is not None else None

    def fixtures() -> Iterator[Fixture]:
        for number in range(pairs):
            for swapped in (False, True):
                if (number, swapped) not in played:
                    first, second = (b, a) if swapped else (a, b)
                    yield Fixture(first, second, tuple(book[number]), number, swapped)

    def after_round(states: States) -> None:
        if progress is not None:
            shares = np.where(states["finished"], 1.0, states["ply"] / a.game.max_plies)
            progress((len(played) + float(shares.sum())) / (2 * pairs))

    if look is None or not look(played):
        if clock is not None:
            outcomes = play_on_clock(fixtures(), clock, game=a.game, after_move=after_round)
        else:
            outcomes = play_fixtures(
                fixtures(),
                game=a.game,
                parallel=parallel or (PARALLEL if sprt else 2 * pairs),
                after_round=after_round,
            )
        for outcome in outcomes:
            played[outcome.fixture.number, outcome.fixture.swapped] = _from_a(outcome)
            if keep is not None:
                keep(outcome)
            if look is not None and look(played):
                break
    report = look.test.report if look is not None else None
    counted = sorted(played)[: 2 * sum(report.pairs)] if report is not None else sorted(played)
    return _summary(a, b, seed=seed, played=[played[each] for each in counted], report=report)


def opening_book(game: Game, *, plies: int, seed: int) -> OpeningBook:
    """The openings of matches and tournaments that are played with a seed."""
    return OpeningBook(
        game, plies=plies, seed=int(np.random.SeedSequence(seed).generate_state(3)[2])
    )


def _from_a(outcome: Outcome) -> PlayedGame:
    """A game from the view of agent A."""
    swapped = outcome.fixture.swapped
    return PlayedGame(
        actions=outcome.actions,
        opening_plies=len(outcome.fixture.opening),
        a_is_player=int(swapped),
        result_for_a=-outcome.result if swapped else outcome.result,
        on_time=outcome.on_time,
    )


class _Look:
    """A sequential test of the pairs that are whole, up to the first that is not."""

    def __init__(self, test: Sprt) -> None:
        self.test = RunningSprt(test)
        self._seen = 0

    def __call__(self, played: Mapping[Place, PlayedGame]) -> bool:
        """Whether the test is settled by so many games."""
        while self.test.verdict is None:
            places = [(self._seen, False), (self._seen, True)]
            if not all(place in played for place in places):
                return False
            self.test.add(sum(points(played[place].result_for_a) for place in places))
            self._seen += 1
        return True


def points(result: float) -> float:
    """A return in -1..+1 as 0, 1/2 or 1."""
    return 0.5 * (1.0 + float(np.sign(result)))


def _summary(
    a: Agent, b: Agent, *, seed: int, played: list[PlayedGame], report: SprtReport | None
) -> MatchResult:
    """Count the games of a match."""
    tallies = [Tally(), Tally()]
    for each in played:
        tallies[each.a_is_player] += Tally(
            wins=int(each.result_for_a > 0),
            draws=int(each.result_for_a == 0),
            losses=int(each.result_for_a < 0),
        )
    distinct = len({(each.actions, each.a_is_player) for each in played})
    return MatchResult(
        game_id=a.game.id,
        a=a.name,
        b=b.name,
        as_first=tallies[0],
        as_second=tallies[1],
        duplicates=len(played) - distinct,
        seed=seed,
        games=tuple(played),
        sprt=report,
    )
