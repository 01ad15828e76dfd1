"""How many cores this process may use."""

from __future__ import annotations

import os

import psutil


def usable_cores() -> int:
    """Physical cores, or fewer where the process is kept to some."""
    physical = psutil.cpu_count(logical=False) or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS nor Windows
        return max(1, min(physical, len(os.sched_getaffinity(0))))
    return physical
