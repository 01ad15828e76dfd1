from __future__ import annotations

import os
from dataclasses import fields

import numpy as np
import pytest
from learning_episodes import random_episodes

from engine.learning.sealed import StorageError, WrongFormatError, WrongGameError, write_sealed
from engine.learning.store import EpisodeStore
from engine.records import Episode


def assert_equal(ours: Episode, theirs: Episode) -> None:
    for field in fields(Episode):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            assert np.array_equal(a, b), field.name
        else:
            assert a == b, field.name


def plies(episodes: list[Episode]) -> int:
    return sum(len(episode.actions) for episode in episodes)


def trained(episodes: list[Episode]) -> int:
    return sum(int((episode.weights > 0).sum()) for episode in episodes)


def shard_paths(folder):
    return sorted(folder.glob("episodes-*.safetensors"))


def test_what_was_stored_is_read_back_exactly(game, tmp_path):
    episodes = random_episodes(game, 7, seed=1)
    number = EpisodeStore(tmp_path / "new" / "episodes", game).append(episodes)
    again = EpisodeStore(tmp_path / "new" / "episodes", game).read(number)
    assert len(again) == 7
    for ours, theirs in zip(episodes, again, strict=True):
        assert_equal(ours, theirs)


def test_counters_follow_from_the_shards_alone(connect_four, tmp_path):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 9, seed=2)
    for first in range(0, 9, 3):
        store.append(episodes[first : first + 3])
    for counters in (store.counters, EpisodeStore(tmp_path, connect_four).counters):
        assert counters.shards == 3
        assert counters.episodes == 9
        assert counters.plies == plies(episodes)
        assert counters.rows == trained(episodes)


def test_an_episode_is_never_stored_twice(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 4, seed=3)
    store = EpisodeStore(tmp_path, connect_four)
    store.append(episodes[:2])
    again = EpisodeStore(tmp_path, connect_four)
    assert again.append(episodes[:2]) is None
    assert again.append([*episodes, episodes[3]]) == 2
    assert [episode.id for episode in again.read(2)] == [e.id for e in episodes[2:]]
    assert again.counters.episodes == 4
    assert episodes[0].id in again
    assert "w9-s9-9" not in again


@pytest.mark.parametrize("damage", ["truncated", "emptied", "bit flipped", "header flipped"])
def test_a_damaged_shard_is_set_aside_and_the_rest_is_kept(connect_four, tmp_path, damage):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 6, seed=4)
    for first in range(0, 6, 2):
        store.append(episodes[first : first + 2])
    path = shard_paths(tmp_path)[1]
    data = bytearray(path.read_bytes())
    if damage == "truncated":
        del data[len(data) // 2 :]
    elif damage == "emptied":
        data.clear()
    else:
        data[40 if damage == "header flipped" else -5] ^= 0x10
    path.write_bytes(data)

    lines = []
    again = EpisodeStore(tmp_path, connect_four, report=lines.append)
    assert len(lines) == 1
    assert path.name in lines[0]
    assert again.numbers == [1, 3]
    assert again.counters.episodes == 4
    assert again.counters.rows == trained(episodes[:2] + episodes[4:])
    assert path.with_name(path.name + ".corrupt").exists()
    # What was lost may come again; what was not may not.
    assert again.append(episodes) == 4
    assert again.counters.episodes == 6


def test_every_bit_of_a_shard_is_under_the_checksum(tic_tac_toe, tmp_path):
    store = EpisodeStore(tmp_path, tic_tac_toe)
    store.append(random_episodes(tic_tac_toe, 1, seed=5))
    path = shard_paths(tmp_path)[0]
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [*range(16), *rng.integers(0, len(data), 200)]:
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        reader = EpisodeStore(tmp_path, tic_tac_toe, read_only=True, report=lambda line: None)
        assert reader.counters.episodes == 0, f"bit {at} may flip unseen"


def test_the_number_of_a_damaged_newest_shard_is_not_used_again(connect_four, tmp_path):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 3, seed=6)
    store.append(episodes[:1])
    store.append(episodes[1:2])
    shard_paths(tmp_path)[1].write_bytes(b"")
    reader = EpisodeStore(tmp_path, connect_four, read_only=True, report=lambda line: None)
    for _ in range(2):
        writer = EpisodeStore(tmp_path, connect_four, report=lambda line: None)
    assert writer.append(episodes[1:]) == 3
    assert reader.refresh() == [3]
    assert reader.counters == writer.counters


def test_half_written_files_are_removed_by_the_writer_and_left_by_a_reader(connect_four, tmp_path):
    EpisodeStore(tmp_path, connect_four).append(random_episodes(connect_four, 1, seed=7))
    stray = tmp_path / "episodes-00000002.safetensors.tmp"
    stray.write_bytes(b"half")
    EpisodeStore(tmp_path, connect_four, read_only=True)
    assert stray.exists()
    lines = []
    EpisodeStore(tmp_path, connect_four, report=lines.append)
    assert not stray.exists()
    assert len(lines) == 1


