import logging
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.inference.backends import (
    BackendUnavailableError,
    limit_threads,
    make_backend,
)
from engine.inference.compare import Tolerance, compare, exceeded
from engine.inference.torch_backend import TorchBackend, has_fast_bf16
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network

openvino_backend = pytest.importorskip("engine.inference.openvino_backend")

SHAPE, ACTIONS = (3, 6, 7), 7
CONFIGS = {
    "resnet": NetworkConfig(blocks=3, channels=16),
    "resnet with everything": NetworkConfig(
        blocks=3, channels=16, squeeze_excitation=True, global_pooling=True
    ),
    "cnn": NetworkConfig(kind="cnn", blocks=3, channels=16),
    "perceptron": NetworkConfig(kind="perceptron", hidden=(32,)),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    limit_threads(1)
    yield
    torch.set_num_threads(before)


def sample_planes(n, *, seed):
    """Boards filled to different degrees: mover's stones, opponent's stones, a plane of ones."""
    rng = np.random.default_rng(seed)
    stones = rng.random((n, *SHAPE[1:]))
    full = rng.random((n, 1, 1))
    mover, opponent = stones < full / 2, (stones >= full / 2) & (stones < full)
    return np.stack([mover, opponent, np.ones_like(mover)], axis=1).astype(np.uint8)


def trained(config):
    """A network after a minute's worth of learning in a second: column and balance of stones."""
    torch.manual_seed(1)
    network = build_network(config, observation_shape=SHAPE, num_actions=ACTIONS)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(60):
        planes = torch.from_numpy(sample_planes(64, seed=step))
        policy_logits, outcome_logits = network(planes)
        difference = (planes[:, 0].int() - planes[:, 1].int()).sum((1, 2))
        outcome = 1 - difference.sign()  # more stones win: index 0 of (win, draw, loss)
        column = planes[:, 0].sum(1).argmax(1)
        loss = functional.cross_entropy(policy_logits, column)
        loss = loss + functional.cross_entropy(outcome_logits, outcome)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS.keys())
def network(request):
    return trained(request.param)


@pytest.fixture(scope="module")
def resnet():
    return trained(CONFIGS["resnet"])


def answers(backend, planes):
    logits = np.full((len(planes), ACTIONS), np.nan, dtype=np.float32)
    outcomes = np.full((len(planes), 3), np.nan, dtype=np.float32)
    backend.run(planes, logits, outcomes)
    return logits, outcomes


def test_torch_float32_is_the_network_itself(network):
    planes = sample_planes(33, seed=100)
    logits, outcomes = answers(TorchBackend(network, max_batch=64), planes)
    with torch.inference_mode():
        expected_logits, expected_outcomes = network(torch.from_numpy(planes))
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(outcomes, expected_outcomes.softmax(1), rtol=1e-3, atol=1e-3)
    value = outcomes[:, 0] - outcomes[:, 2]
    assert np.abs(value).mean() > 0.1, "an untrained network would agree with anything"


@pytest.mark.parametrize("precision", ["int8", "bf16", "float32"])
def test_openvino_agrees_with_torch_on_positions_it_was_not_calibrated_on(network, precision):
    if precision == "int8" and isinstance(network.policy_head, torch.nn.Linear):
        pytest.skip("a perceptron has no convolution to run in int8")
    if precision.upper() not in {*openvino_backend.capabilities(), "FLOAT32"}:
        pytest.skip(f"no {precision} instructions here")
    backend = openvino_backend.OpenVinoBackend(
        network,
        max_batch=256,
        precision=precision,
        calibration_planes=sample_planes(256, seed=200),
    )
    planes = sample_planes(256, seed=300)
    agreement = compare(
        answers(TorchBackend(network, max_batch=256), planes), answers(backend, planes)
    )
    assert exceeded(agreement, Tolerance()) == ""
    if precision == "float32":
        assert agreement.value_error_max < 1e-4


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_every_number_of_positions_gives_the_same_answers(resnet, precision):
    planes = sample_planes(40, seed=400)
    choice = make_backend(
        resnet,
        max_batch=40,
        precision=precision,
        runtime="openvino",
        calibration_planes=planes,
    )
    logits, outcomes = answers(choice.backend, planes)
    for n in (40, 1, 39, 2, 17, 33, 8, 1):
        some_logits, some_outcomes = answers(choice.backend, planes[:n])
        np.testing.assert_allclose(some_logits, logits[:n], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(some_outcomes, outcomes[:n], rtol=1e-4, atol=1e-4)


def test_int8_convolutions_really_run_on_bytes(resnet):
    backend = openvino_backend.OpenVinoBackend(
        resnet, max_batch=16, precision="int8", calibration_planes=sample_planes(64, seed=1)
    )
    answers(backend, sample_planes(16, seed=2))
    layers = [
        operation.get_rt_info()
        for operation in backend._request.get_compiled_model().get_runtime_model().get_ops()
    ]
    precisions = [
        layer["runtimePrecision"].astype(str)
        for layer in layers
        if layer["layerType"].astype(str) == "Convolution"
    ]
    # Stem, two in each of three blocks, two heads.
    assert precisions == ["u8"] * 9


def test_padding_covers_the_batch_and_wastes_at_most_an_eighth():
    sizes = [openvino_backend.padded_batch(n) for n in range(1, 2049)]
    assert all(n <= size <= n * 9 / 8 for n, size in enumerate(sizes, start=1))
    assert len(set(sizes)) < 80
    assert sizes == sorted(sizes)


def test_auto_takes_the_fastest_backend_and_reports_its_agreement(resnet):
    choice = make_backend(resnet, max_batch=64, calibration_planes=sample_planes(256, seed=3))
    assert choice.report.precision == "int8"
    assert choice.report.agreement.positions == 128
    assert choice.report.agreement.policy_kl_mean < Tolerance().policy_kl_mean
    assert choice.sentence == ""


def test_a_badly_calibrated_backend_is_passed_over_and_the_user_told(resnet, caplog):
    # Half the samples, those that set the ranges, are empty boards; the other half are full ones
    # whose counters no calibration position comes near.
    planes = sample_planes(64, seed=4)
    planes[::2] = 0
    planes[1::2] *= 40
    with caplog.at_level(logging.WARNING):
        choice = make_backend(resnet, max_batch=64, calibration_planes=planes)
    assert choice.report.precision != "int8"
    assert choice.sentence.startswith("openvino int8 disagrees with float32: ")
    assert choice.sentence.endswith(f"; using {choice.backend.name} instead")
    assert choice.sentence in caplog.text
    with pytest.raises(BackendUnavailableError, match="int8 disagrees"):
        make_backend(resnet, max_batch=64, precision="int8", calibration_planes=planes)


def test_without_openvino_pytorch_takes_over(resnet, monkeypatch):
    # What an import of a package that is not installed does.
    monkeypatch.setitem(sys.modules, "engine.inference.openvino_backend", None)
    choice = make_backend(resnet, max_batch=8, calibration_planes=sample_planes(64, seed=5))
    assert choice.report.runtime == "torch"
    assert choice.report.precision == ("bf16" if has_fast_bf16() else "float32")
    assert choice.sentence.startswith("OpenVINO cannot be imported")


def test_without_samples_only_float32_is_used(resnet):
    choice = make_backend(resnet, max_batch=8)
    assert (choice.report.precision, choice.report.agreement) == ("float32", None)
    assert "no calibration_planes were given" in choice.sentence


def test_a_perceptron_says_that_int8_is_not_for_it():
    network = trained(CONFIGS["perceptron"])
    choice = make_backend(network, max_batch=8, calibration_planes=sample_planes(64, seed=6))
    assert choice.report.precision != "int8"
    assert "int8 is for convolutions" in choice.sentence


@pytest.mark.parametrize("unknown", [torch.tanh, lambda x: x * 2.0], ids=["tanh", "a number"])
def test_a_piece_without_translation_falls_back_to_torch(unknown):
    class Unknown(torch.nn.Module):
        def forward(self, x):
            return unknown(x)

    torch.manual_seed(0)
    network = build_network(CONFIGS["cnn"], observation_shape=SHAPE, num_actions=ACTIONS)
    network.body.append(Unknown())
    choice = make_backend(network, max_batch=8, calibration_planes=sample_planes(64, seed=7))
    assert choice.report.runtime == "torch"
    assert "no OpenVINO translation of" in choice.sentence


def test_an_untrained_network_runs_in_int8():
    torch.manual_seed(0)
    network = build_network(CONFIGS["resnet"], observation_shape=SHAPE, num_actions=ACTIONS)
    # The branches start at zero: their weights have no range of their own.
    torch.nn.init.normal_(network.policy_head[-1].weight)
    torch.nn.init.normal_(network.outcome_head[-1].weight)
    choice = make_backend(network, max_batch=8, calibration_planes=sample_planes(256, seed=8))
    assert choice.report.precision == "int8"


def test_later_training_does_not_reach_a_backend():
    network = trained(CONFIGS["cnn"])
    planes = sample_planes(4, seed=9)
    for runtime in ("openvino", "torch"):
        backend = make_backend(network, max_batch=4, runtime=runtime).backend
        before = answers(backend, planes)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(2)
        np.testing.assert_array_equal(answers(backend, planes)[0], before[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_batch": 0}, "max_batch is 0"),
        ({"calibration_planes": np.zeros((4, 3, 5, 7), np.uint8)}, "expected at least two rows"),
        ({"calibration_planes": np.zeros((4, *SHAPE), np.float32)}, "expected at least two rows"),
        (
            {
                "calibration_planes": np.zeros((4, *SHAPE), np.uint8),
                "calibration_legal": np.ones((3, ACTIONS), bool),
            },
            "calibration_legal has shape",
        ),
    ],
)
def test_wrong_arguments_are_named(resnet, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_backend(resnet, **{"max_batch": 4} | arguments)


def test_int8_in_torch_is_refused(resnet):
    with pytest.raises(BackendUnavailableError, match="torch has no int8"):
        make_backend(resnet, max_batch=4, runtime="torch", precision="int8")
