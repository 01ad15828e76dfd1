"""Stages of a player held against each other: sequential tests, and a picture of what they say."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np

from agents.agent import Agent
from agents.alphago.expert_games import Lessons
from agents.arena.intervals import wilson_interval
from agents.arena.match import play_match
from agents.arena.sprt import RunningSprt, Sprt
from engine.inference.backends import make_backend
from engine.inference.evaluator import Evaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.networks.network import Network
from engine.policy_gradient.play import play_games
from games.game import Game

#: Is a stage 30 Elo better than the one before, or not at all? Both errors are 5 % at most.
TEST = Sprt(elo0=0.0, elo1=30.0)


def split(lessons: Lessons, held_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to be judged by; no game is in both."""
    border = np.quantile(lessons.games, 1 - held_out)
    return np.flatnonzero(lessons.games <= border), np.flatnonzero(lessons.games > border)


def evaluator_of(network: Network, game: Game) -> Evaluator:
    """A network on the fastest backend that agrees with float32."""
    planes = np.zeros((64, *game.observation_shape), np.uint8)
    return NetworkEvaluator(
        game, make_backend(network, max_batch=512, calibration_planes=planes).backend
    )


def settle(points: Callable[[int], list[float]], *, rounds: int) -> tuple[RunningSprt, float, int]:
    """Play rounds of paired games until the sequential test is settled.

    Args:
        points: of round k: the points 0, 1/2 or 1 of its games, two of a pair side by side.
        rounds: at most.

    Returns:
        The test, the share of the points, and the number of games.
    """
    running = RunningSprt(TEST)
    made: list[float] = []
    for k in range(rounds):
        results = points(k)
        for pair in range(0, len(results), 2):
            running.add(results[pair] + results[pair + 1])
        made += results
        if running.verdict is not None:
            break
    return running, float(np.mean(made)), len(made)


def match_points(
    stronger: Agent, weaker: Agent, *, games: int, seed: int
) -> Callable[[int], list[float]]:
    """Rounds of ``games`` games from random openings, each played from both sides."""

    def points(k: int) -> list[float]:
        match = play_match(stronger, weaker, games=games, seed=seed + k)
        return [(each.result_for_a + 1) / 2 for each in match.games]

    return points


def drawn_points(
    game: Game, stronger: Network, weaker: Network, *, seed: int, games: int = 200
) -> Callable[[int], list[float]]:
    """Rounds of ``games`` games from the empty board in which both draw their moves."""
    rng = np.random.default_rng(seed)

    def points(k: int) -> list[float]:
        played = play_games(game, stronger, weaker, games=games, rng=rng)
        return ((played.results + 1) / 2).tolist()

    return points


def draw_ladder(names: list[str], shares: list[float], games: list[int]) -> plt.Figure:
    """Share of the points of each stage against the one before it, with 95 % intervals."""
    figure, axis = plt.subplots(figsize=(8, 3.4), constrained_layout=True)
    for row, (share, count) in enumerate(zip(shares, games, strict=True)):
        low, high = wilson_interval(share * count, count)
        axis.plot([low, high], [row, row], color="C0", linewidth=6, alpha=0.4)
        axis.plot(share, row, "o", color="C0")
    axis.axvline(0.5, color="0.5", linestyle=":")
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="share of the points")
    return figure
