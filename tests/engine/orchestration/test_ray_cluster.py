"""Nodes of a real cluster, simulated on this machine: refused ones, and ones with made-up GPUs."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from ray_runs import start, stop, verified, wait_for_shards, wait_until

from engine.config import build_config
from engine.orchestration.messages import Said, Stop
from engine.orchestration.run_directory import RunDirectory, RunError

ray = pytest.importorskip("ray")

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cluster():
    """A head with one core and one GPU that is not there; all on the loopback of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_worker_niceness", "0")
        from ray.cluster_utils import Cluster

        made = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "num_gpus": 1, "include_dashboard": False},
        )
        yield made
        made.shutdown()


def edited_copy(folder, *edited):
    """The code with another line at the end of some files, as another version would have."""
    for layer in ("games", "engine"):
        shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
    for path in edited:
        with (folder / path).open("a") as file:
            file.write("# edited\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


@pytest.mark.slow
def test_nodes_with_other_code_are_refused_with_the_files_and_the_run_goes_on(tmp_path, cluster):
    run, log = tmp_path / "run", tmp_path / "log"
    game = cluster.add_node(
        num_cpus=1, env_vars=edited_copy(tmp_path / "game", "games/tic_tac_toe.py")
    )
    code = cluster.add_node(
        num_cpus=1, env_vars=edited_copy(tmp_path / "code", "engine/records.py", "engine/seeds.py")
    )
    driver = start(run, "--device", "cpu", "--ray", cluster.address, log=log, cwd=tmp_path)
    wait_until(
        lambda: log.read_text().count("no more workers on") == 2, seconds=120, what="both refusals"
    )
    wait_for_shards(run, 2)
    stop(driver)
    for node in (game, code):
        cluster.remove_node(node)
    text = log.read_text()
    assert driver.returncode == 0 and "Traceback" not in text, text
    rules = next(line for line in text.splitlines() if "other rules of tic_tac_toe" in line)
    assert "games/tic_tac_toe.py " in rules and ", here " in rules
    other = next(line for line in text.splitlines() if "runs other code" in line)
    assert "engine/records.py " in other and "; engine/seeds.py " in other
    episodes, _ = verified(run)
    assert len({episode.id.split(".")[0] for episode in episodes}) == 1, (
        "of the head's worker alone"
    )


def tell_what_is_seen(link, config, *_):
    """Stands in for worker and learner: says which GPUs its actor was given."""
    link.send(Said(os.environ.get("CUDA_VISIBLE_DEVICES", "unset")))
    while not any(isinstance(message, Stop) for message in link.receive(wait=0.2)):
        pass


@pytest.fixture
def carrier_of(cluster, tmp_path, monkeypatch):
    """``carrier_of(settings)``: a carrier in this process whose parts say what they see."""
    from engine.orchestration import ray_carrier
    from engine.orchestration.ray_address import read_address

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(ray_carrier, "worker_main", tell_what_is_seen)
    monkeypatch.setattr(ray_carrier, "learner_main", tell_what_is_seen)
    made = []

    def make(**settings):
        config = build_config({"game": "tic_tac_toe", "seed": 1, **settings}, source="test")
        run = RunDirectory(tmp_path / "run")
        carrier = ray_carrier.RayCarrier(
            run, config, read_address(cluster.address), report=lambda text: None
        )
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        carrier.close()


def seen_by(parts, seconds=90.0):
    """What each part said first."""
    said = {}
    end = time.monotonic() + seconds
    while len(said) < len(parts) and time.monotonic() < end:
        for number, part in enumerate(parts):
            for message in part.receive():
                said.setdefault(number, message.text)
        time.sleep(0.05)
    return [said.get(number) for number in range(len(parts))]


def test_each_actor_has_the_gpu_that_it_asked_for(cluster, carrier_of):
    node = cluster.add_node(num_cpus=2, num_gpus=2)
    carrier = carrier_of(device="cuda")
    places = carrier.places()
    workers = [carrier.start_worker(f"w{n}.1.{n}", place) for n, place in enumerate(places)]
    parts = [*workers, carrier.start_learner()]
    seen = seen_by(parts)
    for part in parts:
        part.kill()
    carrier.close()
    cluster.remove_node(node)
    assert len(places) == 3 and len(set(places)) == 2
    by_node = {place: [] for place in places}
    for place, gpus in zip(places, seen[:3], strict=True):
        by_node[place].append(gpus)
    assert sorted(sorted(gpus) for gpus in by_node.values()) == [["0"], ["0", "1"]]
    assert seen[3] == "0", "the learner shares the GPU of its node"


def test_with_the_processor_asked_for_actors_see_no_gpu(carrier_of):
    carrier = carrier_of(device="cpu")
    parts = [carrier.start_worker("w0.1.1", *carrier.places()), carrier.start_learner()]
    assert seen_by(parts) == ["", ""]


def test_a_cluster_of_another_ray_or_python_says_both_versions(cluster, carrier_of):
    from ray._raylet import GcsClient

    gcs = GcsClient(address=cluster.address)
    place = {"namespace": b"cluster"}
    kept = gcs.internal_kv_get(b"CLUSTER_METADATA", **place)
    other = json.loads(kept) | {"ray_version": "2.40.0", "python_version": "3.12.1"}
    gcs.internal_kv_put(b"CLUSTER_METADATA", json.dumps(other).encode(), True, **place)
    try:
        with pytest.raises(RunError, match=r"Ray: 2\.40\.0 Python: 3\.12\.1 This process") as told:
            carrier_of(device="cpu")
    finally:
        gcs.internal_kv_put(b"CLUSTER_METADATA", kept, True, **place)
    assert f"Ray: {ray.__version__}" in str(told.value) and "\n" not in str(told.value)


def test_gpus_that_no_node_has_are_refused_and_the_connection_is_ended(cluster, carrier_of):
    with pytest.raises(RunError, match=r"gpu\.learners is 2"):
        carrier_of(device="cuda", gpu={"learners": 2})
    assert not ray.is_initialized()
