from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from learning_episodes import random_episodes

from engine.learning.config import LearningConfig, LimiterConfig, WindowConfig
from engine.learning.limiter import RateLimiter
from engine.learning.replay import ReplayWindow, window_rows
from engine.learning.store import EpisodeStore
from engine.learning.targets import outcome_targets


def opened(folder, game, **window) -> ReplayWindow:
    return ReplayWindow(folder, game, config=LearningConfig(window=WindowConfig(**window)))


def test_the_window_grows_as_in_the_paper():
    config = WindowConfig(scale=250_000, exponent=0.75, growth=0.4, max_rows=10**9)
    assert window_rows(100, config=config) == 100
    assert window_rows(250_000, config=config) == 250_000
    # KataGo's main run ended with 241 million rows and a window of about 22 million.
    assert window_rows(241_000_000, config=config) == pytest.approx(22e6, rel=0.06)
    # By hand: 250,000 * (1 + 0.4 * (16^0.75 - 1) / 0.75) with 16^0.75 = 8.
    assert window_rows(4_000_000, config=config) == int(250_000 * (1 + 0.4 * 7 / 0.75))


def test_the_window_never_shrinks_nor_exceeds_what_is_stored_or_fits():
    config = WindowConfig(scale=40_000, max_rows=200_000)
    sizes = [window_rows(rows, config=config) for rows in range(0, 2_000_000, 1_000)]
    assert sizes == sorted(sizes)
    assert all(size <= rows for size, rows in zip(sizes, range(0, 2_000_000, 1_000), strict=True))
    assert sizes[-1] == 200_000


