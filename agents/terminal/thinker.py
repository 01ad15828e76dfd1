"""One thread in which an engine is made and thinks, so that the board stays alive meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Thinker:
    """Runs jobs one after the other in a daemon thread.

    A pool of the standard library would keep the program from ending until a long search is over.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="thinker", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Answer]) -> Future[Answer]:
        """Queue ``job``; its answer or its exception arrives in the future."""
        future: Future[Answer] = Future()
        self._jobs.put((job, future))
        return future

    def close(self, last: Callable[[], None], *, patience_seconds: float = 2.0) -> None:
        """Cancel what is queued, run ``last`` and end; a long job is not waited for."""
        while True:
            try:
                entry = self._jobs.get_nowait()
            except queue.Empty:
                break
            if entry is not None:
                entry[1].cancel()
        self._jobs.put((last, Future()))
        self._jobs.put(None)
        self._thread.join(patience_seconds)

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None:
            job, future = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)
