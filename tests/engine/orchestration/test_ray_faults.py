"""A cluster whose nodes come and go, and a Connect Four run whose parts are killed at random.

Minutes long; each test prints what it measured (run with ``-s``).
"""

import contextlib
import os
import random
import time
from pathlib import Path

import psutil
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
SHARE = 0.3  # of a core, for each node where throughput is compared


@pytest.fixture
def cluster(monkeypatch):
    """A head with one core; more nodes may join. All of them on the loopback of this machine."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
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


@contextlib.contextmanager
def quotas(share, *, of=Path("/sys/fs/cgroup/cpu")):
    """``limit(node)``: hold a node's workers to a share of a core, where this machine lets us.

    Two nodes then have twice the processor of one, however many cores there are; and they get it
    before other programs.
    """
    groups = []

    def limit(node):
        group = of / f"meijin-{os.getpid()}-{len(groups)}"
        try:
            group.mkdir()
            groups.append(group)
            (group / "cpu.cfs_quota_us").write_text(str(round(share * 100_000)))
            (group / "cpu.shares").write_text(str(16 * 1024))
            raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
            for process in raylet.children(recursive=True):
                if not process.cmdline()[0].startswith("ray::MeijinWorker"):
                    continue  # the learner has what is left
                with contextlib.suppress(ProcessLookupError):
                    (group / "cgroup.procs").write_text(str(process.pid))
        except OSError:
            return False
        return True

    yield limit
    for group in groups:
        with contextlib.suppress(OSError):
            group.rmdir()


class Course:
    """Stored plies of each worker, looked at every second."""

    def __init__(self, run):
        self._run = run
        self._seen = []

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._seen.append((time.monotonic(), plies_by_worker(self._run)))
            time.sleep(1.0)

    def rate(self, since, until):
        """Stored plies a second."""
        inside = [(at, sum(plies.values())) for at, plies in self._seen if since <= at <= until]
        return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])

    def __str__(self):
        """Plies a second by worker, ten seconds at a time."""
        lines, begin = [], self._seen[0][0]
        for first, last in zip(self._seen[::10], self._seen[10::10], strict=False):
            rates = ", ".join(
                f"{name} {(count - first[1].get(name, 0)) / (last[0] - first[0]):.0f}"
                for name, count in sorted(last[1].items())
            )
            lines.append(f"  {first[0] - begin:4.0f} s: {rates}")
        return "\n".join(lines)


def test_throughput_follows_nodes_that_join_and_leave_in_mid_run(tmp_path, cluster):
    run, log = tmp_path / "run", tmp_path / "log"
    options = {"game": "connect_four", "settings": SMALL}
    with quotas(SHARE) as limit:
        driver = start(run, "--ray", cluster.address, log=log, **options)
        wait_for_shards(run, 6)
        limited = limit(cluster.head_node)
        course = Course(run)
        began = time.monotonic()
        course.watch(60)
        assert set(plies_by_worker(run)) == {"w0"}

        added = time.monotonic()
        node = cluster.add_node(num_cpus=1)
        while "w1" not in plies_by_worker(run):
            course.watch(1)
            assert time.monotonic() - added < 180, log.read_text()
        joined = time.monotonic()
        limit(node)
        course.watch(60)
        before = {e.id for e in stored(run)}

        removed = time.monotonic()
        cluster.remove_node(node, allow_graceful=False)
        while "is gone" not in log.read_text():
            course.watch(1)
            assert time.monotonic() - removed < 180, log.read_text()
        noticed = time.monotonic()
        course.watch(60)
        ended = time.monotonic()
        stop(driver)
    text = log.read_text()
    assert driver.returncode == 0, text
    assert "has joined; starting workers there (1)" in text and "Traceback" not in text, text
    episodes, store = verified(run, "connect_four")
    assert before <= {episode.id for episode in episodes}
    assert RunDirectory(run).read_metrics()[-1]["episodes"] == store.counters.episodes
    print(
        f"\neach node {'held to ' + format(SHARE, '.0%') + ' of a core' if limited else 'free'}: "
        f"one node {course.rate(began, added):.0f} plies/s; first games of the joined node stored "
        f"after {joined - added:.1f} s, then {course.rate(joined, removed):.0f} plies/s; its loss "
        f"noticed after {noticed - removed:.1f} s, then {course.rate(removed, ended):.0f} plies/s\n"
        f"{course}"
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
