import math

import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.sprt import RunningSprt, Sprt, expected_score, log_likelihood_ratio

# Made by fishtest's own ``LLRcalc.LLR_logistic`` at its commit 93fe81eb.
FISHTEST = [
    ((3, 20, 50, 22, 5), 0, 20, 0.04032037241670679),
    ((3, 20, 50, 22, 5), 0, 5, 0.17838022438188125),
    ((3, 20, 50, 22, 5), -10, 10, 0.9344729113889829),
    ((0, 10, 30, 12, 0), 0, 20, -0.27041453628885204),
    ((0, 10, 30, 12, 0), 0, 5, 0.085226848211516),
    ((12, 40, 60, 30, 8), 0, 20, -2.9973011351582723),
    ((12, 40, 60, 30, 8), -10, 10, -2.0579732004260216),
    ((30, 40, 50), 0, 20, 1.4333717997704136),
]


@pytest.mark.parametrize("counts,elo0,elo1,expected", FISHTEST)
def test_the_ratio_is_fishtests(counts, elo0, elo1, expected):
    assert float(Sprt(elo0, elo1).ratio(np.array(counts))) == pytest.approx(expected, abs=1e-12)


def test_the_ratio_is_that_of_the_most_likely_distributions_found_by_a_general_optimiser():
    optimize = pytest.importorskip("scipy.optimize")
    counts, values = np.array([7, 19, 41, 28, 9]), np.linspace(0, 1, 5)

    def most(score):
        found = optimize.minimize(
            lambda logits: -(counts * np.log(softmax(logits))).sum(),
            np.zeros(5),
            constraints={"type": "eq", "fun": lambda logits: softmax(logits) @ values - score},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        return -found.fun

    def softmax(logits):
        weights = np.exp(logits - logits.max())
        return weights / weights.sum()

    expected = most(0.57) - most(0.49)
    assert float(log_likelihood_ratio(counts, 0.49, 0.57)) == pytest.approx(expected, abs=1e-6)


def test_swapping_the_sides_swaps_the_claims():
    counts = np.array([3, 11, 20, 17, 8])
    forward, backward = Sprt(-5, 25).ratio(counts), Sprt(-25, 5).ratio(counts[::-1])
    assert float(forward) == pytest.approx(-float(backward), abs=1e-12)


def test_the_bounds_are_walds():
    assert Sprt(0, 20).bounds == pytest.approx((-math.log(19), math.log(19)))
    assert Sprt(0, 20, alpha=0.01, beta=0.2).bounds == pytest.approx(
        (math.log(0.2 / 0.99), math.log(0.8 / 0.01))
    )


def told(points):
    test = RunningSprt(Sprt(0, 20))
    for each in points:
        test.add(each)
    return test.report


def test_a_test_stops_at_the_first_pair_that_settles_it():
    won = told([2.0] * 200)
    assert won.verdict == "H1"
    assert won.pairs == (0, 0, 0, 0, 53)  # the ratio of 52 won pairs is still below 2.944
    assert told([0.0] * 200).verdict == "H0"
    assert told([1.0] * 10).verdict is None
    assert told([]).pairs == (0, 0, 0, 0, 0)
    assert told([1.5, 0.5, 0.5]).pairs == (0, 2, 0, 1, 0)


@pytest.mark.parametrize(
    "settings", [(20, 0), (5, 5), (math.nan, 3), (0, 20, 0.0), (0, 20, 0.05, 0.6)]
)
def test_senseless_claims_are_refused(settings):
    with pytest.raises(AgentError):
        Sprt(*settings)


def pair_chances(elo, draw_share, correlation):
    """Chances of the five results of a pair of games that share an opening.

    The opening favours one side by an amount that both games feel, in opposite directions.
    """
    score = expected_score(elo)
    chances = np.zeros(5)
    for lean in (-correlation, correlation):
        one, other = (
            np.array([(1 - draw_share) * (1 - s), draw_share, (1 - draw_share) * s])
            for s in (score + lean, score - lean)
        )
        chances += np.convolve(one, other) / 2
    return chances


def errors_of(test, elo, *, tests, most_pairs, seed, draws=0.3, correlation=0.15):
    """Shares of simulated tests that took H0, H1 and none, and the mean number of pairs."""
    rng = np.random.default_rng(seed)
    # With draws the score of a game is draw / 2 + (1 - draw) * s: the s that gives the Elo.
    score = (expected_score(elo) - draws / 2) / (1 - draws)
    inner = 400 * math.log10(score / (1 - score))
    chances = pair_chances(inner, draws, correlation)
    counts = np.zeros((tests, 5))
    verdicts = np.zeros(tests, int)
    pairs = np.zeros(tests, int)
    lower, upper = test.bounds
    for _ in range(most_pairs):
        going = np.flatnonzero(verdicts == 0)
        if not len(going):
            break
        counts[going] += rng.multinomial(1, chances, size=len(going))
        pairs[going] += 1
        ratios = test.ratio(counts[going])
        verdicts[going] = np.where(ratios >= upper, 1, np.where(ratios <= lower, -1, 0))
    shares = [(verdicts == each).mean() for each in (-1, 1, 0)]
    return (*shares, pairs.mean())


def at_most(promise, tests):
    """What a rate that keeps its promise exceeds once in a thousand simulations."""
    return promise + 3.1 * math.sqrt(promise * (1 - promise) / tests)


@pytest.mark.parametrize("alpha,beta", [(0.05, 0.05), (0.1, 0.02)])
def test_a_thousand_simulated_tests_err_no_more_than_promised(alpha, beta):
    test = Sprt(0, 80, alpha=alpha, beta=beta)
    _, false_h1, open0, _ = errors_of(test, 0, tests=1000, most_pairs=2000, seed=1)
    false_h0, _, open1, _ = errors_of(test, 80, tests=1000, most_pairs=2000, seed=2)
    assert open0 == open1 == 0
    assert false_h1 <= at_most(alpha, 1000)
    assert false_h0 <= at_most(beta, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("draws,correlation", [(0.0, 0.0), (0.3, 0.15), (0.6, 0.1)])
def test_a_thousand_simulated_tests_of_twenty_elo_err_no_more_than_promised(draws, correlation):
    test = Sprt(0, 20)
    told = []
    for elo in (0, 10, 20):
        h0, h1, still_open, pairs = errors_of(
            test, elo, tests=1000, most_pairs=20_000, seed=3, draws=draws, correlation=correlation
        )
        told.append(f"{elo} Elo: H0 {h0:.1%}, H1 {h1:.1%}, {pairs:.0f} pairs on average")
        assert still_open == 0
        if elo == 0:
            assert h1 <= at_most(0.05, 1000)
        if elo == 20:
            assert h0 <= at_most(0.05, 1000)
    print(f"draws {draws:.0%}, openings {correlation}: {'; '.join(told)}")
