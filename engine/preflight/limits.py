"""A limit on the time that a piece of plain Python may take."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TookTooLong(BaseException):
    """Raised inside code that has not come back in time."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise ``TookTooLong`` in this thread, wherever it is, once ``seconds`` have passed.

    Only Python is interrupted; a call into compiled code first has to return.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    lock = threading.Lock()
    running = True

    class _InTime(TookTooLong):
        def __str__(self) -> str:
            return f"it has not come back after {seconds:g} seconds"

    def interrupt() -> None:
        with lock:
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_InTime))

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            running = False
