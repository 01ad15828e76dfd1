"""One search under the limits of a ``go``, in a thread of its own: slice by slice, until told."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.protocols.move_text import write_line
from agents.protocols.uci import (
    Dialect,
    GoLimits,
    Report,
    best_move_line,
    depth_of,
    info_line,
    seconds_for_move,
    simulations_of_depth,
    text_line,
)
from agents.protocols.watched_search import FIRST_SLICE, WatchedSearch, next_slice
from engine.search.root_moves import RootMove
from games.game import Game

_INFO_SECONDS = 1.0  # at least so often
_QUIET_SECONDS = 0.05  # but not more often than this


@dataclass(frozen=True, slots=True)
class Task:
    """What one ``go`` asks for."""

    game: Game
    state: np.void
    limits: GoLimits
    simulations: int  # where the limits say nothing
    lines: int  # of play to report
    shows_wdl: bool
    ponders: bool
    dialect: Dialect
    only: frozenset[int] | None = None  # moves to choose from, as actions; None: all

    @property
    def seconds(self) -> float | None:
        """How long the limits let the player to move think; None: no time is said."""
        return seconds_for_move(self.limits, int(self.state["to_play"]), ponders=self.ponders)


class Thinking:
    """A search that runs from its making on until its limits are reached or it is stopped.

    Every search ends with one ``bestmove``, a failing one too; while it is infinite or pondering it
    holds that back.

    Attributes:
        has_failed: whether the search raised: its tree is not to be used again.
    """

    def __init__(
        self, task: Task, prepare: Callable[[], WatchedSearch], write: Callable[[str], None]
    ) -> None:
        """Begin.

        Args:
            task: what to search.
            prepare: called in the thread; the search with its root at the position.
            write: takes the lines.
        """
        self._task = task
        self._prepare = prepare
        self._write = write
        self.has_failed = False
        self._line: tuple[str, ...] = ()  # of play, the last that was reported
        self._changed = threading.Condition()
        self._is_stopped = False
        self._is_pondering = task.limits.ponder
        self._started = self._clock_started = time.perf_counter()
        self._spent = 0
        self._thread = threading.Thread(target=self._run, name="thinking", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether ``bestmove`` is still to come."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the search; returns when ``bestmove`` is written."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.join()

    def ponder_hit(self) -> None:
        """The expected move was played: the limits hold from now on."""
        with self._changed:
            if self._is_pondering:
                self._is_pondering = False
                self._clock_started = time.perf_counter()
            self._changed.notify()

    def finish(self) -> None:
        """Wait for the limits, or stop at once where there are none."""
        if self._is_waiting():
            self.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            line = self._think()
        except Exception as error:  # a fault of ours; the client's game goes on
            self.has_failed = True
            self._write(fault_line(error))
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or not self._is_waiting())
            line = self._line or any_line(self._task)
        self._write(best_move_line(line[:2], self._task.dialect))

    def _think(self) -> tuple[str, ...]:
        """Search until an answer is wanted; returns the best line."""
        search = self._prepare()
        size = FIRST_SLICE
        said, said_depth = self._started, 0
        while True:
            begun = time.perf_counter()
            most = min(size, search.max_simulations, self._simulations_left())
            result = search.grow(most, is_ended=self._is_due)
            made = int(result.simulations[0])
            self._spent += made
            now = time.perf_counter()
            if self._is_over(now, settled=made == 0, forced=int(result.counts[0]) == 1):
                break
            size = next_slice(made, now - begun)
            depth = depth_of(self._spent)
            is_news = depth > said_depth and now - said > _QUIET_SECONDS
            if is_news or now - said > _INFO_SECONDS:
                self._report(search.candidates(self._task.lines))
                said, said_depth = now, depth
        self._report(search.candidates(self._task.lines))
        return self._line

    def _is_over(self, now: float, *, settled: bool, forced: bool) -> bool:
        """Whether to answer; waits where nothing is left to search but nobody wants an answer."""
        with self._changed:
            if settled:
                self._changed.wait_for(lambda: self._is_stopped or not self._is_waiting())
                return True
            if self._is_stopped:
                return True
            if self._is_waiting():
                return False
        seconds = self._seconds_left(now)
        return self._simulations_left() <= 0 or (
            seconds is not None
            and (seconds <= 0 or (forced and self._task.limits.move_time is None))
        )

    def _is_due(self) -> bool:
        """Whether an answer is wanted now; asked by all threads of the search."""
        if self._spent == 0 and not self._is_stopped:
            return False  # a first look, however short the time
        left = self._seconds_left(time.perf_counter())
        return self._is_stopped or (left is not None and left <= 0)

    def _is_waiting(self) -> bool:
        return self._is_pondering or self._task.limits.infinite

    def _simulations_left(self) -> int:
        """Simulations within the limits; a large number where time alone limits the search."""
        limits = self._task.limits
        if self._is_waiting():
            return 1 << 30
        bounds = [limits.nodes] if limits.nodes is not None else []
        if limits.depth is not None:
            bounds.append(simulations_of_depth(limits.depth))
        if not bounds and self._task.seconds is None:
            bounds.append(self._task.simulations)
        return max(min(bounds, default=1 << 30), 1) - self._spent

    def _seconds_left(self, now: float) -> float | None:
        seconds = None if self._is_waiting() else self._task.seconds
        return None if seconds is None else self._clock_started + seconds - now

    def _report(self, best: list[RootMove]) -> None:
        """Write ``info`` for each line of play, the best first."""
        task = self._task
        seconds = time.perf_counter() - self._started
        for rank, each in enumerate(best, start=1):
            moves = write_line(task.game, task.state, each.line)
            mate = each.plies if each.plies is not None and each.value != 0 else None
            report = Report(moves, value=each.value, draw=each.draw, mate_plies=mate, rank=rank)
            self._write(
                info_line(
                    report,
                    task.dialect,
                    simulations=self._spent,
                    seconds=seconds,
                    shows_wdl=task.shows_wdl,
                )
            )
            if rank == 1:
                self._line = moves


class Settled:
    """What stands for a search where the game is over: nothing is searched, and one line answers.

    While a search would be infinite or pondering that line is held back, too.

    Args:
        limits: of the ``go``.
        answer: the line.
        write: takes it.

    Attributes:
        is_running: whether the line is still to come.
        has_failed: never, as nothing is searched.
    """

    has_failed = False

    def __init__(self, limits: GoLimits, answer: str, write: Callable[[str], None]) -> None:
        self._is_infinite, self._is_pondering = limits.infinite, limits.ponder
        self._answer = answer
        self._write = write
        self.is_running = True
        self._answer_unless_waiting()

    def stop(self) -> None:
        """Answer, unless that was done."""
        if self.is_running:
            self.is_running = False
            self._write(self._answer)

    def ponder_hit(self) -> None:
        """The expected move was played: the limits hold from now on."""
        self._is_pondering = False
        self._answer_unless_waiting()

    def finish(self) -> None:
        """No more lines come."""
        self.stop()

    def _answer_unless_waiting(self) -> None:
        if not self._is_waiting():
            self.stop()

    def _is_waiting(self) -> bool:
        return self._is_pondering or self._is_infinite


def fault_line(error: Exception) -> str:
    """What the client is told of an exception that ended a search."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return text_line(f"the search failed: {type(error).__name__} at {where}: {error}")


def any_line(task: Task) -> tuple[str, ...]:
    """A legal move, for a search that has found none."""
    game, state = task.game, task.state
    action = min(task.only) if task.only else game.legal(state)[0]
    return write_line(game, state, (action,))
