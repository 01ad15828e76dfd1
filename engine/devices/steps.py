"""A computation that is repeated on the same memory: a CUDA graph where there is one to be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_WARM_UPS = 3  # calls before a capture: libraries choose kernels and allocate workspaces in them


def captured(
    work: Callable[[], None],
    *,
    stream: torch.cuda.Stream | None,
    pool: Any,
) -> Callable[[], None] | None:
    """Prepare ``work`` for being repeated.

    Args:
        work: reads and writes the same tensors at every call.
        stream: of the device, on which it is run; None: the device has no streams.
        pool: memory that the graphs of one stream share; None: no graph is captured.

    Returns:
        What repeats it, to be called with ``stream`` being the current one; None: ``work`` itself.
    """
    if stream is None:
        return None
    tuned = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True  # the fastest convolution for this very shape
    try:
        # The stream's device becomes the current one. A capture waits for the current device to
        # begin with, and would take memory of the first GPU for a process that has the second.
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                work()
            stream.synchronize()
            if pool is None:
                return None
            graph = torch.cuda.CUDAGraph()
            # Only this thread is kept from what a capture forbids: others go on with the device.
            with torch.cuda.graph(
                graph, pool=pool, stream=stream, capture_error_mode="thread_local"
            ):
                work()
    finally:
        torch.backends.cudnn.benchmark = tuned
    replay: Callable[[], None] = graph.replay
    return replay
