"""Moves on a clock: one tree, kept from move to move, searched by all cores until time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from agents.protocols.watched_search import FIRST_SLICE, WatchedSearch
from agents.search_agent import SearchAgent

_FIRST_LAG = 0.02  # seconds that an answer is thought to be late, before it is known
_LAG_KEPT = 0.9  # of it, for the next move, where that one was less late


class TimedSearch:
    """Chooses moves for a game that is followed move by move.

    Args:
        agent: says how to search and what judges the leaves.
    """

    def __init__(self, agent: SearchAgent) -> None:
        self._agent = agent
        self._search: WatchedSearch | None = None
        self._root: np.void | None = None  # what the tree is about; None: nothing
        self._lag = _FIRST_LAG  # seconds; more on a machine that others use

    def prepare(self) -> None:
        """Have everything loaded before a clock runs."""
        if self._search is None:
            self._search = WatchedSearch(self._agent)
            self._search.warm_up()

    @property
    def visits(self) -> int:
        """Of the position that the tree is about, so far."""
        return self._search.visits(0) if self._search is not None and self._root is not None else 0

    def choose(self, state: np.void, seconds: float, *, most: int | None = None) -> int:
        """The action to play, after so many seconds or as soon as it is certain.

        A few simulations are made however short the time; a single legal move is played at once.
        How late the last answers were is taken off the time.

        Args:
            state: an unfinished position.
            seconds: that may be taken; infinite where ``most`` alone counts.
            most: new simulations at most, however much time there is; None: time alone counts.
        """
        deadline = time.monotonic() + max(seconds - self._lag, 0.0)
        try:
            return self._choose(state, deadline, most)
        finally:
            late = time.monotonic() - deadline
            self._lag = max(late, _LAG_KEPT * self._lag)

    def ponder(self, state: np.void, is_ended: Callable[[], bool]) -> None:
        """Search a position in which somebody else is to move, until ``is_ended``.

        Returns before that where the result is certain or the tree is full.
        """
        search = self._at(state)
        search.grow(search.max_simulations, is_ended=is_ended)

    def _at(self, state: np.void) -> WatchedSearch:
        """The tree, with a position at its root."""
        self.prepare()
        search = self._search
        assert search is not None
        if self._root is None or self._root["key"] != state["key"]:
            search.start(state)
            self._root = state.copy()
        return search

    def _choose(self, state: np.void, deadline: float, most: int | None) -> int:
        search = self._at(state)
        most = min(most or search.max_simulations, search.max_simulations)
        result = search.grow(min(FIRST_SLICE, most))
        left = most - int(result.simulations[0])
        if left > 0 and int(result.counts[0]) > 1:
            search.grow(left, is_ended=lambda: time.monotonic() >= deadline)
        return search.candidates(1)[0].action

    def observe(self, action: int) -> None:
        """Told of each move of the game: what is known below it is kept."""
        if self._search is None or self._root is None:
            return
        self._search.advance(np.array([action], np.int32))
        states = np.array([self._root], self._agent.game.state_dtype)
        self._agent.game.rules.step(states, np.array([action], np.int32))
        self._root = None if states[0]["finished"] else states[0].copy()

    def forget(self) -> None:
        """The game is another one: begin with nothing."""
        self._root = None

    def close(self) -> None:
        """End the threads."""
        if self._search is not None:
            self._search.close()
            self._search = None
        self._root = None
