"""Real runs on a Ray of this machine: parts killed, the driver killed."""

import signal
import subprocess
import sys

import psutil
import pytest
from ray_runs import actors_of, command, start, stop, verified, wait_for_shards, wait_until

from engine.config import decode_config
from engine.orchestration.fingerprint import fingerprint, library_differences, refusal
from engine.orchestration.run_directory import RunDirectory

pytest.importorskip("ray")


def test_killed_parts_are_replaced_and_a_killed_driver_is_continued(tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    driver = start(run, "--workers", "2", "--ray", log=log)
    wait_for_shards(run, 1)
    listening = [
        connection.laddr.ip
        for process in [
            psutil.Process(driver.pid),
            *psutil.Process(driver.pid).children(recursive=True),
        ]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert all(ip.removeprefix("::ffff:").startswith("127.") for ip in listening)
    assert len(actors_of(driver, "MeijinWorker")) == 2
    for kind in ("MeijinWorker", "MeijinLearner"):
        actors_of(driver, kind)[0].kill()
        wait_for_shards(run, 2)
    wait_until(RunDirectory(run).versions, seconds=240, what="the first weights")
    wait_for_shards(run, 2)
    known = {episode.id for episode in verified_beside(run)}
    ray_processes = [  # Ray's two agents need a minute to notice, and hold nothing
        child
        for child in psutil.Process(driver.pid).children(recursive=True)
        if "Agent" not in child.name()
    ]
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(ray_processes, timeout=60)
    assert not alive, "nothing that a killed driver started lives on"
    driver = start(run, "--workers", "2", "--ray", log=log)
    wait_for_shards(run, 2)
    stop(driver, signal.SIGTERM)
    text = log.read_text()
    assert driver.returncode == 0, text
    assert text.count("starting it again") == 2 and "Saved. Go on with" in text, text
    assert "Traceback" not in text
    episodes, store = verified(run)
    assert known <= {episode.id for episode in episodes}, "what was stored stays stored"
    assert len(episodes) == store.counters.episodes
    config = decode_config((run / "run.toml").read_text(), source="run.toml")
    assert {episode.settings for episode in episodes} == {config.settings_hash}
    versions = [episode.weights_version for episode in episodes]
    assert 0 < max(versions) <= RunDirectory(run).versions()[-1]
    last = RunDirectory(run).read_metrics()[-1]
    assert last["episodes"] == store.counters.episodes
    assert 0 < last["rows_trained"] <= 4 * store.counters.rows + 300


def verified_beside(run):
    """Episodes of a run that goes on meanwhile."""
    from engine.learning.store import EpisodeStore
    from games import make

    store = EpisodeStore(run / "episodes", make("tic_tac_toe"), read_only=True)
    return [episode for number in store.numbers for episode in store.read(number)]


def test_without_ray_only_the_option_fails_and_in_one_line(tmp_path):
    blocked = (
        "import sys; sys.modules['ray'] = None; from scripts.cli import main; main(sys.argv[1:])"
    )
    arguments = command(tmp_path / "run", "--ray")[2:]
    result = subprocess.run(
        [sys.executable, "-c", blocked, *arguments], capture_output=True, text=True, timeout=120
    )
    assert result.returncode != 0 and not (tmp_path / "run").exists()
    assert "pip install ray" in result.stderr and len(result.stderr.splitlines()) == 1


def test_other_rules_and_other_code_are_refused_and_other_libraries_named():
    from dataclasses import replace

    own = fingerprint("tic_tac_toe")
    assert refusal(own, fingerprint("tic_tac_toe")) == ""
    assert "other rules" in refusal(own, replace(own, game_hash="0"))
    assert "other code" in refusal(own, replace(own, code_hash="0"))
    edited = replace(own, code_hash="0", files=own.files | {"engine/records.py": "1234abcd"})
    assert f"engine/records.py 1234abcd, here {own.files['engine/records.py']}" in refusal(
        own, edited
    )
    assert library_differences(own, own) == ""
    other = replace(own, libraries=own.libraries | {"numpy": "1.0"})
    assert library_differences(own, other).startswith("numpy 1.0 (here ")
