from __future__ import annotations

from math import e, log

import numpy as np
import pytest
import torch
from learning_episodes import random_episodes

from engine.learning.checkpoint import load_latest_snapshot, save_snapshot
from engine.learning.config import LearningConfig
from engine.learning.losses import losses
from engine.learning.replay import Batch, ReplayWindow
from engine.learning.schedules import learning_rate
from engine.learning.sealed import WrongFormatError
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig

SMALL = NetworkConfig(blocks=2, channels=16, squeeze_excitation=True, value_hidden=16)


@pytest.fixture(scope="module")
def episodes_folder(connect_four, tmp_path_factory):
    folder = tmp_path_factory.mktemp("episodes")
    EpisodeStore(folder, connect_four).append(random_episodes(connect_four, 60, seed=1))
    return folder


def window(folder, game, **settings) -> ReplayWindow:
    return ReplayWindow(folder, game, config=LearningConfig(batch_rows=64, **settings))


def trainer(game, *, seed=0, network=SMALL, **settings) -> Trainer:
    config = LearningConfig(batch_rows=64, **settings)
    return Trainer(game, network_config=network, config=config, seed=seed)


def train(trainer: Trainer, rows: ReplayWindow, steps: int) -> list[dict[str, float]]:
    return [trainer.train_step(rows.sample(64, trainer.rng), progress=0.5) for _ in range(steps)]


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        assert array.tobytes() == theirs[name].tobytes(), name


def test_losses_are_those_computed_by_hand():
    terms = losses(
        torch.tensor([[0.0, 50.0, log(3.0)], [1.0, 2.0, 3.0]]),
        torch.tensor([[0.0, 0.0, 0.0], [log(2.0), 0.0, 0.0]]),
        # The first row may play 0 and 2 (the favourite 1 is not legal), the second only 1.
        actions=torch.tensor([[0, 2], [1, -1]]),
        policies=torch.tensor([[0.5, 0.5], [1.0, 0.0]]),
        outcomes=torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]),
    )
    # Network policy (1/4, 3/4) and (1,); outcomes (1/3, 1/3, 1/3) and (1/2, 1/4, 1/4).
    policy = (0.5 * log(4) + 0.5 * log(4 / 3)) / 2
    value = (log(3) + 0.5 * log(2) + 0.5 * log(4)) / 2
    assert float(terms["policy"]) == pytest.approx(policy, rel=1e-6)
    assert float(terms["value"]) == pytest.approx(value, rel=1e-6)
    assert float(terms["policy_kl"]) == pytest.approx(policy - log(2) / 2, rel=1e-5)
    assert float(terms["value_kl"]) == pytest.approx(value - log(2) / 2, rel=1e-5)


def test_illegal_actions_get_no_gradient():
    logits = torch.zeros(1, 3, requires_grad=True)
    terms = losses(
        logits,
        torch.zeros(1, 3),
        actions=torch.tensor([[0, 2, -1]]),
        policies=torch.tensor([[1.0, 0.0, 0.0]]),
        outcomes=torch.tensor([[0.0, 1.0, 0.0]]),
    )
    terms["policy"].backward()
    assert logits.grad.tolist() == [[-0.5, 0.0, 0.5]]


def test_the_learning_rate_warms_up_by_steps_and_falls_by_progress():
    config = LearningConfig(learning_rate=1.0, final_rate_share=0.1, warmup_steps=4)
    assert [learning_rate(step=s, progress=0, config=config) for s in range(6)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    )
    assert learning_rate(step=10, progress=0.5, config=config) == pytest.approx(0.55)
    for over in (1.0, 1.7):
        assert learning_rate(step=10, progress=over, config=config) == pytest.approx(0.1)


