"""Clocks: what is left to a player, when the time is over, and how much the next move may take."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.agent import AgentError

#: The main time is spread over so many moves still to come, whatever the game.
MOVES_TO_COME = 20
#: Of the time that a move may take, the share that is planned with.
PLANNED_SHARE = 0.8
#: Of what is left, no move is planned to take more.
_MOST_OF_CLOCK = 0.6

_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_TEXT = re.compile(
    rf"(?P<main>{_NUMBER})(?:\+(?P<increment>{_NUMBER})|/(?P<period>{_NUMBER})(?::(?P<stones>[0-9]{{1,4}}))?)?"
)


@dataclass(frozen=True, slots=True)
class TimeSettings:
    """Main time, then periods of ``period`` seconds for ``stones`` moves each.

    Periods for one move are Japan's byo-yomi, those for several Canada's. All times are seconds.
    """

    main: float
    period: float = 0.0
    stones: int = 0  # 0: no periods
    increment: float = 0.0  # given back after every move in the main time

    @property
    def is_unlimited(self) -> bool:
        """Whether no limit is meant: a period for no stones, or no time at all."""
        return self.stones == 0 and (self.period > 0 or self.main == 0)

    @property
    def text(self) -> str:
        """As ``read_time_settings`` reads it."""
        if self.increment:
            return f"{self.main:g}+{self.increment:g}"
        if not self.stones:
            return f"{self.main:g}"
        return f"{self.main:g}/{self.period:g}" + (f":{self.stones}" if self.stones > 1 else "")


def read_time_settings(text: str) -> TimeSettings:
    """Time as people write it, in seconds.

    ``60`` for the whole game, ``60+0.5`` with half a second more for every move, ``60/5`` and then
    five seconds a move, ``60/30:10`` and then thirty seconds for every ten moves.

    Raises:
        AgentError: it is none of these, or no time at all.
    """
    match = _TEXT.fullmatch(text.strip())
    if not match:
        raise AgentError(
            f"{text[:40]!r} is no time; write seconds as 60, 60+0.5 (for every move), 60/5 (then 5 "
            "a move) or 60/30:10 (then 30 for every 10 moves)"
        )
    settings = TimeSettings(
        main=float(match["main"]),
        period=float(match["period"] or 0),
        stones=int(match["stones"] or 1) if match["period"] else 0,
        increment=float(match["increment"] or 0),
    )
    if settings.main == 0 and (settings.period == 0 or settings.stones == 0):
        raise AgentError(f"{text!r} leaves no time for the first move")
    return settings


class Clock:
    """The clock of one player; it runs by ``spend`` and is set right by ``set_left``."""

    def __init__(self, settings: TimeSettings) -> None:
        self.settings = settings
        self.left = settings.main  # seconds of the main time, or of this period
        self.stones = 0  # still to play in this period; 0: in the main time
        if self.left <= 0:
            self._enter_period()

    @property
    def reach(self) -> float:
        """Seconds after which the player has lost on time, if the next move is not made."""
        if self.stones or not self.settings.stones:
            return self.left
        return self.left + self.settings.period

    def set_left(self, seconds: float, stones: int) -> None:
        """What the controller says is left; ``stones`` 0: in the main time."""
        self.left, self.stones = seconds, stones

    def spend(self, seconds: float) -> bool:
        """Count the time of one move.

        What a move takes beyond the main time is of the first period.

        Returns:
            Whether that was more than was left; the clock goes on as if it were not.
        """
        is_over = seconds > self.reach
        self.left -= seconds
        if not self.stones and self.left <= 0 and self.settings.stones:
            beyond = -self.left
            self._enter_period()
            self.left -= beyond
        self.left = max(self.left, 0.0)
        if self.stones:
            self.stones -= 1
            if self.stones == 0:
                self._enter_period()
        else:
            self.left += self.settings.increment
        return is_over

    def seconds_for_move(self) -> float:
        """How long the next move may take."""
        if self.stones:
            return PLANNED_SHARE * self.left / self.stones
        settings = self.settings
        later = settings.period / settings.stones if settings.stones else 0.0
        share = max(self.left / MOVES_TO_COME, min(later, self.left))
        if settings.increment:
            share = min(share + settings.increment, _MOST_OF_CLOCK * self.left)
        return PLANNED_SHARE * share

    def _enter_period(self) -> None:
        """Begin a period, where there are any."""
        if self.settings.stones:
            self.left, self.stones = self.settings.period, self.settings.stones
