"""A foreign observation as the planes that Meijin stores and shows to networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from games.game import GameError

_BYTE = 255


@dataclass(frozen=True, slots=True)
class PlaneConversion:
    """From an array of numbers within bounds to bytes ``[C, H, W]``.

    ``PettingZoo``'s boards are H x W x C; they become C x H x W. A flat vector of n numbers becomes
    n planes of one cell, a matrix one plane. Each plane has bounds, the lowest and the highest of
    its cells: whole numbers at most 255 apart are kept exactly (the byte is the distance from the
    lower bound), all others are rounded to 255 steps between the bounds. Networks see 0 to 1, from
    the lower to the upper bound.
    """

    shape: tuple[int, int, int]
    low: NDArray[np.float64]  # [C, 1, 1]
    factor: NDArray[np.float64]  # [C, 1, 1] bytes for each unit
    scales: NDArray[np.float32]  # [C]
    channels_last: bool

    @classmethod
    def of(cls, space: spaces.Space[Any], *, channels_last: bool) -> PlaneConversion:
        """The conversion for a space.

        Raises:
            GameError: it is no array of at most three axes with finite bounds.
        """
        if not isinstance(space, spaces.Box):
            raise GameError(f"observations must be arrays (a Box), not {type(space).__name__}")
        if not 1 <= len(space.shape) <= 3 or 0 in space.shape:
            raise GameError(f"observations need one to three axes, not the shape {space.shape}")
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise GameError("observations without bounds cannot become planes of bytes")
        low_cells = _planes_first(space.low.astype(np.float64), channels_last)
        high_cells = _planes_first(space.high.astype(np.float64), channels_last)
        low = low_cells.min(axis=(1, 2), keepdims=True)
        span = np.maximum(high_cells.max(axis=(1, 2), keepdims=True) - low, 0.0)
        span[span == 0] = 1.0
        whole = np.issubdtype(space.dtype, np.integer) or space.dtype == np.bool_
        steps = np.where(whole & (span <= _BYTE), span, _BYTE)
        channels, height, width = low_cells.shape
        return cls(
            shape=(channels, height, width),
            low=low,
            factor=steps / span,
            scales=(1 / steps).ravel().astype(np.float32),
            channels_last=channels_last,
        )

    def convert(self, observation: NDArray[Any]) -> NDArray[np.uint8]:
        """Planes ``[C, H, W]``; what lies outside the bounds is taken as the bound."""
        cells = _planes_first(np.asarray(observation), self.channels_last)
        return ((cells - self.low) * self.factor).round().clip(0, _BYTE).astype(np.uint8)


def _planes_first(array: NDArray[Any], channels_last: bool) -> NDArray[Any]:
    if array.ndim == 1:
        return array[:, None, None]
    if array.ndim == 2:
        return array[None]
    return np.moveaxis(array, -1, 0) if channels_last else array