def test_an_untrained_network_has_no_opinion(connect_four, episodes_folder):
    first = train(trainer(connect_four), window(episodes_folder, connect_four), 1)[0]
    assert first["value"] == pytest.approx(log(3), abs=0.01)
    assert first["total"] == pytest.approx(first["policy"] + first["value"])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_batch_that_is_seen_again_and_again_is_learnt_by_heart(
    connect_four, episodes_folder, optimizer
):
    rate = {"adamw": 5e-3, "sgd": 0.05}[optimizer]
    learner = trainer(
        connect_four,
        optimizer=optimizer,
        learning_rate=rate,
        warmup_steps=5,
        weight_decay=0.0,
        network=NetworkConfig(blocks=2, channels=32),
    )
    batch = window(episodes_folder, connect_four).sample(32, np.random.default_rng(0))
    said = [learner.train_step(batch, progress=0.0) for _ in range(250)]
    assert said[-1]["policy_kl"] < 0.1 * said[0]["policy_kl"]
    assert said[-1]["value_kl"] < 0.1 * said[0]["value_kl"]
    # And what plays has learnt it too, right after the start and through other arithmetic.
    with torch.no_grad():
        learner.network.eval()
        logits, outcome = learner.network(torch.from_numpy(batch.planes))
    terms = losses(
        logits,
        outcome,
        actions=torch.from_numpy(batch.actions).long(),
        policies=torch.from_numpy(batch.policies),
        outcomes=torch.from_numpy(batch.outcomes),
    )
    assert float(terms["policy_kl"]) < 0.5 * said[0]["policy_kl"]


def test_ten_steps_and_a_snapshot_and_ten_more_are_twenty_to_the_last_bit(
    connect_four, episodes_folder, tmp_path
):
    rows = window(episodes_folder, connect_four)
    for optimizer in ("adamw", "sgd"):
        whole = trainer(connect_four, seed=5, optimizer=optimizer)
        train(whole, rows, 20)

        first = trainer(connect_four, seed=5, optimizer=optimizer)
        train(first, rows, 10)
        save_snapshot(
            tmp_path / optimizer, game=connect_four, state=first.state(), counters={"version": 3}
        )
        snapshot = load_latest_snapshot(tmp_path / optimizer, game=connect_four)
        second = trainer(connect_four, seed=99, optimizer=optimizer)
        second.load_state(snapshot.state)
        train(second, window(episodes_folder, connect_four), 10)

        assert snapshot.counters == {"version": 3}
        assert second.steps == whole.steps == 20
        assert second.rows_trained == whole.rows_trained == 20 * 64
        assert_same(second.state().arrays, whole.state().arrays)
        assert_same(second.averaged_weights(rows), whole.averaged_weights(rows))


def test_publishing_does_not_disturb_training(connect_four, episodes_folder):
    rows = window(episodes_folder, connect_four)
    quiet, publishing = trainer(connect_four, seed=1), trainer(connect_four, seed=1)
    for _ in range(4):
        train(quiet, rows, 2)
        train(publishing, rows, 2)
        publishing.averaged_weights(rows)
    ours, theirs = quiet.state().arrays, publishing.state().arrays
    for name in ours:
        if not name.startswith("average/"):
            assert ours[name].tobytes() == theirs[name].tobytes(), name


