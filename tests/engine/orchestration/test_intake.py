"""Batches of episodes from their arrival to the word that they are safe."""

import numpy as np
import pytest

from engine.learning.packed import pack
from engine.learning.store import EpisodeStore
from engine.orchestration.fake_workers import played_episodes
from engine.orchestration.intake import Intake
from engine.orchestration.messages import Acknowledged
from engine.orchestration.run_directory import RunError
from games import make


class Sender:
    def __init__(self):
        self.told = []

    def send(self, message):
        self.told.append(message)


@pytest.fixture(scope="module")
def batches():
    game = make("tic_tac_toe")
    episodes = pack(played_episodes(game, count=6, seed=1), game=game)
    whole = np.arange(6)
    return game, episodes.select(whole < 4), episodes.select(whole >= 4), episodes.select(whole < 0)


def test_one_shard_of_many_batches_and_each_is_acknowledged(batches, tmp_path):
    game, first, second, none = batches
    store = EpisodeStore(tmp_path, game)
    intake, a, b = Intake(store), Sender(), Sender()
    assert intake.age(5.0) == 0.0
    intake.add(10.0, a, 1, first)
    intake.add(11.0, b, 7, second)
    intake.add(11.0, b, 8, none)
    assert intake.age(12.0) == 2.0 and not a.told
    assert intake.write(12.0)
    assert store.counters.episodes == 6 and len(store.numbers) == 1
    assert a.told == [Acknowledged(1)] and b.told == [Acknowledged(7), Acknowledged(8)]
    assert intake.age(13.0) == 0.0 and 0 < intake.shard_seconds <= intake.seconds
    intake.add(14.0, a, 2, none)
    assert not intake.write(14.0), "there was nothing to write"
    assert a.told[-1] == Acknowledged(2) and len(store.numbers) == 1


def test_it_is_due_after_some_seconds_or_with_many_plies(batches, tmp_path, monkeypatch):
    game, first, _, _ = batches
    intake = Intake(EpisodeStore(tmp_path, game))
    intake.write(100.0)
    assert not intake.due(102.9) and intake.due(103.0)
    monkeypatch.setattr("engine.orchestration.intake._STORE_PLIES", 2 * first.plies)
    intake.add(100.0, Sender(), 1, first)
    assert not intake.due(100.0)
    intake.add(100.0, Sender(), 1, first)
    assert intake.due(100.0)


def test_what_the_disk_refuses_is_not_acknowledged(batches, tmp_path, monkeypatch):
    game, first, _, _ = batches
    store, sender = EpisodeStore(tmp_path, game), Sender()
    intake = Intake(store)
    intake.add(1.0, sender, 1, first)

    def full(episodes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "append_packed", full)
    with pytest.raises(RunError, match=r"cannot write episodes to .*: No space left on device; "):
        intake.write(2.0)
    assert not sender.told
