"""REINFORCE with a value baseline: moves of won games become likelier, moves of lost ones rarer."""

from __future__ import annotations

import copy
from typing import Annotated

import msgspec
import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn import functional

from engine.networks.network import Network
from engine.policy_gradient.play import Trajectories, play_games
from games.game import Game, States

Weights = dict[str, Tensor]

#: Rows whose gradients are computed at once.
_ROWS = 2048


class PolicyGradientConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the policy gradient."""

    games: Annotated[int, Meta(ge=2, description="games a step (Silver 2016: 128)")] = 128
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3
    entropy_bonus: Annotated[
        float, Meta(ge=0, description="nats of policy entropy are worth so much; keeps it mixed")
    ] = 0.01
    value_weight: Annotated[float, Meta(ge=0, description="of the baseline's loss")] = 0.5
    max_gradient_norm: Annotated[float, Meta(gt=0, description="gradients are clipped to it")] = 1.0


class PolicyGradientLearner:
    """One network that learns from games that it has drawn its own moves in.

    The step follows the gradient of ``log p(a | s) (z - v(s))`` summed over the moves of a game and
    averaged over the games, with the outcome head as the baseline v. Batch norms stay as they are
    (evaluation mode): the policy that learns must be the one that acted.

    Sources: Williams 1992, "Simple statistical gradient-following algorithms" (REINFORCE); Silver
    et al. 2016, "Mastering the game of Go with deep neural networks and tree search", Methods,
    "Policy network: reinforcement learning".

    Attributes:
        network: in evaluation mode.
        steps: taken so far.
    """

    def __init__(
        self, game: Game, network: Network, *, config: PolicyGradientConfig, seed: int
    ) -> None:
        self.game = game
        self.network = network.eval()
        self.config = config
        self.steps = 0
        self._rng = np.random.default_rng(seed)
        self._renew_optimizer()

    def weights(self) -> Weights:
        """A copy of the network's weights."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: Weights) -> None:
        """Go on from these weights; what the optimiser remembers of others is forgotten."""
        self.network.load_state_dict(weights)
        self._renew_optimizer()

    def play(self, opponent: Network | None, *, starts: States | None = None) -> Trajectories:
        """``config.games`` games against ``opponent``; None: against itself."""
        return play_games(
            self.game,
            self.network,
            opponent,
            games=self.config.games,
            rng=self._rng,
            starts=starts,
        )

    def learn(self, played: Trajectories) -> dict[str, float]:
        """One step on games just played.

        Returns:
            Mean ``entropy`` of the policy in nats, ``value`` loss in nats, ``score`` of the games
            in -1..+1.
        """
        count = len(played.actions)
        planes, legal = torch.from_numpy(played.planes), torch.from_numpy(played.legal)
        actions = torch.from_numpy(played.actions)
        returns = torch.from_numpy(played.returns)
        entropy = value = 0.0
        self._optimizer.zero_grad(set_to_none=True)
        for rows in torch.arange(count).split(_ROWS):
            logits, outcomes = self.network(planes[rows])
            logs = torch.log_softmax(logits.masked_fill(~legal[rows], -torch.inf), 1)
            logs = logs.masked_fill(~legal[rows], 0.0)
            chances = outcomes.detach().softmax(1)
            advantage = returns[rows] - (chances[:, 0] - chances[:, 2])
            chosen = logs.gather(1, actions[rows, None])[:, 0]
            spread = -(logs.exp() * logs).masked_fill(~legal[rows], 0.0).sum(1)
            missed = functional.cross_entropy(outcomes, outcome_of(returns[rows]), reduction="none")
            loss = (
                -(chosen * advantage)
                - self.config.entropy_bonus * spread
                + self.config.value_weight * missed
            ).sum() / count
            loss.backward()
            entropy += float(spread.detach().sum()) / count
            value += float(missed.detach().sum()) / count
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient_norm)
        self._optimizer.step()
        self.steps += 1
        return {"entropy": entropy, "value": value, "score": float(played.results.mean())}

    def copy_of_network(self) -> Network:
        """The network as it is now, to play against later."""
        return copy.deepcopy(self.network).requires_grad_(False)

    def _renew_optimizer(self) -> None:
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=self.config.learning_rate)


def outcome_of(returns: Tensor) -> Tensor:
    """Results for the mover ``[N]`` as classes of the outcome head: win 0, draw 1, loss 2."""
    return 1 - returns.sign().long()
