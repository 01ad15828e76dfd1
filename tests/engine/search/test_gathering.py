"""Trees that go on while others wait for the evaluator: the same results, fewer questions."""

import dataclasses

import numpy as np
import pytest

import games
from engine.inference.cache import CachedEvaluator
from engine.inference.uniform import KeyEvaluator
from engine.search.config import SearchConfig
from engine.search.search import Search


class Counting(KeyEvaluator):
    """Notes how many positions each question has."""

    def __init__(self, game):
        super().__init__(game, seed=3)
        self.sizes = []

    def evaluate(self, states, actions, counts):
        self.sizes.append(len(states))
        return super().evaluate(states, actions, counts)


def positions(game, count, seed=1):
    rng = np.random.default_rng(seed)
    states = game.rules.initial(count)
    for row in range(count):
        for _ in range(int(rng.integers(0, 12))):
            if states[row]["finished"]:
                break
            action = int(rng.choice(game.legal(states[row])))
            game.rules.step(states[row : row + 1], np.array([action], np.int32))
    return states


def searched(game, states, evaluators, *, algorithm, threads=1, moves=3):
    """Results of some moves from these positions on, trees kept."""
    search = Search(
        game,
        evaluators[0],
        SearchConfig(algorithm=algorithm, simulations=60),
        num_trees=len(states),
        seed=5,
        threads=threads,
        helpers=evaluators[1:],
    )
    search.set_roots(states)
    results = []
    for _ in range(moves):
        results.append(search.run(explore=True))
        search.advance(results[-1].sampled_actions)
    search.close()
    return results


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(
                getattr(one, field.name), getattr(other, field.name), err_msg=field.name
            )


@pytest.mark.parametrize("algorithm", ["gumbel", "puct"])
@pytest.mark.parametrize("game_id", ["connect_four", "tic_tac_toe", "minichess"])
def test_an_evaluator_that_remembers_changes_no_result(game_id, algorithm):
    game = games.make(game_id)
    states = positions(game, 24)
    plain = Counting(game)
    expected = searched(game, states, [plain], algorithm=algorithm)
    for capacity in (0, 64, 1 << 14):
        behind = Counting(game)
        cached = CachedEvaluator(behind, game=game, capacity=capacity)
        assert_same(expected, searched(game, states, [cached], algorithm=algorithm))
        assert sum(behind.sizes) <= sum(plain.sizes)
        again = searched(game, states, [cached], algorithm=algorithm)
        assert_same(expected, again)
    # All is remembered, but for what a full bucket gave up.
    assert len(behind.sizes) < 2 * len(plain.sizes)


def test_questions_are_fuller():
    game = games.make("connect_four")
    states = np.concatenate([positions(game, 20, seed=1)] * 2)  # every position twice
    plain, behind = Counting(game), Counting(game)
    searched(game, states, [plain], algorithm="puct")
    cached = CachedEvaluator(behind, game=game, capacity=1 << 14)
    searched(game, states[:20], [cached], algorithm="puct", moves=1)
    behind.sizes.clear()
    searched(game, states, [cached], algorithm="puct")
    assert len(behind.sizes) < len(plain.sizes)


@pytest.mark.parametrize("algorithm", ["gumbel", "puct"])
def test_groups_with_evaluators_of_their_own_change_no_result(algorithm):
    game = games.make("connect_four")
    states = positions(game, 23)
    expected = searched(game, states, [KeyEvaluator(game, seed=3)], algorithm=algorithm)
    for threads in (2, 3):
        first = CachedEvaluator(Counting(game), game=game, capacity=1 << 12)
        evaluators = [first, *(first.another() for _ in range(threads - 1))]
        found = searched(game, states, evaluators, algorithm=algorithm, threads=threads)
        assert_same(expected, found)
        assert all(each.misses for each in evaluators)


def test_the_number_of_helpers_has_to_fit():
    game = games.make("tic_tac_toe")
    evaluator = KeyEvaluator(game)
    with pytest.raises(ValueError, match="3 threads take no helpers or 2"):
        Search(game, evaluator, num_trees=9, threads=3, helpers=[evaluator])


def test_a_search_can_be_ended_while_trees_wait():
    game = games.make("connect_four")
    cached = CachedEvaluator(KeyEvaluator(game), game=game, capacity=1 << 12)
    search = Search(
        game, cached, SearchConfig(algorithm="puct"), num_trees=8, max_simulations=2_000
    )
    search.set_roots(positions(game, 8))
    asked = iter(range(10**6))
    result = search.run(2_000, is_ended=lambda: next(asked) >= 30)
    assert 0 < result.simulations.max() <= 31
    assert (search.run(2_000).simulations[result.proven == 2] > 0).all()
    assert search.run(50, is_ended=lambda: True).simulations.max() == 0
