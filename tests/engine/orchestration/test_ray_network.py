"""A node whose network is gone for a while: two network namespaces of this machine and a bridge.

Minutes long, and for root on Linux (``ip netns``); run with ``-m slow -s``.
"""

import contextlib
import os
import shutil
import subprocess
import time

import pytest
from ray_runs import (
    NO_TOKEN,
    free_ports,
    ray_start,
    start,
    stop,
    verified,
    wait_for_head,
    wait_for_shards,
    wait_until,
)

from engine.learning.store import EpisodeStore
from engine.orchestration.run_directory import RunDirectory
from games import make

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

HERE, THERE = "198.18.77.1", "198.18.77.2"  # of the block for tests of networks, RFC 2544
GAMES = 16  # in flight, of a worker


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A namespace behind a bridge, whose cable can be pulled."""

    def __init__(self):
        mark = f"mj{os.getpid()}"
        self.namespace, self.bridge, self.cable = mark, f"{mark}b", f"{mark}c"
        ip("netns", "add", self.namespace)
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{HERE}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        ip("link", "add", self.cable, "type", "veth", "peer", "eth0", "netns", self.namespace)
        ip("link", "set", self.cable, "master", self.bridge, "up")
        for words in (f"addr add {THERE}/24 dev eth0", "link set eth0 up", "link set lo up"):
            ip("-n", self.namespace, *words.split())

    def pull(self, seconds):
        """No packet passes for so long."""
        ip("link", "set", self.cable, "down")
        time.sleep(seconds)
        ip("link", "set", self.cable, "up")

    def end(self):
        for words in (["netns", "del", self.namespace], ["link", "del", self.bridge]):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip(*words)


@pytest.fixture
def network():
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and the program ip")
    try:
        made = Network()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    yield made
    made.end()


def numbers_by_worker(run):
    """Numbers of the stored games, by worker; a worker numbers its games as it starts them."""
    store = EpisodeStore(run / "episodes", make("tic_tac_toe"), read_only=True)
    found = {}
    for number in store.numbers:
        for episode in store.read(number):
            worker, _, game = episode.id.rpartition("-")
            found.setdefault(worker, set()).add(int(game))
    return found


def stored_of(run, worker):
    return sum(
        len(games) for name, games in numbers_by_worker(run).items() if name.startswith(worker)
    )


def test_a_network_that_is_gone_for_ten_seconds_loses_and_doubles_nothing(tmp_path, network):
    run, log = tmp_path / "run", tmp_path / "log"
    (port,) = free_ports(1)
    inside = ("ip", "netns", "exec", network.namespace)
    with (
        ray_start(
            "--head",
            f"--port={port}",
            f"--node-ip-address={HERE}",
            "--num-cpus=1",
            "--include-dashboard=false",
            log=tmp_path / "head",
        ),
    ):
        wait_for_head(tmp_path / "head")
        with ray_start(
            f"--address={HERE}:{port}",
            f"--node-ip-address={THERE}",
            "--num-cpus=1",
            log=tmp_path / "node",
            before=inside,
        ):
            driver = start(run, "--ray", f"{HERE}:{port}", log=log, environment=NO_TOKEN)
            wait_until(
                lambda: stored_of(run, "w0.") and stored_of(run, "w1."),
                seconds=240,
                what="games of both nodes",
            )
            wait_for_shards(run, 2)
            cut = time.monotonic()
            network.pull(10.0)
            healed = time.monotonic()
            before = {worker: stored_of(run, worker) for worker in ("w0.", "w1.")}
            wait_until(
                lambda: stored_of(run, "w1.") > before["w1."], seconds=90, what="games of the node"
            )
            print(
                f"\ngone for {healed - cut:.1f} s; games of the node stored again "
                f"{time.monotonic() - healed:.1f} s later"
            )
            wait_for_shards(run, 3)
            stop(driver)
    text = log.read_text()
    assert driver.returncode == 0, text
    assert "Traceback" not in text and "is gone" not in text and "starting it again" not in text
    episodes, store = verified(run)
    assert RunDirectory(run).read_metrics()[-1]["episodes"] == store.counters.episodes
    for worker, numbers in numbers_by_worker(run).items():
        missing = set(range(max(numbers))) - numbers
        print(f"{worker}: {len(numbers)} games, {len(missing)} numbers not there")
        assert len(missing) <= GAMES, "only games in flight were never stored"
    assert len(episodes) == sum(len(numbers) for numbers in numbers_by_worker(run).values())
