"""What a worker has done so far, in numbers, and what of it is news."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.selfplay.actor import ActorCounters


@dataclass(frozen=True, slots=True)
class Counts:
    """Running totals of a worker."""

    plies: int = 0
    simulations: int = 0
    evaluations: int = 0
    hits: int = 0
    network_seconds: float = 0.0
    slots: int = 0

    @staticmethod
    def of(
        played: ActorCounters,
        evaluations: int = 0,
        hits: int = 0,
        network_seconds: float = 0.0,
        slots: int = 0,
    ) -> Counts:
        """From what was played, and what judged it."""
        return Counts(played.plies, played.simulations, evaluations, hits, network_seconds, slots)

    def __add__(self, other: Counts) -> Counts:
        sums = [getattr(self, name) + getattr(other, name) for name in Counts.__slots__]
        return Counts(*sums)


class Meter:
    """Counters at the last report."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self._last = Counts()

    def since_last(self, counts: Counts) -> tuple[float, Counts]:
        """Seconds and counts since the last call."""
        now, last = time.monotonic(), self._last
        seconds = now - self.since
        self.since, self._last = now, counts
        delta = [getattr(counts, name) - getattr(last, name) for name in Counts.__slots__]
        return seconds, Counts(*delta)
