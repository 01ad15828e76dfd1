"""Who plays behind a GTP server: an agent, its clocks, and the tree that it keeps on them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from agents.agent import Agent
from agents.protocols.clock import Clock, TimeSettings
from agents.protocols.timed_search import TimedSearch
from agents.search_agent import SearchAgent


class GtpPlayer:
    """An agent that is asked for moves of either colour, with or without a clock.

    Args:
        agent: who plays; one that searches keeps a tree of its own where time counts.
        is_bounded: whether the agent's simulations bound its moves on a clock, too.
        ponders: whether it searches on while the other side thinks.
    """

    def __init__(self, agent: Agent, *, is_bounded: bool, ponders: bool) -> None:
        self.agent = agent
        self.ponders = ponders
        self._is_bounded = is_bounded
        self._clocks: tuple[Clock, Clock] | None = None
        self._timed: TimedSearch | None = None

    def sit_down(self, agent: Agent) -> None:
        """Another agent plays from now on; the clocks go on."""
        self.agent.close()
        self.agent = agent
        if self._timed is not None:
            self._timed.close()
            self._timed = None

    # --- The game ---------------------------------------------------------------------------------

    def choose(self, state: np.void, player: int, *, on_clock: bool = True) -> int:
        """The move of a player; with ``on_clock`` the time is counted, where there is any."""
        clock = self._clocks[player] if self._clocks and on_clock else None
        began = time.monotonic()
        search = self._search() if clock is not None or self.ponders else None
        if search is not None:
            seconds = clock.seconds_for_move() if clock is not None else math.inf
            most = None if clock is not None and not self._is_bounded else self._simulations
            action = search.choose(state, seconds, most=most)
        else:
            action = int(self.agent.choose_one(state).actions[0])
        if clock is not None:
            clock.spend(time.monotonic() - began)
        return action

    def ponder(self, state: np.void, is_ended: Callable[[], bool]) -> None:
        """Search a position in which the other side is to move, until ``is_ended``.

        What is found stays in the tree and counts when the move has come.
        """
        search = self._search()
        if search is not None:
            search.ponder(state, is_ended)

    def observe(self, actions: tuple[int, ...]) -> None:
        """Told of moves that were played, by either side."""
        for action in actions:
            self.agent.observe_move(action)
            if self._timed is not None:
                self._timed.observe(action)

    def forget(self) -> None:
        """What it knows belongs to a game that is no longer played."""
        self.agent.reset(seed=self.agent.seed)
        if self._timed is not None:
            self._timed.forget()

    # --- Time -------------------------------------------------------------------------------------

    def set_time(self, settings: TimeSettings) -> None:
        """New clocks for both; everything that a search on them needs is loaded now."""
        clocks = (Clock(settings), Clock(settings))
        self._clocks = None if settings.is_unlimited else clocks
        if self._clocks and (search := self._search()) is not None:
            search.prepare()

    def set_left(self, player: int, seconds: float, stones: int) -> None:
        """What the controller says is left to a player."""
        if self._clocks is None:
            unknown = TimeSettings(main=seconds, period=0.0, stones=0)
            self._clocks = (Clock(unknown), Clock(unknown))
        self._clocks[player].set_left(seconds, stones)

    def clock_of(self, player: int) -> Clock | None:
        """The clock of a player; None: there is no limit."""
        return self._clocks[player] if self._clocks else None

    def most_on_clock(self) -> int | None:
        """Simulations of a move on a clock at most; None: time alone counts."""
        return self._simulations if self._is_bounded else None

    @property
    def _simulations(self) -> int | None:
        """Of a move, where no clock says otherwise."""
        return self.agent.simulations if isinstance(self.agent, SearchAgent) else None

    def _search(self) -> TimedSearch | None:
        """The tree of an agent that searches one."""
        if self._timed is None and isinstance(self.agent, SearchAgent):
            self._timed = TimedSearch(self.agent)
        return self._timed
