"""Stages of a player held against each other: sequential tests, and a picture of what they say."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from agents.agent import Agent
from agents.alphago.expert_games import Lessons
from agents.arena.intervals import wilson_interval
from agents.arena.match import play_match
from agents.arena.sprt import RunningSprt, Sprt
from agents.policy_agent import PolicyAgent
from agents.random_agent import RandomAgent
from engine.inference.backends import make_backend
from engine.inference.evaluator import Evaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.networks.network import Network
from engine.policy_gradient.play import play_games
from games.game import Game
from scripts.lectures.page import Page

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
        return [(1.0 + result) / 2 for result in played.results.tolist()]

    return points


def draw_ladder(names: list[str], shares: list[float], games: list[int]) -> Figure:
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


def compare_stages(
    page: Page,
    game: Game,
    *,
    imitator: Network,
    player: Network,
    searcher: Callable[[float], Agent],
    rounds: int,
    games: int,
    drawn_games: int,
    quick: bool,
    seed: int,
) -> None:
    """Hold each of AlphaGo's stages against the one before, and show what the tests say.

    Args:
        page: of the lecture.
        game: what is played.
        imitator: of stage 1.
        player: the imitator after policy gradients.
        searcher: the player of stage 4 by the share of playouts in a leaf's value (lambda).
        rounds: of every test at most.
        games: of a round.
        drawn_games: of a round in which both policies draw their moves.
        quick: too few games to claim anything.
        seed: of the games.
    """
    first_sight = PolicyAgent(game=game, evaluator=evaluator_of(player, game), name="policy")
    stages: dict[str, Callable[[int], list[float]]] = {
        "imitation against random play": match_points(
            PolicyAgent(game=game, evaluator=evaluator_of(imitator, game), name="imitation"),
            RandomAgent(game=game),
            games=games,
            seed=seed,
        ),
        "policy gradients against imitation": drawn_points(
            game, player, imitator, seed=seed, games=drawn_games
        ),
        "search with the value network against the policy": match_points(
            searcher(0.0), first_sight, games=games, seed=seed
        ),
        "search with both against the value network alone": match_points(
            searcher(0.5), searcher(0.0), games=games, seed=seed
        ),
    }
    measured = {name: settle(points, rounds=rounds) for name, points in stages.items()}
    page.table(
        ("stage", "points", "games", "test of 0 against 30 Elo"),
        [
            (name, f"{share:.1%}", played, running.verdict or "not settled")
            for name, (running, share, played) in measured.items()
        ],
    )
    page.figure(
        draw_ladder(
            list(measured),
            [share for _, share, _ in measured.values()],
            [played for _, _, played in measured.values()],
        ),
        "stages",
        caption="Each stage against the one before: share of the points with its 95 % interval.",
    )
    if quick:
        return
    for name, (running, share, played) in measured.items():
        page.claim(
            f"{name}: {share:.0%} of {played} games, and the sequential test says stronger",
            holds=running.verdict == "H1",
        )


def show_mixture(
    page: Page, searcher: Callable[[float], Agent], *, games: int, seed: int, playouts: str
) -> None:
    """Show how the mixture of value network and playouts does against playouts alone."""
    match = play_match(searcher(0.5), searcher(1.0), games=games, seed=seed)
    low, high = wilson_interval(games * match.total.score, games)
    page.result(
        f"with both against {playouts} alone: {match.total.score:.0%} of the points in {games} "
        f"games (95 % interval {low:.0%} to {high:.0%})"
    )
