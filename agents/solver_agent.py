"""Perfect play, where a solver knows the game."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent, AgentError, Analysis, Decisions
from agents.choice import expand_children, legal_slots, random_slots
from games.game import UNPROVEN, Game, States

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
    if game.id == "tic_tac_toe":
        return SolverAgent(game=game, scores=_searched_through(game), seed=seed)
    if game.id == "connect_four":
        return SolverAgent(game=game, scores=_connect_four(), seed=seed)
    if game.name == "chess":
        return SolverAgent(game=game, scores=_chess_endings(game), seed=seed)
    raise AgentError(
        f"no solver knows {game.id}; solved: connect_four, tic_tac_toe, endings of chess"
    )


def _searched_through(game: Game) -> Scores:
    """Scores of a game small enough to be searched to the end for every move."""

    def scores(states: States) -> NDArray[np.int64]:
        children = expand_children(game, states)
        # A longer look-ahead settles more; the first that settles a child says how far the end is.
        worth = np.zeros(len(children.states), np.int64)
        outcomes = np.empty(len(children.states), np.int8)
        for plies in range(game.max_plies + 1):
            game.rules.prove(children.states, plies, outcomes)
            is_new = (worth == 0) & (outcomes != UNPROVEN)
            worth[is_new] = outcomes[is_new].astype(np.int64) * (game.max_plies + 1 - plies)
        # ``prove`` speaks for whoever is to move in the child.
        same = children.states["to_play"] == states["to_play"][children.rows]
        found = np.full((len(states), game.num_actions), _NEVER, np.int64)
        found[children.rows, children.actions] = np.where(same, worth, -worth)
        return found

    return scores


def _chess_endings(game: Game) -> Scores:
    """Scores of chess with at most four men."""
    from agents.exact.chess_solver import ChessSolver

    solver = ChessSolver(game=game)

    def scores(states: States) -> NDArray[np.int64]:
        found = np.full((len(states), game.num_actions), _NEVER, np.int64)
        for row, state in enumerate(states):
            if not solver.knows(state):
                raise AgentError("the solver knows chess with at most four men and no castling")
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