def test_building_a_trainer_leaves_torchs_generator_alone(connect_four):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    one, other = trainer(connect_four, seed=1), trainer(connect_four, seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert_same(one.state().arrays, other.state().arrays)


def test_the_average_is_the_running_mean_of_the_weights(connect_four, episodes_folder):
    rows = window(episodes_folder, connect_four)
    learner = trainer(connect_four, ema_rows=640)  # at most nine tenths are kept
    expected = None
    for step in range(1, 30):
        train(learner, rows, 1)
        weights = learner.network.body[0].conv.weight.detach().clone()
        kept = min(0.9, step / (10 + step))
        expected = weights if expected is None else kept * expected + (1 - kept) * weights
        if step == 1:
            start = trainer(connect_four).network.body[0].conv.weight.detach()
            expected = kept * start + (1 - kept) * weights
    torch.testing.assert_close(learner.average.body[0].conv.weight, expected)


def test_without_averaging_the_trained_weights_play(connect_four, episodes_folder):
    learner = trainer(connect_four, ema_rows=0)
    train(learner, window(episodes_folder, connect_four), 3)
    for ours, theirs in zip(
        learner.average.parameters(), learner.network.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("steps", [1, 5, 40])
def test_the_published_average_is_as_good_in_play_as_the_network_in_training(
    connect_four, episodes_folder, steps
):
    rows = window(episodes_folder, connect_four)
    learner = trainer(connect_four, learning_rate=5e-3, warmup_steps=0, ema_rows=640)
    train(learner, rows, steps)
    learner.averaged_weights(rows)
    batch = rows.sample(512, np.random.default_rng(1))

    def total(network) -> float:
        with torch.no_grad():
            logits, outcome = network(torch.from_numpy(batch.planes))
        terms = losses(
            logits,
            outcome,
            actions=torch.from_numpy(batch.actions).long(),
            policies=torch.from_numpy(batch.policies),
            outcomes=torch.from_numpy(batch.outcomes),
        )
        return float(terms["policy"] + terms["value"])

    assert not learner.average.training
    # In training mode the batch brings its own statistics: the yardstick for any others.
    assert total(learner.average) < total(learner.network.train()) + 0.05


def test_norms_and_biases_are_not_decayed(connect_four):
    learner = trainer(connect_four)
    decayed, free = learner._optimizer.param_groups
    assert decayed["weight_decay"] > 0 == free["weight_decay"]
    names = {id(p): name for name, p in learner.network.named_parameters()}
    assert {names[id(p)].rsplit(".", 1)[1] for p in decayed["params"]} == {"weight"}
    assert all("norm" in names[id(p)] or "bias" in names[id(p)] for p in free["params"])


def test_weights_of_another_network_are_refused(connect_four):
    other = trainer(connect_four, network=NetworkConfig(blocks=1, channels=16))
    with pytest.raises(WrongFormatError, match="blocks=1"):
        trainer(connect_four).load_state(other.state())
    with pytest.raises(WrongFormatError, match="sgd"):
        trainer(connect_four).load_state(trainer(connect_four, optimizer="sgd").state())


def test_bfloat16_computes_the_same_losses_nearly(connect_four, episodes_folder):
    rows = window(episodes_folder, connect_four)
    said = [train(trainer(connect_four, bfloat16=on), rows, 15)[-1] for on in (False, True)]
    assert said[0]["total"] == pytest.approx(said[1]["total"], abs=0.03)


def test_every_kind_of_network_trains(tic_tac_toe, tmp_path):
    EpisodeStore(tmp_path, tic_tac_toe).append(random_episodes(tic_tac_toe, 20, seed=2))
    rows = window(tmp_path, tic_tac_toe)
    for network in (
        NetworkConfig(kind="cnn", blocks=2, channels=8),
        NetworkConfig(kind="perceptron", hidden=()),
        NetworkConfig(kind="resnet", blocks=3, channels=8, global_pooling=True),
    ):
        learner = trainer(tic_tac_toe, network=network)
        said = train(learner, rows, 3)
        assert all(np.isfinite(list(terms.values())).all() for terms in said)
        learner.averaged_weights(rows)
        again = trainer(tic_tac_toe, network=network)
        again.load_state(learner.state())
        assert_same(again.state().arrays, learner.state().arrays)


def test_a_batch_of_certain_targets_costs_nothing_to_a_certain_network():
    batch = Batch(
        planes=np.zeros((1, 1, 1, 1), np.uint8),
        actions=np.array([[0, 1]], np.int32),
        policies=np.array([[1, 0]], np.float32),
        outcomes=np.array([[0, 0, 1]], np.float32),
    )
    terms = losses(
        torch.tensor([[100 * e, 0.0]]),
        torch.tensor([[0.0, 0.0, 100.0]]),
        actions=torch.from_numpy(batch.actions).long(),
        policies=torch.from_numpy(batch.policies),
        outcomes=torch.from_numpy(batch.outcomes),
    )
    assert all(float(term) == 0 for term in terms.values())
