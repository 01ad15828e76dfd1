"""AlphaGo as a player: tree search over a policy, a value network and random games."""

from __future__ import annotations

from agents.alphago.evaluator import MixedEvaluator
from agents.alphago.policy_rollouts import PolicyRollouts
from agents.search_agent import PlayConfig, SearchAgent
from engine.inference.evaluator import Evaluator
from games.game import Game

#: PUCT as in AlphaGo: nothing is proven but by the games of the tree. c is AlphaZero's with more
#: room, since a random game says little.
ALPHAGO_CONFIG = PlayConfig(
    algorithm="puct", exploration=2.5, prove_plies=0, ending_nodes=0, root_ending_nodes=0
)


class AlphaGoAgent(SearchAgent):
    """Search with AlphaGo's leaves; ``reset`` starts its random games again."""

    def __init__(
        self,
        *,
        game: Game,
        policy: Evaluator,
        value: Evaluator | None,
        simulations: int,
        rollout_share: float = 0.5,
        rollout_policy: Evaluator | None = None,
        seed: int = 0,
        name: str = "alphago",
    ) -> None:
        """Set up.

        Args:
            game: what is played.
            policy: where the search looks.
            value: what the value network says; None where ``rollout_share`` is 1.
            simulations: of a move.
            rollout_share: lambda, the share of the games played from a leaf in its value.
            rollout_policy: draws the moves of these games; None: any legal one.
            seed: of these games.
            name: of the agent.
        """

        def evaluator_of(seed: int) -> MixedEvaluator:
            rollouts = rollout_policy and PolicyRollouts(game, rollout_policy, seed=seed)
            return MixedEvaluator(
                game,
                policy=policy,
                value=value,
                rollout_share=rollout_share,
                rollouts=rollouts,
                seed=seed,
            )

        self._evaluator_of = evaluator_of
        super().__init__(
            game=game,
            evaluator=self._evaluator_of(seed),
            simulations=simulations,
            seed=seed,
            name=name,
            config=ALPHAGO_CONFIG,
        )

    def reset(self, *, seed: int) -> None:
        """Start again, random games included."""
        super().reset(seed=seed)
        self._judge_by(self._evaluator_of(seed))
