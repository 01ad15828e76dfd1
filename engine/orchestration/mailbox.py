"""One end of a channel over calls that may fail, be repeated or overtake each other.

Each end numbers what it sends and keeps it until the other end has said that it arrived. A call
carries everything from the first unconfirmed message on, so whatever is lost on the way comes
with the next call, and whatever comes twice is dropped by its number.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letters:
    """What one call or one answer carries."""

    first: int  # number of the first message
    messages: list[object]
    received: int  # highest number of the other side's messages that has arrived here
    ended: bool = False  # nothing will follow these messages


class Mailbox:
    """Messages out and in. Any thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._outgoing: deque[object] = deque()
        self._first = 1  # number of the first of them
        self._incoming: deque[object] = deque()
        self._received = 0
        self._ended = False
        self._turn = 0

    def post(self, message: object, *, replaces: type | None = None) -> None:
        """Put a message where the next call takes it.

        Args:
            message: whatever the calls can carry, but not None.
            replaces: earlier messages of this type that are not confirmed need not arrive any more.
        """
        with self._changed:
            if replaces is not None:  # its number stays, so that the others keep theirs
                for place, old in enumerate(self._outgoing):
                    if isinstance(old, replaces):
                        self._outgoing[place] = None
            self._outgoing.append(message)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that nothing will follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether this side has said that nothing will follow."""
        with self._changed:
            return self._ended

    @property
    def unconfirmed(self) -> int:
        """Messages that the other side is not known to have."""
        with self._changed:
            return len(self._outgoing)

    @property
    def received(self) -> int:
        """Highest number of the other side's messages that has arrived."""
        with self._changed:
            return self._received

    def letters(self) -> Letters:
        """All that is not confirmed yet, for a call."""
        with self._changed:
            return self._letters()

    def take(self, letters: Letters) -> None:
        """Sort in what a call brought: new messages are kept, confirmed ones forgotten."""
        with self._changed:
            while self._outgoing and self._first <= letters.received:
                self._outgoing.popleft()
                self._first += 1
            fresh = self._received + 1 - letters.first
            for message in letters.messages[fresh:]:
                self._received += 1
                if message is not None:
                    self._incoming.append(message)
            self._changed.notify_all()

    def take_local(self, message: object) -> None:
        """Let a message of this side be collected as if it had arrived."""
        with self._changed:
            self._incoming.append(message)
            self._changed.notify_all()

    def collect(self, *, wait: float = 0.0) -> list[object]:
        """Messages that have arrived; waits up to ``wait`` seconds for the first."""
        with self._changed:
            if not self._incoming:
                self._changed.wait_for(lambda: bool(self._incoming), wait)
            messages = list(self._incoming)
            self._incoming.clear()
            return messages

    def answer(self, letters: Letters, *, wait: float) -> Letters:
        """Take a call and answer it, at the latest after ``wait`` seconds.

        It is answered at once where something is to be said, and where a later call has come:
        only the newest call waits.
        """
        self.take(letters)
        with self._changed:
            self._turn += 1
            turn = self._turn
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: bool(self._outgoing) or self._ended or turn != self._turn, wait
            )
            if turn != self._turn:  # the later call brings the messages
                return Letters(self._first, [], self._received)
            return self._letters()

    def _letters(self) -> Letters:
        return Letters(self._first, list(self._outgoing), self._received, self._ended)


class Silence:
    """Tells when the other side has not been heard of for too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._heard = time.monotonic()

    def heard(self) -> None:
        """Something came."""
        self._heard = time.monotonic()

    @property
    def too_long(self) -> bool:
        """Whether nothing came for that long."""
        return time.monotonic() - self._heard > self.seconds
