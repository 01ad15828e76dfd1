from __future__ import annotations

import pickle
from dataclasses import fields

import numpy as np
import pytest
from learning_episodes import random_episodes

from engine.learning.config import TargetConfig
from engine.learning.packed import PackedEpisodes, join, pack
from engine.learning.sealed import WrongGameError
from engine.learning.store import EpisodeStore
from engine.learning.targets import outcome_targets, packed_outcome_targets
from engine.records import Episode


def assert_equal(ours: list[Episode], theirs: list[Episode]) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        for field in fields(Episode):
            x, y = getattr(a, field.name), getattr(b, field.name)
            if isinstance(x, np.ndarray):
                assert x.dtype == y.dtype and np.array_equal(x, y), field.name
            else:
                assert x == y, field.name


def test_unpacking_gives_back_what_was_packed(game):
    episodes = random_episodes(game, 9, seed=1)
    packed = pack(episodes, game=game)
    assert len(packed) == 9
    assert packed.plies == sum(len(e.actions) for e in episodes)
    assert packed.rows == sum(int((e.weights > 0).sum()) for e in episodes)
    assert_equal(packed.unpack(), episodes)
    assert_equal(pickle.loads(pickle.dumps(packed)).unpack(), episodes)


def test_joining_and_selecting_keep_order_and_every_byte(game):
    episodes = random_episodes(game, 12, seed=2)
    parts = [pack(episodes[first : first + 5], game=game) for first in range(0, 12, 5)]
    joined = join([*parts, pack([], game=game)])
    assert_equal(joined.unpack(), episodes)
    whole = pack(episodes, game=game)
    for field in fields(PackedEpisodes):
        ours, theirs = getattr(joined, field.name), getattr(whole, field.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype, field.name
            assert ours.tobytes() == theirs.tobytes(), field.name
    rng = np.random.default_rng(3)
    for _ in range(20):
        chosen = rng.random(12) < 0.4
        kept = [episode for episode, yes in zip(episodes, chosen, strict=True) if yes]
        assert_equal(joined.select(chosen).unpack(), kept)


def test_targets_of_many_are_the_targets_of_each(game):
    episodes = random_episodes(game, 8, seed=4)
    config = TargetConfig(result_share=0.7, blunder_loss=0.2)
    together = packed_outcome_targets(pack(episodes, game=game), config=config)
    each = [outcome_targets(episode, config=config) for episode in episodes]
    np.testing.assert_array_equal(together, np.concatenate(each))


def test_of_ids_that_come_twice_in_a_batch_the_first_is_stored(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 6, seed=5)
    store = EpisodeStore(tmp_path, connect_four)
    store.append(episodes[4:])
    twice = pack([*episodes, *episodes[:2]], game=connect_four)
    number = store.append_packed(twice)
    assert [episode.id for episode in store.read(number)] == [e.id for e in episodes[:4]]
    assert store.append_packed(twice) is None
    assert store.counters.episodes == 6


def test_what_another_process_stored_is_handed_over_once(connect_four, tmp_path):
    writer = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 9, seed=6)
    writer.append(episodes[:3])
    reader = EpisodeStore(tmp_path, connect_four, read_only=True)
    writer.append(episodes[3:5])
    writer.append(episodes[5:])
    taken: list[PackedEpisodes] = []
    assert reader.refresh(taken.append) == [2, 3]
    assert_equal([e for batch in taken for e in batch.unpack()], episodes[3:])
    assert reader.refresh(taken.append) == [] and len(taken) == 2


def test_another_games_episodes_are_refused_by_name(connect_four, tic_tac_toe, tmp_path):
    foreign = random_episodes(tic_tac_toe, 1, seed=7)
    with pytest.raises(WrongGameError, match="is of 'tic_tac_toe'"):
        pack(foreign, game=connect_four)
    store = EpisodeStore(tmp_path, connect_four)
    with pytest.raises(WrongGameError, match="this store holds 'connect_four'"):
        store.append_packed(pack(foreign, game=tic_tac_toe))
