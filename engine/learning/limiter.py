"""Keeps self-play and learning in step, from two counters and nothing else.

Each stored row buys ``reuse`` rows of training. Learning waits when it has spent them all;
self-play waits when it is ``slack_rows`` rows ahead. Both answers follow from what the store and
the trainer count anyway, so a resumed run continues exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.learning.config import LimiterConfig


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """Says who has to wait."""

    config: LimiterConfig

    def may_train(self, *, rows_stored: int, rows_trained: int, batch_rows: int) -> bool:
        """Whether the stored rows pay for one more batch."""
        if rows_stored < self.config.start_rows:
            return False
        return rows_trained + batch_rows <= rows_stored * self.config.reuse

    def should_pause_selfplay(
        self, *, rows_stored: int, rows_trained: int, batch_rows: int
    ) -> bool:
        """Whether learning is so far behind that more rows would leave the window untrained.

        Never while learning waits for rows itself, whatever the settings.
        """
        ahead = rows_stored - rows_trained / self.config.reuse
        return ahead > self.config.slack_rows and self.may_train(
            rows_stored=rows_stored, rows_trained=rows_trained, batch_rows=batch_rows
        )
