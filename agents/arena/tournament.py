"""Many agents meet: whoever plays whom next is chosen by what is open, and every game is kept."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from agents.agent import Agent, AgentError
from agents.arena.clocked_games import play_on_clock
from agents.arena.elo import Ratings, fit_ratings
from agents.arena.fixtures import PARALLEL, Fixture, Outcome, play_fixtures
from agents.arena.openings import OpeningBook
from agents.arena.pairing import next_pairs
from agents.arena.store import GameStore, Results, StoredGame, repeats
from agents.protocols.clock import TimeSettings
from games.game import States

Choice = Literal["informative", "scale", "round-robin"]

#: Pairs of games between two agents that are begun together.
BLOCK_PAIRS = 4


@dataclass(frozen=True, slots=True)
class Standings:
    """A tournament as it stands."""

    game_id: str
    players: tuple[str, ...]  # the strongest first
    ratings: Ratings
    games: tuple[StoredGame, ...]  # between the players
    duplicates: int  # games that repeat an earlier one of the same players move by move


def check_players(agents: Sequence[Agent], *, anchor: str | None = None) -> None:
    """Refuse players that cannot be rated together, before anything is written.

    Raises:
        AgentError: too few agents, different games, one name twice, or an anchor that is nobody.
    """
    names = [agent.name for agent in agents]
    if len(agents) < 2:
        raise AgentError("a tournament needs at least two players")
    if anchor is not None and anchor not in names:
        raise AgentError(f"the anchor {anchor!r} is none of the players: {', '.join(names)}")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise AgentError(f"{doubled[0]} stands twice among the players")
    others = [agent for agent in agents if agent.game.id != agents[0].game.id]
    if others:
        raise AgentError(
            f"{agents[0].name} plays {agents[0].game.id} and {others[0].name} plays "
            f"{others[0].game.id}"
        )


class Tournament:
    """Some agents, a file of games, and what is to be played.

    Args:
        agents: two at least, of one game, with different names.
        store: where the games are kept; the agents have been entered there.
        games: how many there shall be altogether, those of the file included; rounded up to pairs.
        seed: of the agents. Openings are the book's.
        book: of openings.
        choice: ``informative`` lets every two players meet once, and then plays what narrows the
            widest interval that matters most (see ``pairing``); ``scale`` does the same for the
            distances from ``anchor``; ``round-robin`` plays all pairs equally often.
        anchor: whose rating is 0; None: the first agent's.
        parallel: games in flight at most.
        clock: the time of each player in a game; such games are played one after the other.

    Raises:
        AgentError: as ``check_players``.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        store: GameStore,
        *,
        games: int,
        seed: int,
        book: OpeningBook,
        choice: Choice = "informative",
        anchor: str | None = None,
        parallel: int = PARALLEL,
        clock: TimeSettings | None = None,
    ) -> None:
        check_players(agents, anchor=anchor)
        names = [agent.name for agent in agents]
        self.agents = {agent.name: agent for agent in agents}
        self.store = store
        self.total = games + games % 2
        self.book = book
        self.choice: Choice = choice
        self.anchor = names[0] if anchor is None else anchor
        self.parallel = parallel
        self.clock = clock
        for number, agent in enumerate(agents):
            agent.reset(seed=seed + number)
        self._names = names
        self._games = [each for each in store.games() if {each.first, each.second} <= set(names)]
        self._results = Results()
        for each in self._games:
            self._results.add(each)
        self._taken = {(each.first, each.second, each.opening) for each in self._games}
        self._next_opening: dict[tuple[str, str], int] = {}
        self._pending: Counter[tuple[str, str]] = Counter()  # games begun, by pair as in ``_names``

    @property
    def played(self) -> int:
        """Games that are kept, those of earlier sessions included."""
        return len(self._games)

    def play(self, *, progress: Callable[[float], None] | None = None) -> None:
        """Play what is missing; every game is kept as soon as it ends.

        Args:
            progress: told the share of all games that is played, parts of games included.
        """
        game = self.book.game

        def after_round(states: States) -> None:
            if progress is not None:
                parts = float((states["ply"][~states["finished"]] / game.max_plies).sum())
                ended = int(states["finished"].sum())
                progress(min(1.0, (self.played + ended + parts) / max(self.total, 1)))

        if self.clock is not None:
            outcomes = play_on_clock(
                self._fixtures(), self.clock, game=game, after_move=after_round
            )
        else:
            outcomes = play_fixtures(
                self._fixtures(), game=game, parallel=self.parallel, after_round=after_round
            )
        for outcome in outcomes:
            self._keep(outcome)

    def standings(self) -> Standings:
        """Ratings of all who have played.

        Raises:
            AgentError: the anchor played no game.
        """
        ratings = fit_ratings(self._results.pairings(), anchor=self.anchor)
        order = sorted(ratings.players, key=lambda name: -ratings.players[name].elo)
        return Standings(
            game_id=self.book.game.id,
            players=tuple(order),
            ratings=ratings,
            games=tuple(self._games),
            duplicates=repeats(self._games),
        )

    def _keep(self, outcome: Outcome) -> None:
        self.store.add([outcome])
        fixture = outcome.fixture
        game = StoredGame(
            first=fixture.first.name,
            second=fixture.second.name,
            opening=fixture.number,
            opening_plies=len(fixture.opening),
            result=outcome.result,
            resigned=outcome.resigned,
            on_time=outcome.on_time,
            actions=outcome.actions,
        )
        self._games.append(game)
        self._results.add(game)
        self._pending[self._pair(fixture.first.name, fixture.second.name)] -= 1

    def _pair(self, a: str, b: str) -> tuple[str, str]:
        """Two names in the order of the players."""
        return (a, b) if self._names.index(a) < self._names.index(b) else (b, a)

    def _fixtures(self) -> Iterator[Fixture]:
        """Games to play, chosen when there is room for them."""
        yield from self._halves()
        queue: deque[tuple[str, str]] = deque()
        while self.played + sum(self._pending.values()) < self.total:
            if not queue:
                queue.extend(self._choose())
            a, b = queue.popleft()
            number = self._opening_for(a, b)
            yield self._begin(a, b, number, swapped=False)
            yield self._begin(a, b, number, swapped=True)

    def _halves(self) -> Iterator[Fixture]:
        """The other colour of pairs that an earlier session left half played."""
        for first, second, number in sorted(self._taken):
            if (second, first, number) not in self._taken:
                a, b = self._pair(first, second)
                yield self._begin(a, b, number, swapped=first == a)

    def _choose(self) -> list[tuple[str, str]]:
        """Which pairs meet next, each with one opening."""
        if self.choice == "round-robin":
            counts = Counter(self._pending)
            for each in self._results.pairings():
                counts[self._pair(each.first, each.second)] += each.tally.games
            return sorted(combinations(self._names, 2), key=lambda pair: counts[pair])[:1]
        played = self._results.pairings()
        met = {self._pair(each.first, each.second) for each in played} | set(self._pending)
        unmet = [pair for pair in combinations(self._names, 2) if pair not in met]
        if unmet:  # nobody's strength is known by hearsay alone
            return unmet[:1]
        named = next_pairs(
            self._names,
            played,
            blocks=1,
            games=2 * BLOCK_PAIRS,
            pending=self._pending,
            zero=self.anchor if self.choice == "scale" else None,
        )
        return [pair for pair in named for _ in range(BLOCK_PAIRS)]

    def _opening_for(self, a: str, b: str) -> int:
        """The first opening that the two have not played."""
        number = self._next_opening.get((a, b), 0)
        while (a, b, number) in self._taken or (b, a, number) in self._taken:
            number += 1
        self._next_opening[a, b] = number + 1
        return number

    def _begin(self, a: str, b: str, number: int, *, swapped: bool) -> Fixture:
        first, second = (b, a) if swapped else (a, b)
        self._taken.add((first, second, number))
        self._pending[a, b] += 1
        return Fixture(
            first=self.agents[first],
            second=self.agents[second],
            opening=tuple(self.book[number]),
            number=number,
            swapped=swapped,
        )
