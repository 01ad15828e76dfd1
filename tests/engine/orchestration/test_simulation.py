"""Driver, store and learner under fake workers, in real processes."""

import time

from engine.config import build_config
from engine.learning.store import EpisodeStore
from engine.orchestration import intake
from engine.orchestration.run_directory import RunDirectory
from engine.orchestration.simulation import Simulation
from games import make


def test_every_episode_is_stored_once_and_every_worker_gets_every_version(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "_STORE_SECONDS", 0.5)
    game = make("tic_tac_toe")
    config = build_config(
        {
            "game": game.id,
            "workers": 40,
            "minutes": 60.0,
            "publish_seconds": 1.0,
            "network": {"kind": "perceptron", "hidden": []},
            "learning": {"batch_rows": 16, "limiter": {"start_rows": 100, "slack_rows": 500}},
        },
        source="test",
    )
    run = RunDirectory(tmp_path / "run")
    run.create(config)
    simulation = Simulation(run, config, game, hosts=2, rate=300.0, watchers=[])
    deadline = time.monotonic() + 300

    def seen_enough() -> bool:
        status = simulation.status
        enough = status.version >= 2 and status.episodes > 1000
        return enough or time.monotonic() > deadline

    simulation.train(seen_enough)
    table = {row.name: row.value for row in simulation.table()}
    assert table["episodes sent and not stored"] == 0
    assert table["versions published"] >= 2
    assert table["weights fetched"] >= 40
    assert table["most unacknowledged batches of a worker"] <= 8
    store = EpisodeStore(run.episodes, game)
    ids = [name for number in store.numbers for name in store.read_packed(number).ids]
    assert len(set(ids)) == len(ids) == store.counters.episodes > 1000
    rows = run.read_metrics()
    assert rows[-1]["rows_trained"] <= 4 * store.counters.rows
    assert rows[-1]["workers"] == 40
    assert set(rows[-1]["memory"]) == {"driver", "learner", "workers"}
