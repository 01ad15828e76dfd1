"""Workers and learner as processes of this machine: the default, which needs no server."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


class ParentGoneError(RuntimeError):
    """The driver has died; a part that sees this ends itself."""


class LocalPart:
    """A process of this machine behind a pipe."""

    def __init__(self, name: str, main: Callable[..., None], *arguments: Any) -> None:
        """Start ``main(link, *arguments)`` in a fresh interpreter (spawn: no inherited threads)."""
        context = multiprocessing.get_context("spawn")
        self.name = name
        ours, theirs = context.Pipe()
        self._connection = ours
        self._process = context.Process(
            target=_run, name=f"meijin-{name}", args=(main, theirs, *arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    def send(self, message: object) -> None:
        """Hand over a message; silently dropped when the process has died."""
        try:
            self._connection.send(message)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass

    def receive(self) -> list[object]:
        """All messages that have arrived."""
        messages = []
        try:
            while self._connection.poll():
                messages.append(self._connection.recv())
        except (EOFError, ConnectionResetError, OSError):
            pass
        return messages

    def wait(self, seconds: float) -> list[object]:
        """All messages that have arrived, after waiting so long for the first at most."""
        try:
            self._connection.poll(seconds)
        except (EOFError, ConnectionResetError, OSError):
            pass
        return self.receive()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How it ended: 0 well, negative by that signal; None while it runs."""
        return self._process.exitcode

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once and wait for it."""
        self._process.kill()
        self._process.join(5)

    def join(self, seconds: float) -> bool:
        """Wait for it to end by itself; whether it has."""
        self._process.join(seconds)
        return not self._process.is_alive()


class Link:
    """The part's side of the pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Hand a message to the driver.

        Raises:
            ParentGoneError: nobody is there any more.
        """
        try:
            self._connection.send(message)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ParentGoneError from error

    def receive(self, *, wait: float = 0.0) -> list[object]:
        """Messages that have arrived; waits up to ``wait`` seconds for the first.

        Raises:
            ParentGoneError: nobody is there any more.
        """
        messages: list[object] = []
        try:
            while self._connection.poll(0.0 if messages else wait):
                messages.append(self._connection.recv())
        except (EOFError, ConnectionResetError, OSError) as error:
            raise ParentGoneError from error
        return messages


def _run(main: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    """Process entry: Ctrl-C belongs to the driver, which stops the parts in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main(Link(connection), *arguments)
    except ParentGoneError:
        pass
