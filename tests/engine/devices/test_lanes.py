"""Games in lanes that share a device: on the processor, with networks real and made-up."""

import signal
import threading
import time

import numpy as np
import pytest
import torch

from engine.config import RunConfig, build_config
from engine.devices.backend import DeviceBackend, Port
from engine.inference.uniform import UniformEvaluator
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from engine.orchestration.messages import Acknowledged, Finished, NewWeights, Pause, Said, Stop
from engine.orchestration.worker import Worker
from engine.selfplay.lanes import Lanes
from engine.selfplay.probe import largest_batch, make_lanes, network_rate, tune
from games import make

SETTINGS = {
    "game": "tic_tac_toe",
    "network": {"kind": "perceptron", "hidden": [16]},
    "search": {"simulations": 8},
    "selfplay": {"fast_simulations": 4},
    "inference": {"precision": "float32"},
}


@pytest.fixture(scope="module")
def game():
    return make("tic_tac_toe")


def a_config(**gpu) -> RunConfig:
    return build_config(SETTINGS | {"gpu": gpu}, source="test")


def a_network(game, seed=1):
    torch.manual_seed(seed)
    network = build_network(
        a_config().network,
        observation_shape=game.observation_shape,
        num_actions=game.num_actions,
        observation_scales=game.observation_scales,
    ).eval()
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def a_backend(game, *, batch=64, seed=1):
    return DeviceBackend(
        a_network(game, seed), game, device="cpu", dtype=torch.float32, max_batch=batch
    )


def check_episodes(game, episodes):
    assert len({episode.id for episode in episodes}) == len(episodes)
    for episode in episodes:
        states = episode.states
        assert (np.diff(states["ply"]) == 1).all()
        after = states.copy()
        game.rules.step(after, episode.actions)
        np.testing.assert_array_equal(after[:-1], states[1:])
        assert after[-1]["finished"] or episode.proven[-1] != 2


def test_every_lane_plays_whole_games_and_takes_new_weights_between_moves(game):
    lanes = make_lanes(game, a_config(), lanes=3, games=8, name="w0.1.1", cache_positions=300)
    first, second = a_backend(game), a_backend(game, seed=2)
    lanes.load(first, 4)
    episodes = []
    while lanes.counters.games < 60:
        episodes += lanes.play()
    lanes.load(second, 5)
    busy = second.busy_seconds
    at_change = len(episodes)
    while lanes.counters.games < 200:
        episodes += lanes.play()
    episodes += lanes.close()
    assert len(episodes) == lanes.counters.games
    check_episodes(game, episodes)
    assert {episode.id.split("-")[1] for episode in episodes} == {"0", "1", "2"}
    versions = [episode.weights_version for episode in episodes]
    assert set(versions[: max(1, at_change)]) == {4} and versions[-1] == 5
    assert second.busy_seconds > busy
    assert lanes.evaluations > 0 and lanes.hits > 0


def test_whoever_does_not_fetch_episodes_stops_the_lanes(game):
    lanes = make_lanes(game, a_config(), lanes=2, games=4, name="w0.1.1", cache_positions=0)
    lanes.load(a_backend(game), 1)
    deadline = time.monotonic() + 120
    before = 0
    while not before or (lanes.counters.plies != before and time.monotonic() < deadline):
        before = lanes.counters.plies
        time.sleep(0.5)
        assert before or time.monotonic() < deadline
    # Two plies of a lane at most: one waits in the queue, one to get in; and one more is counted.
    assert 0 < lanes.counters.plies <= 4 * 2 * 3
    lanes.play()
    lanes.close()


def test_a_fault_in_a_lane_reaches_whoever_asks_for_episodes(game):
    class Broken(UniformEvaluator):
        backend, evaluations, slots = None, 0, 0

        def evaluate(self, states, actions, counts):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    config = a_config()
    lanes = Lanes(
        game, [Broken(game), Broken(game)], search=config.search, selfplay=config.selfplay,
        games=4, cache_positions=0, name="w", seed=1,
    )  # fmt: skip
    lanes.load(object(), 1)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        for _ in range(100):
            lanes.play()


def test_while_one_lane_is_on_the_device_another_searches(game):
    """Two lanes that each need the device and then the other one's search could not go on alone."""
    meeting = threading.Barrier(2, timeout=120)

    class Device(UniformEvaluator):
        backend, evaluations, slots = None, 0, 0
        met = 0

        def evaluate(self, states, actions, counts):
            if self.met < 10:
                meeting.wait()  # passed only if both lanes are here at once
                self.met += 1
            return super().evaluate(states, actions, counts)

    config = a_config()
    devices = [Device(game), Device(game)]
    lanes = Lanes(
        game, devices, search=config.search, selfplay=config.selfplay,
        games=4, cache_positions=0, name="w", seed=1,
    )  # fmt: skip
    lanes.load(object(), 1)
    while min(device.met for device in devices) < 10:
        lanes.play()
    lanes.close()


