"""Training on a cluster that ``ray start`` made: over ``ray://``, in a job, of other versions.

Minutes long; run with ``-m slow``.
"""

import os
import signal
import subprocess
import sys
import urllib.request
from collections import namedtuple

import pytest
from ray_runs import (
    NO_TOKEN,
    actors,
    command,
    free_ports,
    ray_start,
    start,
    stop,
    verified,
    wait_for_head,
    wait_for_port,
    wait_for_shards,
    wait_until,
)

from engine.orchestration.run_directory import RunDirectory

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Head = namedtuple("Head", "cluster client dashboard")


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A head with two cores on the loopback of this machine."""
    cluster, client, dashboard = free_ports(3)
    log = tmp_path_factory.mktemp("head") / "log"
    with ray_start(
        "--head",
        f"--port={cluster}",
        f"--ray-client-server-port={client}",
        f"--dashboard-port={dashboard}",
        "--node-ip-address=127.0.0.1",
        "--num-cpus=2",
        log=log,
    ):
        wait_for_head(log)
        wait_for_port(client)
        yield Head(
            f"127.0.0.1:{cluster}", f"ray://127.0.0.1:{client}", f"http://127.0.0.1:{dashboard}"
        )


def test_a_run_over_ray_client_is_stopped_killed_and_continued(tmp_path, head):
    run, log = tmp_path / "run", tmp_path / "log"
    arguments = {"log": log, "environment": NO_TOKEN}
    driver = start(run, "--ray", head.client, **arguments)
    wait_for_shards(run, 3)
    assert len(actors("MeijinWorker")) == 2, "a worker for each core of the cluster"
    assert not actors("MeijinLearner"), "which is a process beside the driver"
    stop(driver, signal.SIGTERM)
    assert driver.returncode == 0, log.read_text()
    wait_until(lambda: not actors(), seconds=30, what="the end of the actors")
    first, _ = verified(run)

    driver = start(run, "--ray", head.client, **arguments)
    wait_for_shards(run, 3)
    driver.kill()
    driver.wait()
    killed, _ = verified(run)
    wait_until(lambda: not actors(), seconds=150, what="the end of a dead driver's actors")

    driver = start(run, "--workers", "1", **arguments)  # without Ray, and back
    wait_for_shards(run, 1)
    stop(driver)
    driver = start(run, "--ray", head.client, **arguments)
    wait_for_shards(run, 2)
    stop(driver)
    text = log.read_text()
    assert driver.returncode == 0 and "Traceback" not in text, text
    episodes, store = verified(run)
    ids = {episode.id for episode in episodes}
    assert {e.id for e in first} <= {e.id for e in killed} <= ids
    assert RunDirectory(run).read_metrics()[-1]["episodes"] == store.counters.episodes


def test_a_run_in_a_job_is_stopped_and_continued(tmp_path, head):
    pytest.importorskip("aiohttp_cors", reason="jobs need ray[default]")
    run = tmp_path / "run"
    environment = os.environ | NO_TOKEN | {"RAY_API_SERVER_ADDRESS": head.dashboard}

    def job(*arguments):
        line = [sys.executable, "-m", "ray.scripts.scripts", "job", *arguments]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=180)
        return done.stdout + done.stderr

    for number in (1, 2):
        name = f"train-{number}"
        training = command(run, "--ray", "--workers", "2")
        told = job("submit", "--no-wait", "--submission-id", name, "--", *training)
        assert name in told and "Traceback" not in told, told
        wait_for_shards(run, 3)
        assert len(actors("MeijinWorker")) == 2 and len(actors("MeijinLearner")) == 1
        with urllib.request.urlopen(f"{head.dashboard}/api/v0/actors", timeout=60) as answer:
            shown = answer.read().decode()
        assert "meijin tic_tac_toe worker w0." in shown and "meijin tic_tac_toe learner" in shown
        before, _ = verified_ids(run)
        told = job("stop", name)
        text = job("logs", name)
        wait_until(lambda: not actors(), seconds=60, what="the end of the actors")
        print(f"\n{told}\n{text[-800:]}")
        assert "Traceback" not in text, text
        after, _ = verified_ids(run)
        assert before <= after


def verified_ids(run):
    from engine.learning.store import EpisodeStore
    from games import make

    store = EpisodeStore(run / "episodes", make("tic_tac_toe"), read_only=True)
    return {e.id for number in store.numbers for e in store.read(number)}, store
