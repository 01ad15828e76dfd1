"""The analysis service: questions in, answers out, as many positions at once as there are trees."""

from __future__ import annotations

import heapq
import importlib.metadata
import time
from collections.abc import Callable
from typing import Any

from agents.analysis.answers import AnswerWriter, shown_moves
from agents.analysis.fields import QueryError
from agents.analysis.ownership import PointsReader
from agents.analysis.query import Order, Position, Question, Usual, parse_line, read_line
from agents.analysis.trees import Growth, TreePool
from agents.protocols.lines import LineReader
from agents.search_agent import SearchAgent

#: Positions that may wait; with more, no lines are read until some are answered.
MOST_WAITING = 5_000

Write = Callable[[dict[str, Any]], None]


class _Job:
    """One position of a question, waiting or searched."""

    __slots__ = ("ends_at", "growth", "number", "position", "question", "reports_at")

    def __init__(self, question: Question, position: Position, number: int) -> None:
        self.question = question
        self.position = position
        self.number = number  # in the order of arrival
        self.growth: Growth | None = None
        self.reports_at: float | None = None
        self.ends_at: float | None = None

    def __lt__(self, other: _Job) -> bool:
        """Order of the queue: the higher priority, then who came first."""
        mine, theirs = self.position.priority, other.position.priority
        return (-mine, self.number) < (-theirs, other.number)