def test_the_probe_settles_what_is_not_set_and_says_so(game):
    backend = a_backend(game, batch=128)
    assert network_rate(backend, 32, 0.1) > 0
    tuning = tune(game, backend, config=a_config(probe_seconds=1.0))
    assert tuning.lanes >= 1 and 32 <= tuning.games <= 128 and tuning.batch == tuning.games
    said = tuning.sentence
    assert f"{tuning.lanes} lanes of {tuning.games} games" in said
    assert "of what the network does alone" in said and "--set gpu.lanes=N" in said
    tuning = tune(game, backend, config=a_config(lanes=5, games=24, batch=16))
    assert (tuning.lanes, tuning.games, tuning.batch) == (5, 24, 16)
    assert tuning.sentence.endswith("5 lanes of 24 games, batches of 16, as set.")
    tuning = tune(game, backend, config=a_config(lanes=3, probe_seconds=0.5))
    assert tuning.lanes == 3


def test_a_device_without_memory_for_a_port_ends_the_measurement_of_its_rate(game, monkeypatch):
    backend = a_backend(game, batch=64)
    stream = object()  # as on a GPU, three threads ask
    monkeypatch.setattr(backend, "compute", stream)
    opened = []

    def opening():
        opened.append(len(opened))
        if len(opened) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        monkeypatch.setattr(backend, "compute", None)
        port = Port(backend)
        monkeypatch.setattr(backend, "compute", stream)
        monkeypatch.setattr(port, "run", lambda n: port._run_in_line(port.backend.padded(n)))
        return port

    monkeypatch.setattr(backend, "open", opening)
    raised = []

    def measure():
        try:
            network_rate(backend, 32, 30.0)
        except torch.OutOfMemoryError as error:
            raised.append(error)

    thread = threading.Thread(target=measure, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive() and len(raised) == 1


def test_large_networks_are_asked_in_smaller_batches():
    def largest(blocks, channels, shape):
        config = NetworkConfig(blocks=blocks, channels=channels)
        return largest_batch(build_network(config, observation_shape=shape, num_actions=9))

    assert largest(6, 64, (3, 6, 7)) == largest(10, 128, (20, 8, 8)) == 4096
    assert largest(20, 256, (10, 19, 19)) == 1024
    assert largest(40, 512, (10, 19, 19)) == 256


class FakeLink:
    """The driver's end of a worker, in the same thread: weights first, a stop in the end."""

    def __init__(self, weights):
        self.sent = []
        self._waiting = [weights]

    def send(self, message):
        self.sent.append(message)
        if isinstance(message, Finished):
            self._waiting.append(Acknowledged(message.batch))
            reports = [m for m in self.sent if isinstance(m, Finished)]
            if len(reports) == 1:
                self._waiting += [Pause(True), Pause(False)]
            if len(reports) == 2:
                self._waiting.append(Stop())

    def receive(self, *, wait=0.0):
        waiting, self._waiting = self._waiting, []
        return waiting


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_worker_with_a_device_plays_in_lanes(game, tmp_path, monkeypatch, device, request):
    import engine.orchestration.worker as worker

    config = a_config(lanes=2, games=16)
    states = game.rules.initial(64)
    planes = np.empty((64, *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    path = tmp_path / "weights.safetensors"
    save_weights(
        path,
        game=game,
        network_config=config.network,
        version=7,
        sample_planes=planes,
        state_dict={k: v.numpy() for k, v in a_network(game).state_dict().items()},
    )

    class OneDevice:
        is_cpu = False
        names = (device,)

    name = f"{device} float32"
    if device != "cpu":
        request.getfixturevalue("cuda")
        name += ", graphs"
    monkeypatch.setattr(worker, "choose_device", lambda wanted, here: OneDevice())
    monkeypatch.setattr(worker, "_REPORT_SECONDS", 0.3)
    link = FakeLink(NewWeights(7, str(path)))
    Worker(link, config, "w3.1.9").run()
    said = [message.text for message in link.sent if isinstance(message, Said)]
    assert said == [f"worker w3.1.9: Self-play on {name}: 2 lanes of 16 games, batches of 16, "
                    "as set."]  # fmt: skip
    reports = [message for message in link.sent if isinstance(message, Finished)]
    assert len(reports) == 3 and all(report.version == 7 for report in reports)
    total = sum(len(report.episodes) for report in reports)
    assert total > 10 and sum(report.plies for report in reports) > 3 * total
    assert all(0 <= report.evaluations <= report.network_slots for report in reports)
    assert 0 < sum(report.network_seconds for report in reports)


def test_the_first_games_of_a_worker_with_a_device_are_played_in_threads(game, monkeypatch):
    import engine.orchestration.worker as worker

    class OneDevice:
        is_cpu = False
        names = ("cpu",)

    monkeypatch.setattr(worker, "choose_device", lambda wanted, here: OneDevice())
    monkeypatch.setattr(worker, "_REPORT_SECONDS", 0.3)
    monkeypatch.setattr(worker.psutil, "cpu_count", lambda logical: 3)
    link = FakeLink(Pause(False))
    Worker(link, a_config(), "w0.1.1").run()
    reports = [message for message in link.sent if isinstance(message, Finished)]
    assert len(reports) == 3 and sum(report.evaluations for report in reports) == 0
    assert sum(report.plies for report in reports) > 0
    ids = {text.rsplit("-", 1)[0] for report in reports for text in report.episodes.ids}
    assert ids == {"w0.1.1b-0", "w0.1.1b-1", "w0.1.1b-2"}


def test_nobody_asks_on_after_an_interrupt(game):
    """Ctrl-C in ``meijin bench --gpu`` hung for ever at the end of the process."""
    backend = a_backend(game, batch=64)
    before = threading.active_count()
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        network_rate(backend, 32, 30.0)
    assert threading.active_count() == before
