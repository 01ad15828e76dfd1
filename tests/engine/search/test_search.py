"""The search as its users see it: budgets, streams, roots, reuse, threads."""

import numpy as np
import pytest

from engine.inference.rollouts import RolloutEvaluator
from engine.inference.uniform import UniformEvaluator
from engine.records import Evaluation
from engine.search.arena_size import SearchSizeError
from engine.search.config import GumbelConfig
from engine.search.search import Search
from engine.search.signature import search_signature
from games.game import UNPROVEN

ALGORITHMS = pytest.mark.parametrize("algorithm", ["puct", "gumbel"])
FIELDS = (
    "actions counts priors policies visits q_values best_actions sampled_actions values draws "
    "proven simulations"
).split()


def assert_equal_results(one, other):
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def play(search, states, *, plies, simulations, explore):
    """Results of some plies of self-play."""
    search.set_roots(states)
    results = []
    for _ in range(plies):
        result = search.run(simulations, explore)
        results.append(result)
        search.advance(result.sampled_actions)
    return results


@ALGORITHMS
def test_every_open_tree_spends_its_own_budget_exactly(algorithm, new_search, random_positions):
    states = random_positions(24, seed=1, plies=(0, 10))
    budgets = np.arange(24, dtype=np.int32) * 5
    search = new_search(algorithm, num_trees=24, max_simulations=200)
    search.set_roots(states)
    result = search.run(budgets, np.arange(24) % 2 == 0)
    is_open = result.proven == UNPROVEN
    assert is_open.sum() > 12
    np.testing.assert_array_equal(result.simulations[is_open], budgets[is_open])
    assert (result.simulations <= budgets).all()
    spent = result.visits.sum(1)
    np.testing.assert_array_equal(spent, result.simulations)


@ALGORITHMS
def test_the_same_seed_gives_the_same_search_and_another_seed_another(
    algorithm, new_search, random_positions
):
    states = random_positions(16, seed=2)
    runs = [
        play(
            new_search(algorithm, num_trees=16, seed=seed),
            states,
            plies=3,
            simulations=32,
            explore=True,
        )
        for seed in (5, 5, 6)
    ]
    for one, other in zip(runs[0], runs[1], strict=True):
        assert_equal_results(one, other)
    assert (runs[0][0].visits != runs[2][0].visits).any()


@ALGORITHMS
@pytest.mark.parametrize("reuse_tree", [False, True])
def test_a_batch_is_as_good_as_its_trees_one_by_one(
    algorithm, reuse_tree, new_search, random_positions
):
    states = random_positions(9, seed=3)
    config = {"reuse_tree": reuse_tree}
    batch = play(
        new_search(algorithm, num_trees=9, seed=4, config=config),
        states,
        plies=4,
        simulations=40,
        explore=True,
    )
    for row in range(9):
        single = new_search(algorithm, seed=4, first_stream=row, config=config)
        alone = play(single, states[row : row + 1], plies=4, simulations=40, explore=True)
        for ply in range(4):
            for name in FIELDS:
                np.testing.assert_array_equal(
                    getattr(alone[ply], name)[0], getattr(batch[ply], name)[row], err_msg=name
                )


@ALGORITHMS
def test_threads_change_nothing(algorithm, new_search, random_positions):
    states = random_positions(13, seed=5)
    one, three = (
        play(
            new_search(algorithm, num_trees=13, seed=9, threads=threads),
            states,
            plies=3,
            simulations=50,
            explore=True,
        )
        for threads in (1, 3)
    )
    for a, b in zip(one, three, strict=True):
        assert_equal_results(a, b)


@ALGORITHMS
def test_trees_that_do_not_explore_are_not_touched_by_noise(
    algorithm, new_search, random_positions
):
    states = random_positions(8, seed=6, plies=(0, 8))
    flags = np.arange(8) % 2 == 0
    mixed, calm = (
        new_search(algorithm, num_trees=8, seed=1),
        new_search(algorithm, num_trees=8, seed=2),
    )
    for search in (mixed, calm):
        search.set_roots(states)
    with_noise, without = mixed.run(48, flags), calm.run(48, False)
    np.testing.assert_array_equal(with_noise.visits[~flags], without.visits[~flags])
    assert (with_noise.visits[flags] != without.visits[flags]).any()
    np.testing.assert_array_equal(with_noise.priors, without.priors)


