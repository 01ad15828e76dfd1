from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from learning_episodes import random_episodes

from engine.learning.checkpoint import (
    load_latest_snapshot,
    load_weights,
    save_snapshot,
    save_weights,
)
from engine.learning.config import LearningConfig
from engine.learning.replay import ReplayWindow
from engine.learning.sealed import (
    CorruptFileError,
    StorageError,
    WrongFormatError,
    WrongGameError,
    read_sealed,
    write_sealed,
)
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig

NETWORK = NetworkConfig(blocks=1, channels=8, squeeze_excitation=True)


@pytest.fixture(scope="module")
def rows(connect_four, tmp_path_factory):
    folder = tmp_path_factory.mktemp("episodes")
    EpisodeStore(folder, connect_four).append(random_episodes(connect_four, 20, seed=1))
    return ReplayWindow(folder, connect_four, config=LearningConfig())


@pytest.fixture
def learner(connect_four) -> Trainer:
    return Trainer(connect_four, network_config=NETWORK, config=LearningConfig(), seed=1)


def save_three(learner, rows, game, folder) -> list:
    paths = []
    for version in range(1, 4):
        learner.train_step(rows.sample(16, learner.rng), progress=0)
        paths.append(
            save_snapshot(folder, game=game, state=learner.state(), counters={"version": version})
        )
    return paths


def test_the_newest_three_snapshots_are_kept(connect_four, learner, rows, tmp_path):
    first = save_three(learner, rows, connect_four, tmp_path)
    save_three(learner, rows, connect_four, tmp_path)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 3
    assert not set(first) & set(kept)
    assert load_latest_snapshot(tmp_path, game=connect_four).state.facts["steps"] == 6


def test_no_snapshot_is_no_fault(connect_four, tmp_path):
    assert load_latest_snapshot(tmp_path / "none", game=connect_four) is None
    assert load_latest_snapshot(tmp_path, game=connect_four) is None


