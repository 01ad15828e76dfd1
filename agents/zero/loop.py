"""Self-play, learning and, if wanted, a gate, one after the other: the whole method in a page.

The same parts as `meijin train` (actor, store, window, trainer), without its processes, its first
games by playouts, its endings by alpha-beta and its limits: what is left is the method of the
papers, slow enough to watch.

Sources: Silver et al. 2017, "Mastering the game of Go without human knowledge" (with a gate: a new
network plays on only if it wins 55 % against the best so far; positions turned by symmetries);
Silver et al. 2018, "A general reinforcement learning algorithm that masters chess, shogi, and Go
through self-play" (no gate, no symmetries).
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from msgspec import Meta

from agents.arena.match import play_match
from agents.search_agent import TREE_ALONE, SearchAgent
from engine.inference.network_evaluator import NetworkEvaluator
from engine.inference.torch_backend import TorchBackend
from engine.learning.config import LearningConfig
from engine.learning.replay import ReplayWindow
from engine.learning.store import EpisodeStore
from engine.learning.trainer import Trainer
from engine.networks.config import NetworkConfig
from engine.networks.network import Network, build_network
from engine.records import Episode
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.selfplay.actor import Actor
from engine.selfplay.config import SelfPlayConfig
from games.game import Game, Symmetries

_MAX_BATCH = 512


class ZeroConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a training at lecture size."""

    network: NetworkConfig = NetworkConfig(kind="resnet", blocks=2, channels=32)
    generations: Annotated[int, Meta(ge=1, description="of self-play and learning")] = 10
    games: Annotated[int, Meta(ge=2, description="of self-play in a generation")] = 128
    simulations: Annotated[int, Meta(ge=1, description="a move")] = 32
    reuse: Annotated[float, Meta(gt=0, description="rows trained on for each new one")] = 4.0
    symmetries: Annotated[bool, Meta(description="turn positions (AlphaGo Zero: yes)")] = True
    gate: Annotated[
        float,
        Meta(
            ge=0, le=1, description="points a new network needs to play on (AlphaGo Zero 0.55); 0"
        ),
    ] = 0.0
    gate_games: Annotated[int, Meta(ge=2, description="AlphaGo Zero: 400")] = 60
    learning: LearningConfig = LearningConfig(
        batch_rows=128, warmup_steps=20, ema_rows=4_000, bfloat16=False
    )


@dataclass(frozen=True, slots=True)
class Generation:
    """What a generation left behind."""

    number: int  # from 1
    games: int  # of self-play so far
    network: Network  # the one that plays on, in evaluation mode
    gate_score: float | None  # points of the new network against the best; None without a gate
    passed: bool  # whether it plays on
    losses: dict[str, float]


def train_zero(game: Game, config: ZeroConfig, *, seed: int) -> Generator[Generation, None, None]:
    """Train from nothing; yields after each generation.

    Args:
        game: what is played.
        config: see ``ZeroConfig``.
        seed: of everything.
    """
    taught = game if config.symmetries else dataclasses.replace(game, symmetries=_none(game))
    learning = msgspec.structs.replace(
        config.learning,
        limiter=msgspec.structs.replace(
            config.learning.limiter, reuse=config.reuse, start_rows=1, slack_rows=10**9
        ),
        window=msgspec.structs.replace(config.learning.window, max_rows=100_000),
    )
    trainer = Trainer(taught, network_config=config.network, config=learning, seed=seed)
    best = _network_of(game, config.network, trainer.average.state_dict())
    evaluator = NetworkEvaluator(game, _backend(best))
    selfplay = SelfPlayConfig(
        games=min(config.games, 128), full_share=1.0, opening_share=0.0, play_on_share=1.0
    )
    search_config = SearchConfig(
        algorithm="puct",
        simulations=config.simulations,
        prove_plies=0,
        ending_nodes=0,
        root_ending_nodes=0,
    )
    search = Search(game, evaluator, search_config, num_trees=selfplay.games, seed=seed)
    actor = Actor(
        game, search, config=selfplay, simulations=config.simulations, name="zero", seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        store = EpisodeStore(Path(folder), taught)
        window = ReplayWindow(Path(folder), taught, config=learning)
        for number in range(1, config.generations + 1):
            episodes: list[Episode] = []
            while len(episodes) < config.games:
                episodes += actor.play_ply(weights_version=number - 1)
            store.append(episodes)
            window.refresh()
            losses: dict[str, float] = {}
            while window.may_train(trainer.rows_trained):
                losses = trainer.train_step(
                    window.sample(learning.batch_rows, trainer.rng),
                    progress=(number - 1) / config.generations,
                )
            candidate = _network_of(game, config.network, trainer.averaged_weights(window))
            score = _gate(game, candidate, best, config, seed + number) if config.gate else None
            passed = score is None or score >= config.gate
            if passed:
                best = candidate
                evaluator.backend = _backend(best)
            yield Generation(
                number=number,
                games=store.counters.episodes,
                network=best,
                gate_score=score,
                passed=passed,
                losses=losses,
            )


def player_of(
    game: Game, network: Network, *, simulations: int, seed: int = 0, name: str = "zero"
) -> SearchAgent:
    """A network with AlphaZero's search, as it is trained here."""
    return SearchAgent(
        game=game,
        evaluator=NetworkEvaluator(game, _backend(network)),
        simulations=simulations,
        seed=seed,
        name=name,
        config=msgspec.structs.replace(TREE_ALONE, prove_plies=0),
    )


def _gate(game: Game, new: Network, best: Network, config: ZeroConfig, seed: int) -> float:
    """Points of the new network against the best, from paired openings."""
    players = (
        player_of(game, network, simulations=config.simulations, name=name)
        for network, name in ((new, "new"), (best, "best"))
    )
    return play_match(
        *players, games=config.gate_games, seed=seed, opening_plies=min(4, game.max_plies // 4)
    ).total.score


def _network_of(game: Game, config: NetworkConfig, weights: dict[str, Any]) -> Network:
    with torch.random.fork_rng(devices=[]):
        network = build_network(
            config,
            observation_shape=game.observation_shape,
            num_actions=game.num_actions,
            observation_scales=game.observation_scales,
        )
    network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
    return network.eval().requires_grad_(False)


def _backend(network: Network) -> TorchBackend:
    return TorchBackend(network, max_batch=_MAX_BATCH)


def _none(game: Game) -> Symmetries:
    """The identity alone."""
    return Symmetries(cells=game.symmetries.cells[:1], actions=game.symmetries.actions[:1])
