"""A real run, killed at random moments: the same command goes on, with nothing lost or doubled."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_runs import PATIENCE_SECONDS, command, start

from engine.learning.checkpoint import load_latest_snapshot, load_weights
from engine.learning.store import EpisodeStore
from engine.orchestration.run_directory import RunDirectory
from games import make
from scripts.cli import main

UNFINISHED = re.compile(r"removed '.*/episodes-\d+\.safetensors\.tmp', which was never finished")


def train_command(run: Path, minutes: float) -> list[str]:
    return command(run, "--workers", "2", minutes=minutes)


def wait_for_progress(run: Path, *, shards: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if len(list((run / "episodes").glob("episodes-*.safetensors"))) >= shards:
            return
        time.sleep(0.1)
    raise AssertionError("the run made no episodes")


def verified_ids(run: Path, *, killed: bool = False) -> list[str]:
    """Ids of all stored episodes; every checksum is verified on the way.

    A kill may fall into the writing of a shard, of which nothing was acknowledged yet: what was
    begun is removed, and said. That is all that may be amiss.
    """
    complaints = []
    store = EpisodeStore(run / "episodes", make("tic_tac_toe"), report=complaints.append)
    if killed:
        complaints = [each for each in complaints if not UNFINISHED.fullmatch(each)]
    assert complaints == []
    ids = [episode.id for number in store.numbers for episode in store.read(number)]
    assert len(ids) == store.counters.episodes
    return ids


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_loses_and_doubles_nothing(tmp_path, kills):
    """Two kills have all that can differ: the driver alone, then its workers before it.

    Ten are for what depends on the moment; they take minutes.
    """
    run = tmp_path / "run"
    rng = random.Random(11)
    known: list[str] = []
    steps = 0
    for kill in range(kills):
        process = start(run, "--workers", "2", minutes=60)
        shards = len(list((run / "episodes").glob("*.safetensors")))
        wait_for_progress(run, shards=shards + 1)
        time.sleep(rng.uniform(0.0, 1.0))
        children = psutil.Process(process.pid).children(recursive=True)
        if kill % 2:
            for child in children:
                if psutil.pid_exists(child.pid):
                    os.kill(child.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
        assert not alive, "workers must end when the driver is gone"
        ids = verified_ids(run, killed=True)
        assert len(set(ids)) == len(ids), "no episode is stored twice"
        assert set(known) <= set(ids), "no stored episode is lost"
        assert len(ids) > len(known)
        known = ids
        snapshot = load_latest_snapshot(run / "snapshots", game=make("tic_tac_toe"))
        if snapshot is not None:
            assert snapshot.state.facts["steps"] >= steps
            steps = snapshot.state.facts["steps"]
    # Counted anew: a signal from before the run listens is lost where the shell ignores it.
    shards = len(list((run / "episodes").glob("*.safetensors")))
    process = start(run, "--workers", "2", minutes=60)
    wait_for_progress(run, shards=shards + 2)
    deadline = time.monotonic() + PATIENCE_SECONDS  # a learner that shares its core starts late
    while not RunDirectory(run).versions() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    assert "Going on with" in output and "Saved. Go on with" in output
    ids = verified_ids(run)
    assert set(known) <= set(ids) and len(set(ids)) == len(ids)
    rows = RunDirectory(run).read_metrics()
    assert rows[-1]["episodes"] == len(ids), "the counters are those of the store"
    elapsed = [row["elapsed_seconds"] for row in rows]
    assert elapsed == sorted(elapsed)
    assert max(row["start"] for row in rows) == kills + 1
    snapshot = load_latest_snapshot(run / "snapshots", game=make("tic_tac_toe"))
    limit = EpisodeStore(run / "episodes", make("tic_tac_toe")).counters.rows * 4
    assert 0 < snapshot.state.facts["rows_trained"] <= limit
    newest = RunDirectory(run).versions()[-1]
    assert load_weights(RunDirectory(run).weights_file(newest)).version == newest
    process = start(run, "--workers", "1", minutes=60)
    wait_for_progress(run, shards=len(list((run / "episodes").glob("*.safetensors"))) + 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    last = f"w0.{kills + 2}."
    worker_names = {each.split("-")[0] for each in verified_ids(run) if each.startswith(last)}
    assert worker_names == {f"{last}1"}, "the network is there already: no playouts (…b) again"


def test_the_minutes_begin_with_the_first_games_however_long_the_start_takes(tmp_path):
    run = tmp_path / "run"
    minutes = 0.0
    for start_number in (1, 2):
        process = start(run, "--workers", "1", minutes=minutes + 0.001)  # no start is so short
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0 and "Done: " in output, output
        assert any(each.startswith(f"w0.{start_number}.") for each in verified_ids(run)), output
        minutes = RunDirectory(run).read_metrics()[-1]["elapsed_seconds"] / 60


def test_a_killed_worker_and_a_killed_learner_are_started_again(tmp_path):
    run = tmp_path / "run"
    process = start(run, "--workers", "2", minutes=60)
    wait_for_progress(run, shards=1)
    children = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(children) == 3
    for child in children:
        child.kill()
        wait_for_progress(run, shards=len(list((run / "episodes").glob("*.safetensors"))) + 2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    assert output.count("starting it again") == 3, output
    ids = verified_ids(run)
    assert len(set(ids)) == len(ids)


def test_bad_input_ends_the_process_with_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", "train", "connect_four", "--minutes", "0"],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode != 0 and done.stdout == ""
    assert "more than 0" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "connect_for"], "connect_four"),
        (["train", "connect_four", "--minutes", "0"], "more than 0"),
        (["train", "connect_four", "--minutes", "-3"], "more than 0"),
        (["train", "connect_four", "--set", "search.simulation=3"], "simulations"),
        (["train", "connect_four", "--set", "search.simulations=-3"], "simulations"),
        (["train", "connect_four", "--workers", "-1"], "at least 1"),
        (["trian", "connect_four"], "train"),
        (["train", "connect_four", "--minuts", "3"], "--minutes"),
        (["train"], "name a game"),
        (["train", "connect_four", "--run", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_bad_input_gets_one_line_and_no_traceback(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, *arguments)
    assert words in said
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def refused(capsys, *arguments) -> str:
    """The one line with which the command ends, in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    said = capsys.readouterr()
    assert ended.value.code and said.out == ""
    assert len(said.err.strip().splitlines()) == 1, said.err
    return said.err


def test_a_second_process_another_game_and_a_broken_config_are_refused(tmp_path, capsys):
    run = tmp_path / "run"
    process = start(run, "--workers", "2", minutes=60)
    wait_for_progress(run, shards=1)
    second = subprocess.run(
        train_command(run, 60), capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode != 0
    assert f"process {process.pid}" in second.stderr and len(second.stderr.splitlines()) == 1
    other = refused(capsys, "train", "connect_four", "--run", run)
    assert "is a run of tic_tac_toe" in other
    (run / "run.toml").write_text("format = 99\ngame = 'tic_tac_toe'\n")
    assert "format 99" in refused(capsys, *train_command(run, 60)[2:])
    assert json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["start"] == 1
