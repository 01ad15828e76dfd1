from __future__ import annotations

import numpy as np
import pytest
import torch
from learning_episodes import random_episodes

from engine.config import ConfigError, RunConfig, check_fits
from engine.learning.config import LearningConfig, WindowConfig
from engine.learning.losses import ownership_losses
from engine.learning.replay import ReplayWindow
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network, fold_batch_norm
from games import make
from games.game import Game


@pytest.fixture(scope="module")
def go() -> Game:
    return make("go(size=4)")


@pytest.fixture
def window(go, tmp_path) -> ReplayWindow:
    EpisodeStore(tmp_path, go).append(random_episodes(go, 12, seed=1))
    config = LearningConfig(window=WindowConfig(scale=1000, max_rows=150))
    return ReplayWindow(tmp_path, go, config=config, ownership=True)


def test_a_row_knows_how_its_game_ended_from_the_view_of_its_mover(go, window):
    episodes = random_episodes(go, 12, seed=1)
    rows = [(e, t) for e in episodes for t in range(len(e.actions)) if e.weights[t] > 0]
    rows = rows[-window.rows_in_window :]
    assert len(rows) == 150
    seen = set()
    for age, (episode, t) in enumerate(rows):
        ownership = window.row(age).ownership
        sign = 1 if episode.states["to_play"][t] == 0 else -1
        final = np.array([go.after([int(a) for a in episode.actions])], go.state_dtype)
        owners, leads = np.empty((1, 4, 4), np.int8), np.empty(1, np.float32)
        go.rules.final_ownership(final, owners, leads)
        assert np.array_equal(ownership.owners[0], sign * owners[0])
        assert ownership.leads[0] == sign * leads[0]
        # The lead is what the points say, and it agrees with the result.
        assert leads[0] == owners.sum() - go.parameters["komi"]
        assert np.sign(leads[0]) == episode.returns[0]
        seen.add(sign)
    assert seen == {1, -1}


def test_owners_are_turned_as_the_board_is(go, window):
    """In a finished game every stone owns its point: planes and owners must agree on them."""
    batch = window.sample(400, np.random.default_rng(2))
    plain = window.row(0)
    assert batch.ownership.owners.shape == (400, 4, 4)
    turned = set()
    for s in range(8):
        once = window._gather(np.array([0]), np.array([s]))
        expected = plain.ownership.owners.reshape(1, -1)[:, go.symmetries.cells[s]]
        assert np.array_equal(once.ownership.owners.reshape(1, -1), expected)
        turned.add(once.ownership.owners.tobytes())
    assert len(turned) > 1


def test_losses_by_hand():
    owners = torch.tensor([[[1, -1], [0, 1]]], dtype=torch.int8)
    sure = torch.tensor([[[50.0, -50.0], [0.0, 50.0]]])
    terms = ownership_losses(sure, torch.tensor([0.5]), owners=owners, leads=torch.tensor([2.0]))
    assert float(terms["ownership"]) == pytest.approx(np.log(2) / 4)  # the point of nobody
    assert float(terms["lead"]) == 0
    wrong = ownership_losses(-sure, torch.tensor([0.0]), owners=owners, leads=torch.tensor([2.0]))
    assert float(wrong["ownership"]) == pytest.approx((150 + np.log(2)) / 4)
    assert float(wrong["lead"]) == pytest.approx(0.25)


def test_the_body_learns_from_it_and_inference_leaves_it_out(go, window):
    config = NetworkConfig(kind="cnn", blocks=2, channels=16, ownership=True)
    trainer = Trainer(
        go,
        network_config=config,
        config=LearningConfig(
            batch_rows=64, warmup_steps=5, policy_weight=0, value_weight=0, bfloat16=False
        ),
        seed=1,
    )
    before = trainer.network.body[0].conv.weight.detach().clone()
    said = [
        trainer.train_step(window.sample(64, trainer.rng), progress=0.0)["ownership"]
        for _ in range(250)
    ]
    assert said[0] == pytest.approx(np.log(2), abs=1e-3)
    assert np.mean(said[-5:]) < 0.8 * said[0]
    assert not torch.equal(before, trainer.network.body[0].conv.weight)
    weights = trainer.averaged_weights(window)
    assert any(name.startswith("ownership_head") for name in weights)
    folded = fold_batch_norm(trainer.average)
    assert not any("ownership" in name for name in folded.state_dict())
    planes = torch.from_numpy(window.row(0).planes)
    for fast, exact in zip(folded(planes), trainer.average(planes), strict=True):
        torch.testing.assert_close(fast, exact, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(tic_tac_toe, go):
    ownership = RunConfig(game="tic_tac_toe", network=NetworkConfig(ownership=True))
    with pytest.raises(ConfigError, match="no point of tic_tac_toe belongs"):
        check_fits(ownership, tic_tac_toe)
    check_fits(ownership, go)
    linear = NetworkConfig(ownership=True, kind="perceptron")
    with pytest.raises(ConfigError, match=r"network\.ownership=false"):
        check_fits(RunConfig(game=go.id, network=linear), go)
    with pytest.raises(ValueError, match="a perceptron has none"):
        build_network(linear, observation_shape=(3, 4, 4), num_actions=17)
    plain = build_network(NetworkConfig(), observation_shape=(3, 4, 4), num_actions=17)
    with pytest.raises(ValueError, match="no ownership head"):
        plain.forward_with_ownership(torch.zeros(1, 3, 4, 4))
