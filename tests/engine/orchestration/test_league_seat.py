"""The league's games in a worker: whoever can be read is met, others are told and left out."""

import numpy as np
import pytest
import torch

from engine.config import build_config
from engine.learning.checkpoint import save_weights
from engine.networks.network import build_network
from engine.orchestration.league_seat import LeagueSeat
from engine.orchestration.messages import Opponents
from engine.orchestration.network_seat import NetworkSeat
from games import make


@pytest.fixture(scope="module")
def game():
    return make("tic_tac_toe")


@pytest.fixture(scope="module")
def config():
    values = {
        "game": "tic_tac_toe",
        "network": {"kind": "perceptron", "hidden": [8]},
        "search": {"simulations": 4},
        "selfplay": {"games": 16, "fast_simulations": 2},
        "inference": {"precision": "float32", "runtime": "torch", "cache_positions": 800},
        "league": {"share": 0.5},
    }
    return build_config(values, source="test")


def seated(game, config, folder, said):
    torch.manual_seed(0)
    network = build_network(
        config.network, observation_shape=game.observation_shape, num_actions=game.num_actions
    )
    planes = np.zeros((4, *game.observation_shape), np.uint8)
    for version in (1, 2, 3):
        save_weights(
            folder / f"v{version}",
            game=game,
            network_config=config.network,
            state_dict=network.state_dict(),
            version=version,
            sample_planes=planes,
            facts={},
        )
    newest = NetworkSeat(game, config, seed=0, name="w")
    newest.load(str(folder / "v3"))
    return LeagueSeat(game, config, newest, name="wl", say=said.append)


def play(seat, plies):
    return [each for _ in range(plies) for each in seat.play_ply(weights_version=3)]


def test_nothing_is_played_before_there_is_an_opponent(game, config, tmp_path):
    seat = seated(game, config, tmp_path, [])
    assert play(seat, 3) == []
    assert seat.counters.plies == 0


def test_a_version_that_cannot_be_read_is_told_once_and_left_out(game, config, tmp_path):
    said = []
    seat = seated(game, config, tmp_path, said)
    seat.opponents = Opponents((1, 2), (str(tmp_path / "gone"), str(tmp_path / "v2")), (0.0, 0.9))
    episodes = play(seat, 60)
    assert {episode.opponent for episode in episodes} == {2}
    assert len(said) == 1 and "without version 1" in said[0] and "gone" in said[0]
    assert seat.counters.games == len(episodes) > 8
    assert seat.evaluations > 0


def test_opponents_follow_what_the_driver_names(game, config, tmp_path):
    seat = seated(game, config, tmp_path, [])
    seat.opponents = Opponents((1,), (str(tmp_path / "v1"),), (0.5,))
    assert {episode.opponent for episode in play(seat, 30)} == {1}
    seat.opponents = Opponents((2,), (str(tmp_path / "v2"),), (0.5,))
    assert play(seat, 40)[-1].opponent == 2
    damaged = tmp_path / "v1"
    damaged.write_bytes(b"no weights")
    seat.opponents = Opponents((1,), (str(damaged),), (0.5,))
    assert {episode.opponent for episode in play(seat, 30)} == {2}, "the old one is played on"
