"""Workers and learner as processes of this machine: the default, which needs no server."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.orchestration.messages import Failed

# Signals by which the system ends a process for its own fault; others come from outside.
_OWN_FAULT = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"}
_LAST_WORDS_SECONDS = 5.0  # for reading what a process that has ended had still written
_ENDED = object()  # among messages: no more will be wanted


class ParentGoneError(RuntimeError):
    """The driver has died; a part that sees this ends itself."""


class LocalPart:
    """A process of this machine behind a pipe.

    Two threads carry the messages, so that whoever sends or receives never waits for a process
    that is stopped or stuck, with the pipe full or a message half written.
    """

    def __init__(
        self, name: str, main: Callable[..., None], *arguments: Any, log: Path | None = None
    ) -> None:
        """Start ``main(link, *arguments)`` in a fresh interpreter (spawn: no inherited threads).

        Args:
            name: of the part.
            main: what it does.
            arguments: of ``main``, past the link.
            log: file to which everything goes that it prints; None: where this process prints.
        """
        context = multiprocessing.get_context("spawn")
        self.name = name
        self._log = log
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, name=f"meijin-{name}", args=(main, theirs, log, *arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self._outgoing: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[object] = queue.SimpleQueue()
        carried = (ours, self._outgoing, self._incoming)
        self._reader = threading.Thread(
            target=_read, args=carried, name=f"from {name}", daemon=True
        )
        self._reader.start()
        threading.Thread(target=_write, args=carried[:2], name=f"to {name}", daemon=True).start()

    def send(self, message: object) -> None:
        """Hand over a message, without waiting; silently dropped when the process has died."""
        self._outgoing.put(message)

    def receive(self) -> list[object]:
        """All messages that have arrived; of a process that has ended, all that it sent."""
        if not self._process.is_alive():
            self._reader.join(_LAST_WORDS_SECONDS)
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self._incoming.get_nowait())
        return messages

    def ending(self) -> Failed | None:
        """How the process ended, where that is known and was not well."""
        code = self.exit_code
        if not code:
            return None
        where = f"; see {self._log}" if self._log is not None else ""
        if code > 0:
            return Failed(f"{self.name} ended with code {code}{where}")
        name = signal.Signals(-code).name
        return Failed(f"{self.name} was ended by {name}{where}", outside=name not in _OWN_FAULT)

    def wait(self, seconds: float) -> list[object]:
        """All messages that have arrived, after waiting so long for the first at most."""
        try:
            first = self._incoming.get(timeout=seconds)
        except queue.Empty:
            return self.receive()
        return [first, *self.receive()]

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


def _run(
    main: Callable[..., None], connection: Connection, log: Path | None, *arguments: Any
) -> None:
    """Process entry: Ctrl-C belongs to the driver, which stops the parts in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if log is not None:
        with log.open("ab") as file:  # appending, so that the driver may cut it meanwhile
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    faulthandler.enable()
    threading.Thread(target=_end_with_driver, name="driver watch", daemon=True).start()
    try:
        main(Link(connection), *arguments)
    except ParentGoneError:
        pass


def _end_with_driver() -> None:
    """End this process when the driver is gone, whatever it is busy with.

    The main thread sees it when it looks for messages, which a compilation or a long ply puts off
    for up to minutes. Whatever a part writes to the disk may be cut short at any moment anyhow.
    """
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)


def _write(connection: Connection, outgoing: queue.SimpleQueue[object]) -> None:
    """Hand messages to the process, one after the other, until it has ended."""
    with contextlib.suppress(OSError):
        while (message := outgoing.get()) is not _ENDED:
            connection.send(message)


def _read(
    connection: Connection,
    outgoing: queue.SimpleQueue[object],
    incoming: queue.SimpleQueue[object],
) -> None:
    """Take in what the process says, until it has ended; then nothing more is written to it."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            incoming.put(connection.recv())
    outgoing.put(_ENDED)
