import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from engine.networks.config import NetworkConfig
from engine.networks.network import build_network, fold_batch_norm

SHAPE, ACTIONS = (3, 6, 7), 7

CONFIGS = {
    "resnet": NetworkConfig(blocks=3, channels=16),
    "resnet with squeeze-excitation": NetworkConfig(blocks=2, channels=16, squeeze_excitation=True),
    "resnet with global pooling": NetworkConfig(blocks=3, channels=16, global_pooling=True),
    "cnn": NetworkConfig(kind="cnn", blocks=2, channels=16),
    "perceptron": NetworkConfig(kind="perceptron", hidden=(32, 16)),
    "linear": NetworkConfig(kind="perceptron", hidden=()),
}
every_kind = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def build(config, *, scales=None):
    torch.manual_seed(0)
    return build_network(
        config, observation_shape=SHAPE, num_actions=ACTIONS, observation_scales=scales
    )


def random_planes(n, *, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 2, (n, *SHAPE), dtype=np.uint8))


def disturb(network):
    """Gives every weight, and every running mean and variance, a value that matters."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    network.train()
    for seed in range(5):
        network(random_planes(32, seed=seed))
    return network.eval()


@every_kind
def test_outputs_have_one_row_a_position_in_float32(config):
    policy_logits, outcome_logits = build(config)(random_planes(5))
    assert policy_logits.shape == (5, ACTIONS)
    assert outcome_logits.shape == (5, 3)
    assert policy_logits.dtype == outcome_logits.dtype == torch.float32


@every_kind
def test_an_untrained_network_has_no_opinion(config):
    policy_logits, outcome_logits = build(config)(random_planes(5))
    assert not policy_logits.any()
    assert not outcome_logits.any()


@every_kind
def test_positions_of_a_batch_do_not_influence_each_other(config):
    network = disturb(build(config))
    planes = random_planes(9)
    together = network(planes)
    for row in range(len(planes)):
        alone = network(planes[row : row + 1])
        for one, many in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], many[row], rtol=1e-4, atol=1e-4)


@every_kind
def test_folding_computes_the_same_without_batch_norm_and_leaves_the_original(config):
    network = disturb(build(config))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded = fold_batch_norm(network)
    planes = random_planes(16)
    for exact, fast in zip(network(planes), folded(planes), strict=True):
        torch.testing.assert_close(exact, fast, rtol=1e-3, atol=1e-4)
    assert not any(isinstance(piece, nn.BatchNorm2d) for piece in folded.modules())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


@every_kind
def test_one_optimiser_step_changes_every_head_and_a_second_one_reaches_the_body(config):
    network = build(config)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    planes = random_planes(8)
    for _ in range(2):
        policy_logits, outcome_logits = network(planes)
        loss = policy_logits[:, 0].sum() - outcome_logits[:, 1].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(p.grad is not None for p in network.parameters())
    assert any(p.grad.any() for p in network.body.parameters()) or config.hidden == ()


def test_planes_are_multiplied_by_their_scales():
    scales = np.array([1.0, 0.5, 0.01], dtype=np.float32)
    scaled = disturb(build(CONFIGS["resnet"], scales=scales))
    plain = build(CONFIGS["resnet"])
    plain.load_state_dict(scaled.state_dict() | {"scale_planes.scales": torch.ones(3, 1, 1)})
    planes = random_planes(4) * 100
    expected = plain.eval()(planes.float() * torch.from_numpy(scales)[:, None, None])
    for a, b in zip(scaled(planes), expected, strict=True):
        torch.testing.assert_close(a, b)


def test_scales_travel_with_the_weights():
    network = build(CONFIGS["cnn"], scales=np.array([1.0, 0.5, 0.01]))
    other = build(CONFIGS["cnn"])
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.scale_planes.scales, network.scale_planes.scales)


def test_global_pooling_lets_a_corner_see_the_opposite_corner():
    config = NetworkConfig(blocks=3, channels=16, global_pooling=True)
    network = disturb(build(config))
    # 1 + 2 * 3 convolutions of 3x3 reach 7 squares: the board is widened to 20 columns for this.
    planes = torch.zeros(2, 3, 6, 20)
    planes[1, 0, 0, 19] = 1
    features = network.body(network.scale_planes(planes))
    assert not torch.allclose(features[0, :, 0, 0], features[1, :, 0, 0])


def test_scales_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"expected \(3,\)"):
        build(CONFIGS["cnn"], scales=np.ones(2))


def test_a_network_without_actions_is_refused():
    with pytest.raises(ValueError, match="at least one action"):
        build_network(NetworkConfig(), observation_shape=SHAPE, num_actions=0)


@pytest.mark.parametrize("fields", [{"chanels": 32}, {"blocks": 0}, {"kind": "transformer"}])
def test_wrong_settings_are_refused(fields):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, NetworkConfig)