def test_the_window_holds_exactly_the_newest_trained_rows(game, tmp_path):
    store = EpisodeStore(tmp_path, game)
    episodes = random_episodes(game, 40, seed=1)
    window = opened(tmp_path, game, scale=100, max_rows=150)
    states = np.concatenate([e.states[e.weights > 0] for e in episodes])
    outcomes = np.concatenate(
        [outcome_targets(e, config=window.config.targets)[e.weights > 0] for e in episodes]
    )
    done = 0
    for first in range(0, 40, 5):
        store.append(episodes[first : first + 5])
        done += window.refresh()
        assert window.rows_stored == done
        size = window_rows(done, config=window.config.window)
        assert window.rows_in_window == size
        assert np.array_equal(window.states()["key"], states["key"][done - size : done])
        for age in {0, size // 2, size - 1}:
            np.testing.assert_array_equal(window.row(age).outcomes[0], outcomes[done - size + age])
    assert window.refresh() == 0


def test_a_row_has_the_planes_the_slots_and_the_policy_of_its_position(game, tmp_path):
    episodes = random_episodes(game, 30, seed=2)
    EpisodeStore(tmp_path, game).append(episodes)
    # Far more rows than fit: the ring has wrapped, and so have its slots.
    window = opened(tmp_path, game, scale=90, max_rows=97)
    rows = [(e, t) for e in episodes for t in range(len(e.actions)) if e.weights[t] > 0]
    rows = rows[-window.rows_in_window :]
    for age, (episode, t) in enumerate(rows):
        batch = window.row(age)
        slots = slice(episode.offsets[t], episode.offsets[t + 1])
        count = slots.stop - slots.start
        planes = np.empty((1, *game.observation_shape), np.uint8)
        game.rules.observe(episode.states[t : t + 1], planes)
        assert np.array_equal(batch.planes, planes)
        assert np.array_equal(batch.actions[0, :count], episode.legal[slots])
        assert np.array_equal(batch.policies[0, :count], episode.policies[slots])
        assert (batch.actions[0, count:] == -1).all()
        assert (batch.policies[0, count:] == 0).all()


def test_where_slots_run_out_before_rows_the_oldest_rows_leave(connect_four, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.learning.replay.MEAN_LEGAL", 2)
    episodes = random_episodes(connect_four, 30, seed=3)
    EpisodeStore(tmp_path, connect_four).append(episodes)
    window = opened(tmp_path, connect_four, scale=1000, max_rows=120)
    rows = [(e, t) for e in episodes for t in range(len(e.actions)) if e.weights[t] > 0]
    assert 30 <= window.rows_in_window < 60
    for age in range(window.rows_in_window):
        episode, t = rows[len(rows) - window.rows_in_window + age]
        slots = slice(episode.offsets[t], episode.offsets[t + 1])
        policy = window.row(age).policies[0, : slots.stop - slots.start]
        assert np.array_equal(policy, episode.policies[slots])


def test_rows_are_drawn_in_proportion_to_their_weights(connect_four, tmp_path):
    episode = random_episodes(connect_four, 1, seed=4)[0]
    weights = np.zeros(len(episode.actions), np.float32)
    weights[1:5] = [1, 2, 3, 0.5]
    # The value target tells the rows apart: each search value its own, the result left out.
    values = np.linspace(-0.4, 0.4, len(weights), dtype=np.float32)
    marked = replace(
        episode,
        weights=weights,
        values=np.stack([values, -values], axis=1),
        draws=np.zeros(len(weights), np.float32),
    )
    EpisodeStore(tmp_path, connect_four).append([marked])
    window = opened(tmp_path, connect_four)
    assert window.rows_in_window == window.rows_stored == 4
    draws = 40_000
    batch = window.sample(draws, np.random.default_rng(5))
    marks = [window.row(age).outcomes[0].tobytes() for age in range(4)]
    seen = Counter(row.tobytes() for row in batch.outcomes)
    for mark, share in zip(marks, np.array([1, 2, 3, 0.5]) / 6.5, strict=True):
        error = np.sqrt(share * (1 - share) / draws)
        assert abs(seen[mark] / draws - share) < 5 * error


def test_every_symmetry_is_drawn_and_turns_board_and_policy_together(game, tmp_path):
    EpisodeStore(tmp_path, game).append(random_episodes(game, 1, seed=6))
    window = opened(tmp_path, game)
    originals = [window.row(age) for age in range(window.rows_in_window)]
    batch = window.sample(400, np.random.default_rng(7))
    seen = set()
    for b in range(400):
        fits = [
            (age, s)
            for age, original in enumerate(originals)
            for s in range(game.symmetries.count)
            if np.array_equal(batch.outcomes[b], original.outcomes[0])
            and np.array_equal(batch.policies[b], original.policies[0])
            and np.array_equal(
                batch.actions[b],
                [a if a < 0 else game.symmetries.actions[s, a] for a in original.actions[0]],
            )
            and np.array_equal(
                batch.planes[b].reshape(game.observation_shape[0], -1),
                original.planes[0].reshape(game.observation_shape[0], -1)[
                    :, game.symmetries.cells[s]
                ],
            )
        ]
        assert fits
        seen.update(s for _, s in fits)
    assert seen == set(range(game.symmetries.count))


def test_a_reopened_window_draws_the_same_batches(connect_four, tmp_path):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 30, seed=8)
    followed = opened(tmp_path, connect_four, scale=50, max_rows=200)
    for first in range(0, 30, 3):
        store.append(episodes[first : first + 3])
        followed.refresh()
    reopened = opened(tmp_path, connect_four, scale=50, max_rows=200)
    assert reopened.rows_in_window == followed.rows_in_window
    ours, theirs = (w.sample(64, np.random.default_rng(9)) for w in (followed, reopened))
    for name in ("planes", "actions", "policies", "outcomes"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_damaged_shard_costs_its_rows_and_nothing_else(connect_four, tmp_path):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 3, seed=10)
    for episode in episodes:
        store.append([episode])
    sorted(tmp_path.glob("*.safetensors"))[1].write_bytes(b"gone")
    lines = []
    window = ReplayWindow(tmp_path, connect_four, config=LearningConfig(), report=lines.append)
    rows = sum(int((e.weights > 0).sum()) for e in (episodes[0], episodes[2]))
    assert window.rows_in_window == window.rows_stored == rows
    assert len(lines) == 1


def test_an_empty_window_says_so(connect_four, tmp_path):
    window = opened(tmp_path, connect_four)
    assert not window.may_train(0)
    with pytest.raises(ValueError, match="empty"):
        window.sample(2, np.random.default_rng(0))


def test_training_waits_for_rows_and_self_play_for_training():
    limiter = RateLimiter(LimiterConfig(reuse=4, start_rows=1000, slack_rows=500))

    def may_train(rows_stored: int, rows_trained: int) -> bool:
        return limiter.may_train(rows_stored=rows_stored, rows_trained=rows_trained, batch_rows=100)

    assert not may_train(999, 0)
    assert may_train(1000, 3900)
    assert not may_train(1000, 3901)
    assert may_train(1001, 3901)

    def should_pause(rows_stored: int, rows_trained: int) -> bool:
        return limiter.should_pause_selfplay(
            rows_stored=rows_stored, rows_trained=rows_trained, batch_rows=100
        )

    assert not should_pause(999, 0)
    assert should_pause(1501, 4000)
    assert not should_pause(1500, 4000)


def test_learning_and_self_play_never_wait_for_each_other():
    limiter = RateLimiter(LimiterConfig(reuse=0.5, start_rows=100, slack_rows=1))
    for rows_stored in range(0, 3000, 13):
        for rows_trained in range(0, 1500, 11):
            waits = limiter.should_pause_selfplay(
                rows_stored=rows_stored, rows_trained=rows_trained, batch_rows=512
            )
            trains = limiter.may_train(
                rows_stored=rows_stored, rows_trained=rows_trained, batch_rows=512
            )
            assert trains or not waits, (rows_stored, rows_trained)


def test_the_window_knows_how_old_its_rows_weights_are(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 30, seed=11)
    EpisodeStore(tmp_path, connect_four).append(episodes)
    window = opened(tmp_path, connect_four, scale=90, max_rows=97)
    versions = [e.weights_version for e in episodes for weight in e.weights if weight > 0]
    assert window.mean_version == pytest.approx(np.mean(versions[-window.rows_in_window :]))


def test_a_shard_with_more_rows_than_fit_leaves_its_newest(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 40, seed=12)
    EpisodeStore(tmp_path, connect_four).append(episodes)
    window = opened(tmp_path, connect_four, scale=1000, max_rows=64)
    states = np.concatenate([e.states[e.weights > 0] for e in episodes])
    assert len(states) > 5 * 64
    assert np.array_equal(window.states()["key"], states["key"][-64:])
