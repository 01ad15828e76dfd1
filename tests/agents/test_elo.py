import math

import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.elo import Pairing, fit_ratings
from agents.arena.intervals import wilson_interval
from agents.arena.match import Tally

ELO = 400 / math.log(10)


def chances(difference, advantage, draw):
    """Win, draw and loss of the first player; written out anew, not shared with the fit."""
    s = (difference + advantage) / ELO
    weights = np.array([math.exp(s / 2), math.exp(draw), math.exp(-s / 2)])
    return weights / weights.sum()


def simulated(ratings, advantage, draw, games, rng):
    """Every ordered pair plays ``games`` games."""
    pairings = []
    for first, a in ratings.items():
        for second, b in ratings.items():
            if first != second:
                wins, draws, losses = rng.multinomial(games, chances(a - b, advantage, draw))
                pairings.append(Pairing(first, second, Tally(int(wins), int(draws), int(losses))))
    return pairings


def test_a_fit_of_many_games_finds_the_ratings_that_made_them():
    truth = {"anchor": 0.0, "weak": -150.0, "strong": 320.0, "stronger": 410.0}
    pairings = simulated(truth, 60.0, -0.5, 40_000, np.random.default_rng(1))
    fit = fit_ratings(pairings, anchor="anchor")
    for name, elo in truth.items():
        assert fit.players[name].elo == pytest.approx(elo, abs=8)
    assert fit.first_player_advantage.elo == pytest.approx(60, abs=5)
    assert fit.even_draw_rate == pytest.approx(math.exp(-0.5) / (2 + math.exp(-0.5)), abs=0.01)


def test_intervals_cover_the_truth_about_ninety_five_times_in_a_hundred():
    truth = {"anchor": 0.0, "near": 80.0, "far": 300.0}
    rng = np.random.default_rng(2)
    covered = {name: 0 for name in ("near", "far", "advantage")}
    tables = 400
    for _ in range(tables):
        fit = fit_ratings(simulated(truth, 50.0, -1.0, 25, rng), anchor="anchor")
        for name in ("near", "far"):
            covered[name] += fit.players[name].low <= truth[name] <= fit.players[name].high
        advantage = fit.first_player_advantage
        covered["advantage"] += advantage.low <= 50.0 <= advantage.high
    for name, count in covered.items():
        assert 0.92 <= count / tables <= 0.98, name


def test_two_players_without_draws_get_the_logarithm_of_their_odds():
    pairings = [Pairing("b", "a", Tally(300, 0, 100)), Pairing("a", "b", Tally(100, 0, 300))]
    fit = fit_ratings(pairings, anchor="a")
    assert fit.players["b"].elo == pytest.approx(ELO * math.log(3), abs=2)
    error = ELO * 1.96 / math.sqrt(800 * 0.75 * 0.25)
    assert fit.players["b"].high - fit.players["b"].elo == pytest.approx(error, rel=0.05)


def test_who_wins_everything_gets_a_finite_rating_with_a_wide_interval():
    pairings = [Pairing("b", "a", Tally(50, 0, 0)), Pairing("a", "b", Tally(0, 0, 50))]
    rating = fit_ratings(pairings, anchor="a").players["b"]
    assert 500 < rating.elo < 3000
    assert rating.high - rating.low > 500


def test_the_anchor_alone_decides_the_zero():
    truth = {"a": 0.0, "b": 200.0, "c": -100.0}
    pairings = simulated(truth, 30.0, -1.0, 500, np.random.default_rng(3))
    from_a, from_b = (fit_ratings(pairings, anchor=each) for each in "ab")
    gap = from_a.players["c"].elo - from_a.players["b"].elo
    assert from_b.players["c"].elo == pytest.approx(gap, abs=3)


def test_an_anchor_that_never_played_is_refused():
    with pytest.raises(AgentError, match="'ghost'"):
        fit_ratings([Pairing("a", "b", Tally(1, 0, 0))], anchor="ghost")


@pytest.mark.parametrize("successes,trials", [(0, 40), (40, 40), (1, 300), (150, 300)])
def test_a_share_lies_in_its_own_interval(successes, trials):
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert low < high


