"""Whom to let play next: the pair whose games say most about what is still open.

A tournament asks who is stronger than whom, and above all who is stronger than the next one in the
ranking. So the intervals that matter are those between neighbours of the ranking whose order is
still open, and if none is, between all neighbours. A scale, such as a ladder, asks how far each
player stands from the one that is its zero: there those intervals matter. The widest of them is
looked at; for every pair of players the information that some games between them are expected to
give is added; and the pair that makes that interval the narrowest plays. Games between very unequal
players say little, so they are rare.

This is optimal design by greedy steps (Fedorov 1972, "Theory of optimal experiments") with the
information of the rating model of ``elo``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from agents.arena.elo import Pairing, model_of

_SETTLED = 2.58  # standard errors between neighbours whose order is settled (99 %)


def next_pairs(
    players: Sequence[str],
    pairings: Sequence[Pairing],
    *,
    blocks: int,
    games: int,
    pending: Mapping[tuple[str, str], int] | None = None,
    zero: str | None = None,
) -> list[tuple[str, str]]:
    """Pairs to play next, the same one more than once where that says most.

    Args:
        players: everybody, two at least; those without games count as average and unknown.
        pairings: results so far.
        blocks: how many pairs to name.
        games: played for each that is named, half of them with either colour.
        pending: games that are being played already, by pair in the order of ``players``.
        zero: the player from whom all others are measured; None: what is asked is the ranking.

    Returns:
        ``blocks`` pairs, each in the order of ``players``.
    """
    model = model_of(players, pairings)
    place = {name: index for index, name in enumerate(players)}
    candidates = list(combinations(range(len(players)), 2))
    gains = np.stack([model.gain(i, j) for i, j in candidates])  # [N, F, F] of one game
    total = model.information.copy()
    for (a, b), count in (pending or {}).items():
        total += count * gains[candidates.index((place[a], place[b]))]
    named = []
    for _ in range(blocks):
        watched = _widest(total, model.point, len(players), None if zero is None else place[zero])
        after = np.linalg.inv(total + games * gains)
        spreads = np.einsum("f,nfg,g->n", watched, after, watched)
        best = int(spreads.argmin())
        total += games * gains[best]
        i, j = candidates[best]
        named.append((players[i], players[j]))
    return named


def _widest(
    information: NDArray[np.float64], point: NDArray[np.float64], players: int, zero: int | None
) -> NDArray[np.float64]:
    """The difference of two players that matters and is known worst, as a direction ``[F]``."""
    if zero is None:
        order = np.argsort(-point[:players], kind="stable").tolist()
        pairs = list(pairwise(order))
    else:
        pairs = [(each, zero) for each in range(players) if each != zero]
    directions = np.zeros((len(pairs), len(information)))
    for row, (one, other) in enumerate(pairs):
        directions[row, one], directions[row, other] = 1.0, -1.0
    spread = np.linalg.inv(information)
    variances = np.einsum("nf,fg,ng->n", directions, spread, directions)
    if zero is None:
        is_open = directions @ point < _SETTLED * np.sqrt(variances)
        variances = np.where(is_open | ~is_open.any(), variances, -1)
    watched: NDArray[np.float64] = directions[variances.argmax()]
    return watched
