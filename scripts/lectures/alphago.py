"""AlphaGo: imitation, policy gradients, a value network, a search of all three (Silver 2016)."""

from __future__ import annotations

import copy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import agents.museum
from agents.agent import Agent
from agents.alphago.agent import AlphaGoAgent
from agents.alphago.expert_games import lessons_of, load_expert_games
from agents.arena.league_training import fresh_network
from engine.learning.checkpoint import save_weights
from engine.networks.config import NetworkConfig
from engine.networks.network import Network
from engine.policy_gradient.imitation import ImitationConfig, imitate, move_accuracy, value_error
from engine.policy_gradient.learner import PolicyGradientConfig
from engine.policy_gradient.play import play_games
from engine.policy_gradient.pool import train_against_past
from engine.policy_gradient.value_positions import value_positions
from games import make
from games.game import Game, States
from scripts.lectures.page import Page
from scripts.lectures.stages import compare_stages, evaluator_of, show_mixture, split

RECORDS = Path(agents.museum.__path__[0]) / "connect_four_expert_games.npz"
NETWORK = NetworkConfig(kind="cnn", blocks=4, channels=32)
LINEAR = NetworkConfig(kind="perceptron", hidden=())
REINFORCE = PolicyGradientConfig(games=128, learning_rate=5e-4, entropy_bonus=0.01)


