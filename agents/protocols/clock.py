"""Time by GTP: what is left to a player, and how much of it the next move may take."""

from __future__ import annotations

from dataclasses import dataclass

#: The main time is spread over so many moves still to come, whatever the game.
MOVES_TO_COME = 20
#: Of the time that a move may take, the share that is planned with.
PLANNED_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class TimeSettings:
    """Main time, then periods of ``period`` seconds for ``stones`` moves each (Canadian)."""

    main: float
    period: float
    stones: int

    @property
    def is_unlimited(self) -> bool:
        """Whether no limit is meant: a period for no stones, or no time at all."""
        return self.stones == 0 and (self.period > 0 or self.main == 0)


class Clock:
    """The clock of one player; it runs by ``spend`` and is set right by ``set_left``."""

    def __init__(self, settings: TimeSettings) -> None:
        self._settings = settings
        self._left = settings.main
        self._stones = 0  # still to play in this period; 0: in the main time
        self._enter_period()

    def set_left(self, seconds: float, stones: int) -> None:
        """What the controller says is left; ``stones`` 0: in the main time."""
        self._left, self._stones = seconds, stones

    def spend(self, seconds: float) -> None:
        """Count the time of one move."""
        self._left = max(self._left - seconds, 0.0)
        if self._stones:
            self._stones -= 1
            if self._stones == 0:
                self._left, self._stones = self._settings.period, self._settings.stones
        self._enter_period()

    def seconds_for_move(self) -> float:
        """How long the next move may take."""
        if self._stones:
            return PLANNED_SHARE * self._left / self._stones
        settings = self._settings
        later = settings.period / settings.stones if settings.stones else 0.0
        return PLANNED_SHARE * max(self._left / MOVES_TO_COME, min(later, self._left))

    def _enter_period(self) -> None:
        if not self._stones and self._left <= 0 and self._settings.stones:
            self._left, self._stones = self._settings.period, self._settings.stones
