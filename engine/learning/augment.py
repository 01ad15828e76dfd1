"""Symmetries applied to a batch, a random one for each row."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.game import Symmetries


def transform(
    planes: NDArray[np.uint8],
    actions: NDArray[np.int32],
    *,
    symmetries: Symmetries,
    chosen: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Turn each row by its symmetry.

    The policy needs no change: it is kept by slot, and a slot goes on meaning the same move under
    its new name.

    Args:
        planes: observations ``[B, C, H, W]``.
        actions: ``[B, K]`` legal actions by slot, -1 past the count; renamed in place.
        symmetries: of the game.
        chosen: ``[B]`` row of the symmetry tables for each.

    Returns:
        The turned planes ``[B, C, H, W]``, a new array.
    """
    batch, channels, height, width = planes.shape
    turned = np.empty((batch, channels, height * width), np.uint8)
    _turn(
        planes.reshape(batch, channels, height * width),
        actions,
        symmetries.cells,
        symmetries.actions,
        chosen,
        turned,
    )
    return turned.reshape(planes.shape)


@njit(cache=True, nogil=True)
def _turn(planes, actions, cells, action_names, chosen, turned):
    """See ``transform``. Trusts: shapes and table entries."""
    for b in range(planes.shape[0]):
        s = chosen[b]
        for c in range(planes.shape[1]):
            for i in range(planes.shape[2]):
                turned[b, c, i] = planes[b, c, cells[s, i]]
        for k in range(actions.shape[1]):
            if actions[b, k] >= 0:
                actions[b, k] = action_names[s, actions[b, k]]
