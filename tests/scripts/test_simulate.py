"""`meijin simulate`: a cluster's messages, from workers that play nothing."""

import json
import subprocess
import sys

import pytest

from engine.learning.store import EpisodeStore
from games import make


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.cli", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_every_episode_of_many_fake_workers_is_stored_once(tmp_path):
    run = tmp_path / "run"
    done = simulate(
        "tic_tac_toe", "--workers", "40", "--hosts", "2", "--rate", "200", "--minutes", "0.25",
        "--run", str(run), "--json", "--set", "learning.limiter.start_rows=100",
        "--set", "learning.batch_rows=16", "--set", "publish_seconds=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = {name: value for name, (value, _) in json.loads(done.stdout).items()}
    assert table["episodes sent and not stored"] == 0
    assert table["versions published"] >= 1
    assert table["weights fetched"] >= 40
    assert table["most unacknowledged batches of a worker"] <= 8
    store = EpisodeStore(run / "episodes", make("tic_tac_toe"))
    ids = [episode.id for number in store.numbers for episode in store.read(number)]
    assert len(set(ids)) == len(ids) == store.counters.episodes > 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "0"], "--workers must be at least 1"),
        (["--rate", "-1"], "--rate must not be negative"),
        (["--minutes", "0"], "--minutes must be more than 0"),
        (["connect_for"], "connect_four"),
    ],
)
def test_a_wrong_option_is_one_line(arguments, said):
    done = simulate(*arguments)
    assert done.returncode != 0
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
