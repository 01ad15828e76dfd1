"""Which solver knows a game."""

from __future__ import annotations

from agents.agent import AgentError
from agents.exact.solver import Solver
from games.game import Game

#: What is solved, for messages.
SOLVED = (
    "connect_four, tic_tac_toe, hex3 to hex5, othello4, other games of at most 17 plies, endings "
    "of othello and of chess"
)


def exact_solver(game: Game) -> Solver | None:
    """The solver of a game, or of some of its positions; None where there is none.

    Tables of small games are computed here, which takes seconds. Connect Four on its usual board
    has a solver of its own (``agents.solvers``).
    """
    if game.name == "chess":
        from agents.exact.chess_solver import ChessSolver

        return ChessSolver(game=game)
    if game.name == "othello" and game.observation_shape[-1] > 4:
        from agents.exact.othello_solver import OthelloSolver

        return OthelloSolver(game=game)
    if game.name == "hex" and game.observation_shape[-1] <= 5:
        from agents.exact.hex_solver import HexSolver

        return HexSolver(game=game)
    from agents.exact.table_solver import MOST_PLIES, TableSolver

    if game.max_plies <= MOST_PLIES:
        try:
            return TableSolver(game=game)
        except AgentError:  # too many positions
            return None
    return None
