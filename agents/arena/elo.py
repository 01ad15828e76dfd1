"""Ratings from results: Bradley-Terry with draws and an advantage of moving first.

The model is Davidson's with a home advantage. With ``s`` the rating of the first player minus that
of the second plus the advantage, in natural units (400 Elo are ln 10):

    P(first wins) : P(draw) : P(second wins)  =  exp(s / 2) : exp(d) : exp(-s / 2)

Its log-likelihood is concave, so Newton's method finds the one maximum, and the Fisher information
there gives the errors. One rating is held at zero, the anchor's; every interval is that of the
difference to the anchor. A weak normal prior on each rating keeps the maximum finite when somebody
wins every game; it holds back a rating that has hundreds of informative games by less than an Elo.

Sources: Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in paired
comparison experiments"; Davidson and Beaver 1977, "On extending the Bradley-Terry model to
incorporate within-pair order effects".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.agent import AgentError
from agents.arena.intervals import Z_95
from agents.arena.match import MatchResult, Tally

_ELO = 400.0 / math.log(10.0)  # Elo in one natural unit
_PRIOR_ELO = 1000.0  # standard deviation of the prior on ratings and on the advantage
_PRIOR_DRAW = 5.0  # the same for d, which has no unit
_MAX_STEPS = 200
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Pairing:
    """Games in which ``first`` moved first."""

    first: str
    second: str
    tally: Tally  # from the view of ``first``


@dataclass(frozen=True, slots=True)
class Rating:
    """One number in Elo with its 95 % interval."""

    elo: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ratings:
    """A fit; players are in the order in which they were first seen."""

    anchor: str  # its rating is 0
    players: dict[str, Rating]
    first_player_advantage: Rating
    even_draw_rate: float  # share of draws between equals, nobody having an advantage
    covariance: NDArray[np.float64]  # [N, N] of the ratings in Elo, zero in the anchor's row

    def difference(self, a: str, b: str) -> Rating:
        """By how much ``a`` is rated above ``b``."""
        gap = self.players[a].elo - self.players[b].elo
        spread = Z_95 * self._error(a, b)
        return Rating(elo=gap, low=gap - spread, high=gap + spread)

    def superiority(self, a: str, b: str) -> float:
        """Probability that ``a`` is the stronger, by the normal approximation (LOS)."""
        error = self._error(a, b)
        if error == 0.0:
            return 0.5
        gap = self.players[a].elo - self.players[b].elo
        return 0.5 * math.erfc(-gap / (error * math.sqrt(2.0)))

    def _error(self, a: str, b: str) -> float:
        """Standard error of a difference."""
        names = list(self.players)
        i, j = names.index(a), names.index(b)
        c = self.covariance
        return math.sqrt(max(float(c[i, i] + c[j, j] - 2.0 * c[i, j]), 0.0))


def pairings_of(result: MatchResult) -> list[Pairing]:
    """The two tables of a match: A moving first, and B moving first."""
    second = result.as_second
    reversed_tally = Tally(wins=second.losses, draws=second.draws, losses=second.wins)
    return [
        Pairing(first=result.a, second=result.b, tally=result.as_first),
        Pairing(first=result.b, second=result.a, tally=reversed_tally),
    ]


def fit_ratings(pairings: Sequence[Pairing], *, anchor: str) -> Ratings:
    """Most likely ratings given all results.

    Args:
        pairings: results by who moved first; games of a player against itself are left out.
        anchor: the player whose rating is 0.

    Raises:
        AgentError: the anchor played no game.
    """
    used = [each for each in pairings if each.first != each.second and each.tally.games]
    names = list(dict.fromkeys(name for each in used for name in (each.first, each.second)))
    if anchor not in names:
        raise AgentError(f"ratings are measured from {anchor!r}, which played no game")
    free = [name for name in names if name != anchor]
    design, counts = _table(used, free)
    solution, information = _newton(design, counts, _prior(len(free)))
    spread = np.linalg.inv(information)
    errors = np.sqrt(np.diag(spread))
    players = {name: _rating(solution[i], errors[i]) for i, name in enumerate(free)}
    players[anchor] = Rating(elo=0.0, low=0.0, high=0.0)
    places = [names.index(name) for name in free]
    covariance = np.zeros((len(names), len(names)))
    covariance[np.ix_(places, places)] = spread[: len(free), : len(free)] * _ELO**2
    draw = math.exp(solution[-1])
    return Ratings(
        anchor=anchor,
        players={name: players[name] for name in names},
        first_player_advantage=_rating(solution[-2], errors[-2]),
        even_draw_rate=draw / (2.0 + draw),
        covariance=covariance,
    )


def rate_against(results: Sequence[tuple[float, bool, Tally]], *, scale: Ratings) -> Rating:
    """One player's most likely rating among opponents whose ratings are fixed.

    Args:
        results: opponent's rating in Elo, whether the player moved first, and the results from the
            view of who moved first.
        scale: the fit that the opponents' ratings are of; its advantage of moving first and its
            share of draws are taken as they are.

    Returns:
        The rating on that scale; its interval says nothing of the opponents' own uncertainty.
    """
    advantage = scale.first_player_advantage.elo / _ELO
    draw = math.log(max(2.0 * scale.even_draw_rate, 1e-9) / (1.0 - scale.even_draw_rate))
    prior = (_ELO / _PRIOR_ELO) ** 2
    middle = sum(elo for elo, _, _ in results) / max(len(results), 1) / _ELO
    point, information = middle, prior
    for _ in range(_MAX_STEPS):
        slope, information = -prior * (point - middle), prior
        for elo, is_first, tally in results:
            gap = (point - elo / _ELO) if is_first else (elo / _ELO - point)
            predictors = np.array([(gap + advantage) / 2, draw, -(gap + advantage) / 2])
            chances = np.exp(_log_softmax(predictors))
            direction = np.array([0.5, 0.0, -0.5]) * (1.0 if is_first else -1.0)
            counts = np.array([tally.wins, tally.draws, tally.losses], np.float64)
            mean = float(chances @ direction)
            slope += float((counts - tally.games * chances) @ direction)
            information += tally.games * (float(chances @ direction**2) - mean * mean)
        step = max(-2.0, min(2.0, slope / information))  # Newton may overshoot where it is flat
        point += step
        if abs(step) < _TOLERANCE:
            break
    return _rating(point, 1.0 / math.sqrt(information))


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of everybody's strength, nobody being the anchor.

    Parameters are the ratings in natural units, the advantage of moving first, and d; F of them.
    """

    point: NDArray[np.float64]  # [F] most likely values
    information: NDArray[np.float64]  # [F, F] the inverse of their covariance

    def gain(self, i: int, j: int) -> NDArray[np.float64]:
        """Information ``[F, F]`` expected of one game of players i and j, colours being drawn."""
        total = np.zeros_like(self.information)
        for first, second in ((i, j), (j, i)):
            design = _predictors(len(self.point), first, second)
            chances = np.exp(_log_softmax(design @ self.point))
            mean = chances @ design
            total += (design.T * chances) @ design - np.outer(mean, mean)
        return total / 2


