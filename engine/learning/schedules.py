"""Learning rate over a run whose length is given in minutes, not in steps."""

from __future__ import annotations

from math import cos, pi

from engine.learning.config import LearningConfig


def learning_rate(*, step: int, progress: float, config: LearningConfig) -> float:
    """Rate of one step: linear warm-up by steps, half a cosine by progress.

    Warm-up counts steps, because it gives the optimiser's averages time to fill; the rest follows
    the share of the run's time that is over, because nobody knows how many steps will fit into it.

    Args:
        step: steps taken before this one.
        progress: share of the run that is over, 0 to 1; clipped.
        config: highest rate, share left at the end, steps of warm-up.
    """
    warmth = min(1.0, (step + 1) / (config.warmup_steps + 1))
    over = min(max(progress, 0.0), 1.0)
    share = config.final_rate_share + (1 - config.final_rate_share) * (1 + cos(pi * over)) / 2
    return config.learning_rate * warmth * share
