"""Evaluators without a network, and what the network's evaluator does around one."""

import numpy as np
import pytest

from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.rollouts import RolloutEvaluator
from engine.inference.uniform import KeyEvaluator, UniformEvaluator
from games import make

GAME = make("connect_four")


class LinearBackend:
    """A fixed linear map of the planes: not symmetric, and quick to compute by hand."""

    name = "linear"

    def __init__(self, max_batch=1000):
        self.max_batch = max_batch
        self.batches = []
        rng = np.random.default_rng(11)
        inputs = int(np.prod(GAME.observation_shape))
        self.policy = rng.normal(0, 0.5, (inputs, GAME.num_actions)).astype(np.float32)
        self.outcome = rng.normal(0, 0.3, (inputs, 3)).astype(np.float32)

    def run(self, planes, policy_logits_out, outcome_probs_out):
        assert len(planes) <= self.max_batch
        self.batches.append(len(planes))
        flat = planes.reshape(len(planes), -1).astype(np.float32)
        policy_logits_out[:] = flat @ self.policy
        odds = np.exp(flat @ self.outcome)
        outcome_probs_out[:] = odds / odds.sum(1, keepdims=True)


def positions(count, *, seed):
    rng = np.random.default_rng(seed)
    states = GAME.rules.initial(count)
    for row in range(count):
        for _ in range(int(rng.integers(5))):
            GAME.rules.step(states[row : row + 1], np.array([rng.integers(7)], np.int32))
    return states


def mirrored(states):
    """The same positions with left and right exchanged."""
    rows = []
    for state in states:
        lines = GAME.state_to_text(state).splitlines()
        board = [" ".join(reversed(line.split())) for line in lines[:6]]
        rows.append(GAME.text_to_state("\n".join(board)))
    return np.array(rows, GAME.state_dtype)


def ask(evaluator, states):
    actions = np.zeros((len(states), GAME.max_legal), np.int32)
    counts = np.zeros(len(states), np.int32)
    GAME.rules.legal_actions(states, actions, counts)
    answer = evaluator.evaluate(states, actions, counts)
    odds = np.exp(answer.policy_logits) * (np.arange(GAME.max_legal) < counts[:, None])
    return odds / odds.sum(1, keepdims=True), answer.values.copy(), answer.draws.copy()


def test_the_movers_outcome_becomes_a_value_for_each_player():
    backend = LinearBackend()
    states = positions(40, seed=1)
    policies, values, draws = ask(NetworkEvaluator(GAME, backend), states)
    planes = np.zeros((40, *GAME.observation_shape), np.uint8)
    GAME.rules.observe(states, planes)
    logits, outcomes = np.zeros((40, 7), np.float32), np.zeros((40, 3), np.float32)
    backend.run(planes, logits, outcomes)
    for row, state in enumerate(states):
        mover = state["to_play"]
        assert values[row, mover] == pytest.approx(outcomes[row, 0] - outcomes[row, 2], abs=1e-6)
        assert values[row, 1 - mover] == -values[row, mover]
        assert draws[row] == outcomes[row, 1]
        odds = np.exp(logits[row])
        np.testing.assert_allclose(policies[row], odds / odds.sum(), rtol=1e-5)


def test_batches_larger_than_the_backend_takes_are_split():
    states = positions(50, seed=2)
    small, large = LinearBackend(16), LinearBackend(1000)
    for one, other in zip(
        ask(NetworkEvaluator(GAME, small), states),
        ask(NetworkEvaluator(GAME, large), states),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert small.batches == [16, 16, 16, 2]


def test_the_average_over_symmetries_is_symmetric_and_is_the_average():
    states = positions(30, seed=3)
    turned = mirrored(states)
    average = NetworkEvaluator(GAME, LinearBackend(), symmetries="average")
    bare = NetworkEvaluator(GAME, LinearBackend())
    here, there = ask(average, states), ask(average, turned)
    np.testing.assert_allclose(here[0], there[0][:, ::-1], atol=1e-5)
    np.testing.assert_allclose(here[1], there[1], atol=1e-5)
    plain, reflected = ask(bare, states), ask(bare, turned)
    np.testing.assert_allclose(here[0], (plain[0] + reflected[0][:, ::-1]) / 2, atol=1e-5)
    np.testing.assert_allclose(here[1], (plain[1] + reflected[1]) / 2, atol=1e-5)
    np.testing.assert_allclose(here[2], (plain[2] + reflected[2]) / 2, atol=1e-5)


def test_a_random_symmetry_is_one_of_the_two_and_the_same_when_asked_again():
    states = positions(200, seed=4)
    bare = NetworkEvaluator(GAME, LinearBackend())
    plain, reflected = ask(bare, states), ask(bare, mirrored(states))
    chosen = NetworkEvaluator(GAME, LinearBackend(), symmetries="random", seed=1)
    answers = ask(chosen, states)
    as_is = np.isclose(answers[1], plain[1], atol=1e-6).all(1)
    turned = np.isclose(answers[1], reflected[1], atol=1e-6).all(1)
    assert (as_is | turned).all() and (as_is & ~turned).any() and (turned & ~as_is).any()
    only = turned & ~as_is
    np.testing.assert_allclose(answers[0][only], reflected[0][only][:, ::-1], atol=1e-5)
    for one, other in zip(ask(chosen, states[::-1].copy()), answers, strict=True):
        np.testing.assert_array_equal(one[::-1], other)


def test_network_positions_and_time_are_counted():
    evaluator = NetworkEvaluator(GAME, LinearBackend(), symmetries="average")
    ask(evaluator, positions(20, seed=5))
    assert evaluator.evaluations == 40 and evaluator.seconds > 0


def test_rollouts_know_who_is_winning():
    won = GAME.after([3, 0, 3, 0, 3])  # player 1 to move, three in column 3 against him
    _, values, draws = ask(RolloutEvaluator(GAME, rollouts=300, seed=1), np.array([won]))
    assert values[0, 0] > 0.3 and values[0, 1] == pytest.approx(-values[0, 0])
    assert 0 <= draws[0] < 0.2
    again = ask(RolloutEvaluator(GAME, rollouts=300, seed=1), np.array([won]))
    np.testing.assert_array_equal(values, again[1])
    with pytest.raises(ValueError, match="0"):
        RolloutEvaluator(GAME, rollouts=0)


def test_the_uniform_evaluator_says_nothing_and_the_key_evaluator_the_same_thing_always():
    states = positions(64, seed=6)
    policies, values, draws = ask(UniformEvaluator(GAME), states)
    np.testing.assert_allclose(policies, 1 / 7, rtol=1e-6)
    assert not values.any() and not draws.any()
    one, other = ask(KeyEvaluator(GAME), states), ask(KeyEvaluator(GAME), states[::-1].copy())
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b[::-1])
    assert np.unique(one[1]).size > 30
    np.testing.assert_array_equal(one[1].sum(1), 0)