def model_of(players: Sequence[str], pairings: Sequence[Pairing]) -> Model:
    """The rating model of all players, those without games included."""
    used = [each for each in pairings if each.first != each.second and each.tally.games]
    design, counts = _table(used, list(players))
    prior = _prior(len(players))
    return Model(*_newton(design, counts, prior))


def _prior(ratings: int) -> NDArray[np.float64]:
    """Inverse variances of the priors on ratings, advantage and d."""
    prior = np.full(ratings + 2, (_ELO / _PRIOR_ELO) ** 2)
    prior[-1] = 1.0 / _PRIOR_DRAW**2
    return prior


def _rating(natural: float, error: float) -> Rating:
    """A natural parameter and its standard error as Elo."""
    elo, spread = float(natural) * _ELO, float(error) * _ELO * Z_95
    return Rating(elo=elo, low=elo - spread, high=elo + spread)


def _table(
    pairings: Sequence[Pairing], free: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear predictors of win, draw and loss for each pairing, and how often each happened.

    Returns:
        Design ``[N, 3, F + 2]`` (free ratings, the advantage, d) and counts ``[N, 3]``.
    """
    place = {name: index for index, name in enumerate(free)}
    design = np.zeros((len(pairings), 3, len(free) + 2))
    counts = np.zeros((len(pairings), 3))
    for n, each in enumerate(pairings):
        ends = place.get(each.first), place.get(each.second)
        design[n] = _predictors(len(free) + 2, *ends)
        counts[n] = each.tally.wins, each.tally.draws, each.tally.losses
    return design, counts


def _predictors(parameters: int, first: int | None, second: int | None) -> NDArray[np.float64]:
    """Linear predictors ``[3, F]`` of win, draw and loss; None has the rating 0."""
    difference = np.zeros(parameters)
    if first is not None:
        difference[first] += 1.0
    if second is not None:
        difference[second] -= 1.0
    difference[-2] = 1.0
    draw = np.zeros(parameters)
    draw[-1] = 1.0
    return np.stack([difference / 2, draw, -difference / 2])


def _newton(
    design: NDArray[np.float64], counts: NDArray[np.float64], prior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maximum of the log-likelihood plus log-prior, and the information matrix there."""
    point = np.zeros(design.shape[2])
    games = counts.sum(axis=1)

    def objective(at: NDArray[np.float64]) -> float:
        logits = design @ at
        return float((counts * _log_softmax(logits)).sum() - 0.5 * (prior * at * at).sum())

    for _ in range(_MAX_STEPS):
        chances = np.exp(_log_softmax(design @ point))
        gradient = np.einsum("nk,nkf->f", counts - games[:, None] * chances, design) - prior * point
        mean = np.einsum("nk,nkf->nf", chances, design)
        spread = np.einsum("n,nk,nkf,nkg->fg", games, chances, design, design)
        information = spread - np.einsum("n,nf,ng->fg", games, mean, mean) + np.diag(prior)
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() < _TOLERANCE:
            break
        scale, before = 1.0, objective(point)
        while scale > 1e-6 and objective(point + scale * step) < before:
            scale /= 2  # Newton may overshoot where the likelihood is flat
        point = point + scale * step
    return point, information


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the softmax over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logarithms: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms
