"""The device's backend on the processor: same steps, no streams; on a GPU where there is one."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch

from engine.devices.backend import DeviceBackend, batch_sizes
from engine.devices.build import agreement_with_float32, make_device_backend
from engine.devices.choice import DeviceError
from engine.devices.evaluator import DeviceEvaluator
from engine.inference.compare import Tolerance, exceeded
from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.torch_backend import TorchBackend
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from games import make

DEVICES = [
    "cpu",
    pytest.param(
        "cuda:0",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]


@pytest.fixture(scope="module", params=["connect_four", "othello(size=6)", "minichess"])
def game(request):
    return make(request.param)


def a_network(game, **changes):
    """Random weights everywhere, so that answers differ from position to position."""
    torch.manual_seed(3)
    network = build_network(
        NetworkConfig(**{"blocks": 2, "channels": 16} | changes),
        observation_shape=game.observation_shape,
        num_actions=game.num_actions,
        observation_scales=game.observation_scales,
    )
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def positions(game, count, *, seed=1):
    """Unfinished positions of random games, at different depths, with their legal actions."""
    rng = np.random.default_rng(seed)
    states = game.rules.initial(count)
    actions = np.full((count, game.max_legal), -1, np.int32)
    counts = np.zeros(count, np.int32)
    for ply in range(14):
        game.rules.legal_actions(states, actions, counts)
        after = states.copy()
        game.rules.step(after, actions[np.arange(count), rng.integers(0, counts)])
        on = ~after["finished"] & (rng.random(count) < 1 - ply / 14)
        states[on] = after[on]
    game.rules.legal_actions(states, actions, counts)
    return states, actions, counts


def planes_of(game, states):
    planes = np.empty((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    return planes


def legal_policies(evaluation, counts):
    found = []
    for logits, count in zip(evaluation.policy_logits, counts, strict=True):
        weights = np.exp(logits[:count] - logits[:count].max())
        found.append(weights / weights.sum())
    return np.concatenate(found)


def test_sizes_waste_little_and_reach_down_to_one_position():
    for largest in (1, 7, 8, 48, 512, 4096):
        sizes = batch_sizes(largest)
        assert sizes[-1] == largest and len(sizes) <= 22
        assert list(sizes) == sorted(set(sizes))
        for n in range(max(64, largest // 4), largest + 1):
            assert next(size for size in sizes if size >= n) <= n + largest // 16 + 8


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("symmetries", ["none", "random", "average"])
def test_the_device_says_what_the_networks_evaluator_says(game, symmetries, device):
    network = a_network(game)
    states, actions, counts = positions(game, 75)
    expected = NetworkEvaluator(
        game, TorchBackend(network, max_batch=64), symmetries=symmetries, seed=5
    ).evaluate(states, actions, counts)
    backend = DeviceBackend(network, game, device=device, dtype=torch.float32, max_batch=32)
    found = DeviceEvaluator(game, backend, symmetries=symmetries, seed=5)
    for n in (75, 1, 32, 33, 9):
        answer = found.evaluate(states[:n], actions[:n], counts[:n])
        np.testing.assert_allclose(answer.values, expected.values[:n], atol=1e-4)
        np.testing.assert_allclose(answer.draws, expected.draws[:n], atol=1e-4)
        policies = legal_policies(answer, counts[:n])
        whole = legal_policies(expected, counts)
        np.testing.assert_allclose(policies, whole[: len(policies)], atol=1e-4)
    assert np.ptp(expected.values[:, 0]) > 0.05, "equal values would agree with anything"


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_is_used_where_it_agrees_and_refused_where_it_does_not(game, device):
    network = a_network(game)
    planes = planes_of(game, positions(game, 64)[0])
    choice = make_device_backend(network, game, device=device, max_batch=64, sample_planes=planes)
    assert "bf16" in choice.backend.name and choice.sentence == ""
    assert choice.agreement is not None and choice.agreement.positions == 64
    assert 0 < choice.agreement.policy_kl_mean < Tolerance().policy_kl_mean
    strict = Tolerance(policy_kl_mean=1e-9, value_error_mean=1e-4, value_error_max=1e-3)
    choice = make_device_backend(
        network, game, device=device, max_batch=64, sample_planes=planes, tolerance=strict
    )
    assert "float32" in choice.backend.name
    assert "bf16" in choice.sentence and "disagrees" in choice.sentence
    with pytest.raises(DeviceError, match="disagrees"):
        make_device_backend(
            network, game, device=device, max_batch=64, sample_planes=planes, tolerance=strict,
            precision="bf16",
        )  # fmt: skip


def test_the_check_sees_a_wrong_network(game):
    network = a_network(game)
    backend = DeviceBackend(network, game, device="cpu", dtype=torch.float32, max_batch=16)
    planes = planes_of(game, positions(game, 40)[0])
    assert exceeded(agreement_with_float32(network, game, backend, planes), Tolerance()) == ""
    with torch.no_grad():
        network.outcome_head[-1].bias += torch.tensor([3.0, 0.0, -3.0])
    assert "value" in exceeded(agreement_with_float32(network, game, backend, planes), Tolerance())


def test_a_backend_that_nobody_holds_gives_its_memory_back_at_once():
    game = make("connect_four")
    backend = DeviceBackend(a_network(game), game, device="cpu", dtype=torch.float32, max_batch=8)
    states, actions, counts = positions(game, 8)
    DeviceEvaluator(game, backend).evaluate(states, actions, counts)
    alive = weakref.ref(backend)
    gc.disable()
    try:
        del backend
        assert alive() is None
    finally:
        gc.enable()


def test_threads_with_an_evaluator_each_share_a_backend(game):
    network = a_network(game)
    backend = DeviceBackend(network, game, device="cpu", dtype=torch.float32, max_batch=16)
    states, actions, counts = positions(game, 64)
    expected = DeviceEvaluator(game, backend).evaluate(states, actions, counts)
    expected = expected.policy_logits.copy(), expected.values.copy()
    wrong = []

    def ask(number):
        evaluator = DeviceEvaluator(game, backend)
        rng = np.random.default_rng(number)
        for _ in range(30):
            rows = rng.choice(64, rng.integers(1, 17), replace=False)
            answer = evaluator.evaluate(states[rows], actions[rows], counts[rows])
            for at, row in enumerate(rows):
                legal = slice(0, counts[row])
                if not (
                    np.allclose(answer.policy_logits[at, legal], expected[0][row, legal], atol=1e-4)
                    and np.allclose(answer.values[at], expected[1][row], atol=1e-4)
                ):
                    wrong.append(int(row))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert backend.busy_seconds > 0


def test_out_of_memory_halves_the_batch_and_says_so(monkeypatch):
    import engine.devices.build as build

    game = make("connect_four")

    class Small(DeviceBackend):
        room = 10

        def __init__(self, *arguments, max_batch, **options):
            if max_batch > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
            super().__init__(*arguments, max_batch=max_batch, **options)

    monkeypatch.setattr(build, "DeviceBackend", Small)
    network = a_network(game)
    choice = make_device_backend(network, game, device="cpu", max_batch=64)
    assert choice.backend.max_batch == 8
    assert choice.sentence == "cpu was out of memory; batches of 8, not 64"
    states, actions, counts = positions(game, 20)
    answer = DeviceEvaluator(game, choice.backend).evaluate(states, actions, counts)
    assert np.isfinite(answer.values).all()
    Small.room = 0
    with pytest.raises(DeviceError, match="even with one position"):
        make_device_backend(network, game, device="cpu", max_batch=4)