@ALGORITHMS
def test_finished_positions_are_left_alone(algorithm, connect_four, new_search):
    states = connect_four.rules.initial(3)
    for action in (0, 1, 0, 1, 0, 1, 0):
        connect_four.rules.step(states[1:2], np.array([action], np.int32))
    assert states[1]["finished"]
    search = new_search(algorithm, num_trees=3)
    search.set_roots(states)
    result = search.run(16, True)
    assert result.counts[1] == 0 and result.simulations[1] == 0
    assert result.best_actions[1] == result.sampled_actions[1] == -1
    assert result.values[1].tolist() == [1, -1] and result.draws[1] == 0
    assert result.proven[1] == -1  # to_play is the loser's
    assert (result.simulations[[0, 2]] == 16).all()
    search.advance(result.best_actions)
    assert search.run(16).simulations.tolist() == [16, 0, 16]
    assert search.principal_variation(1) == []


@ALGORITHMS
def test_rows_can_be_refilled_while_others_go_on(algorithm, new_search, random_positions):
    states = random_positions(6, seed=7, plies=(0, 6))
    search = new_search(algorithm, num_trees=6, config={"reuse_tree": True})
    search.set_roots(states[:4])
    first = search.run(30)
    assert len(first.counts) == 4
    search.advance(first.best_actions)
    search.set_roots(states[4:], np.array([1, 3]))
    second = search.run(30)
    fresh = new_search(algorithm, num_trees=2)
    fresh.set_roots(states[4:])
    np.testing.assert_array_equal(fresh.run(30).visits, second.visits[[1, 3]])
    assert (second.visits[[0, 2]].sum(1) > 30).all()  # kept subtrees


@ALGORITHMS
def test_a_kept_subtree_keeps_its_visits(algorithm, new_search, random_positions):
    states = random_positions(5, seed=8, plies=(0, 6))
    search = new_search(algorithm, num_trees=5, max_simulations=100)
    search.set_roots(states)
    before = search.run(100)
    search.advance(before.best_actions)
    after = search.run(0)
    for row in range(5):
        slot = before.actions[row].tolist().index(before.best_actions[row])
        # One visit was the evaluation of what is now the root.
        assert after.visits[row].sum() == before.visits[row, slot] - 1


@ALGORITHMS
def test_memory_holds_over_a_whole_game_of_kept_trees(algorithm, connect_four, new_search):
    search = new_search(
        algorithm, num_trees=4, max_simulations=20, evaluator=UniformEvaluator(connect_four)
    )
    states = connect_four.rules.initial(4)
    search.set_roots(states)
    for _ in range(43):
        result = search.run(20, True)
        playing = ~states["finished"]
        if not playing.any():
            break
        search.advance(result.sampled_actions)
        moved = states[playing]
        connect_four.rules.step(moved, result.sampled_actions[playing])
        states[playing] = moved
    assert states["finished"].all()


