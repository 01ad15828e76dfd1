# ruff: noqa: D100, D103, F821
# Not imported on its own: a text for ``compiled.py``, in which WIDTH, HEIGHT, LENGTH and
# COLUMN_BITS are the game's.

import numpy as np
from numba import njit


def _all_lines():
    lines = []
    for column in range(WIDTH):
        for row in range(HEIGHT):
            for right, up in ((0, 1), (1, 0), (1, 1), (1, -1)):
                cells = [(column + i * right, row + i * up) for i in range(LENGTH)]
                if all(0 <= c < WIDTH and 0 <= r < HEIGHT for c, r in cells):
                    lines.append(sum(1 << (c * COLUMN_BITS + r) for c, r in cells))
    return np.array(lines, np.uint64)


_LINES = _all_lines()
_EMPTY = np.uint64(0)
_ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def evaluate(state):
    # Every line that only one player has stones in is still open to that player; it counts by the
    # square of how many stones stand in it already.
    mine = state.stones[0]
    theirs = state.stones[1]
    score = 0
    for line in _LINES:
        ours = mine & line
        other = theirs & line
        if ours != _EMPTY and other == _EMPTY:
            stones = 0
            while ours != _EMPTY:
                ours &= ours - _ONE
                stones += 1
            score += stones * stones
        elif other != _EMPTY and ours == _EMPTY:
            stones = 0
            while other != _EMPTY:
                other &= other - _ONE
                stones += 1
            score -= stones * stones
    return score
