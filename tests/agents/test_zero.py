"""AlphaZero at lecture size: it repeats, it gates, and it learns what no symmetry tells it."""

import torch

from agents.arena.match import play_match
from agents.random_agent import RandomAgent
from agents.zero.loop import ZeroConfig, player_of, train_zero
from engine.networks.config import NetworkConfig
from games import make

torch.set_num_threads(1)  # more lose time on networks of this size
TINY = ZeroConfig(
    network=NetworkConfig(kind="cnn", blocks=2, channels=16),
    games=48,
    simulations=12,
    generations=4,
)


def test_a_training_repeats_and_beats_random_play():
    game = make("tic_tac_toe")
    first, second = (list(train_zero(game, TINY, seed=1)) for _ in range(2))
    assert [each.games for each in first] == [each.games for each in second]
    assert [each.losses for each in first] == [each.losses for each in second]
    assert all(each.passed and each.gate_score is None for each in first)
    player = player_of(game, first[-1].network, simulations=30)
    match = play_match(player, RandomAgent(game=game), games=40, seed=0, opening_plies=1)
    assert match.total.score > 0.8


def test_a_gate_that_nobody_passes_keeps_the_first_network():
    game = make("tic_tac_toe")
    config = ZeroConfig(
        network=TINY.network, games=32, simulations=8, generations=2, gate=1.0, gate_games=8
    )
    generations = list(train_zero(game, config, seed=2))
    assert [each.passed for each in generations] == [False, False]
    assert generations[0].network is generations[1].network
    assert all(each.gate_score < 1 for each in generations)


def test_without_symmetries_rows_are_never_turned():
    game = make("tic_tac_toe")
    config = ZeroConfig(
        network=NetworkConfig(kind="perceptron", hidden=()),
        games=32,
        simulations=8,
        generations=1,
        symmetries=False,
    )
    plain = next(train_zero(game, config, seed=3))
    turned = next(train_zero(game, ZeroConfig(**{**_fields(config), "symmetries": True}), seed=3))
    assert plain.games == turned.games  # the same games before anything is learnt
    assert plain.losses != turned.losses


def _fields(config):
    return {name: getattr(config, name) for name in config.__struct_fields__}
