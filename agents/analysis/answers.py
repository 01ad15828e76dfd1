"""Answers of the analysis protocol as objects: what is known of a position, in KataGo's fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.analysis.course import colour_of
from agents.analysis.ownership import Foreseen
from agents.analysis.query import Question
from agents.protocols.gtp_moves import MoveNames
from engine.search.root_moves import RootMove
from games.game import Game

#: Standard deviations that a lower bound lies below the mean: one in forty is worse by chance.
_BOUND_DEVIATIONS = 1.96
_DIGITS = 6
_RESULTS = {-1.0: "loss", 0.0: "draw", 1.0: "win"}


class AnswerWriter:
    """Writes what is known of positions of one game."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._names = MoveNames(game)

    def searched(
        self,
        question: Question,
        state: np.void,
        moves: Sequence[RootMove],
        *,
        visits: int,
        value: float,
    ) -> dict[str, Any]:
        """``moveInfos``, ``rootInfo`` and ``policy`` of a position that was searched.

        Args:
            question: which asked for it.
            state: the position.
            moves: of its tree, the one to play first.
            visits: simulations that its tree has had.
            value: of the position to the player to move, -1..+1.
        """
        mover = int(state["to_play"])
        is_turned = question.view is not None and question.view != mover
        fields: dict[str, Any] = {
            "moveInfos": [
                self._move_info(each, order, state, question.line_moves, is_turned)
                for order, each in enumerate(shown_moves(moves))
            ],
            "rootInfo": {
                **_chances(value, moves[0].draw, is_turned),
                "visits": visits,
                **self._root_facts(state),
            },
        }
        if question.with_policy:
            fields["policy"] = self._policy(state, moves)
        return fields

    def add_points(
        self, fields: dict[str, Any], question: Question, state: np.void, foreseen: Foreseen
    ) -> None:
        """``scoreLead`` at the root and of every move that is told, and ``ownership`` if asked for.

        Args:
            fields: what ``searched`` returned.
            question: which asked.
            state: the position.
            foreseen: of the same moves, in the same order.
        """
        view = int(state["to_play"]) if question.view is None else question.view
        sign = 1 - 2 * view
        fields["rootInfo"]["scoreLead"] = round(sign * foreseen.lead, 4)
        for info, lead in zip(fields["moveInfos"], foreseen.move_leads, strict=True):
            info["scoreLead"] = round(sign * lead, 4)
        if question.with_ownership:
            owned = foreseen.owned.ravel().tolist()
            fields["ownership"] = [round(sign * each, 4) for each in owned]

    def finished(self, question: Question, state: np.void) -> dict[str, Any]:
        """The same of a position in which the game is over: its result, and no moves."""
        mover = int(state["to_play"])
        value = float(np.sign(state["returns"][mover]))
        is_turned = question.view is not None and question.view != mover
        fields: dict[str, Any] = {
            "moveInfos": [],
            "rootInfo": {
                **_chances(value, float(value == 0), is_turned),
                "visits": 0,
                **self._root_facts(state),
                "gameOver": True,
            },
        }
        if self._game.rules.has_ownership:
            self.add_points(fields, question, state, self._counted(state))
        return fields

    def _counted(self, state: np.void) -> Foreseen:
        """The points as they lie on the board."""
        owners = np.zeros((1, *self._game.observation_shape[1:]), np.int8)
        leads = np.zeros(1, np.float32)
        self._game.rules.final_ownership(np.array([state], state.dtype), owners, leads)
        return Foreseen(owners[0].astype(np.float32), float(leads[0]), ())

    def _move_info(
        self, move: RootMove, order: int, state: np.void, line_moves: int, is_turned: bool
    ) -> dict[str, Any]:
        line = self._names.write_line(state, move.line[:line_moves])
        info: dict[str, Any] = {
            "move": line[0],
            "order": order,
            "visits": move.visits,
            **_chances(move.value, move.draw, is_turned),
            "lcb": _round(_bound(move, is_turned)),
            "prior": _round(move.prior),
            "pv": line,
        }
        if move.is_proven:
            info["proven"] = _RESULTS[-move.value if is_turned else move.value]
            info["pliesToEnd"] = move.plies
        return info

    def _root_facts(self, state: np.void) -> dict[str, Any]:
        player = colour_of(self._game, int(state["to_play"]))
        return {"currentPlayer": player, "thisHash": f"{int(state['key']):016X}"}

    def _policy(self, state: np.void, moves: Sequence[RootMove]) -> list[float] | dict[str, float]:
        """Priors: of Go's points row by row and the pass, -1 where illegal; elsewhere by move."""
        if not self._game.rules.has_ownership:
            ordered = sorted(moves, key=lambda move: -move.prior)
            return {self._names.write(state, each.action): _round(each.prior) for each in ordered}
        policy = [-1.0] * self._game.num_actions
        for each in moves:
            policy[each.action] = _round(each.prior)
        return policy


def shown_moves(moves: Sequence[RootMove]) -> list[RootMove]:
    """The moves of a tree that are told: the one to play, and others that were visited."""
    return [moves[0], *(each for each in moves[1:] if each.visits)]


def _chances(value: float, draw: float, is_turned: bool) -> dict[str, float]:
    """The expected score with a draw counting half, and the chance of a draw."""
    score = (1.0 + min(max(value, -1.0), 1.0)) / 2
    return {"winrate": _round(1.0 - score if is_turned else score), "drawrate": _round(draw)}


def _bound(move: RootMove, is_turned: bool) -> float:
    """What a move's expected score hardly is below (for its mover), as if visits were games.

    Visits are no independent games, so this orders moves by how far they are to be trusted and is
    no probability. Under the other player's view it is the upper bound.
    """
    score = (1.0 + min(max(move.value, -1.0), 1.0)) / 2
    if not move.is_proven:
        visits = max(move.visits, 1)
        # Laplace's rule, so that one lucky visit is not beyond doubt.
        share = (score * visits + 1.0) / (visits + 2.0)
        score = max(score - _BOUND_DEVIATIONS * math.sqrt(share * (1.0 - share) / visits), 0.0)
    return 1.0 - score if is_turned else score


def _round(number: float) -> float:
    return round(float(number), _DIGITS)
