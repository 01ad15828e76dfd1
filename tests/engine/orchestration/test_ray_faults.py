"""A cluster whose nodes come and go, and a Connect Four run whose parts are killed at random.

Minutes long; each test prints what it measured (run with ``-s``).
"""

import random
import time

import pytest
from ray_runs import actors, start, stop, verified, wait_for_shards, wait_until

from engine.learning.checkpoint import load_latest_snapshot
from engine.learning.store import EpisodeStore
from engine.orchestration.run_directory import RunDirectory
from games import make

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

SMALL = [
    "network.blocks=1",
    "network.channels=16",
    "search.simulations=16",
    "selfplay.games=32",
    "selfplay.fast_simulations=8",
    "bootstrap.simulations=16",
    "learning.limiter.start_rows=2000",
    "learning.batch_rows=128",
    "inference.precision=float32",
    "publish_seconds=30",
]
KILLS = 50


@pytest.fixture
def cluster(monkeypatch):
    """A head with one core; more nodes may join. All of them on the loopback of this machine."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield made
    made.shutdown()


def plies_by_worker(run):
    """Stored plies by the worker's number."""
    store = EpisodeStore(run / "episodes", make("connect_four"), read_only=True)
    found = {}
    for number in store.numbers:
        for episode in store.read(number):
            name = episode.id.split(".")[0]
            found[name] = found.get(name, 0) + len(episode.actions)
    return found


def rate(run, seconds):
    """Stored plies a second."""
    before, begin = sum(plies_by_worker(run).values()), time.monotonic()
    time.sleep(seconds)
    return (sum(plies_by_worker(run).values()) - before) / (time.monotonic() - begin)


def test_nodes_join_and_leave_in_mid_run(tmp_path, cluster):
    run, log = tmp_path / "run", tmp_path / "log"
    options = {"game": "connect_four", "settings": SMALL}
    driver = start(run, "--ray", cluster.address, log=log, **options)
    wait_for_shards(run, 6)
    alone = rate(run, 30)
    assert set(plies_by_worker(run)) == {"w0"}

    node = cluster.add_node(num_cpus=1)
    joined = wait_until(lambda: "w1" in plies_by_worker(run), seconds=120, what="the join")
    together = rate(run, 30)
    before = {e.id for e in stored(run)}

    cluster.remove_node(node, allow_graceful=False)
    noticed = wait_until(lambda: "is gone" in log.read_text(), seconds=120, what="the loss")
    left = rate(run, 30)
    stop(driver)
    text = log.read_text()
    assert driver.returncode == 0, text
    assert "has joined; starting workers there (1)" in text and "Traceback" not in text, text
    episodes, store = verified(run, "connect_four")
    assert before <= {episode.id for episode in episodes}
    assert RunDirectory(run).read_metrics()[-1]["episodes"] == store.counters.episodes
    print(
        f"\none worker {alone:.0f} plies/s; first games of the joined node stored after "
        f"{joined:.1f} s, then {together:.0f} plies/s; loss noticed after {noticed:.1f} s, then "
        f"{left:.0f} plies/s"
    )


def stored(run):
    store = EpisodeStore(run / "episodes", make("connect_four"), read_only=True)
    return [episode for number in store.numbers for episode in store.read(number)]


def test_fifty_random_kills_lose_and_double_nothing(tmp_path, cluster):
    run, log = tmp_path / "run", tmp_path / "log"
    options = {"game": "connect_four", "settings": SMALL}
    arguments = ("--ray", cluster.address, "--workers", "2", "--minutes", "600")
    rng = random.Random(4)
    begin = time.monotonic()
    driver = start(run, *arguments, log=log, **options)
    wait_for_shards(run, 3)
    killed = {"MeijinWorker": 0, "MeijinLearner": 0, "driver": 0}
    known, rows_trained = set(), 0
    while sum(killed.values()) < KILLS:
        time.sleep(rng.uniform(1.0, 8.0))
        kind = rng.choices(list(killed), weights=[3, 2, 1])[0]
        if kind == "driver":
            known |= {episode.id for episode in stored(run)}
            driver.kill()
            driver.wait()
            wait_until(lambda: not actors(), seconds=60, what="the end of a dead driver's actors")
            ids = [episode.id for episode in stored(run)]
            assert len(set(ids)) == len(ids) and known <= set(ids)
            driver = start(run, *arguments, log=log, **options)
            wait_for_shards(run, 1)
        else:
            victims = actors(kind)
            if not victims:
                continue
            rng.choice(victims).kill()
        killed[kind] += 1
        assert driver.poll() is None, log.read_text()
    wait_for_shards(run, 3)
    stop(driver)
    text = log.read_text()
    assert driver.returncode == 0, text
    episodes, store = verified(run, "connect_four")
    assert known <= {episode.id for episode in episodes}
    metrics = RunDirectory(run).read_metrics()
    snapshot = load_latest_snapshot(run / "snapshots", game=make("connect_four"))
    steps, rows_trained = (snapshot.state.facts[name] for name in ("steps", "rows_trained"))
    assert metrics[-1]["episodes"] == len(episodes) == store.counters.episodes
    assert metrics[-1]["rows_stored"] <= store.counters.rows
    assert max(row["start"] for row in metrics) == killed["driver"] + 1
    reuse = RunDirectory(run).config().learning.limiter.reuse
    assert rows_trained == 128 * steps and 0 < rows_trained <= reuse * store.counters.rows
    print(
        f"\n{killed} in {time.monotonic() - begin:.0f} s: {len(episodes)} episodes, "
        f"{store.counters.rows} rows, {steps} steps, {rows_trained} rows trained, "
        f"version {metrics[-1]['version']}"
    )
    # An undisturbed run of the same settings has the same relations.
    quiet = tmp_path / "quiet"
    driver = start(quiet, *arguments, log=tmp_path / "quiet_log", **options)
    wait_for_shards(quiet, 30, seconds=600)
    stop(driver)
    _, store = verified(quiet, "connect_four")
    metrics = RunDirectory(quiet).read_metrics()
    snapshot = load_latest_snapshot(quiet / "snapshots", game=make("connect_four"))
    assert snapshot.state.facts["rows_trained"] == 128 * snapshot.state.facts["steps"]
    assert metrics[-1]["episodes"] == store.counters.episodes
    print(
        f"undisturbed: {store.counters.episodes} episodes, {store.counters.rows} rows, "
        f"{snapshot.state.facts['steps']} steps, version {metrics[-1]['version']}"
    )
