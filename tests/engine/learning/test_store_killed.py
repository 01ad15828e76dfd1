"""A writer is killed at random moments; nothing it had finished may be lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from learning_episodes import random_episodes

from engine.learning.store import EpisodeStore

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from engine.learning.store import EpisodeStore
from games import make
from learning_episodes import random_episodes

game = make("tic_tac_toe")
episodes = random_episodes(game, 20, seed=1)
store = EpisodeStore(Path(sys.argv[1]), game, keep_rows=int(sys.argv[2]))
number = store.counters.episodes
print("ready", flush=True)
while True:
    # As a worker that was not answered would: the last batch comes again with the next.
    names = range(max(0, number - 3), number + 3)
    store.append([replace(episodes[n % 20], id=str(n)) for n in names])
    number += 3
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("keep_rows", [10**9, 60])
def test_a_killed_writer_loses_nothing_and_doubles_nothing(tic_tac_toe, tmp_path, keep_rows):
    rng = np.random.default_rng(2)
    lengths = [len(episode.actions) for episode in random_episodes(tic_tac_toe, 20, seed=1)]
    helpers = str(Path(__file__).parent)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(keep_rows)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([helpers, *sys.path])},
        ) as writer:
            assert writer.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.01, 0.2))
            writer.send_signal(signal.SIGKILL)
            acknowledged = [int(line) for line in writer.stdout if line.endswith("\n")]
        lines = []
        store = EpisodeStore(tmp_path, tic_tac_toe, keep_rows=keep_rows, report=lines.append)
        episodes = [episode for number in store.numbers for episode in store.read(number)]
        names = [int(episode.id) for episode in episodes]
        assert names == list(range(store.counters.episodes))[-len(names) :]
        assert store.counters.episodes >= max(acknowledged, default=0)
        assert store.counters.plies == sum(lengths[n % 20] for n in range(store.counters.episodes))
        assert all("never finished" in line for line in lines)
        assert not list(tmp_path.glob("*.tmp"))
        assert not list(tmp_path.glob("*.corrupt"))
