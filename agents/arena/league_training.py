"""A league whose players learn by policy gradients, and plain self-play to hold it against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from agents.arena.league import Frozen, League, LeagueConfig, Player
from engine.networks.config import NetworkConfig
from engine.networks.network import Network, build_network
from engine.policy_gradient.learner import PolicyGradientConfig, PolicyGradientLearner, Weights
from games.game import Game


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a training is."""

    step: int  # of each player
    main: Network  # the first main agent as it is now
    frozen: tuple[Frozen, ...]  # the league so far; the self-player's own past in self-play


Watch = Callable[[Moment], None]


def fresh_network(game: Game, config: NetworkConfig, *, seed: int) -> Network:
    """A network of the game in evaluation mode; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(
            config,
            observation_shape=game.observation_shape,
            num_actions=game.num_actions,
            observation_scales=game.observation_scales,
        ).eval()


class LeagueTraining:
    """Every player of a league takes a step in turn.

    Attributes:
        league: who met whom.
        steps: each player has taken.
    """

    def __init__(
        self,
        game: Game,
        *,
        network: NetworkConfig,
        learning: PolicyGradientConfig,
        config: LeagueConfig,
        seed: int,
        first_weights: Weights | None = None,
    ) -> None:
        """Set up.

        Args:
            game: what is played.
            network: of every player.
            learning: of every player.
            config: of the league.
            seed: of everything.
            first_weights: what every player begins with; None: a fresh network.
        """
        self.game = game
        self.steps = 0
        self._build = partial(fresh_network, game, network, seed=seed)
        first = first_weights if first_weights is not None else self._build().state_dict()
        self.league = League(config, first_weights=first, seed=seed)
        self._learners: dict[str, PolicyGradientLearner] = {}
        for number, player in enumerate(self.league.players):
            learner = PolicyGradientLearner(
                game, self._build(), config=learning, seed=1000 * seed + number
            )
            learner.load(first)
            self._learners[player.name] = learner
        self._opponents: dict[str, Network] = {}  # frozen players that have been met

    def learner(self, player: Player) -> PolicyGradientLearner:
        """What a player learns with."""
        return self._learners[player.name]

    @property
    def main(self) -> Network:
        """The first main agent's network."""
        return self.learner(self.league.main_agents[0]).network

    def step(self) -> None:
        """One step of every player: choose an opponent, play, learn, and freeze who is due."""
        self.steps += 1
        for player in self.league.players:
            learner = self.learner(player)
            opponent = self.league.opponent_of(player)
            played = learner.play(None if opponent is player else self._network_of(opponent))
            learner.learn(played)
            self.league.record(
                player,
                opponent,
                points=float((played.results + 1).sum() / 2),
                games=len(played.results),
            )
            if self.league.is_due(player, step=self.steps) and self.league.freeze(
                player, learner.weights(), step=self.steps
            ):
                learner.load(self.league.first_weights)

    def run(self, steps: int, *, watch: Watch | None = None) -> None:
        """Take ``steps`` steps; ``watch`` is told after each."""
        for _ in range(steps):
            self.step()
            if watch is not None:
                watch(Moment(self.steps, self.main, tuple(self.league.frozen)))

    def network_of(self, frozen: Frozen) -> Network:
        """A frozen player's network."""
        if frozen.name not in self._opponents:
            network = self._build()
            network.load_state_dict(frozen.weights)
            self._opponents[frozen.name] = network.requires_grad_(False)
        return self._opponents[frozen.name]

    def _network_of(self, opponent: Player | Frozen) -> Network:
        if isinstance(opponent, Frozen):
            return self.network_of(opponent)
        return self.learner(opponent).network


def only_self_play(config: LeagueConfig) -> LeagueConfig:
    """The same clock with one player that only ever meets itself: AlphaZero's way."""
    return LeagueConfig(
        main_agents=1,
        main_exploiters=0,
        league_exploiters=0,
        self_play_share=1.0,
        verification_share=0.0,
        freeze_after=config.freeze_after,
        decay=config.decay,
    )
