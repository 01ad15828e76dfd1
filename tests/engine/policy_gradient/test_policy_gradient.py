"""Policy gradients: legal play, the gradient itself, and learning on games with known answers."""

import numpy as np
import pytest
import torch

from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from engine.policy_gradient.learner import (
    PolicyGradientConfig,
    PolicyGradientLearner,
    outcome_of,
)
from engine.policy_gradient.play import (
    Trajectories,
    draw_actions,
    legal_mask,
    masked_policies,
    play_games,
)
from games import make

torch.set_num_threads(1)  # more lose time on networks of this size
LINEAR = NetworkConfig(kind="perceptron", hidden=())


@pytest.fixture(scope="module")
def game():
    return make("tic_tac_toe")


def network_of(game, config=LINEAR, seed=0):
    torch.manual_seed(seed)
    return build_network(
        config, observation_shape=game.observation_shape, num_actions=game.num_actions
    ).eval()


def test_draws_follow_the_probabilities_and_never_take_an_impossible_action():
    rng = np.random.default_rng(0)
    wanted = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    drawn = draw_actions(np.tile(wanted, (20_000, 1)), rng)
    shares = np.bincount(drawn, minlength=5) / 20_000
    assert shares[[0, 2, 4]].sum() == 0
    assert abs(shares[1] - 0.25) < 0.02

    class Highest:
        def random(self, shape):
            return np.full(shape, np.nextafter(1.0, 0.0))

    assert draw_actions(wanted[None], Highest())[0] == 3


def test_policies_are_zero_where_a_move_is_not_legal(game):
    states = game.rules.initial(2)
    game.rules.step(states[1:], np.array([4], np.int32))
    planes, legal, chances = masked_policies(network_of(game), game, states)
    assert planes.shape == (2, *game.observation_shape)
    assert legal.sum(1).tolist() == [9, 8]
    assert chances[1, 4] == 0
    assert np.allclose(chances.sum(1), 1)
    assert (legal == legal_mask(game, states)).all()


def test_games_against_another_record_one_side_and_self_play_both(game):
    ours, other = network_of(game), network_of(game, seed=1)
    rng = np.random.default_rng(0)
    against = play_games(game, ours, other, games=40, rng=rng)
    both = play_games(game, ours, None, games=40, rng=rng)
    assert len(against.actions) < len(both.actions)
    # Both sides of every game: the returns of winner and loser cancel but for the odd move.
    assert set(np.unique(both.returns)) <= {-1.0, 0.0, 1.0}
    assert against.legal[np.arange(len(against.actions)), against.actions].all()
    # The learner's seat alternates, so that it sees the empty board in half of the games.
    empty = (against.planes[:, 2].sum((1, 2)) == 9).sum()
    assert empty == 20


def test_one_step_moves_the_policy_along_the_gradient_of_the_papers(game):
    learner = PolicyGradientLearner(
        game,
        network_of(game),
        config=PolicyGradientConfig(games=2, entropy_bonus=0.0, value_weight=0.0),
        seed=0,
    )
    states = game.rules.initial(2)
    planes, legal, before = masked_policies(learner.network, game, states)
    learner.learn(
        Trajectories(
            planes=planes,
            legal=legal,
            actions=np.array([4, 0]),
            returns=np.array([1.0, -1.0], np.float32),
            results=np.array([1.0, -1.0], np.float32),
            states=states,
        )
    )
    after = masked_policies(learner.network, game, game.rules.initial(1))[2][0]
    assert after[4] > before[0, 4]
    assert after[0] < before[0, 0]
    # By hand: uniform policy, v = 0, so d loss / d logit = mean of (p - onehot) z.
    logits = torch.zeros(1, 9, requires_grad=True)
    loss = -(logits.log_softmax(1)[0, 4] - logits.log_softmax(1)[0, 0]) / 2
    loss.backward()
    learner.network.zero_grad()
    fresh = network_of(game)
    out, _ = fresh(torch.from_numpy(planes))
    logs = out.log_softmax(1)
    (-(logs[0, 4] - logs[1, 0]) / 2).backward()
    assert torch.allclose(fresh.policy_head.bias.grad, logits.grad[0], atol=1e-6)


def test_outcomes_are_win_draw_loss():
    assert outcome_of(torch.tensor([1.0, 0.0, -1.0])).tolist() == [0, 1, 2]


def test_weights_are_copies_and_can_be_taken_up_again(game):
    config = PolicyGradientConfig(games=32, learning_rate=0.01)
    learner = PolicyGradientLearner(game, network_of(game), config=config, seed=0)
    first = learner.weights()
    learner.learn(learner.play(None))
    assert any((first[name] != value).any() for name, value in learner.weights().items())
    learner.load(first)
    assert all((first[name] == value).all() for name, value in learner.weights().items())


def test_the_same_seed_gives_the_same_weights(game):
    def learnt():
        config = PolicyGradientConfig(games=16, learning_rate=0.01)
        learner = PolicyGradientLearner(game, network_of(game), config=config, seed=3)
        for _ in range(3):
            learner.learn(learner.play(None))
        return learner.weights()

    first, second = learnt(), learnt()
    assert all((first[name] == second[name]).all() for name in first)


def test_it_learns_to_beat_random_play(game):
    rng = np.random.default_rng(0)
    config = PolicyGradientConfig(games=128, learning_rate=0.01)
    hidden = NetworkConfig(kind="perceptron", hidden=(64,))
    learner = PolicyGradientLearner(game, network_of(game, hidden), config=config, seed=0)
    idle = network_of(game)  # zero logits: any legal move
    before = play_games(game, learner.network, idle, games=400, rng=rng).results.mean()
    for _ in range(50):
        learner.learn(learner.play(idle))
    after = play_games(game, learner.network, idle, games=400, rng=rng).results.mean()
    assert abs(before) < 0.15
    assert after > 0.6
