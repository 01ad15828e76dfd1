"""AlphaGo as a player: tree search over a policy, a value network and random games."""

from __future__ import annotations

from agents.alphago.evaluator import MixedEvaluator
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
        seed: int = 0,
        name: str = "alphago",
    ) -> None:
        self._evaluator_of = lambda seed: MixedEvaluator(
            game, policy=policy, value=value, rollout_share=rollout_share, seed=seed
        )
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
        self._evaluator = self._evaluator_of(seed)
