"""An actor as the driver sees it: calls that carry its messages, and how it ended."""

from __future__ import annotations

import contextlib
import re
import time
from typing import Any

from engine.orchestration.mailbox import Letters, Mailbox
from engine.orchestration.messages import Failed, Opponents, Stop
from engine.orchestration.ray_actor import WeightsInStore
from engine.orchestration.ray_connection import short

_RETRY_SECONDS = 1.0  # after a call that could not be carried
PENDING_SECONDS = 30.0  # an actor that has not come up by then is worth a sentence


class RayPart:
    """An actor, seen from the driver. Its calls are made by the carrier's thread."""

    def __init__(self, name: str, actor: Any, begun: Any) -> None:
        self.name = name
        self._actor = actor
        self._begun = begun  # reference of ``begin``, until it is known to have run
        self._mailbox = Mailbox()
        self._calls: dict[Any, int] = {}  # exchanges on their way, and the last number sent
        self._retry_at = 0.0
        self._started_at = time.monotonic()
        self._up = False
        self._dead = False
        self._pending_said = False

    def send(self, message: object) -> None:
        """Hand over a message; an actor that never came up is not waited for at a stop."""
        if isinstance(message, Stop) and not self._up:
            self.kill()
        # An older version of the weights would only be kept alive; older news only pile up.
        latest = isinstance(message, (WeightsInStore, Opponents))
        self._mailbox.post(message, replaces=type(message) if latest else None)

    def receive(self) -> list[object]:
        """All messages that have arrived."""
        return self._mailbox.collect()

    @property
    def alive(self) -> bool:
        """Whether it runs, or will."""
        return not self._dead

    def ending(self) -> None:
        """Its calls fail with the reason, which is a message then."""

    def kill(self) -> None:
        """End it at once."""
        import ray

        self._dead = True
        with contextlib.suppress(Exception):
            ray.kill(self._actor, no_restart=True)

    # -- for the carrier's thread

    def calls(self, now: float) -> list[Any]:
        """References of the calls on their way, after making those that are due."""
        if self._dead or now < self._retry_at:
            return []
        if self._begun is not None:
            return [self._begun]
        letters = self._mailbox.letters()
        last = letters.first + len(letters.messages) - 1
        # One call is always held by the actor; another goes where there is news to bring.
        if not self._calls or (len(self._calls) < 2 and last > max(self._calls.values())):
            self._calls[self._actor.exchange.remote(letters)] = last
        return list(self._calls)

    def take(self, reference: Any, now: float) -> None:
        """Sort in the answer of a call, or the reason why there is none."""
        from ray import exceptions, get

        begun = reference == self._begun
        self._calls.pop(reference, None)
        try:
            answer = get(reference)
        except exceptions.ActorUnavailableError:
            if begun:  # whether it has begun is not known
                self._end(f"{self.name} was not reached when it started", outside=True)
                return
            self._retry_at = now + _RETRY_SECONDS  # whatever was lost comes again
            return
        except exceptions.RayActorError as error:
            self._end(_reason(self.name, error), outside=self._up)
            return
        except exceptions.RayTaskError as error:
            said = str(error.cause or error).splitlines()[0]
            self._end(f"{self.name} does not understand the driver ({said}); is it another version")
            return
        except exceptions.RayError:
            self._retry_at = now + _RETRY_SECONDS  # an answer lost with its node, for instance
            return
        if begun:
            self._begun, self._up = None, True
            return
        assert isinstance(answer, Letters)
        self._mailbox.take(answer)
        if answer.ended:
            self.kill()

    def _end(self, reason: str, *, outside: bool = False) -> None:
        if not self._dead:
            self._mailbox.take_local(Failed(reason, outside=outside))
        self.kill()

    def pending(self, now: float) -> bool:
        """Whether it has not come up for long; true once."""
        late = not self._up and not self._dead and now - self._started_at > PENDING_SECONDS
        if late and not self._pending_said:
            self._pending_said = True
            return True
        return False


def _reason(name: str, error: Exception) -> str:
    """Why an actor died, in one line."""
    text = str(error)
    if "ModuleNotFoundError" in text or "ImportError" in text:
        return f"{name}: meijin cannot be imported there; install the same version on every node"
    cause = re.search(r"because (.*?)[.\n]", text)
    return f"{name} died: {cause[1] if cause else short(error)}"
