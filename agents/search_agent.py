"""Tree search over any evaluator: the network player, and the base of the rollout player."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from agents.agent import Agent, AgentError, Analysis, Decisions
from agents.cores import usable_cores
from engine.inference.evaluator import Evaluator, for_threads
from engine.search.config import GumbelConfig, PuctConfig, SearchConfig
from engine.search.search import Search
from games.game import Game, States

#: Trees searched side by side; larger batches are split.
MOST_TREES = 256
_TREES_A_THREAD = 8  # at least, so that batches are worth it


class PlayConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a search plays to win: no noise, the move with the best claim."""

    algorithm: Literal["puct", "gumbel"] = "puct"
    exploration: Annotated[float, Meta(gt=0.0, description="c of PUCT")] = 1.25
    first_play_reduction: Annotated[
        float, Meta(ge=0.0, description="an unvisited move is worth its parent less about this")
    ] = 0.2
    max_considered: Annotated[int, Meta(ge=1, description="moves that Gumbel starts with")] = 16
    prove_plies: (
        Annotated[
            int, Meta(ge=0, description="exhaustive look-ahead at every leaf; None: by the game")
        ]
        | None
    ) = None
    ending_nodes: Annotated[
        int, Meta(ge=0, description="alpha-beta at every leaf of an ending; 0: AlphaZero's search")
    ] = 2_000
    root_ending_nodes: Annotated[
        int, Meta(ge=0, description="alpha-beta on the moves of a root in an ending")
    ] = 1_000_000
    leaves_per_tree: Annotated[
        int, Meta(ge=1, description="leaves of one tree in one batch; more are faster, less sharp")
    ] = 1

    def search_config(self, *, simulations: int) -> SearchConfig:
        """The same as settings of the search."""
        return SearchConfig(
            algorithm=self.algorithm,
            simulations=simulations,
            prove_plies=self.prove_plies,
            ending_nodes=self.ending_nodes,
            root_ending_nodes=self.root_ending_nodes,
            leaves_per_tree=self.leaves_per_tree,
            puct=PuctConfig(
                exploration=self.exploration, first_play_reduction=self.first_play_reduction
            ),
            gumbel=GumbelConfig(max_considered=self.max_considered),
        )


#: AlphaZero's search: results within the tree count as settled, but nothing is searched otherwise.
TREE_ALONE = PlayConfig(ending_nodes=0, root_ending_nodes=0)


class SearchAgent(Agent):
    """Searches every position with the same number of simulations and plays the best move.

    A game that is followed with ``observe_move`` keeps its tree.
    """

    def __init__(
        self,
        *,
        game: Game,
        evaluator: Evaluator,
        simulations: int,
        seed: int = 0,
        name: str = "",
        config: PlayConfig | None = None,
    ) -> None:
        super().__init__(name=name or f"search@{simulations}", game=game, seed=seed)
        if simulations < 1:
            raise AgentError(f"{self.name} searches at least 1 simulation, not {simulations}")
        self.simulations = simulations
        self.config = config or PlayConfig()
        self._evaluator = evaluator
        self._evaluators = [evaluator]  # for several threads, as far as asked for
        self._search: Search | None = None
        self._root: np.void | None = None  # what tree 0 is about, where it was asked alone
        self._was_moved = False  # by observe_move: the tree may be searched on

    @property
    def evaluator(self) -> Evaluator:
        """What judges the leaves."""
        return self._evaluator

    def _judge_by(self, evaluator: Evaluator) -> None:
        """Have leaves judged by another evaluator, in all threads; the search begins anew."""
        self._forget_search()
        self._evaluator = evaluator
        self._evaluators = [evaluator]

    def evaluators(self, threads: int) -> list[Evaluator]:
        """What judges the leaves for each of some threads; made once and kept.

        The first is ``evaluator``; it comes alone where it cannot be shared.
        """
        if len(self._evaluators) < threads:
            self._evaluators = for_threads(self._evaluator, threads)
        return self._evaluators[:threads]

    def reset(self, *, seed: int) -> None:
        """Forget every tree and start again from ``seed``."""
        super().reset(seed=seed)
        self._forget_search()
        self._root = None
        self._was_moved = False

    def observe_move(self, action: int) -> None:
        """Move the kept tree on, so that the next search of this game starts with what is known."""
        if self._search is None or self._root is None:
            return
        self._search.advance(np.array([action], np.int32))
        states = np.array([self._root], self.game.state_dtype)
        self.game.rules.step(states, np.array([action], np.int32))
        self._root = None if states[0]["finished"] else states[0]
        self._was_moved = True

    def _choose(self, states: States) -> Decisions:
        # A position that is merely asked again is searched from nothing, so that it gets the same
        # answer again.
        if self._was_moved and len(states) == 1 and self._root is not None:
            self._was_moved = False
            if self._root["key"] == states[0]["key"]:
                return self._search_roots(states)
        parts = []
        for start in range(0, len(states), MOST_TREES):
            part = states[start : start + MOST_TREES]
            self._searcher(len(part)).set_roots(part)
            parts.append(self._search_roots(part))
        self._root = states[0].copy() if len(states) == 1 else None
        self._was_moved = False
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _searcher(self, trees: int) -> Search:
        """The search, made anew where it has too few trees."""
        if self._search is None or self._search.num_trees < trees:
            self._forget_search()
            evaluators = self.evaluators(self._threads(trees))
            self._search = Search(
                self.game,
                evaluators[0],
                self.config.search_config(simulations=self.simulations),
                num_trees=trees,
                seed=self.seed,
                threads=len(evaluators),
                helpers=evaluators[1:],
            )
        return self._search

    def _threads(self, trees: int) -> int:
        """How many threads search so many trees."""
        return max(1, min(usable_cores(), trees // _TREES_A_THREAD))

    def _forget_search(self) -> None:
        if self._search is not None:
            self._search.close()
        self._search = None

    def _search_roots(self, states: States) -> Decisions:
        """Search the trees whose roots are ``states``."""
        assert self._search is not None
        result = self._search.run()
        movers = states["to_play"].astype(np.int64)
        lines = (self._search.principal_variation(row) for row in range(len(states)))
        return Decisions(
            actions=result.best_actions,
            analysis=Analysis(
                legal=result.actions,
                counts=result.counts,
                policies=result.policies,
                visits=result.visits,
                q_values=result.q_values,
                values=result.values[np.arange(len(states)), movers],
                draws=result.draws,
                proven=result.proven,
                lines=tuple(
                    _line_from(int(action), line)
                    for action, line in zip(result.best_actions, lines, strict=True)
                ),
            ),
        )


def _line_from(action: int, line: list[int]) -> tuple[int, ...]:
    """The expected line, or the move alone where the search would rather explore another."""
    return tuple(line) if line[:1] == [action] else (action,)


def _joined(parts: list[Decisions]) -> Decisions:
    """Answers to consecutive parts of a batch as one."""
    analyses = [part.analysis for part in parts if part.analysis is not None]
    fields = {
        name: np.concatenate([getattr(each, name) for each in analyses])
        for name in Analysis.__slots__
        if name != "lines"
    }
    return Decisions(
        actions=np.concatenate([part.actions for part in parts]),
        analysis=Analysis(**fields, lines=sum((each.lines for each in analyses), ())),
    )
