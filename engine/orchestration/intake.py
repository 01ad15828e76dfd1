"""Finished games on their way to the disk: gathered, written as one shard, acknowledged."""

from __future__ import annotations

import time

from engine.learning.packed import PackedEpisodes, join
from engine.learning.store import EpisodeStore
from engine.orchestration.messages import Acknowledged, Part
from engine.orchestration.run_directory import RunError

_STORE_SECONDS = 3.0  # episodes wait at most so long before they are written
_STORE_PLIES = 20_000  # or until there are so many plies of them: the learner gets them evenly


class Intake:
    """Batches that workers have sent and that are not on the disk yet.

    Attributes:
        shard_seconds: to write the last shard.
        seconds: spent on writing and acknowledging, in all.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self.shard_seconds = 0.0
        self.seconds = 0.0
        self._store = store
        self._waiting: list[tuple[Part, int, PackedEpisodes]] = []
        self._waiting_since = 0.0
        self._waiting_plies = 0
        self._written = time.monotonic()

    def add(self, now: float, part: Part, batch: int, episodes: PackedEpisodes) -> None:
        """Take a batch in; ``part`` hears of it when it is safe."""
        if not self._waiting:
            self._waiting_since = now
        self._waiting.append((part, batch, episodes))
        self._waiting_plies += episodes.plies

    def age(self, now: float) -> float:
        """Seconds that the oldest batch has waited."""
        return now - self._waiting_since if self._waiting else 0.0

    def due(self, now: float) -> bool:
        """Whether it is time to write."""
        return now - self._written >= _STORE_SECONDS or self._waiting_plies >= _STORE_PLIES

    def write(self, now: float) -> bool:
        """Write what has come in as one shard, then acknowledge it; whether there was anything.

        Raises:
            RunError: the disk refuses.
        """
        waiting, self._waiting, self._waiting_plies = self._waiting, [], 0
        self._written = now
        batches = [episodes for _, _, episodes in waiting if len(episodes)]
        begin = time.monotonic()
        if batches:
            try:
                self._store.append_packed(join(batches))
            except OSError as error:
                raise RunError(
                    f"cannot write episodes to {self._store.folder}: {error.strerror or error}; "
                    "what was stored before is safe, and the same command goes on"
                ) from error
        self.shard_seconds = time.monotonic() - begin
        for part, batch, _ in waiting:
            part.send(Acknowledged(batch))
        self.seconds += time.monotonic() - begin
        return bool(batches)