@ALGORITHMS
def test_results_are_sound(algorithm, connect_four, new_search, random_positions):
    states = random_positions(64, seed=9, plies=(0, 38))
    search = new_search(algorithm, num_trees=64)
    search.set_roots(states)
    result = search.run(64, True)
    rows = np.arange(64)
    np.testing.assert_allclose(result.policies.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(result.priors.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(result.values.sum(1), 0, atol=1e-5)
    assert (abs(result.values) <= 1 + 1e-5).all() and (abs(result.q_values) <= 1 + 1e-5).all()
    assert ((result.draws >= 0) & (result.draws <= 1 + 1e-5)).all()
    for row in rows:
        legal = connect_four.legal(states[row])
        assert result.actions[row, : result.counts[row]].tolist() == legal
        assert (result.actions[row, result.counts[row] :] == -1).all()
        assert (result.policies[row, result.counts[row] :] == 0).all()
        assert result.best_actions[row] in legal and result.sampled_actions[row] in legal


@ALGORITHMS
def test_the_view_comes_from_the_state_and_not_from_who_moves_first(
    algorithm, connect_four, new_search, random_positions
):
    states = random_positions(16, seed=10, plies=(0, 20))
    swapped = states.copy()
    swapped["to_play"] = 1 - states["to_play"]
    swapped["stones"] = states["stones"][:, ::-1]
    results = []
    for roots in (states, swapped):
        search = new_search(
            algorithm,
            num_trees=16,
            max_simulations=200,
            evaluator=UniformEvaluator(connect_four),
        )
        search.set_roots(roots)
        results.append(search.run(200))
    np.testing.assert_array_equal(results[0].visits, results[1].visits)
    np.testing.assert_array_equal(results[0].values, results[1].values[:, ::-1])
    np.testing.assert_array_equal(results[0].proven, results[1].proven)


@ALGORITHMS
def test_the_principal_variation_is_a_line_of_legal_moves(
    algorithm, connect_four, new_search, random_positions
):
    states = random_positions(10, seed=11, plies=(0, 30))
    search = new_search(algorithm, num_trees=10, max_simulations=300)
    search.set_roots(states)
    result = search.run(300)
    for row in range(10):
        line = search.principal_variation(row)
        assert line or result.visits[row].sum() == 0
        state = states[row : row + 1].copy()
        for action in line:
            assert action in connect_four.legal(state[0])
            connect_four.rules.step(state, np.array([action], np.int32))


def test_a_colder_temperature_plays_the_most_visited_move_more_often(new_search, random_positions):
    from engine.search.config import PuctConfig

    states = np.repeat(random_positions(1, seed=12, plies=(0, 2)), 200)
    shares = []
    for temperature in (5.0, 1.0, 0.25, 0.0):
        puct = PuctConfig(temperature=temperature, final_temperature=temperature)
        search = new_search("puct", num_trees=200, config={"puct": puct})
        search.set_roots(states)
        result = search.run(30, True)
        shares.append((result.sampled_actions == result.best_actions).mean())
    assert shares == sorted(shares) and shares[0] < 0.6 and shares[-1] == 1.0


def test_gumbel_noise_draws_root_moves_by_their_priors(connect_four, new_search):
    """With one simulation the move is Gumbel-max of the prior: it must follow the prior."""

    class Skewed(UniformEvaluator):
        def evaluate(self, states, actions, counts):
            answer = super().evaluate(states, actions, counts)
            answer.policy_logits[:] = np.log([1, 2, 3, 4, 3, 2, 1])
            return answer

    search = new_search("gumbel", num_trees=4000, max_simulations=1, evaluator=Skewed(connect_four))
    search.set_roots(connect_four.rules.initial(4000))
    result = search.run(1, True)
    shares = np.bincount(result.sampled_actions, minlength=7) / 4000
    np.testing.assert_allclose(shares, np.array([1, 2, 3, 4, 3, 2, 1]) / 16, atol=0.03)


def test_dirichlet_noise_has_the_mean_and_spread_of_its_distribution():
    from engine.kernels.numerics import gamma_noise, hash64

    for alpha in (0.1, 0.7, 1.5, 4.0):
        draws = np.array(
            [
                gamma_noise(np.uint64(hash64(np.uint64(7), np.uint64(i))), alpha)
                for i in range(20_000)
            ]
        )
        assert abs(draws.mean() - alpha) < 0.05 * max(alpha, 0.5)
        assert abs(draws.var() - alpha) < 0.1 * max(alpha, 0.5)


def test_arithmetic_agrees_with_the_library():
    from engine.kernels.numerics import exp32, log64

    x = np.linspace(-60, 0, 4001, dtype=np.float32)
    np.testing.assert_allclose([exp32(v) for v in x], np.exp(x.astype(float)), rtol=5e-6)
    y = np.logspace(-12, 9, 4001)
    np.testing.assert_allclose([log64(v) for v in y], np.log(y), atol=1e-8)


@ALGORITHMS
def test_several_leaves_a_tree_spend_the_same_budget_and_leave_nothing_under_way(
    algorithm, connect_four, new_search, random_positions
):
    states = random_positions(8, seed=13, plies=(0, 12))
    search = new_search(
        algorithm,
        num_trees=8,
        config={"leaves_per_tree": 8},
        max_simulations=150,
        evaluator=RolloutEvaluator(connect_four, rollouts=4, seed=3),
    )
    search.set_roots(states)
    result = search.run(150)
    is_open = result.proven == UNPROVEN
    assert (result.simulations[is_open] == 150).all()
    np.testing.assert_array_equal(result.visits[is_open].sum(1), 150)
    assert (abs(result.q_values) <= 1).all()


class FirstPlayerIsBehind:
    """All moves alike; every position is worth the same to player 0."""

    def __init__(self, game, value):
        self._slots = game.max_legal
        self._value = value

    def evaluate(self, states, actions, counts):
        values = np.empty((len(states), 2), np.float32)
        values[:] = self._value, -self._value
        logits = np.zeros((len(states), self._slots), np.float32)
        return Evaluation(logits, values, np.zeros(len(states), np.float32))


def test_moves_known_to_lose_among_bad_ones_leave_the_improved_policy_numbers(
    connect_four, new_search
):
    """The exponential that rounds to infinity must not be asked for, whatever it is taken times."""
    config = {"gumbel": GumbelConfig(value_scale=4.0), "prove_plies": 0}
    for exponent in np.linspace(88.5, 90.0, 16):  # from some on e^x is no float32 any more
        # sigma(q) = (c_visit + max N) * c_scale * (q + 1) / 2; max N is 27 here.
        value = -exponent / ((50 + 27) * 4.0 / 2)
        search = new_search(
            config=config, evaluator=FirstPlayerIsBehind(connect_four, value), max_simulations=64
        )
        search.set_roots(connect_four.rules.initial(1))
        search.restrict(0, [0, 1, 2])
        result = search.run(64)
        assert result.visits.max() == 27 and result.visits.sum() == 64
        assert result.policies[0].sum() == pytest.approx(1)


def test_a_budget_beyond_the_memory_is_refused(connect_four, new_search):
    search = new_search(max_simulations=10)
    search.set_roots(connect_four.rules.initial(1))
    with pytest.raises(ValueError, match=r"0\.\.10"):
        search.run(11)
    with pytest.raises(ValueError, match="2 positions"):
        search.set_roots(connect_four.rules.initial(2))
    with pytest.raises(ValueError, match="rows"):
        search.set_roots(connect_four.rules.initial(1), np.array([1]))


def test_the_signature_is_the_same_twice(connect_four):
    assert search_signature(connect_four) == search_signature(connect_four)


def test_forced_playouts_are_made_and_taken_out_of_the_policy_again(new_search, random_positions):
    from engine.search.config import PuctConfig

    states = random_positions(32, seed=14, plies=(0, 4))
    results = {}
    for forced in (0.0, 2.0):
        search = new_search(
            "puct", num_trees=32, seed=1, config={"puct": PuctConfig(forced_playouts=forced)}
        )
        search.set_roots(states)
        results[forced] = search.run(64, True)
    few = [(result.visits.max(1) / 64).mean() for result in results.values()]
    assert few[1] < few[0]  # visits were drawn away from the best moves
    plain, forced = results[0.0], results[2.0]
    spared = (plain.q_values > -1).all(1)  # rows in which no move is known to lose
    visit_shares = plain.visits / plain.visits.sum(1, keepdims=True)
    np.testing.assert_allclose(plain.policies[spared], visit_shares[spared], atol=1e-6)
    shares = forced.visits / forced.visits.sum(1, keepdims=True)
    best = shares.argmax(1)
    rows = np.arange(32)
    assert (forced.policies[rows, best] >= shares[rows, best] - 1e-6).all()
    assert (forced.policies[rows, best] > shares[rows, best] + 0.02).mean() > 0.5
    np.testing.assert_allclose(forced.policies.sum(1), 1, atol=1e-5)


def test_trees_that_no_memory_holds_are_refused_in_one_line(connect_four):
    evaluator = UniformEvaluator(connect_four)
    for simulations in (10**8, 10**30):
        with pytest.raises(SearchSizeError, match=r"holds 16,777,\d+ simulations a move at most"):
            Search(connect_four, evaluator, num_trees=1, max_simulations=simulations)
    for games in (10**7, 10**15):
        with pytest.raises(SearchSizeError, match=r"at once with 1,000 simulations a move need"):
            Search(connect_four, evaluator, num_trees=games, max_simulations=1000)
