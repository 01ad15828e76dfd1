"""How strong the newest network is, measured in a thread beside training at times that are set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.orchestration.messages import Published

Judge = Callable[[Path, Callable[[], bool]], dict[str, float]]


class Judging:
    """At most one judgement at a time.

    Attributes:
        newest: what the last one found, by measure; empty before.
        version: of the weights that it was about.
        course: what all of them found, by measure, oldest first.
    """

    def __init__(
        self,
        judge: Judge | None,
        minutes: tuple[float, ...],
        *,
        elapsed: float,
        say: Callable[[str], None],
        past: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Set up.

        Args:
            judge: measures a weights file; its second argument tells it to give up. None: nothing
                is judged.
            minutes: elapsed minutes at which the newest weights are judged; the last gap repeats.
            elapsed: seconds of training before this start.
            say: takes sentences for the user.
            past: rows that earlier starts of the run have kept, oldest first.
        """
        self.newest: dict[str, float] = {}
        self.version = 0
        self.course: dict[str, list[float]] = {}
        for row in past:
            self._take(row["version"], row["judged"])
        self._judge = judge
        self._times = [minute * 60 for minute in minutes]
        self._say = say
        self._next = self._after(elapsed)
        self._thread: threading.Thread | None = None
        self._found: list[dict[str, object]] = []

    @property
    def wanted(self) -> bool:
        """Whether anything is ever judged."""
        return self._judge is not None

    @property
    def busy(self) -> bool:
        """Whether a judgement goes on."""
        return self._thread is not None and self._thread.is_alive()

    def start_when_due(
        self, elapsed: float, weights: Published | None, give_up: Callable[[], bool]
    ) -> None:
        """Judge the newest weights if it is time, and they have not been judged."""
        if self._judge is None or weights is None or self.busy or elapsed < self._next:
            return
        self._next = self._after(elapsed)
        if weights.version != self.version:
            self.start(elapsed, weights, give_up)

    def start(self, elapsed: float, weights: Published, give_up: Callable[[], bool]) -> None:
        """Judge weights now."""
        assert self._judge is not None
        judge = self._judge

        def work() -> None:
            try:
                found = judge(Path(weights.path), give_up)
            except Exception as error:
                self._say(f"judging version {weights.version} failed: {error}")
                return
            if not found:
                return
            self._take(weights.version, found)
            self._found.append(
                {
                    "elapsed_seconds": round(elapsed, 1),
                    "version": weights.version,
                    "judged": {name: round(value, 5) for name, value in found.items()},
                }
            )

        self._thread = threading.Thread(target=work, name="judge", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of a judgement, so long at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    def take_rows(self) -> list[dict[str, object]]:
        """Rows for the metrics file that no one has taken yet."""
        found, self._found = self._found, []
        return found

    def _take(self, version: int, found: dict[str, float]) -> None:
        self.newest, self.version = found, version
        for name, value in found.items():
            self.course.setdefault(name, []).append(value)

    def _after(self, elapsed: float) -> float:
        """Next elapsed second at which to judge."""
        for at in self._times:
            if at > elapsed:
                return at
        if len(self._times) < 2:
            return float("inf")
        last, gap = self._times[-1], self._times[-1] - self._times[-2]
        return last + gap * (1 + (elapsed - last) // gap)
