"""One root seed, many named streams, so that no two parts of a run share random numbers."""

from __future__ import annotations

import secrets

import numpy as np


def fresh_seed() -> int:
    """A new root seed; whoever draws one reports it."""
    return secrets.randbits(31)


def stream_seed(root: int, *names: int | str) -> int:
    """Seed of the stream called ``names`` under the root seed (63 bits).

    The same root and names give the same seed on every machine.
    """
    words = [root & 0xFFFFFFFF, root >> 32]
    for name in names:
        words += [name] if isinstance(name, int) else list(name.encode())
    high, low = np.random.SeedSequence(words).generate_state(2, np.uint32)
    return (int(high) << 31) ^ int(low)
