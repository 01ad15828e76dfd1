"""Deep Blue behind UCI: one ``go`` in a thread, a depth at a time, until limits or ``stop``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from agents.deep_blue.agent import DeepBlueAgent, value_of
from agents.deep_blue.engine import UNLIMITED, Thought
from agents.protocols.move_text import write_line
from agents.protocols.thinking import Task, any_line, fault_line
from agents.protocols.uci import Report, best_move_line, info_line

#: A depth takes longer than all before it together: it is not begun with less than this share of
#: the time left, unless the move has to take all of it.
_LEAST_LEFT = 0.45


class BruteThinking:
    """A search that runs from its making on; it ends with one ``bestmove``, a failing one too.

    Args:
        task: what to search; ``simulations`` are positions.
        agent: whose book, tables and search answer; nobody else may ask it meanwhile.
        write: takes the lines.

    Attributes:
        has_failed: whether the search raised.
    """

    def __init__(self, task: Task, agent: DeepBlueAgent, write: Callable[[str], None]) -> None:
        self._task, self._agent, self._write = task, agent, write
        self.has_failed = False
        self._line: tuple[str, ...] = ()  # of play, the best that was reported
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
        try:
            known = None if self._task.only else self._agent.known(self._task.state)
            if known is not None:
                self._report([known])
            else:
                self._search()
        except Exception as error:  # a fault of ours; the client's game goes on
            self.has_failed = True
            self._write(fault_line(error))
        with self._changed:
            self._changed.wait_for(lambda: self._is_cut or not self._is_waiting())
        if self._timer:
            self._timer.cancel()
        line = self._line or any_line(self._task)
        self._write(best_move_line(line[:2], self._task.dialect))

    def _search(self) -> None:
        """Search deeper and deeper, and report the best lines of every depth."""
        engine, task = self._agent.engine, self._task
        engine.set_position(task.state)
        moves = engine.moves()
        only = frozenset(moves) if task.only is None else task.only
        barred = [move for action, move in moves.items() if action not in only]
        best = engine.begin(left_out=barred)
        with self._changed:
            self._may_cut = True
            if self._is_cut:
                engine.stop()
        depth = 1
        while True:
            found, left_out = [best], [*barred, moves[best.line[0]]]
            while len(found) < min(task.lines, len(only)):
                other = engine.deepen(depth, left_out=left_out, nodes=self._nodes())
                if other is None:
                    break
                found.append(other)
                left_out.append(moves[other.line[0]])
            # The hash table may let a later search of the same depth see more than an earlier one.
            found.sort(key=lambda each: -each.score)
            self._report(found)
            if depth >= self._last_depth() or self._is_over(found[0], len(only)):
                return
            depth += 1
            engine.take_up(moves[found[0].line[0]], found[0].score)
            deeper = engine.deepen(depth, left_out=barred, nodes=self._nodes())
            if deeper is None:
                self._report_cut(found, engine.thought(), depth)
                return
            best = deeper

    def _report_cut(self, found: list[Thought], last: Thought, depth: int) -> None:
        """Report the end of a depth that was cut off: the move it leaves off with is the best."""
        if last.line[0] != found[0].line[0]:
            self._report([replace(last, depth=depth)])
        else:
            self._report(found if len(found) > 1 else [last])

    def _is_over(self, best: Thought, chosen: int) -> bool:
        """Whether a depth more would be of no use, or would not be finished."""
        if self._is_cut:
            return True
        if self._is_waiting():
            return False
        limits, seconds = self._task.limits, self._task.seconds
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
        seconds = self._task.seconds
        if seconds is not None:
            left = self._clock_started + seconds - time.perf_counter()
            self._timer = threading.Timer(max(left, 0.0), self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _is_waiting(self) -> bool:
        return self._is_pondering or self._task.limits.infinite

    def _nodes(self) -> int:
        """Positions within the limits; those of the agent where nothing else limits the search."""
        limits = self._task.limits
        if self._is_waiting():
            return UNLIMITED
        if limits.nodes is not None:
            return max(limits.nodes, 1)
        is_limited = self._task.seconds is not None or limits.depth is not None
        return UNLIMITED if is_limited else self._task.simulations

    def _last_depth(self) -> int:
        depth = self._task.limits.depth
        if depth is None or self._is_waiting():
            return self._agent.depth
        return min(max(depth, 1), self._agent.depth)

    def _report(self, thoughts: list[Thought]) -> None:
        """Write ``info`` for each line of play, the best first."""
        task = self._task
        for rank, thought in enumerate(thoughts, start=1):
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
            if rank == 1:
                self._line = moves
