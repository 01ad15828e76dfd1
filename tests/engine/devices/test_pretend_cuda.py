"""Graphs, streams and copies on a made-up CUDA device: right answers, and nothing unwaited for."""

import threading

import numpy as np
import pytest
import torch
from pretend_cuda import DeviceFault, Event, PretendCuda, Stream
from test_device_backend import a_network, legal_policies, planes_of, positions

from engine.devices.backend import DeviceBackend
from engine.devices.build import make_device_backend
from engine.devices.evaluator import DeviceEvaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.torch_backend import TorchBackend
from games import make


@pytest.fixture(scope="module")
def game():
    return make("connect_four")


def a_backend(game, network=None, **options):
    options = {"dtype": torch.float32, "max_batch": 16} | options
    return DeviceBackend(network or a_network(game), game, device="cuda:0", **options)


@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize("symmetries", ["none", "random", "average"])
def test_the_device_says_what_the_networks_evaluator_says(game, symmetries, graphs, cuda):
    network = a_network(game)
    states, actions, counts = positions(game, 40)
    expected = NetworkEvaluator(
        game, TorchBackend(network, max_batch=64), symmetries=symmetries, seed=5
    ).evaluate(states, actions, counts)
    backend = a_backend(game, network, graphs=graphs)
    found = DeviceEvaluator(game, backend, symmetries=symmetries, seed=5)
    for n in (40, 1, 16, 17):
        answer = found.evaluate(states[:n], actions[:n], counts[:n])
        np.testing.assert_allclose(answer.values, expected.values[:n], atol=1e-4)
        policies = legal_policies(answer, counts[:n])
        whole = legal_policies(expected, counts)
        np.testing.assert_allclose(policies, whole[: len(policies)], atol=1e-4)
    assert (cuda.replays > 0) == graphs == ("graphs" in backend.name)


def test_bfloat16_through_graphs_agrees_with_the_processor(game, cuda):
    planes = planes_of(game, positions(game, 40)[0])
    choice = make_device_backend(
        a_network(game), game, device="cuda:0", max_batch=16, sample_planes=planes
    )
    assert choice.backend.name == "cuda:0 bf16, graphs" and choice.sentence == ""
    assert cuda.replays == 3


def test_the_second_gpu_is_used_without_the_first(game, monkeypatch):
    """Each GPU that a process has touched costs it some 500 MB there."""
    devices = PretendCuda(count=2).install(monkeypatch)
    network = a_network(game)
    states, actions, counts = positions(game, 16)
    backend = DeviceBackend(network, game, device="cuda:1", dtype=torch.float32, max_batch=16)
    found = []

    def ask():
        evaluator = DeviceEvaluator(game, backend)
        found.append(evaluator.evaluate(states, actions, counts).values.copy())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    (values,) = found
    on_processor = DeviceBackend(network, game, device="cpu", dtype=torch.float32, max_batch=16)
    expected = DeviceEvaluator(game, on_processor).evaluate(states, actions, counts)
    np.testing.assert_allclose(values, expected.values, atol=1e-4)
    assert backend.name == "cuda:1 float32, graphs"
    assert devices.used == {1}


def test_threads_share_a_device_while_the_next_weights_are_prepared(game, cuda):
    network = a_network(game)
    states, actions, counts = positions(game, 16)
    expected = DeviceEvaluator(game, a_backend(game, network)).evaluate(states, actions, counts)
    values, wrong = expected.values.copy(), []
    wanted = [a_backend(game, network)]

    def ask():
        try:
            evaluator = DeviceEvaluator(game, wanted[-1])
            for _ in range(30):
                if evaluator.backend is not wanted[-1]:
                    evaluator.backend = wanted[-1]
                answer = evaluator.evaluate(states, actions, counts)
                np.testing.assert_allclose(answer.values, values, atol=1e-4)
        except AssertionError as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        wanted.append(a_backend(game, network))
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("target", "name", "instead", "said"),
    [
        (Stream, "wait_event", lambda stream, event: None, "read while it may yet be written"),
        (Event, "synchronize", lambda event: None, "an event that may not have come"),
        (Event, "record", lambda event, stream=None: None, "read while it may yet be written"),
        (torch.cuda, "current_stream", lambda device=None: Stream(), "may yet be written"),
        (PretendCuda, "pin", lambda device, tensor: None, "memory that is not pinned"),
    ],
)  # fmt: skip
def test_what_is_not_waited_for_is_seen(game, cuda, monkeypatch, target, name, instead, said):
    states, actions, counts = positions(game, 16)
    monkeypatch.setattr(target, name, instead)
    with pytest.raises(DeviceFault, match=said):
        DeviceEvaluator(game, a_backend(game, graphs=False)).evaluate(states, actions, counts)


def test_what_a_graph_must_not_capture_is_seen(game, cuda, monkeypatch):
    compute = DeviceBackend._compute

    def with_a_look(backend, size):
        compute(backend, size)
        backend.output[0].item()

    monkeypatch.setattr(DeviceBackend, "_compute", with_a_look)
    with pytest.raises(DeviceFault, match="while a graph is captured"):
        a_backend(game)


def test_tensors_of_the_processor_among_those_of_the_device_are_seen(game, cuda):
    backend = a_backend(game, graphs=False)
    backend._turned = torch.tensor(game.symmetries.actions).flatten()
    states, actions, counts = positions(game, 16)
    with pytest.raises(DeviceFault, match="on the device and on the processor"):
        DeviceEvaluator(game, backend).evaluate(states, actions, counts)
