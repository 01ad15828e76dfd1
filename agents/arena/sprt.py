"""Sequential test of strength: play on until one of two claims can be given up (SPRT).

H0 says that A is ``elo0`` stronger than B, H1 that it is ``elo1`` stronger. Games come in pairs
that share an opening, so a pair is the unit: its five results (0, 1/2, 1, 3/2, 2 points for A) are
counted, and the log-likelihood ratio is that of the most likely distributions of them with the two
expected scores (the generalised test). Wald's bounds then hold the errors at ``alpha`` (H1 taken
though H0 is true) and ``beta`` (H0 taken though H1 is true). Results are looked at in the order in
which pairs were begun: taking short games first would favour whoever wins fast.

The Elo here are those of a score, 400 log10(s / (1 - s)). An estimate of strength from a test that
stopped by itself leans towards the claim that was taken.

Sources: Wald 1945, "Sequential tests of statistical hypotheses"; Van den Bergh, "The generalized
maximum likelihood ratio for the expectation value of a distribution" and fishtest's ``LLRcalc``,
whose treatment of empty counts is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.agent import AgentError

_EMPTY_COUNT = 1e-3  # in place of a result that was not seen, as in fishtest
_BISECTIONS = 60

Verdict = Literal["H0", "H1"]


@dataclass(frozen=True, slots=True)
class Sprt:
    """The two claims and the errors that are allowed.

    Raises:
        AgentError: claims in the wrong order, or errors that are no probabilities below 1/2.
    """

    elo0: float
    elo1: float
    alpha: float = 0.05
    beta: float = 0.05

    def __post_init__(self) -> None:
        if not (math.isfinite(self.elo0) and math.isfinite(self.elo1) and self.elo0 < self.elo1):
            raise AgentError(
                f"a sequential test needs two Elo differences, the lower one first, "
                f"not {self.elo0:g} and {self.elo1:g}"
            )
        for name, error in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0.0 < error < 0.5:
                raise AgentError(f"{name} is an error rate between 0 and 0.5, not {error:g}")

    @property
    def bounds(self) -> tuple[float, float]:
        """Log-likelihood ratios at which H0 and H1 are taken."""
        lower = math.log(self.beta / (1.0 - self.alpha))
        return lower, math.log((1.0 - self.beta) / self.alpha)

    def ratio(self, counts: ArrayLike) -> NDArray[np.float64]:
        """Log-likelihood ratio of H1 over H0; ``counts`` ``[..., 5]`` of pairs by points of A."""
        scores = [expected_score(elo) for elo in (self.elo0, self.elo1)]
        return log_likelihood_ratio(counts, *scores)


class RunningSprt:
    """A sequential test that is told of pair after pair, in the order in which they were begun."""

    def __init__(self, test: Sprt) -> None:
        self.test = test
        self._counts = np.zeros(5, np.int64)
        self._ratio = 0.0
        self._verdict: Verdict | None = None

    def add(self, points: float) -> None:
        """The next pair, in which A made 0 to 2 points; left out once the test is settled."""
        if self._verdict is not None:
            return
        self._counts[round(2 * points)] += 1
        self._ratio = float(self.test.ratio(self._counts))
        lower, upper = self.test.bounds
        self._verdict = "H1" if self._ratio >= upper else "H0" if self._ratio <= lower else None

    @property
    def verdict(self) -> Verdict | None:
        """What is taken, or None while the test goes on."""
        return self._verdict

    @property
    def report(self) -> SprtReport:
        """Where it stands."""
        return SprtReport(
            test=self.test,
            pairs=tuple(int(each) for each in self._counts),
            ratio=self._ratio,
            verdict=self._verdict,
        )


@dataclass(frozen=True, slots=True)
class SprtReport:
    """Where a sequential test stands."""

    test: Sprt
    pairs: tuple[int, ...]  # five counts, by points of A: 0, 1/2, 1, 3/2, 2
    ratio: float
    verdict: Verdict | None  # None: not settled by the games that were allowed


def expected_score(elo: float) -> float:
    """Share of the points at an Elo difference."""
    odds_against: float = 10.0 ** (-elo / 400.0)
    return 1.0 / (1.0 + odds_against)


def log_likelihood_ratio(counts: ArrayLike, score0: float, score1: float) -> NDArray[np.float64]:
    """Generalised log-likelihood ratio of two expected scores.

    Args:
        counts: ``[..., N]`` how often each of N equally spaced results from 0 to 1 was seen.
        score0: expected score under H0, strictly between 0 and 1.
        score1: the same under H1.

    Returns:
        ``[...]``, positive where H1 is the more likely; 0 where nothing was seen.
    """
    seen = np.asarray(counts, np.float64)
    values = np.linspace(0.0, 1.0, seen.shape[-1])
    is_empty = seen.sum(axis=-1) == 0
    filled = np.where(seen == 0, _EMPTY_COUNT, seen)
    shares = filled / filled.sum(axis=-1, keepdims=True)
    under0, under1 = (_tilt(shares, values - score) for score in (score0, score1))
    ratio = (filled * (np.log(under0) - np.log(under1))).sum(axis=-1)
    return np.where(is_empty, 0.0, ratio)


def _tilt(shares: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """By what the observed shares are divided in the most likely distribution of mean zero.

    That distribution is ``shares / (1 + t * distances)`` with the one t at which its mean vanishes;
    the mean falls as t grows, so that bisection finds it.

    Args:
        shares: ``[..., N]`` observed, all above zero.
        distances: ``[N]`` of the results to the expected one, of both signs.

    Returns:
        ``[..., N]``, ``1 + t * distances``.
    """
    low = np.full(shares.shape[:-1], -1.0 / distances.max())
    high = np.full(shares.shape[:-1], -1.0 / distances.min())
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        means = (shares * distances / (1.0 + middle[..., None] * distances)).sum(axis=-1)
        low = np.where(means > 0, middle, low)
        high = np.where(means > 0, high, middle)
    tilt: NDArray[np.float64] = 1.0 + ((low + high) / 2)[..., None] * distances
    return tilt
