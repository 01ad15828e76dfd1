"""Games on a clock: one after the other, since no player shall wait for another game's moves.

The rules: a clock runs from the question to the answer, the way to a program and back included.
Whoever takes longer than is left has lost the game, whatever was answered. Programs are started,
and told of the new game, before any clock runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np

from agents.agent import RESIGN, Agent
from agents.arena.fixtures import Fixture, Outcome
from agents.protocols.clock import Clock, TimeSettings
from agents.protocols.program_agent import ProgramAgent
from agents.protocols.timed_search import TimedSearch
from agents.search_agent import SearchAgent
from games.game import Game, States


def play_on_clock(
    fixtures: Iterable[Fixture],
    settings: TimeSettings,
    *,
    game: Game,
    after_move: Callable[[States], None] | None = None,
) -> Iterator[Outcome]:
    """Play games on a clock, and give each back when it ends.

    Agents that search a tree share their time out: they search as long as a move may take, and not
    more simulations than they are named for. All other agents of ours take the time they take.

    Args:
        fixtures: the games; none of the openings ends the game.
        settings: the time of each player.
        game: what is played.
        after_move: told the position ``[1]`` after every move.

    Raises:
        AgentError: a program cannot play on such a clock.
    """
    with closing(_Table(game, settings, after_move)) as table:
        for fixture in fixtures:
            yield table.play(fixture)


class _Table:
    """Where games on a clock are played; the trees of our agents stay from game to game."""

    def __init__(
        self, game: Game, settings: TimeSettings, after_move: Callable[[States], None] | None
    ) -> None:
        self._game = game
        self._settings = settings
        self._after_move = after_move
        self._searches: dict[int, TimedSearch] = {}  # by the agent's id

    def play(self, fixture: Fixture) -> Outcome:
        """One game to its end."""
        game = self._game
        players = (fixture.first, fixture.second)
        for agent in players:
            self._prepare(agent)
        clocks = (Clock(self._settings), Clock(self._settings))
        states = np.array([game.after(list(fixture.opening))], game.state_dtype)
        actions = list(fixture.opening)
        while not states[0]["finished"]:
            mover = int(states[0]["to_play"])
            began = time.monotonic()
            action = self._ask(players[mover], states[0], actions, clocks)
            is_late = clocks[mover].spend(time.monotonic() - began)
            if is_late or action == RESIGN:
                result = -1.0 if mover == 0 else 1.0
                return Outcome(fixture, tuple(actions), result, resigned=True, on_time=is_late)
            game.rules.step(states, np.array([action], np.int32))
            actions.append(action)
            for each in {id(agent) for agent in players} & self._searches.keys():
                self._searches[each].observe(action)
            if self._after_move is not None:
                self._after_move(states)
        return Outcome(fixture, tuple(actions), float(states[0]["returns"][0]))

    def close(self) -> None:
        """Let go of the trees."""
        for search in self._searches.values():
            search.close()
        self._searches.clear()

    def _prepare(self, agent: Agent) -> None:
        """What takes time before the first move."""
        if isinstance(agent, ProgramAgent):
            agent.begin_on_clock(self._settings)
        elif isinstance(agent, SearchAgent):
            if id(agent) not in self._searches:
                self._searches[id(agent)] = TimedSearch(agent)
                self._searches[id(agent)].prepare()
            self._searches[id(agent)].forget()

    def _ask(
        self, agent: Agent, state: np.void, actions: list[int], clocks: tuple[Clock, Clock]
    ) -> int:
        if isinstance(agent, ProgramAgent):
            return agent.choose_on_clock(state, actions, clocks)
        if isinstance(agent, SearchAgent):
            seconds = clocks[int(state["to_play"])].seconds_for_move()
            return self._searches[id(agent)].choose(state, seconds, most=agent.simulations)
        states = np.array([state], self._game.state_dtype)
        return int(agent.choose_after(states, [actions]).actions[0])
