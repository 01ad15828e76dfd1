"""A child process as a line channel: every wait has a limit, and no child outlives us."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import weakref
from collections import deque

from agents.agent import AgentError
from agents.protocols.lines import LineReader

_END_SECONDS = 2.0  # between asking a child to end and ending it
_KEPT_COMPLAINTS = 20  # last lines of its standard error

#: Waits for the end of its input, which we hold open, and then ends the process group it is given.
#: Programs exist that spin for ever once nobody writes to them (GNU Chess), and whoever is killed
#: by SIGKILL cannot end his children himself.
_GUARD = ("/bin/sh", "-c", 'read -r _; kill -9 "-$0"')


class ProcessError(AgentError):
    """A program that cannot be started, has ended, or does not answer in time."""


class SilentError(ProcessError):
    """A program that runs and has not answered in time."""


class LineProcess:
    """A running program that is spoken to in lines.

    Args:
        command: as it would be typed; a shell is not asked.

    Raises:
        ProcessError: it cannot be started.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        try:
            arguments = shlex.split(command)
        except ValueError as error:
            raise ProcessError(f"cannot read the command {command!r}: {error}") from None
        if not arguments:
            raise ProcessError("no command is given for the outside program")
        try:
            self._child = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that its own children can be ended with it
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise ProcessError(f"cannot start {arguments[0]!r}: {reason}") from None
        assert self._child.stdin and self._child.stdout and self._child.stderr
        guard = _start_guard(self._child) if os.name != "nt" else None
        self._end = weakref.finalize(self, _end_child, self._child, guard)  # at the exit, too
        self._lines = LineReader(self._child.stdout.fileno())
        self._complaints: deque[bytes] = deque(maxlen=_KEPT_COMPLAINTS)
        threading.Thread(
            target=_collect,
            args=(os.dup(self._child.stderr.fileno()), self._complaints),
            name="complaints",
            daemon=True,
        ).start()

    def write(self, line: str) -> None:
        """Send one line.

        Raises:
            ProcessError: the program has ended, or has closed its input.
        """
        assert self._child.stdin
        try:
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()
        except (OSError, ValueError):
            raise self._ended("no longer reads") from None

    def read(self, *, timeout_seconds: float) -> str:
        """Its next line.

        Raises:
            ProcessError: the program has ended.
            SilentError: it has not written one in time.
        """
        try:
            line = self._lines.next(max(timeout_seconds, 0.0))
        except TimeoutError:
            raise SilentError(f"{self.command!r} does not answer in time") from None
        if line is None:
            raise self._ended("has closed its output")
        return line

    @property
    def unfinished(self) -> str:
        """What it has written of a line without its end."""
        return self._lines.unfinished

    def close(self) -> None:
        """End the program, gently where it lets itself be ended. May be called again."""
        self._end()
        self._lines.close()

    def _ended(self, otherwise: str) -> ProcessError:
        """What became of the program; ``otherwise`` says it of one that still runs."""
        try:
            what = f"has ended with exit code {self._child.wait(_END_SECONDS)}"
        except subprocess.TimeoutExpired:
            what = otherwise
        said = [text for each in self._complaints if (text := each.decode(errors="replace"))]
        last = f": {said[-1].strip()}" if said else ""
        return ProcessError(f"{self.command!r} {what}{last}")


def _collect(descriptor: int, complaints: deque[bytes]) -> None:
    """Keep the last lines of standard error, so that a full pipe never stops the child."""
    rest = b""
    with contextlib.suppress(OSError), os.fdopen(descriptor, "rb", buffering=0):
        while block := os.read(descriptor, 1 << 12):
            *lines, rest = (rest + block).split(b"\n")
            complaints.extend(line[:500] for line in lines if line.strip())
            rest = rest[-500:]
    if rest.strip():
        complaints.append(rest)


def _start_guard(child: subprocess.Popen[bytes]) -> subprocess.Popen[bytes] | None:
    """A shell that ends the child when we are gone, however that came about."""
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            [*_GUARD, str(child.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None


def _end_child(child: subprocess.Popen[bytes], guard: subprocess.Popen[bytes] | None) -> None:
    """Close its input, then ask it to end, then make it."""
    if guard is not None:  # first, so that it never signals a number that has become another's
        guard.kill()
        guard.wait()
        assert guard.stdin
        guard.stdin.close()
    with contextlib.suppress(OSError):
        if child.stdin:
            child.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL if os.name != "nt" else signal.SIGTERM):
        try:
            child.wait(_END_SECONDS / 4 if number == signal.SIGTERM else _END_SECONDS)
            break
        except subprocess.TimeoutExpired:
            _signal_all(child, number)
    else:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_SECONDS)
    if os.name != "nt":  # what it may have started itself
        _signal_all(child, signal.SIGKILL)


def _signal_all(child: subprocess.Popen[bytes], number: int) -> None:
    """Signal the child and the processes that it started."""
    with contextlib.suppress(OSError):
        if os.name == "nt":
            child.terminate()
        else:
            os.killpg(child.pid, number)
