"""Perfect play, where a solver knows the game."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent, AgentError, Analysis, Decisions
from agents.choice import legal_slots, random_slots
from agents.exact.solver import Solver
from agents.exact.solvers import SOLVED, exact_solver
from games.game import Game, States

#: Worth of every action for the mover; whatever is not legal says nothing.
Scores = Callable[[States], NDArray[np.int64]]  # [B] states -> [B, A]

_NEVER = np.iinfo(np.int64).min

#: Stones on a Connect Four board from which the solver says how soon, and not only who wins.
#: Earlier that takes more than the second that a move may cost.
_SCORED_FROM = 14


class SolverAgent(Agent):
    """Never gives a result away, wins as fast and loses as slowly as its scores tell apart.

    Args:
        game: what is played.
        scores: the exact worth of each action; its sign is the result for the player to move.
        seed: settles the choice between actions of equal worth.
    """

    def __init__(self, *, game: Game, scores: Scores, seed: int = 0, name: str = "solver") -> None:
        super().__init__(name=name, game=game, seed=seed)
        self._scores = scores

    def _choose(self, states: States) -> Decisions:
        legal, counts = legal_slots(self.game, states)
        rows = np.arange(len(states))
        scores = np.where(
            legal >= 0,
            np.take_along_axis(self._scores(states), np.maximum(legal, 0), axis=1),
            _NEVER,
        )
        best = scores == scores.max(axis=1)[:, None]
        actions = legal[rows, random_slots(states["key"], best, seed=self.seed)]
        results = np.sign(scores.max(axis=1)).astype(np.int8)
        return Decisions(
            actions=actions,
            analysis=Analysis(
                legal=legal,
                counts=counts,
                policies=(best / best.sum(axis=1, keepdims=True)).astype(np.float32),
                visits=np.zeros(legal.shape, np.int32),
                q_values=np.where(legal >= 0, np.sign(scores), 0).astype(np.float32),
                values=results.astype(np.float32),
                draws=(results == 0).astype(np.float32),
                proven=results,
                lines=tuple((int(action),) for action in actions),
            ),
        )


def solver_agent(game: Game, *, seed: int = 0) -> SolverAgent:
    """The solver of a game.

    Raises:
        AgentError: no solver knows the game.
    """
    if game.id == "connect_four":
        return SolverAgent(game=game, scores=_connect_four(), seed=seed)
    solver = exact_solver(game)
    if solver is None:
        raise AgentError(f"no solver knows {game.id}; solved: {SOLVED}")
    return SolverAgent(game=game, scores=_scores_of(solver), seed=seed)


def _scores_of(solver: Solver) -> Scores:
    """Scores of the positions that a solver knows."""
    game = solver.game

    def scores(states: States) -> NDArray[np.int64]:
        found = np.full((len(states), game.num_actions), _NEVER, np.int64)
        for row, state in enumerate(states):
            if not solver.knows(state):
                raise AgentError(f"the solver knows {game.id} with {solver.limits}")
            solved = solver.moves(state)
            found[row, solved.actions] = solved.scores
        return found

    return scores


def _connect_four() -> Scores:
    """Scores of Connect Four: results alone early in the game, later also how soon."""
    from agents.solvers.connect_four import ConnectFourSolver, Position

    solver = ConnectFourSolver()

    def scores(states: States) -> NDArray[np.int64]:
        found = np.empty((len(states), 7), np.int64)
        for row, state in enumerate(states):
            position = Position.from_stones(*state["stones"])
            early = position.plies < _SCORED_FROM
            found[row] = (solver.move_outcomes if early else solver.move_scores)(position)
        return found

    return scores
