"""Games that are to be played, many at once: all that wait for one agent are asked in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from agents.agent import RESIGN, Agent
from agents.protocols.program_agent import ProgramAgent
from games.game import Game, States

#: Games in flight, unless told: as many as a search takes side by side.
PARALLEL = 256
#: The same where an outside program plays: it is asked one question at a time.
_WITH_PROGRAMS = 4


@dataclass(frozen=True, slots=True)
class Fixture:
    """One game that is to be played."""

    first: Agent  # moves first from the start position of the game
    second: Agent
    opening: tuple[int, ...]  # actions that are played before the agents take over
    number: int  # of the opening: the two games of a pair share it
    swapped: bool  # the game of its pair in which the sides are exchanged


@dataclass(frozen=True, slots=True)
class Outcome:
    """One game that was played."""

    fixture: Fixture
    actions: tuple[int, ...]  # all of them, the opening first
    result: float  # return of the first player in -1..+1
    resigned: bool = False  # a program gave it up, or lost it by failing or on time
    on_time: bool = False  # lost because the mover's clock ran out


@dataclass(slots=True)
class _Live:
    """A game in flight; its position stands in the row of the same number."""

    fixture: Fixture
    actions: list[int]
    resigned: bool = False


def games_in_flight(wanted: int | None, agents: Sequence[Agent]) -> int:
    """How many games are played at once; None: as many as suit the agents."""
    if wanted is not None:
        return wanted
    has_program = any(isinstance(agent, ProgramAgent) for agent in agents)
    return _WITH_PROGRAMS if has_program else PARALLEL


def play_fixtures(
    fixtures: Iterable[Fixture],
    *,
    game: Game,
    parallel: int = PARALLEL,
    after_round: Callable[[States], None] | None = None,
) -> Iterator[Outcome]:
    """Play games, so many at once, and give each back when it ends.

    A game that ends makes room for the next one, which is taken only then: whoever makes the
    fixtures may look at the results so far. In a round every game is asked for one move, all games
    that wait for the same agent in one batch.

    Args:
        fixtures: the games; none of the openings ends the game.
        game: what is played.
        parallel: games in flight at most.
        after_round: told the positions of all games in flight after every round.
    """
    waiting = iter(fixtures)
    live: list[_Live] = []
    states = game.rules.initial(0)
    while True:
        new = [_Live(each, list(each.opening)) for each in islice(waiting, parallel - len(live))]
        if new:
            begun = [game.after(each.actions) for each in new]
            states = np.concatenate([states, np.array(begun, game.state_dtype)])
            live += new
        if not live:
            return
        _play_round(game, live, states)
        if after_round is not None:
            after_round(states)
        going = ~states["finished"]
        ended = [(live[row], states[row]["returns"][0]) for row in np.flatnonzero(~going)]
        states = states[going]
        live = [each for each, goes in zip(live, going, strict=True) if goes]
        for each, result in ended:
            yield Outcome(
                fixture=each.fixture,
                actions=tuple(each.actions),
                result=float(result),
                resigned=each.resigned,
            )


def _play_round(game: Game, live: list[_Live], states: States) -> None:
    """One move in every game, in place."""
    # Chosen before any agent moves: a game is asked once a round.
    rows_of: dict[int, list[int]] = {}
    agents: dict[int, Agent] = {}
    waiting, movers = ~states["finished"], states["to_play"].tolist()
    for row in np.flatnonzero(waiting).tolist():
        fixture = live[row].fixture
        agent = fixture.second if movers[row] else fixture.first
        agents[id(agent)] = agent
        rows_of.setdefault(id(agent), []).append(row)
    for name, asked in rows_of.items():
        rows = np.array(asked)
        moved = states[rows]
        lines = [live[row].actions for row in asked]
        chosen = agents[name].choose_after(moved, lines).actions
        resigns = chosen == RESIGN
        if resigns.any():
            states[rows[resigns]] = _given_up(moved[resigns])
            for row in rows[resigns].tolist():
                live[row].resigned = True
            rows, moved, chosen = rows[~resigns], moved[~resigns], chosen[~resigns]
        game.rules.step(moved, chosen)
        states[rows] = moved
        for row, action in zip(rows.tolist(), chosen.tolist(), strict=True):
            live[row].actions.append(action)


def _given_up(states: States) -> States:
    """The same positions as games that the player to move has lost."""
    rows = np.arange(len(states))
    states["finished"] = True
    states["returns"][rows, states["to_play"]] = -1.0
    states["returns"][rows, 1 - states["to_play"]] = 1.0
    return states