def test_a_reader_follows_the_writer(connect_four, tmp_path):
    reader = EpisodeStore(tmp_path / "later", connect_four, read_only=True)
    assert reader.counters.episodes == 0
    writer = EpisodeStore(tmp_path / "later", connect_four)
    episodes = random_episodes(connect_four, 4, seed=8)
    writer.append(episodes[:3])
    writer.append(episodes[3:])
    assert reader.refresh() == [1, 2]
    assert reader.refresh() == []
    assert reader.counters == writer.counters
    with pytest.raises(StorageError):
        reader.append(episodes)


def test_a_listing_that_misses_a_shard_loses_nothing(connect_four, tmp_path, monkeypatch):
    """A folder that grows while it is listed may show a later file and not an earlier one."""
    writer = EpisodeStore(tmp_path, connect_four)
    reader = EpisodeStore(tmp_path, connect_four, read_only=True)
    episodes = random_episodes(connect_four, 6, seed=8)
    for first in range(0, 6, 2):
        writer.append(episodes[first : first + 2])
    names = sorted(os.listdir(tmp_path))
    listings = [[names[0], names[2]], names, names]
    monkeypatch.setattr(os, "listdir", lambda folder: listings.pop(0))
    assert reader.refresh() == [1, 2, 3]
    assert reader.counters == writer.counters


def test_pruning_bounds_the_disk_and_keeps_the_counters(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 30, seed=9)
    keep = trained(episodes) // 4
    store = EpisodeStore(tmp_path, connect_four, keep_rows=keep)
    reader = EpisodeStore(tmp_path, connect_four, read_only=True)
    for episode in episodes:
        store.append([episode])
        reader.refresh()
    held = [shard for number in store.numbers for shard in store.read(number)]
    assert keep <= trained(held) <= keep + 2 * 42 + 1
    assert len(shard_paths(tmp_path)) == len(store.numbers) < 15
    reopened = EpisodeStore(tmp_path, connect_four)
    for counters in (store.counters, reader.counters, reopened.counters):
        assert counters.episodes == 30
        assert counters.shards == 30
        assert counters.plies == plies(episodes)
        assert counters.rows == trained(episodes)


def test_a_crash_between_declaring_and_removing_counts_nothing_twice(connect_four, tmp_path):
    episodes = random_episodes(connect_four, 12, seed=10)
    store = EpisodeStore(tmp_path, connect_four, keep_rows=50)
    saved = {}
    for episode in episodes:
        store.append([episode])
        saved |= {path: path.read_bytes() for path in shard_paths(tmp_path)}
    for path, data in saved.items():  # as if nothing had been removed
        path.write_bytes(data)
    again = EpisodeStore(tmp_path, connect_four)
    assert again.counters == store.counters
    assert again.numbers == store.numbers
    assert len(shard_paths(tmp_path)) == len(store.numbers)


def test_another_game_is_refused_in_one_line(connect_four, tic_tac_toe, tmp_path):
    store = EpisodeStore(tmp_path, connect_four)
    with pytest.raises(WrongGameError, match="tic_tac_toe"):
        store.append(random_episodes(tic_tac_toe, 1, seed=11))
    store.append(random_episodes(connect_four, 1, seed=11))
    with pytest.raises(WrongGameError, match="connect_four") as caught:
        EpisodeStore(tmp_path, tic_tac_toe)
    assert "\n" not in str(caught.value)


def test_a_shard_of_a_later_format_is_refused_and_not_set_aside(connect_four, tmp_path):
    path = tmp_path / "episodes-00000001.safetensors"
    write_sealed(path, kind="episodes", format=99, facts={}, arrays={"x": np.zeros(1)})
    with pytest.raises(WrongFormatError, match="episodes 99"):
        EpisodeStore(tmp_path, connect_four)
    assert path.exists()


def test_a_full_disk_is_one_clear_error_and_leaves_nothing_behind(
    connect_four, tmp_path, monkeypatch
):
    store = EpisodeStore(tmp_path, connect_four)
    episodes = random_episodes(connect_four, 2, seed=12)
    store.append(episodes[:1])
    before = sorted(path.name for path in tmp_path.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left on device; free some space"):
            store.append(episodes)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert store.counters.episodes == 1
    assert store.append(episodes) == 2
    assert EpisodeStore(tmp_path, connect_four).counters.episodes == 2


def test_a_folder_that_cannot_be_made_is_one_clear_error(connect_four, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot make folder"):
        EpisodeStore(tmp_path / "file" / "episodes", connect_four)
