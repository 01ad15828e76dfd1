"""What a run waits for, in one plain sentence, with the setting that would move it."""

from __future__ import annotations

import os

from engine.config import RunConfig
from engine.orchestration.reports import Status

_MUCH = 0.1  # share of the time from which on a wait is worth a sentence
_IN_NETWORK = 0.7  # of the playing time; past that the network is what playing costs
_FULL_BATCH = 0.6
_GPU_BUSY = 0.8


def bottleneck(status: Status, config: RunConfig) -> str:
    """The sentence; empty while there is nothing to judge by.

    Waiting decides, since it is measured and not guessed: workers that wait for the store or for
    the learner, or a learner that waits for new games. Where the games are what is slow, the
    share of the playing time inside the network tells which half of it.

    Args:
        status: with rates over the last half minute.
        config: the run's settings, for what is named.
    """
    if not status.reporting_workers:
        return ""
    if status.behind_share >= _MUCH:
        return (
            f"Bottleneck: the store. Workers spent {status.behind_share:.0%} of their time waiting "
            f"for episodes to reach the disk ({status.store_seconds:.1f} s a shard); a faster disk "
            "for --run would move it."
        )
    if status.paused_share >= _MUCH:
        reuse = config.learning.limiter.reuse
        return (
            f"Bottleneck: the learner. Workers spent {status.paused_share:.0%} of their time "
            f"waiting for it; it trains each row {reuse:g} times: a lower learning.limiter.reuse, "
            f"{_smaller(config)} or fewer --workers beside it would move it."
        )
    if status.version == 0:
        return ""  # learning waits for the first games, as it should
    if status.learner_wait_share >= _MUCH:
        return f"Bottleneck: self-play. {_waits(status)}; {_of_playing(status, config)}"
    return (
        "No bottleneck: self-play and learning keep pace; "
        f"{_more_workers(status)}or {_smaller(config)} would speed up both."
    )


def _waits(status: Status) -> str:
    return (
        f"The learner spent {status.learner_wait_share:.0%} of its time waiting for games, and "
        f"{status.network_share_of_playing:.0%} of playing is the network"
    )


def _of_playing(status: Status, config: RunConfig) -> str:
    """What would make games faster."""
    games = config.selfplay.games
    simulations = config.search.simulations
    busy = max(status.gpu_busy.values(), default=None)
    if status.network_share_of_playing >= _IN_NETWORK:
        if busy is not None and busy < _GPU_BUSY:
            return (
                f"the GPU is busy only {busy:.0%} of the time: more selfplay.games (now {games}) "
                "would move it."
            )
        if 0 < status.batch_fill < _FULL_BATCH:
            return (
                f"its batches are {status.batch_fill:.0%} full: more selfplay.games (now {games}) "
                "would move it."
            )
        return (
            f"{_more_workers(status)}{_smaller(config)} or fewer search.simulations "
            f"(now {simulations}) would move it."
        )
    return (
        f"search and rules take the rest: {_more_workers(status)}"
        f"or fewer search.simulations (now {simulations}) would move it."
    )


def _more_workers(status: Status) -> str:
    cores = os.cpu_count() or 1
    if status.workers < cores:
        return f"more --workers (now {status.workers} on {cores} cores), "
    return f"more cores (all {cores} are used), "


def _smaller(config: RunConfig) -> str:
    network = config.network
    if network.kind == "perceptron":
        return f"a smaller network (network.hidden, now {list(network.hidden)})"
    return f"a smaller network (network.channels, now {network.channels})"
