"""Workers and learner of a run: one at every place there is, started again when they die."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.orchestration.carrier import Carrier
from engine.orchestration.messages import (
    Failed,
    Finished,
    Learned,
    Part,
    Pause,
    Published,
    Refused,
    Stop,
    Stopped,
)
from engine.orchestration.run_directory import RunError

_POLL_SECONDS = 0.1
_MOST_RESTARTS = 5  # of one part within ten minutes; more means that it cannot work at all


@dataclass(slots=True)
class _Post:
    """A part that shall always be there, and how often it had to be started."""

    part: Part
    number: int = 0  # of a worker; the lowest free one
    place: str = ""  # where a worker is; see ``Carrier``
    restarts: list[float] = field(default_factory=list)  # after it failed by its own fault
    worked: bool = False  # since its last start
    saved: bool = False  # a learner that was told to stop
    failure: Failed | Refused | None = None
    died: float | None = None


class Staff:
    """Keeps a learner and as many workers going as there are places for."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        start: int,
        hear: Callable[[Part, object], None],
        say: Callable[[str], None],
    ) -> None:
        """Take a carrier over; nobody works before ``start``.

        Args:
            carrier: where the parts are; closed with the staff.
            start: number of this start of the run. It is in the names of workers, so that no
                episode has the id of one of an earlier start.
            hear: takes every message, and the part that sent it.
            say: takes sentences for the user.
        """
        self._carrier = carrier
        self._start_number = start
        self._hear = hear
        self._say = say
        self._learner: _Post | None = None
        self._workers: list[_Post] = []
        self._worker_starts = 0
        self._given_up: set[str] = set()  # places where workers cannot work
        self._standing: dict[type, object] = {}  # what a worker has to know, by kind of message

    @property
    def workers(self) -> int:
        """How many there are."""
        return len(self._workers)

    def start(self) -> None:
        """Start the learner, and a worker at every place."""
        self._learner = _Post(self._carrier.start_learner())
        self._fill_places(time.monotonic())

    def tend(self, now: float) -> None:
        """Hear what there is, follow places that come and go, start again what has died.

        Raises:
            RunError: a part cannot work; the message is for the user.
        """
        self._listen()
        self._fill_places(now)
        self._revive(now)

    # -- words

    def announce(self, message: object) -> None:
        """Tell all workers, and those that start later; of each kind the last message counts."""
        self._standing[type(message)] = message
        for post in self._workers:
            post.part.send(message)

    def publish(self, weights: Published) -> None:
        """Tell all workers of a new version, as the carrier brings it to them."""
        self.announce(self._carrier.weights(weights))

    def tell_learner(self, message: object) -> None:
        """Tell the learner."""
        assert self._learner is not None
        self._learner.part.send(message)

    def _posts(self) -> list[_Post]:
        return [*self._workers, *([self._learner] if self._learner else [])]

    def _listen(self) -> None:
        for post in self._posts():
            self._listen_to(post)

    def _listen_to(self, post: _Post) -> None:
        """Everything that one part has said."""
        for message in post.part.receive():
            match message:
                case Finished() | Learned():
                    post.worked = True
                case Refused() | Failed():
                    post.failure = message
                case Stopped():
                    post.saved = True
            self._hear(post.part, message)

    # -- places

    def _fill_places(self, now: float) -> None:
        """A worker at every place there is; none where the place is gone."""
        wanted = Counter(self._carrier.places())
        gone: Counter[str] = Counter()
        kept = []
        for post in self._workers:
            if wanted[post.place] > 0:
                wanted[post.place] -= 1
                kept.append(post)
            else:
                self._listen_to(post)
                post.part.kill()
                gone[post.place] += post.place not in self._given_up
        self._workers = kept
        for place, count in (+gone).items():
            self._say(f"{self._carrier.describe(place)} is gone, and its workers with it ({count})")
        new = +wanted
        if new and self._worker_starts:
            for place, count in new.items():
                self._say(
                    f"{self._carrier.describe(place)} has joined; starting workers there ({count})"
                )
        taken = {post.number for post in self._workers}
        for place in new.elements():
            number = next(n for n in itertools.count() if n not in taken)
            taken.add(number)
            self._workers.append(_Post(self._start_worker(number, place), number, place))

    def _start_worker(self, number: int, place: str) -> Part:
        """A worker under a name that no earlier start has used: episode ids stay unique."""
        self._worker_starts += 1
        name = f"w{number}.{self._start_number}.{self._worker_starts}"
        part = self._carrier.start_worker(name, place)
        for message in self._standing.values():
            part.send(message)
        return part

    # -- deaths

    def _revive(self, now: float) -> None:
        """Start again what has died, unless it keeps dying before it has done anything."""
        for post in self._posts():
            if post.part.alive:
                continue
            post.died = post.died or now
            if now - post.died < self._carrier.settle_seconds:
                continue  # perhaps its machine is gone too
            post.died = None
            self._listen_to(post)
            failure, worked = post.failure or post.part.ending(), post.worked
            post.failure, post.worked = None, False
            reason = failure.text if failure else f"{post.part.name} ended without a word"
            ended_from_outside = failure is None or (
                isinstance(failure, Failed) and failure.outside
            )
            if not (worked and ended_from_outside):
                post.restarts = [at for at in post.restarts if now - at < 600] + [now]
            hopeless = len(post.restarts) > _MOST_RESTARTS
            if isinstance(failure, Refused) or (hopeless and self._carrier.set_aside(post.place)):
                self._give_up(post.place, reason)
                continue
            if hopeless:
                raise RunError(f"{reason}; it was started {_MOST_RESTARTS} times in ten minutes")
            self._say(f"{reason}; starting it again")
            if post is self._learner:
                post.part = self._carrier.start_learner()
            else:
                post.part = self._start_worker(post.number, post.place)

    def _give_up(self, place: str, reason: str) -> None:
        """No more workers at a place.

        Raises:
            RunError: there is no other.
        """
        if place in self._given_up:
            return
        self._given_up.add(place)
        if not self._carrier.set_aside(place):
            raise RunError(f"{reason}; there is no other place for a worker")
        self._say(f"{reason}; no more workers on {self._carrier.describe(place)}")

    # -- the end

    def stop_workers(self, deadline: float) -> None:
        """Let workers hand over their finished games; none is waited for past the deadline."""
        for post in self._workers:
            post.part.send(Pause(False))
            post.part.send(Stop())
        self._listen_to_the_end(self._workers, deadline)

    def stop_learner(self, deadline: float) -> None:
        """Let the learner save; it is not waited for past the deadline."""
        learner = self._learner
        assert learner is not None
        learner.saved = False
        learner.part.send(Stop())
        self._listen_to_the_end([learner], deadline)
        if not learner.saved:
            self._say(
                "the learner did not save in time; the last snapshot stands"
                + (f" ({learner.failure.text})" if learner.failure else "")
            )

    def _listen_to_the_end(self, posts: list[_Post], deadline: float) -> None:
        while any(post.part.alive for post in posts) and time.monotonic() < deadline:
            self._listen()
            time.sleep(_POLL_SECONDS)
        self._listen()

    def close(self) -> None:
        """End everybody at once, and what carried them."""
        for post in self._posts():
            post.part.kill()
        self._carrier.close()