@pytest.mark.parametrize("damage", ["truncated", "bit flipped"])
def test_a_damaged_newest_snapshot_falls_back_to_the_one_before(
    connect_four, learner, rows, tmp_path, damage
):
    paths = save_three(learner, rows, connect_four, tmp_path)
    data = bytearray(paths[-1].read_bytes())
    if damage == "truncated":
        del data[-1000:]
    else:
        data[len(data) // 2] ^= 1
    paths[-1].write_bytes(data)
    (tmp_path / "snapshot-0000000009.safetensors.tmp").write_bytes(b"half")
    lines = []
    snapshot = load_latest_snapshot(tmp_path, game=connect_four, report=lines.append)
    assert snapshot.path == paths[1]
    assert snapshot.counters == {"version": 2}
    assert len(lines) == 1
    assert paths[2].name in lines[0]
    assert paths[1].name in lines[0]
    assert not list(tmp_path.glob("*.tmp"))
    assert load_latest_snapshot(tmp_path, game=connect_four).path == paths[1]


def test_where_every_snapshot_is_damaged_training_starts_anew_and_says_so(
    connect_four, learner, rows, tmp_path
):
    for path in save_three(learner, rows, connect_four, tmp_path):
        path.write_bytes(b"gone")
    lines = []
    assert load_latest_snapshot(tmp_path, game=connect_four, report=lines.append) is None
    assert len(lines) == 3
    assert "no older one is left" in lines[-1]


def test_snapshots_of_another_game_or_of_edited_rules_are_refused(
    connect_four, tic_tac_toe, learner, rows, tmp_path
):
    save_three(learner, rows, connect_four, tmp_path)
    with pytest.raises(WrongGameError, match="is of 'connect_four', not of 'tic_tac_toe'"):
        load_latest_snapshot(tmp_path, game=tic_tac_toe)
    with pytest.raises(WrongGameError, match="rules"):
        load_latest_snapshot(tmp_path, game=replace(connect_four, source_hash="edited"))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_snapshot_of_a_later_format_is_refused_and_not_set_aside(connect_four, tmp_path):
    path = tmp_path / "snapshot-0000000001.safetensors"
    write_sealed(path, kind="snapshot", format=99, facts={}, arrays={"x": np.zeros(1)})
    with pytest.raises(WrongFormatError, match="snapshot 99"):
        load_latest_snapshot(tmp_path, game=connect_four)
    assert path.exists()


def save(path, learner, rows, game, **settings):
    save_weights(
        path,
        game=game,
        network_config=NETWORK,
        state_dict=learner.averaged_weights(rows),
        version=7,
        sample_planes=rows.sample_planes(20, learner.rng),
        facts={"minutes": 60, "on": "two cores"},
        **settings,
    )


def test_a_weights_file_builds_the_network_that_was_saved(connect_four, learner, rows, tmp_path):
    learner.train_step(rows.sample(64, learner.rng), progress=0)
    path = tmp_path / "weights" / "v000007.safetensors"
    save(path, learner, rows, connect_four)
    file = load_weights(path, connect_four)
    assert (file.game_id, file.version, file.network_config) == ("connect_four", 7, NETWORK)
    assert file.source_hash == connect_four.source_hash
    assert file.facts == {"minutes": 60, "on": "two cores"}
    assert np.array_equal(file.sample_planes, rows.sample_planes(20, learner.rng))
    planes = torch.from_numpy(file.sample_planes)
    network = file.build()
    assert not network.training
    for ours, theirs in zip(network(planes), learner.average(planes), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_half_precision_halves_the_file_and_hardly_changes_the_network(
    connect_four, learner, rows, tmp_path
):
    for _ in range(5):
        learner.train_step(rows.sample(64, learner.rng), progress=0)
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save(full, learner, rows, connect_four)
    save(half, learner, rows, connect_four, half=True)
    assert half.stat().st_size < 0.7 * full.stat().st_size
    planes = torch.from_numpy(rows.sample_planes(50, learner.rng))
    ours, theirs = (load_weights(path).build() for path in (full, half))
    assert next(theirs.parameters()).dtype == torch.float32
    for a, b in zip(ours(planes), theirs(planes), strict=True):
        torch.testing.assert_close(a, b, atol=5e-3, rtol=0)


def test_weights_of_another_game_are_refused_in_one_line(
    connect_four, tic_tac_toe, learner, rows, tmp_path
):
    path = tmp_path / "weights.safetensors"
    save(path, learner, rows, connect_four)
    with pytest.raises(WrongGameError, match="plays 'connect_four', not 'tic_tac_toe'"):
        load_weights(path, tic_tac_toe)
    with pytest.raises(WrongGameError, match="shape"):
        load_weights(path, replace(connect_four, num_actions=8))


def test_files_that_are_no_weights_are_refused_in_one_line(connect_four, learner, rows, tmp_path):
    path = tmp_path / "weights.safetensors"
    for data in (b"", b"hello", b"\xff" * 100, bytes(8), (10**15).to_bytes(8, "little") + b"{"):
        path.write_bytes(data)
        with pytest.raises(CorruptFileError, match="damaged"):
            load_weights(path)
    with pytest.raises(StorageError, match="No such file"):
        load_weights(tmp_path / "missing.safetensors")
    write_sealed(path, kind="snapshot", format=1, facts={}, arrays={"x": np.zeros(1)})
    with pytest.raises(WrongFormatError, match="'snapshot 1'"):
        load_weights(path)


def test_every_bit_of_a_sealed_file_is_under_the_checksum(tmp_path):
    path = tmp_path / "x.safetensors"
    facts = {"text": 'with "checksum":"0000" in it'}
    write_sealed(path, kind="test", format=1, facts=facts, arrays={"x": np.arange(3)})
    assert read_sealed(path, kind="test", format=1).facts == facts
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(CorruptFileError):
            read_sealed(path, kind="test", format=1)


def test_a_sealed_file_opens_in_any_safetensors_reader(connect_four, learner, rows, tmp_path):
    from safetensors import safe_open

    path = tmp_path / "weights.safetensors"
    save(path, learner, rows, connect_four)
    with safe_open(path, framework="numpy") as file:
        assert file.metadata()["meijin"] == "network 1"
        assert "weights/body.0.conv.weight" in list(file.keys())
