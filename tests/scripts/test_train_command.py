"""What `meijin train` says when it has ended, and how it takes signals."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from engine.config import RunConfig
from engine.orchestration.run_directory import RunDirectory, RunError
from scripts import train
from scripts.train import _last_words


def test_a_run_without_a_network_is_not_offered_to_be_played(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create(RunConfig(game="tic_tac_toe"))
    (line,) = _last_words(run, 2.0, is_done=True)
    assert "too short for a first network" in line and line.endswith("--minutes 5")
    run.weights_file(1).write_bytes(b"")
    assert "meijin play" in _last_words(run, 2.0, is_done=True)[1]


def test_what_is_done_or_has_no_place_is_told_before_a_cluster_is_started(tmp_path, monkeypatch):
    ray_carrier = pytest.importorskip("engine.orchestration.ray_carrier")

    def started(*_arguments, **_options):
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray_carrier, "RayCarrier", started)
    run = RunDirectory(tmp_path / "run")
    run.create(RunConfig(game="tic_tac_toe", minutes=2.0))
    (run.path / "metrics.jsonl").write_text('{"start": 1, "elapsed_seconds": 121.0}\n')
    told = CliRunner().invoke(train.command, ["--run", str(run.path), "--ray"])
    assert told.exit_code == 1
    assert f"2.0 minutes already; go on with: meijin train --run {run.path} --ray" in told.output
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    told = CliRunner().invoke(
        train.command, ["tic_tac_toe", "--run", str(tmp_path / "a" / "b"), "--ray"]
    )
    assert isinstance(told.exception, RunError)
    assert str(told.exception).endswith("a/b: no permission; choose another with --run")


@pytest.mark.parametrize(
    ("address", "ending"),
    [(None, ""), ("", " --ray"), ("10.0.0.1:6379", " --ray 10.0.0.1:6379")],
)
def test_a_run_that_was_stopped_says_how_to_go_on_where_it_was(tmp_path, address, ending):
    run = RunDirectory(tmp_path / "run")
    (line,) = _last_words(run, 2.0, is_done=False, ray_address=address)
    assert line == f"Saved. Go on with: meijin train --run {run.path}{ending}"


def test_a_signal_that_comes_twice_at_once_is_one_wish_to_stop():
    """``timeout -s INT`` sends it to its child and to the group.

    In a process of its own: what other tests load into this one may end it at a signal.
    """
    program = """
import os, signal, time
from scripts import train

with train._StopSignals() as stop:
    assert not stop.asked()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)  # handlers run between two steps of the interpreter
    assert stop.asked()
    train._SAME_SIGNAL_SECONDS = 0.0
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        print("ended at once")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("ended at once\n", 0), done.stderr