def test_the_interval_of_a_share_is_wilsons():
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_ratings_without_draws_and_advantage_are_those_of_a_peer_library():
    choix = pytest.importorskip("choix")
    rng = np.random.default_rng(5)
    truth = {"a": 0.0, "b": 90.0, "c": -140.0, "d": 260.0}
    names = list(truth)
    won = []
    pairings = []
    for first, a in truth.items():
        for second, b in truth.items():
            if first != second:
                wins = int(rng.binomial(300, 1 / (1 + math.exp(-(a - b) / ELO))))
                won += [(names.index(first), names.index(second))] * wins
                won += [(names.index(second), names.index(first))] * (300 - wins)
                pairings.append(Pairing(first, second, Tally(wins, 0, 300 - wins)))
    # Halving every game's order takes the advantage of moving first out of our fit.
    mirrored = [
        Pairing(p.second, p.first, Tally(p.tally.losses, 0, p.tally.wins)) for p in pairings
    ]
    fit = fit_ratings(pairings + mirrored, anchor="a")
    theirs = choix.opt_pairwise(4, won) * ELO
    for index, name in enumerate(names):
        assert fit.players[name].elo == pytest.approx(theirs[index] - theirs[0], abs=0.5)


def test_ratings_with_draws_and_advantage_are_those_of_a_general_optimiser():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(6)
    pairings = simulated({"a": 0.0, "b": 120.0, "c": -80.0}, 40.0, 0.3, 400, rng)

    def minus_log_likelihood(point):
        ratings = {"a": 0.0, "b": point[0], "c": point[1]}
        total = 0.0
        for each in pairings:
            p = chances(ratings[each.first] - ratings[each.second], point[2], point[3])
            total -= np.dot((each.tally.wins, each.tally.draws, each.tally.losses), np.log(p))
        return total

    best = optimize.minimize(minus_log_likelihood, np.zeros(4), method="BFGS").x
    fit = fit_ratings(pairings, anchor="a")
    assert fit.players["b"].elo == pytest.approx(best[0], abs=0.5)
    assert fit.players["c"].elo == pytest.approx(best[1], abs=0.5)
    assert fit.first_player_advantage.elo == pytest.approx(best[2], abs=0.5)
    assert fit.even_draw_rate == pytest.approx(
        math.exp(best[3]) / (2 + math.exp(best[3])), abs=1e-3
    )


def test_differences_and_superiority_do_not_depend_on_the_anchor():
    rng = np.random.default_rng(7)
    pairings = simulated({"a": 0.0, "b": 20.0, "c": 500.0}, 0.0, -1.0, 60, rng)
    from_a, from_c = (fit_ratings(pairings, anchor=each) for each in "ac")
    for x, y in (("a", "b"), ("b", "c")):
        one, other = from_a.difference(x, y), from_c.difference(x, y)
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=10)
        assert from_a.superiority(x, y) + from_a.superiority(y, x) == pytest.approx(1.0)
        assert from_a.superiority(x, y) == pytest.approx(from_c.superiority(x, y), abs=0.02)
    assert from_a.superiority("c", "a") > 0.999
    assert from_a.superiority("a", "a") == 0.5


@pytest.mark.slow
def test_intervals_of_a_thousand_tables_cover_the_truth_as_often_as_they_say():
    truth = {"anchor": 0.0, "near": 80.0, "far": 300.0, "farther": 450.0}
    rng = np.random.default_rng(8)
    names = [("near", "anchor"), ("far", "near"), ("farther", "far"), ("farther", "anchor")]
    covered = {name: 0 for name in names}
    for _ in range(1000):
        fit = fit_ratings(simulated(truth, 50.0, -1.0, 25, rng), anchor="anchor")
        for a, b in names:
            found = fit.difference(a, b)
            covered[a, b] += found.low <= truth[a] - truth[b] <= found.high
    print(", ".join(f"{a} - {b}: {count / 10:.1f} %" for (a, b), count in covered.items()))
    for name, count in covered.items():
        assert 930 <= count <= 972, name
