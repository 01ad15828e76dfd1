"""AlphaGo Zero and AlphaZero: from the rules alone, with a gate and without (Silver 2017, 2018)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from msgspec.structs import replace

from agents.arena.match import play_match
from agents.arena.truth import TruthSet, measure_truth
from agents.arena.truth_sets import truth_for
from agents.policy_agent import PolicyAgent
from agents.rollout_agent import RolloutAgent
from agents.zero.loop import Generation, ZeroConfig, player_of, train_zero
from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.torch_backend import TorchBackend
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import Network
from games import make
from games.game import Game
from scripts.lectures.page import Page

SMALL = ZeroConfig(
    network=NetworkConfig(kind="resnet", blocks=2, channels=24), games=128, simulations=24
)
ALPHAZERO = replace(SMALL, symmetries=False)
VARIANTS = {
    "AlphaZero: no gate, no symmetries": ALPHAZERO,
    "with symmetries": SMALL,
    "with a gate at 55 %": replace(ALPHAZERO, gate=0.55),
    "AlphaGo Zero: both": replace(SMALL, gate=0.55),
}
KINDS = {
    "perceptron (no hidden layer)": NetworkConfig(kind="perceptron", hidden=()),
    "MLP (two of 128)": NetworkConfig(kind="perceptron", hidden=(128, 128)),
    "cnn (4 convolutions of 24)": NetworkConfig(kind="cnn", blocks=4, channels=24),
    "resnet (2 blocks of 24)": SMALL.network,
}
CONNECT_FOUR = ZeroConfig(
    network=NetworkConfig(kind="resnet", blocks=2, channels=32),
    games=128,
    simulations=32,
    gate=0.55,
)


def kept(game: Game, truth: TruthSet, network: Network) -> float:
    """Share of positions in which the network alone keeps the result of perfect play."""
    evaluator = NetworkEvaluator(game, TorchBackend(network, max_batch=512))
    return measure_truth(PolicyAgent(game=game, evaluator=evaluator), truth).total.kept


def train(
    game: Game, truth: TruthSet, config: ZeroConfig, *, seed: int, page: Page
) -> tuple[np.ndarray, list[Generation]]:
    """Truth after each generation ``[generations]``, and the generations."""
    course, generations = [], []
    training = train_zero(game, config, seed=seed)
    for _ in page.steps("generations", config.generations):
        generations.append(next(training))
        course.append(kept(game, truth, generations[-1].network))
    training.close()
    return np.array(course), generations


def draw(courses: dict[str, np.ndarray], games: int) -> Figure:
    """Courses ``[seeds, generations]``: mean and range."""
    figure, axis = plt.subplots(figsize=(8, 4), constrained_layout=True)
    for name, course in courses.items():
        played = games * np.arange(1, course.shape[1] + 1)
        axis.plot(played, course.mean(0), label=name)
        axis.fill_between(played, course.min(0), course.max(0), alpha=0.15)
    axis.set(xlabel="games of self-play", ylabel="positions in which the result is kept")
    axis.legend(fontsize=8)
    return figure


def keep(path: Path, game: Game, network: Network, config: NetworkConfig) -> None:
    """Write a network as every command reads it."""
    planes = np.empty((256, *game.observation_shape), np.uint8)
    truth = truth_for(game)
    assert truth is not None
    game.rules.observe(truth.states[:256], planes)
    save_weights(
        path,
        game=game,
        network_config=config,
        state_dict={name: value.numpy() for name, value in network.state_dict().items()},
        version=1,
        sample_planes=planes,
        facts={"made_by": "meijin lecture alphazero"},
        half=True,
    )


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Two papers' differences, three kinds of networks, and Connect Four."""
    page.text("""
        ## From nothing but the rules

        Play games against yourself by tree search; teach the network the search's move shares and
        the results; play on with the new network. There are no records, no random games and no
        hand-made knowledge. Everything below is `agents/zero/loop.py`, the parts of `meijin train`
        in one process. Tic-tac-toe has 4,520 positions to move in, and the exact result of every
        move is known, so what is learnt can be read off.
    """)
    game = make("tic_tac_toe")
    truth = truth_for(game)
    assert truth is not None
    seeds, count = (1, 3) if quick else (2, 20)
    page.text("""
        ## A gate? Symmetries?

        AlphaGo Zero let a new network play on only if it won 55 % of 400 games against the best so
        far, and turned every position in all eight ways. AlphaZero dropped both: it always plays
        with the newest network, and knows of no symmetry. The gate costs games and rejects good
        networks by bad luck. And where good play is a draw, as here, nobody wins 55 % any more:
        the gate shuts long before there is nothing left to learn.
    """)
    courses: dict[str, np.ndarray] = {}
    passed: dict[str, int] = {}
    networks: dict[str, Network] = {}
    for name, config in VARIANTS.items():
        runs = [
            train(
                game, truth, replace(config, generations=count), seed=100 * seed + k + 1, page=page
            )
            for k in range(seeds)
        ]
        courses[name] = np.array([course for course, _ in runs])
        passed[name] = sum(each.passed for _, generations in runs for each in generations)
        networks[name] = runs[0][1][-1].network
    page.figure(
        draw(courses, SMALL.games),
        "variants",
        caption=f"The network alone, mean and range of {seeds} seed(s).",
    )
    page.table(
        ("variant", "kept at the end", "networks that played on"),
        [
            (name, f"{course[:, -1].mean():.1%}", f"{passed[name]} of {seeds * count}")
            for name, course in courses.items()
        ],
    )
    searching = player_of(game, networks["with symmetries"], simulations=50, seed=seed)
    with_search = measure_truth(searching, truth).total
    end = courses["with symmetries"][:, -1].mean()
    page.claim(
        f"with symmetries the network alone keeps the result in {end:.1%} of the positions "
        f"(at least {'60' if quick else '90'} %)",
        holds=bool(end >= (0.6 if quick else 0.9)),
    )
    page.claim(
        f"with 50 simulations it keeps it in {with_search.kept:.1%} "
        f"(at least {'80' if quick else '98'} %)",
        holds=with_search.kept >= (0.8 if quick else 0.98),
    )

    page.text("""
        ## Perceptron, convolutions, residual blocks

        The same training with other networks: what `meijin train --network perceptron`, `cnn` and
        `resnet` build. A perceptron without hidden layers weighs each stone by itself and cannot
        see that two of them make a threat.
    """)
    kinds: dict[str, np.ndarray] = {}
    for name, network in KINDS.items():
        if name == "resnet (2 blocks of 24)":
            kinds[name] = courses["with symmetries"]
            continue
        kinds[name] = np.array(
            [
                train(
                    game,
                    truth,
                    replace(SMALL, network=network, generations=count),
                    seed=100 * seed + k + 1,
                    page=page,
                )[0]
                for k in range(seeds)
            ]
        )
    page.figure(draw(kinds, SMALL.games), "kinds", caption="Kinds of networks in one plot.")
    page.table(
        ("network", "kept at the end"),
        [(name, f"{course[:, -1].mean():.1%}") for name, course in kinds.items()],
    )
    ends = {name: course[:, -1].mean() for name, course in kinds.items()}
    if not quick:
        linear = ends.pop("perceptron (no hidden layer)")
        page.claim(
            f"every network with something between eye and hand is ahead of the perceptron "
            f"({linear:.1%})",
            holds=all(end > linear for end in ends.values()),
        )

    page.text("""
        ## Connect Four

        The same page of code on a real game: AlphaGo Zero's form, with gate and symmetries. The
        truth meter asks about positions of all phases that a solver has scored. What an hour of the
        real engine reaches stands in the README.
    """)
    game = make("connect_four")
    truth = truth_for(game)
    assert truth is not None
    truth = truth.subset(10 if quick else 100)
    config = replace(
        CONNECT_FOUR,
        generations=1 if quick else 10,
        games=8 if quick else 96,
        simulations=4 if quick else 24,
        gate_games=4 if quick else 30,
    )
    course, generations = train(game, truth, config, seed=seed, page=page)
    figure, axis = plt.subplots(figsize=(8, 3.4), constrained_layout=True)
    axis.plot([each.games for each in generations], course, marker="o")
    axis.set(xlabel="games of self-play", ylabel="positions in which the result is kept")
    page.figure(figure, "connect_four", caption="Connect Four, the network alone.")
    last = generations[-1].network
    keep(page.path("connect_four.safetensors"), game, last, config.network)
    match = play_match(
        player_of(game, last, simulations=100),
        RolloutAgent(game=game, simulations=100),
        games=4 if quick else 60,
        seed=seed,
    )
    page.result(
        f"{sum(each.passed for each in generations)} of {len(generations)} networks played on; the "
        f"last keeps the result in {course[-1]:.1%} of the positions by itself; with 100 "
        f"simulations it makes {match.total.score:.0%} of the points against tree search with 100 "
        f"random games a move"
    )
