from __future__ import annotations

import time

import numpy as np
import pytest
from learning_episodes import random_episodes

from engine.learning.config import LearningConfig, LimiterConfig
from engine.learning.loader import BatchLoader
from engine.learning.replay import ReplayWindow
from engine.learning.sealed import WrongFormatError, write_sealed
from engine.learning.store import EpisodeStore

CONFIG = LearningConfig(batch_rows=32, limiter=LimiterConfig(reuse=2, start_rows=10, slack_rows=50))


@pytest.fixture
def started():
    loaders = []

    def start(folder, game, *, steps=0, rows_trained=0, config=CONFIG) -> BatchLoader:
        window = ReplayWindow(folder, game, config=config, report=lambda line: None)
        loader = BatchLoader(window, seed=7, steps=steps, rows_trained=rows_trained)
        loaders.append(loader)
        return loader

    yield start
    for loader in loaders:
        loader.stop()


def all_batches(loader: BatchLoader, count: int) -> list:
    batches = [loader.next(wait=60.0) for _ in range(count)]
    assert loader.next(wait=0.3) is None, "more than are paid for"
    return batches


def sum_of_rows(folder, game) -> int:
    return EpisodeStore(folder, game, read_only=True).counters.rows


def test_batches_are_those_of_their_steps_and_no_more_than_are_paid_for(
    connect_four, tmp_path, started
):
    EpisodeStore(tmp_path, connect_four).append(random_episodes(connect_four, 12, seed=1))
    window = ReplayWindow(tmp_path, connect_four, config=CONFIG)
    paid = (window.rows_stored * 2 - 64) // 32
    assert paid > 3
    batches = all_batches(started(tmp_path, connect_four, steps=5, rows_trained=64), paid)
    for step, batch in enumerate(batches, start=5):
        expected = window.sample(32, np.random.default_rng([7, step]))
        for name in ("planes", "actions", "policies", "outcomes"):
            assert np.array_equal(getattr(batch, name), getattr(expected, name))


def test_new_shards_are_taken_in_and_pay_for_new_batches(connect_four, tmp_path, started):
    loader = started(tmp_path, connect_four)
    assert loader.next(wait=0.0) is None
    store = EpisodeStore(tmp_path, connect_four)
    total = 0
    for first in range(0, 12, 4):
        store.append(random_episodes(connect_four, 4, seed=first, prefix=f"w{first}"))
        paid = store.counters.rows * 2 // 32
        total += len(all_batches(loader, paid - total))
    assert not loader.far_behind


def test_self_play_is_told_to_wait_while_batches_are_not_fetched(connect_four, tmp_path, started):
    EpisodeStore(tmp_path, connect_four).append(random_episodes(connect_four, 30, seed=2))
    loader = started(tmp_path, connect_four)
    deadline = time.monotonic() + 120
    while not loader.far_behind and time.monotonic() < deadline:
        time.sleep(0.01)
    assert loader.far_behind
    all_batches(loader, 2 * sum_of_rows(tmp_path, connect_four) // 32)
    assert not loader.far_behind


def test_what_goes_wrong_in_the_thread_is_raised_where_batches_are_fetched(
    connect_four, tmp_path, started
):
    loader = started(tmp_path, connect_four)
    path = tmp_path / "episodes-00000001.safetensors"
    write_sealed(path, kind="episodes", format=99, facts={}, arrays={"x": np.zeros(1)})
    with pytest.raises(WrongFormatError, match="episodes 99"):
        for _ in range(20):
            loader.next(wait=1.0)


def test_it_ends_with_batches_still_ready(connect_four, tmp_path, started):
    EpisodeStore(tmp_path, connect_four).append(random_episodes(connect_four, 30, seed=3))
    loader = started(tmp_path, connect_four)
    loader.next(wait=5.0)
    loader.stop()
    assert loader.next(wait=0.0) is None
