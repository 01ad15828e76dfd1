"""Two-person zero-sum games as matrices: safe mixtures, and how far a mixture is from safe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def best_reply_gain(payoffs: Matrix, mixture: Matrix) -> float:
    """What the column player gains by the best answer to a mixture of rows.

    In a symmetric game, whose value is 0, this is the mixture's exploitability.

    Args:
        payoffs: ``[R, C]`` for the row player.
        mixture: ``[R]`` shares of the rows.
    """
    return float(-(mixture @ payoffs).min())


def safe_mixture(payoffs: Matrix, *, iterations: int = 4000) -> Matrix:
    """The row player's part of a Nash equilibrium, to within about 1 / ``iterations``.

    Regret matching plus with alternating updates and linear averaging.

    Args:
        payoffs: ``[R, C]`` for the row player.
        iterations: of the method.

    Returns:
        Shares of the rows ``[R]``.

    Source: Tammelin et al. 2015, "Solving heads-up limit Texas hold'em", section 3 (regret
    matching plus).
    """
    rows, columns = payoffs.shape
    row_regrets, column_regrets = np.zeros(rows), np.zeros(columns)
    total = np.zeros(rows)
    column = np.full(columns, 1 / columns)
    for step in range(1, iterations + 1):
        row = _by_regret(row_regrets)
        values = payoffs @ column
        row_regrets = np.maximum(row_regrets + values - row @ values, 0)
        row = _by_regret(row_regrets)
        values = -(row @ payoffs)
        column_regrets = np.maximum(column_regrets + values - column @ values, 0)
        column = _by_regret(column_regrets)
        total += step * row
    mixture: Matrix = total / total.sum()
    return mixture


def _by_regret(regrets: Matrix) -> Matrix:
    """Shares in proportion to positive regrets; equal ones where there is none."""
    total = regrets.sum()
    return regrets / total if total > 0 else np.full(len(regrets), 1 / len(regrets))
