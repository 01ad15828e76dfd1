"""AlphaGo on its own game: the same four stages on Go 9x9, with games of GNU Go (Silver 2016)."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np

import agents.museum
from agents.agent import Agent
from agents.alphago.agent import AlphaGoAgent
from agents.alphago.expert_games import lessons_of, load_expert_games
from agents.arena.league_training import fresh_network
from engine.networks.config import NetworkConfig
from engine.networks.network import Network
from engine.policy_gradient.imitation import ImitationConfig, imitate, move_accuracy, value_error
from engine.policy_gradient.learner import PolicyGradientConfig
from engine.policy_gradient.pool import train_against_past
from engine.policy_gradient.value_positions import value_positions
from games import make
from scripts.lectures.page import Page
from scripts.lectures.stages import compare_stages, evaluator_of, show_mixture, split

RECORDS = Path(agents.museum.__path__[0]) / "go9_expert_games.npz"
NETWORK = NetworkConfig(kind="cnn", blocks=4, channels=32)
LINEAR = NetworkConfig(kind="perceptron", hidden=())
REINFORCE = PolicyGradientConfig(games=64, learning_rate=5e-4, entropy_bonus=0.01)


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Four stages on Go 9x9, each held against the one before."""
    page.text("""
        ## Stage 1: a network that imitates GNU Go

        AlphaGo's people are played here by GNU Go at its weakest level, against itself, a move in
        seventeen at random. Every lesson is seen from all eight sides, since Go has no directions.
        The linear network beside it is the fast policy that plays games to their end later on.
    """)
    game = make("go9")
    lessons = lessons_of(game, load_expert_games(RECORDS))
    learn, held = split(lessons, 0.1)
    if quick:
        learn, held = learn[::80], held[::2]
    networks: dict[str, Network] = {}
    found = {}
    for name, kind in (("linear", LINEAR), ("convolutional", NETWORK)):
        networks[name] = fresh_network(game, kind, seed=seed)
        imitate(
            networks[name],
            game,
            lessons.states[learn],
            lessons.actions[learn],
            lessons.returns[learn],
            config=ImitationConfig(epochs=2 if quick else 8),
            seed=seed,
        )
        found[name] = move_accuracy(
            networks[name], game, lessons.states[held], lessons.actions[held]
        )
    page.table(
        ("policy", "GNU Go's move found in held-out games"),
        [(name, f"{share:.1%}") for name, share in found.items()],
    )
    legal = np.empty((len(held), game.max_legal), np.int32)
    counts = np.empty(len(held), np.int32)
    game.rules.legal_actions(lessons.states[held], legal, counts)
    by_chance = float((1 / counts).mean())
    page.claim(
        f"the convolutional policy finds the expert's move in {found['convolutional']:.1%} of "
        f"{len(held):,} positions, chance in {by_chance:.1%}",
        holds=found["convolutional"] > by_chance,
    )
    if not quick:  # the short form learns too little to tell them apart
        page.claim(
            f"the convolutional policy finds the expert's move more often "
            f"({found['convolutional']:.1%} of {len(held):,} positions) than the linear one "
            f"({found['linear']:.1%})",
            holds=found["convolutional"] > found["linear"],
        )
    imitator = networks["convolutional"]

    page.text("""
        ## Stage 2: policy gradients

        The imitator plays against its former selves, and moves of won games become likelier.
    """)
    steps = 1 if quick else 40
    player = copy.deepcopy(imitator).requires_grad_(True)
    scores = []
    train_against_past(
        game,
        player,
        config=REINFORCE if not quick else PolicyGradientConfig(games=4),
        steps=steps,
        pool_every=max(1, steps // 6),
        seed=seed,
        after_step=lambda step, said: scores.append(said["score"]),
    )
    page.result(
        f"{steps} steps; against former selves {(np.mean(scores[-10:]) + 1) / 2:.0%} of the points "
        "in the last ten"
    )

    page.text("""
        ## Stage 3: a value network

        One position of each game: opened by the imitator, one move at random, played out by the
        stronger policy.
    """)
    rng = np.random.default_rng(seed)
    states, returns = value_positions(
        game, opening=imitator, player=player, games=24 if quick else 4_000, longest=70, rng=rng
    )
    border = len(states) * 9 // 10
    value = fresh_network(game, NETWORK, seed=seed)
    imitate(
        value,
        game,
        states[:border],
        np.zeros(border, np.int64),
        returns[:border],
        config=ImitationConfig(epochs=2 if quick else 10, policy_weight=0, value_weight=1),
        seed=seed,
    )
    own = value_error(value, game, states[:border], returns[:border])
    other = value_error(value, game, states[border:], returns[border:])
    chance = float(returns[border:].var())
    page.result(
        f"mean squared error {own:.2f} on its own {border:,} positions, {other:.2f} on others; who "
        f"says the same of every position is at {chance:.2f}"
    )
    if not quick:
        page.claim(
            f"it knows something of positions that it has not seen ({other:.2f} against "
            f"{chance:.2f})",
            holds=other < chance,
        )

    page.text("""
        ## Stage 4: search

        Moves from the imitating policy; a leaf is worth half of what the value network says and
        half of how a game of the fast policy ends, equation (6) with lambda 1/2. Uniformly random
        games would fill their own eyes: in Go they are poor judges, so the fast policy plays them,
        as AlphaGo's did.
    """)
    simulations = 4 if quick else 24
    policy, judge = evaluator_of(imitator, game), evaluator_of(value, game)
    fast = evaluator_of(networks["linear"], game)

    def searcher(share: float) -> Agent:
        return AlphaGoAgent(
            game=game,
            policy=policy,
            value=judge if share < 1 else None,
            simulations=simulations,
            rollout_share=share,
            rollout_policy=fast,
            name=f"lambda {share:g}",
        )

    rounds, games = (1, 4) if quick else (6, 50)
    compare_stages(
        page,
        game,
        imitator=imitator,
        player=player,
        searcher=searcher,
        rounds=rounds,
        games=games,
        drawn_games=games,
        quick=quick,
        seed=seed,
    )
    if not quick:
        show_mixture(page, searcher, games=50, seed=seed, playouts="games of the fast policy")
