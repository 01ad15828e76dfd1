"""The whole pipeline at once: what is stored as proven must come out of the network, per view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from learning_episodes import random_episodes

from engine.learning.config import LearningConfig, LimiterConfig
from engine.learning.replay import ReplayWindow
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig


def exact(game, states) -> np.ndarray:
    """Result for the player to move under perfect play: +1, 0 or -1."""
    outcomes = np.empty(len(states), np.int8)
    game.rules.prove(states, game.max_plies, outcomes)
    return outcomes


def best_policy(game, state, legal) -> np.ndarray:
    """Evenly over the moves that keep the result."""
    after = np.repeat(np.array([state], game.state_dtype), len(legal))
    game.rules.step(after, np.array(legal, np.int32))
    for_mover = exact(game, after) * np.where(after["to_play"] == state["to_play"], 1, -1)
    best = for_mover == for_mover.max()
    return (best / best.sum()).astype(np.float32)


def test_tic_tac_toe_is_learnt_from_proven_results(tic_tac_toe, tmp_path):
    game = tic_tac_toe
    episodes = []
    for episode in random_episodes(game, 250, seed=1):
        slots = np.split(episode.legal, episode.offsets[1:-1])
        policies = [
            best_policy(game, s, moves) for s, moves in zip(episode.states, slots, strict=True)
        ]
        episodes.append(
            replace(
                episode,
                proven=exact(game, episode.states),
                policies=np.concatenate(policies),
                weights=np.ones(len(episode.actions), np.float32),
            )
        )
    store = EpisodeStore(tmp_path, game)
    store.append(episodes)
    config = LearningConfig(
        batch_rows=128,
        learning_rate=5e-3,
        warmup_steps=20,
        ema_rows=5_000,
        limiter=LimiterConfig(start_rows=100, reuse=40),
    )
    rows = ReplayWindow(tmp_path, game, config=config)
    learner = Trainer(
        game, network_config=NetworkConfig(blocks=2, channels=32), config=config, seed=2
    )
    steps = 300
    while learner.steps < steps and rows.may_train(learner.rows_trained):
        learner.train_step(rows.sample(128, learner.rng), progress=learner.steps / steps)
    assert learner.steps == steps
    learner.averaged_weights(rows)

    seen = {int(key) for episode in episodes for key in episode.states["key"]}
    fresh = np.concatenate([e.states for e in random_episodes(game, 400, seed=3)])
    fresh = fresh[[int(key) not in seen for key in fresh["key"]]]
    assert len(fresh) > 100
    planes = np.empty((len(fresh), *game.observation_shape), np.uint8)
    game.rules.observe(fresh, planes)
    with torch.no_grad():
        logits, outcomes = learner.average(torch.from_numpy(planes))
    truth = 1 - exact(game, fresh)  # column of win, draw, loss
    right = float((outcomes.argmax(dim=1).numpy() == truth).mean())
    kept = 0
    for state, scores in zip(fresh, logits.numpy(), strict=True):
        legal = game.legal(state)
        kept += best_policy(game, state, legal)[np.argmax(scores[legal])] > 0
    assert right > 0.85, right
    assert kept / len(fresh) > 0.93, kept / len(fresh)
