"""Whole training runs on CUDA devices that are made up in every process of them."""

import os

import pretend_cuda
import pytest
from ray_runs import (
    NO_TOKEN,
    end_with_children,
    free_ports,
    ray_start,
    shards,
    start,
    stop,
    verified,
    wait_for_head,
    wait_until,
)
from tiny_runs import PATIENCE_SECONDS, TINY

SETTINGS = [text for text in TINY if "precision" not in text] + ["gpu.lanes=2", "gpu.games=16"]
# By its file, not by a path: beside it lie folders of the names of our packages.
SITE = """
import importlib.util
import sys
from types import SimpleNamespace

spec = importlib.util.spec_from_file_location("pretend_cuda", {source!r})
pretend_cuda = sys.modules["pretend_cuda"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pretend_cuda)
pretend_cuda.PretendCuda(count={count}).install(SimpleNamespace(setattr=setattr))
"""


def with_gpus(count, folder):
    """Python imports `sitecustomize` before anything else, in workers and actors as well."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(source=pretend_cuda.__file__, count=count))
    path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return NO_TOKEN | {"PYTHONPATH": os.pathsep.join(path)}


def trained_until(happened, run, *options, log, **others):
    """Train until something has happened, and for four shards more; then stop."""
    driver = start(run, *options, log=log, **others)

    def wait_for(seen, what):
        wait_until(lambda: seen() or driver.poll() is not None, seconds=PATIENCE_SECONDS, what=what)
        assert driver.poll() is None, log.read_text()

    try:
        wait_for(happened, "what is waited for")
        before = shards(run)
        wait_for(lambda: shards(run) >= before + 4, "four shards more")
        stop(driver)
    finally:
        end_with_children(driver)
    assert driver.returncode == 0, log.read_text()


def trained_with_the_network(run, *options, log, gpus, environment):
    """Train until every device has played; returns the versions that played."""
    settled = [
        f"Self-play on cuda:{number} bf16, graphs: 2 lanes of 16 games, batches of 16, as set."
        for number in range(gpus)
    ]
    trained_until(
        lambda: all(said in log.read_text() for said in settled),
        run, *options, log=log, environment=environment, settings=SETTINGS,
    )  # fmt: skip
    return {episode.weights_version for episode in verified(run)[0]}


def test_workers_have_a_gpu_each_and_do_without_it_later(tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    versions = trained_with_the_network(
        run, "--device", "cuda", log=log, gpus=2, environment=with_gpus(2, tmp_path)
    )
    assert max(versions) > 0
    said = "Networks run on cuda:0 (made up), cuda:1 (made up): as asked for."
    assert said in log.read_text()
    trained_until(run.exists, run, "--device", "cpu", "--workers", "1", log=log, settings=[])
    assert max(episode.weights_version for episode in verified(run)[0]) >= max(versions)


@pytest.mark.slow
def test_actors_of_ray_share_a_gpu(tmp_path):
    pytest.importorskip("ray")
    environment = with_gpus(1, tmp_path)
    run, log, (port,) = tmp_path / "run", tmp_path / "log", free_ports(1)
    node = ("--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=2",
            "--num-gpus=1", "--include-dashboard=false")  # fmt: skip
    with ray_start(*node, log=tmp_path / "head", environment=environment):
        wait_for_head(tmp_path / "head")
        versions = trained_with_the_network(
            run, "--device", "cuda", "--ray", f"127.0.0.1:{port}",
            log=log, gpus=1, environment=environment,
        )  # fmt: skip
    assert max(versions) > 0
    assert "1 GPUs); the learner has 0.25 of a GPU." in log.read_text()
