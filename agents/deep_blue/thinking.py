"""Deep Blue behind UCI: one ``go`` in a thread, a depth at a time, until limits or ``stop``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from agents.deep_blue.agent import DeepBlueAgent, value_of
from agents.deep_blue.engine import UNLIMITED, Thought
from agents.protocols.move_text import write_line
from agents.protocols.thinking import Task
from agents.protocols.uci import Report, best_move_line, info_line, seconds_for_move

#: A depth takes longer than all before it together: it is not begun with less than this share of
#: the time left, unless the move has to take all of it.
_LEAST_LEFT = 0.45


class BruteThinking:
    """A search that runs from its making on; it ends with one ``bestmove``.

    Args:
        task: what to search; ``simulations`` are positions.
        agent: whose book, tables and search answer; nobody else may ask it meanwhile.
        only: moves to choose from, as actions; None: all.
        write: takes the lines.
    """

    def __init__(
        self,
        task: Task,
        agent: DeepBlueAgent,
        only: Collection[int] | None,
        write: Callable[[str], None],
    ) -> None:
        self._task, self._agent, self._only, self._write = task, agent, only, write
        self._changed = threading.Condition()
        self._is_cut = self._may_cut = False  # told to answer; the search has a move to answer with
        self._is_pondering = task.limits.ponder
        self._timer: threading.Timer | None = None
        self._started = self._clock_started = time.perf_counter()
        if not self._is_waiting():
            self._set_timer()
        self._thread = threading.Thread(target=self._run, name="brute force", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether ``bestmove`` is still to come."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the search; returns when ``bestmove`` is written."""
        self._cut()
        self._thread.join()

    def ponder_hit(self) -> None:
        """The expected move was played: the limits hold from now on."""
        with self._changed:
            if self._is_pondering:
                self._is_pondering = False
                self._clock_started = time.perf_counter()
                self._set_timer()
            self._changed.notify()

    def finish(self) -> None:
        """Wait for the limits, or stop at once where there are none."""
        if self._is_waiting():
            self._cut()
        self._thread.join()

    def _run(self) -> None:
        known = None if self._only else self._agent.known(self._task.state)
        if known is not None:
            line = self._report(known, rank=1)
        else:
            line = self._search()
        with self._changed:
            self._changed.wait_for(lambda: self._is_cut or not self._is_waiting())
        if self._timer:
            self._timer.cancel()
        self._write(best_move_line(line[:2], self._task.dialect))

    def _search(self) -> tuple[str, ...]:
        """Search deeper and deeper; returns the best line."""
        engine, task = self._agent.engine, self._task
        engine.set_position(task.state)
        moves = engine.moves()
        chosen = len(moves) if self._only is None else len(self._only)
        barred = [] if self._only is None else [m for a, m in moves.items() if a not in self._only]
        best = engine.begin(left_out=barred)
        with self._changed:
            self._may_cut = True
            if self._is_cut:
                engine.stop()
        line = self._report(best, rank=1)
        depth = 1
        while True:
            left_out = [*barred, moves[best.line[0]]]
            for rank in range(2, min(task.lines, chosen) + 1):
                other = engine.deepen(depth, left_out=left_out, nodes=self._nodes())
                if other is None:
                    break
                self._report(other, rank=rank)
                left_out.append(moves[other.line[0]])
            if depth >= self._last_depth() or self._is_over(best, chosen):
                return line
            depth += 1
            found = engine.deepen(depth, left_out=barred, nodes=self._nodes())
            best = found or engine.thought()  # cut off, but what it found before is better
            line = self._report(best, rank=1)
            if found is None:
                return line

    def _is_over(self, best: Thought, chosen: int) -> bool:
        """Whether a depth more would be of no use, or would not be finished."""
        if self._is_cut:
            return True
        if self._is_waiting():
            return False
        limits, seconds = self._task.limits, self._seconds()
        if best.plies_to_mate is not None and abs(best.plies_to_mate) <= best.depth:
            return True
        if seconds is None or limits.move_time is not None:
            return False
        left = self._clock_started + seconds - time.perf_counter()
        return chosen == 1 or left < _LEAST_LEFT * seconds

    def _cut(self) -> None:
        with self._changed:
            self._is_cut = True
            if self._may_cut:
                self._agent.engine.stop()
            self._changed.notify()

    def _set_timer(self) -> None:
        seconds = self._seconds()
        if seconds is not None:
            left = self._clock_started + seconds - time.perf_counter()
            self._timer = threading.Timer(max(left, 0.0), self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _is_waiting(self) -> bool:
        return self._is_pondering or self._task.limits.infinite

    def _seconds(self) -> float | None:
        task = self._task
        return seconds_for_move(task.limits, int(task.state["to_play"]), ponders=task.ponders)

    def _nodes(self) -> int:
        """Positions within the limits; those of the agent where nothing else limits the search."""
        limits = self._task.limits
        if self._is_waiting():
            return UNLIMITED
        if limits.nodes is not None:
            return max(limits.nodes, 1)
        is_limited = self._seconds() is not None or limits.depth is not None
        return UNLIMITED if is_limited else self._task.simulations

    def _last_depth(self) -> int:
        depth = self._task.limits.depth
        if depth is None or self._is_waiting():
            return self._agent.depth
        return min(max(depth, 1), self._agent.depth)

    def _report(self, thought: Thought, *, rank: int) -> tuple[str, ...]:
        """Write ``info`` for a line of play and return its moves."""
        task = self._task
        moves = write_line(task.game, task.state, thought.line)
        report = Report(
            moves,
            value=value_of(thought),
            draw=0.0,
            mate_plies=None if thought.plies_to_mate is None else abs(thought.plies_to_mate),
            rank=rank,
        )
        self._write(
            info_line(
                report,
                task.dialect,
                simulations=self._agent.engine.nodes,
                seconds=time.perf_counter() - self._started,
                shows_wdl=task.shows_wdl,
                depth=max(thought.depth, 1),
            )
        )
        return moves
