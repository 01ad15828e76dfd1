"""Intervals for shares."""

from __future__ import annotations

import math

#: Two-sided 95 % point of the normal distribution.
Z_95 = 1.959963984540054


def wilson_interval(successes: float, trials: int) -> tuple[float, float]:
    """95 % interval for a share; honest near 0 and 1, where the usual one collapses to a point.

    ``successes`` may hold halves (draws): a draw varies less than a win and a loss do, so the
    interval is then a little wider than it need be.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    weight = Z_95 * Z_95 / trials
    middle = (share + weight / 2) / (1 + weight)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    # Exact ends where rounding would leave a share outside its own interval.
    return min(max(0.0, middle - spread), share), max(min(1.0, middle + spread), share)
