"""The cache must be invisible but for its speed."""

import numpy as np
import pytest

from engine.inference.cache import CachedEvaluator
from engine.inference.uniform import KeyEvaluator
from engine.search.config import SearchConfig
from engine.search.search import Search
from games import make

GAME = make("connect_four")


class Counting(KeyEvaluator):
    """Judges by key and writes down what it was asked."""

    def __init__(self, game):
        super().__init__(game)
        self.keys = []

    def evaluate(self, states, actions, counts):
        self.keys.append(states["key"].tolist())
        return super().evaluate(states, actions, counts)


def positions(count, *, seed, variety):
    """Random positions, of which many are equal: openings of a few plies."""
    rng = np.random.default_rng(seed)
    states = GAME.rules.initial(count)
    for row in range(count):
        for _ in range(int(rng.integers(variety))):
            state = states[row : row + 1]
            GAME.rules.step(state, np.array([rng.integers(7)], np.int32))
    return states


def ask(evaluator, states):
    actions = np.zeros((len(states), GAME.max_legal), np.int32)
    counts = np.zeros(len(states), np.int32)
    GAME.rules.legal_actions(states, actions, counts)
    answer = evaluator.evaluate(states, actions, counts)
    width = counts[:, None] > np.arange(GAME.max_legal)
    return answer.policy_logits[width].copy(), answer.values.copy(), answer.draws.copy()


@pytest.mark.parametrize("capacity", [0, 1, 64, 4096])
def test_cached_answers_are_the_evaluators_own(capacity):
    cache = CachedEvaluator(KeyEvaluator(GAME), game=GAME, capacity=capacity)
    bare = KeyEvaluator(GAME)
    for seed in range(30):
        states = positions(1 + seed * 7, seed=seed, variety=6)
        for one, other in zip(ask(cache, states), ask(bare, states), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_position_is_asked_about_once_across_and_inside_batches():
    inner = Counting(GAME)
    cache = CachedEvaluator(inner, game=GAME, capacity=100_000)
    total = 0
    distinct = set()
    for seed in range(20):
        states = positions(100, seed=seed, variety=4)
        ask(cache, states)
        total += 100
        distinct |= set(states["key"].tolist())
    asked = [key for batch in inner.keys for key in batch]
    assert sorted(asked) == sorted(distinct)
    assert cache.misses == len(distinct) and cache.hits == total - len(distinct)


def test_equal_positions_of_one_batch_are_asked_about_once_even_without_memory():
    inner = Counting(GAME)
    cache = CachedEvaluator(inner, game=GAME, capacity=0)
    states = positions(300, seed=1, variety=3)
    for _ in range(2):
        ask(cache, states)
        assert len(inner.keys[-1]) == len(set(states["key"].tolist()))


def test_clear_forgets_everything():
    inner = Counting(GAME)
    cache = CachedEvaluator(inner, game=GAME, capacity=1000)
    states = positions(50, seed=2, variety=5)
    ask(cache, states)
    ask(cache, states)
    assert len(inner.keys) == 1
    cache.clear()
    ask(cache, states)
    assert inner.keys[1] == inner.keys[0]


def test_keys_that_share_a_bucket_are_told_apart():
    cache = CachedEvaluator(KeyEvaluator(GAME), game=GAME, capacity=4)  # one bucket
    bare = KeyEvaluator(GAME)
    states = GAME.rules.initial(40)
    states["key"] = np.arange(40)  # key 0 among them
    for row in np.random.default_rng(3).geometric(0.2, 300) % 40:
        one = ask(cache, states[row : row + 1])
        other = ask(bare, states[row : row + 1])
        np.testing.assert_array_equal(one[1], other[1])
    assert cache.hits > 50 and cache.misses > 50


@pytest.mark.parametrize("algorithm", ["puct", "gumbel"])
def test_a_search_does_not_notice_the_cache(algorithm):
    results = []
    for evaluator in (
        KeyEvaluator(GAME),
        CachedEvaluator(KeyEvaluator(GAME), game=GAME, capacity=2000),
    ):
        search = Search(GAME, evaluator, SearchConfig(algorithm=algorithm), num_trees=16, seed=3)
        search.set_roots(positions(16, seed=4, variety=8))
        for _ in range(3):
            result = search.run(64, True)
            search.advance(result.sampled_actions)
        results.append(result)
    np.testing.assert_array_equal(results[0].visits, results[1].visits)
    np.testing.assert_array_equal(results[0].policies, results[1].policies)


def test_a_negative_capacity_is_refused():
    with pytest.raises(ValueError, match="-1"):
        CachedEvaluator(KeyEvaluator(GAME), game=GAME, capacity=-1)