class AnalysisService:
    """Answers lines of the analysis protocol.

    A position of a higher priority is searched before, and instead of, those of a lower one; one
    tree is kept free for it.

    Args:
        agent: says how to search and what judges the leaves; its simulations are the usual visits.
        write: takes the answers as objects.
        positions: searched at once.
        threads: that search (see ``TreePool``).
        view: whose chances are told where a question does not say: player 0's, player 1's, or
            None for the player to move.
        ownership: for ``includeOwnership``; None where nothing foresees it.
    """

    def __init__(
        self,
        agent: SearchAgent,
        write: Write,
        *,
        positions: int = 16,
        threads: int = 1,
        view: int | None = 0,
        ownership: PointsReader | None = None,
    ) -> None:
        self._agent = agent
        self._write = write
        self._usual = Usual(visits=agent.simulations, view=view)
        self._positions = positions
        self._ownership = ownership
        self._answers = AnswerWriter(agent.game)
        self._pool = TreePool(agent, rows=positions + 1, threads=threads)
        self._waiting: list[_Job] = []
        self._running: list[_Job] = []
        self._jobs = 0

    def serve(self, lines: LineReader) -> None:
        """Answer line after line until the input ends and all that it asked is answered."""
        is_over = False
        while not is_over or self.is_busy:
            while not is_over and len(self._waiting) < MOST_WAITING:
                if self.is_busy and not lines.is_waiting:
                    break
                line = lines.next()
                is_over = line is None
                if line is not None:
                    self.take(line)
            # At the end of the input there is nothing to be interrupted for.
            self.step(is_ended=None if is_over else lambda: lines.is_waiting)

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be answered."""
        return bool(self._waiting or self._running)

    def take(self, line: str) -> None:
        """Take one line: an empty one is passed over, a wrong one is answered at once."""
        if not line.strip():
            return
        values: dict[str, Any] = {}
        try:
            values = parse_line(line)
            asked = read_line(values, self._agent.game, self._usual)
            if isinstance(asked, Order):
                self._obey(asked)
            else:
                self._queue(asked)
        except QueryError as error:
            answer: dict[str, Any] = {"error": " ".join(str(error).split()), "field": error.field}
            if isinstance(values.get("id"), str):
                answer["id"] = values["id"]
            self._write(answer)

    def step(self, *, is_ended: Callable[[], bool] | None = None) -> None:
        """Search what is most urgent a little further, and answer what is finished.

        Args:
            is_ended: asked every few milliseconds; True ends the step.
        """
        self._start_waiting()
        if not self._running:
            return
        highest = max(job.position.priority for job in self._running)
        urgent = [job for job in self._running if job.position.priority == highest]
        self._pool.step([job.growth for job in urgent if job.growth], is_ended=is_ended)
        now = time.monotonic()
        for job in urgent:
            assert job.growth is not None
            if job.growth.is_final or (job.ends_at is not None and now >= job.ends_at):
                self._end(job)
            elif job.reports_at is not None and now >= job.reports_at:
                job.reports_at = now + (job.question.report_every or 0.0)
                self._answer(job, is_partial=True)

    # --- Questions ------------------------------------------------------------------------------

    def _queue(self, question: Question) -> None:
        if question.with_ownership and self._ownership is None:
            # No refusal: programs for KataGo ask for it with every question.
            message = (
                f"{self._agent.name} does not foresee whose points are whose (a network of Go "
                "that was trained with network.ownership does, and mcts)"
            )
            self._write({"id": question.id, "warning": message, "field": "includeOwnership"})
        for message, name in question.warnings:
            self._write({"id": question.id, "warning": message, "field": name})
        for position in question.positions:
            self._jobs += 1
            job = _Job(question, position, self._jobs)
            if position.state["finished"]:
                fields = self._answers.finished(question, position.state)
                self._write({**self._head(job), **fields})
            else:
                heapq.heappush(self._waiting, job)

    def _start_waiting(self) -> None:
        """Give trees to what waits: the last one to nothing but what is more urgent than all."""
        while self._waiting and self._pool.free:
            if self._pool.free == 1 and len(self._running) >= self._positions:
                highest = max(job.position.priority for job in self._running)
                if self._waiting[0].position.priority <= highest:
                    return
            job = heapq.heappop(self._waiting)
            position, question = job.position, job.question
            job.growth = self._pool.add(
                position.state, simulations=question.visits, only=position.only
            )
            now = time.monotonic()
            if question.report_every is not None:
                job.reports_at = now + question.report_every
            if question.seconds is not None:
                job.ends_at = now + question.seconds
            self._running.append(job)

    def _end(self, job: _Job) -> None:
        """Answer for the last time, and make room."""
        assert job.growth is not None
        self._answer(job, is_partial=False)
        self._pool.remove(job.growth)
        self._running.remove(job)

    def _answer(self, job: _Job, *, is_partial: bool) -> None:
        growth, state = job.growth, job.position.state
        if growth is None or not (growth.spent or growth.is_final):
            self._write({**self._head(job, is_partial=is_partial), "noResults": True})
            return
        moves = self._pool.moves(growth)
        fields = self._answers.searched(
            job.question, state, moves, visits=growth.spent, value=growth.value
        )
        if self._ownership:
            foreseen = self._ownership.read(state, shown_moves(moves))
            self._answers.add_points(fields, job.question, state, foreseen)
        self._write({**self._head(job, is_partial=is_partial), **fields})

    def _head(self, job: _Job, *, is_partial: bool = False) -> dict[str, Any]:
        return {
            "id": job.question.id,
            "turnNumber": job.position.turn,
            "isDuringSearch": is_partial,
        }

    # --- Orders ---------------------------------------------------------------------------------

    def _obey(self, order: Order) -> None:
        answer = dict(order.fields)
        if order.action == "query_version":
            answer |= {"version": _version(), "name": "Meijin"}
        elif order.action == "query_models":
            game = self._agent.game.id
            answer["models"] = [{"name": self._agent.name, "game": game}]
        elif order.action == "clear_cache":
            clear = getattr(self._agent.evaluator, "clear", None)
            if clear is not None:
                clear()
        self._write(answer)
        if order.action in ("terminate", "terminate_all"):
            self._terminate(order)

    def _terminate(self, order: Order) -> None:
        """End questions early: each position is answered with what is known of it."""

        def is_meant(job: _Job) -> bool:
            return (order.action == "terminate_all" or job.question.id == order.terminate_id) and (
                order.turns is None or job.position.turn in order.turns
            )

        for job in [job for job in self._running if is_meant(job)]:
            self._end(job)
        ended = sorted(job for job in self._waiting if is_meant(job))
        self._waiting = [job for job in self._waiting if not is_meant(job)]
        heapq.heapify(self._waiting)
        for job in ended:
            self._answer(job, is_partial=False)


def _version() -> str:
    try:
        return importlib.metadata.version("meijin")
    except importlib.metadata.PackageNotFoundError:
        return "source"
