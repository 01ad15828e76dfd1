"""Lines of a stream, read in a thread, so that a search sees whether another one waits."""

from __future__ import annotations

import contextlib
import os
import queue
import threading

#: A longer line is cut: nothing in any protocol is longer, and memory stays bounded.
LONGEST_LINE = 1 << 20
#: Lines read ahead; whoever writes more has to wait.
_MOST_WAITING = 1000
_LOOK_SECONDS = 0.5  # between two looks whether they are still wanted


class LineReader:
    """Reads the lines of a file descriptor in the order in which they come.

    A descriptor and not a file: a thread that waits inside a file object holds its lock, and the
    program could not end before the next line. It is duplicated, for whoever owns it may close it
    while the thread still reads, and its number would then belong to something else.
    """

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._is_over = False
        self._is_closed = False
        self._rest = bytearray()
        threading.Thread(
            target=self._read, args=(os.dup(descriptor),), name="line-reader", daemon=True
        ).start()

    def next(self, timeout_seconds: float | None = None) -> str | None:
        """The next line without its end; None once the stream is over.

        Raises:
            TimeoutError: it did not come in time.
        """
        if self._is_over:
            return None
        try:
            line = self._lines.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError from None
        self._is_over = line is None
        return line

    @property
    def unfinished(self) -> str:
        """What has come of a line whose end has not."""
        return bytes(self._rest).decode("utf-8", errors="replace")

    @property
    def is_waiting(self) -> bool:
        """Whether a line, or the end of the stream, is there to be read."""
        return self._is_over or not self._lines.empty()

    def close(self) -> None:
        """No more lines are wanted: a thread with lines that nobody takes ends."""
        self._is_closed = True

    def _read(self, descriptor: int) -> None:
        try:
            while block := os.read(descriptor, 1 << 16):
                *lines, last = block.split(b"\n")
                for line in lines:
                    self._put(self._rest + line)
                    self._rest = bytearray()
                self._rest += last[: max(LONGEST_LINE - len(self._rest), 0)]
        except OSError:  # closed on our side, or a terminal that has gone: the same as an end
            pass
        finally:
            os.close(descriptor)
        if self._rest:
            self._put(self._rest)
        self._put(None)

    def _put(self, line: bytearray | None) -> None:
        text = None
        if line is not None:
            text = line[:LONGEST_LINE].decode("utf-8", errors="replace").rstrip("\r")
        while not self._is_closed:
            with contextlib.suppress(queue.Full):
                self._lines.put(text, timeout=_LOOK_SECONDS)
                return