def keep(path: Path, game: Game, network: Network, states: States) -> None:
    """Write a network as every command reads it, such as ``meijin match policy:FILE random``."""
    planes = np.empty((len(states[:512]), *game.observation_shape), np.uint8)
    game.rules.observe(states[:512], planes)
    save_weights(
        path,
        game=game,
        network_config=LINEAR if len(network.state_dict()) < 6 else NETWORK,
        state_dict={name: value.numpy() for name, value in network.state_dict().items()},
        version=1,
        sample_planes=planes,
        facts={"made_by": "meijin lecture alphago"},
        half=True,
    )


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Four stages on Connect Four, each held against the one before."""
    page.text("""
        ## Stage 1: a network that imitates

        AlphaGo began with 30 million positions of people's games. Here are 4,096 games of the
        shipped Connect Four engine (64 simulations a move, AlphaZero's search, a move in seven at
        random). A convolutional network learns the moves (equation (1) of the paper), and in its
        other head how the games end. A network without hidden layers, like AlphaGo's fast policy
        for random games, learns the same beside it.
    """)
    game = make("connect_four")
    lessons = lessons_of(game, load_expert_games(RECORDS))
    learn, held = split(lessons, 0.1)
    if quick:
        learn, held = learn[::30], held[::10]  # of all phases: lessons come ply by ply
    rows = []
    networks: dict[str, Network] = {}
    for name, kind in (("linear", LINEAR), ("convolutional", NETWORK)):
        networks[name] = fresh_network(game, kind, seed=seed)
        imitate(
            networks[name],
            game,
            lessons.states[learn],
            lessons.actions[learn],
            lessons.returns[learn],
            config=ImitationConfig(epochs=2 if quick else 6),
            seed=seed,
        )
        rows.append(
            move_accuracy(networks[name], game, lessons.states[held], lessons.actions[held])
        )
    page.table(
        ("policy", "expert's move found in held-out games"),
        [(name, f"{share:.1%}") for name, share in zip(networks, rows, strict=True)],
    )
    page.claim(
        f"the convolutional policy finds the expert's move more often ({rows[1]:.1%} of "
        f"{len(held):,} positions) than the linear one ({rows[0]:.1%})",
        holds=rows[1] > rows[0],
    )
    imitator = networks["convolutional"]

    page.text("""
        ## Stage 2: policy gradients

        The imitator plays against randomly chosen former selves, and moves of won games become
        likelier: the gradient of log p(a | s) (z - v(s)). It now plays to win, not to be like
        somebody.
    """)
    steps = 4 if quick else 300
    player = copy.deepcopy(imitator).requires_grad_(True)
    rng = np.random.default_rng(seed)
    course = []

    def look(step: int, said: dict[str, float]) -> None:
        if step % max(1, steps // 10) == 0:
            played = play_games(game, player, imitator, games=50 if quick else 400, rng=rng)
            course.append((step, (played.results.mean() + 1) / 2, said["entropy"]))

    train_against_past(
        game,
        player,
        config=REINFORCE,
        steps=steps,
        pool_every=max(1, steps // 12),
        seed=seed,
        after_step=look,
    )
    figure, axis = plt.subplots(figsize=(8, 3.2), constrained_layout=True)
    axis.plot([each[0] for each in course], [each[1] for each in course], marker="o")
    axis.axhline(0.5, color="0.5", linestyle=":")
    axis.set(xlabel="steps of 128 games", ylabel="points against the imitator")
    page.figure(figure, "reinforce", caption="Policy gradients: moves drawn, from the empty board.")

    page.text("""
        ## Stage 3: a value network, and why it gets one position a game

        Positions of one game differ by a stone and end alike. A value network that learned from
        all of them learnt AlphaGo's games by heart: error 0.19 on its own, 0.37 on others. So each
        of 30 million games gave one position: opened by the imitator, one move at random, played
        out by the stronger policy. Below, two networks with about as many positions: all those of
        few games, and one of each of many.
    """)
    count = 600 if quick else 24_000
    one_each, its_returns = value_positions(
        game, opening=imitator, player=player, games=count, longest=30, rng=rng
    )
    border = len(one_each) * 9 // 10
    few = play_games(game, player, None, games=max(2, border // 26), rng=rng)
    test_states, test_returns = one_each[border:], its_returns[border:]
    errors = {}
    values: dict[str, Network] = {}
    for name, states, returns in (
        ("all positions of few games", few.states, few.returns),
        ("one position of each game", one_each[:border], its_returns[:border]),
    ):
        values[name] = fresh_network(game, NETWORK, seed=seed)
        imitate(
            values[name],
            game,
            states,
            np.zeros(len(states), np.int64),
            returns,
            config=ImitationConfig(epochs=4 if quick else 8, policy_weight=0, value_weight=1),
            seed=seed,
        )
        errors[name] = (
            value_error(values[name], game, states, returns),
            value_error(values[name], game, test_states, test_returns),
            len(states),
        )
    page.table(
        ("value network of", "positions", "error on its own", "error on others"),
        [
            (name, f"{size:,}", f"{own:.2f}", f"{other:.2f}")
            for name, (own, other, size) in errors.items()
        ],
    )
    (own_few, other_few, _), (_, other_one, _) = errors.values()
    page.result(
        f"learnt by heart would be a small error on its own positions ({own_few:.2f}) and a large "
        f"one on others ({other_few:.2f})"
    )
    if not quick:  # the short form has too few games to tell
        page.claim(
            f"one position of each game teaches more: error {other_one:.2f} on others' positions, "
            f"against {other_few:.2f}",
            holds=other_one < other_few,
        )

    for name, network in (
        ("linear", networks["linear"]),
        ("imitation", imitator),
        ("policy", player),
        ("value", values["one position of each game"]),
    ):
        keep(page.path(f"{name}.safetensors"), game, network, one_each)

    page.text("""
        ## Stage 4: search

        A tree search takes its moves from the imitating policy (it is the more various one) and
        values its leaves by V = (1 - lambda) v + lambda z, equation (6): v says the value network,
        z a game of random moves from the leaf. With lambda 1 there is no value network, with 0 no
        random game; AlphaGo took 1/2.

        In Go the mixture beat both of its parts. In Connect Four random games are good judges, and
        whether a small value network adds anything to them is only measured here, not promised.
    """)
    simulations = 8 if quick else 50
    policy = evaluator_of(imitator, game)
    value = evaluator_of(values["one position of each game"], game)

    def searcher(share: float) -> Agent:
        return AlphaGoAgent(
            game=game,
            policy=policy,
            value=value if share < 1 else None,
            simulations=simulations,
            rollout_share=share,
            name=f"lambda {share:g}",
        )

    rounds, games = (1, 16) if quick else (10, 100)
    compare_stages(
        page,
        game,
        imitator=imitator,
        player=player,
        searcher=searcher,
        rounds=rounds,
        games=games,
        drawn_games=200,
        quick=quick,
        seed=seed,
    )
    if not quick:
        show_mixture(page, searcher, games=200, seed=seed, playouts="random games")
