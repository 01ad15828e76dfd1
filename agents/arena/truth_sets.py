"""Where the positions of the truth meter come from, game by game."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.agent import AgentError
from agents.arena.truth import TruthSet
from agents.exact.solver import Solver
from agents.exact.table_solver import MOST_PLIES, TableSolver
from games.game import UNPROVEN, Game, States

_PHASES = ("begin", "middle", "end")
_MOST_OF_CLASS = 3_000
_SEED = 19970807
#: Classes of drawn positions, by plies played, and how many of each.
_OTHELLO_EMPTY = {"8 empty": 8, "10 empty": 10, "12 empty": 12, "14 empty": 14}
_HEX_PLIES = {
    3: {"begin": (0, 2), "end": (3, 6)},
    4: {"begin": (0, 3), "middle": (4, 7), "end": (8, 12)},
    5: {"begin": (7, 9), "middle": (10, 13), "end": (14, 18)},
}
_HEX_PER_CLASS = {3: 20, 4: 60, 5: 60}
_OTHELLO_PER_CLASS = 50


def truth_for(game: Game) -> TruthSet | None:
    """Positions with exact results, or None for a game that nothing here solves."""
    if game.id == "connect_four":
        return _connect_four(game)
    if game.name == "chess":
        from agents.exact.chess_truth import chess_endings_truth

        return chess_endings_truth(game)
    size = game.observation_shape[-1]
    if game.name == "othello" and size > 4:
        from agents.exact.othello_solver import OthelloSolver

        discs = size * size - 4
        classes = {name: (discs - empty,) * 2 for name, empty in _OTHELLO_EMPTY.items()}
        return _drawn_truth(OthelloSolver(game=game), classes, per_class=_OTHELLO_PER_CLASS)
    if game.name == "hex" and size in _HEX_PLIES:
        from agents.exact.hex_solver import HexSolver

        return _drawn_truth(HexSolver(game=game), _HEX_PLIES[size], per_class=_HEX_PER_CLASS[size])
    if game.max_plies > MOST_PLIES:
        return None
    try:
        return enumerated_truth(game)
    except AgentError:  # it has too many positions
        return None


def _connect_four(game: Game) -> TruthSet:
    """Positions of plausible games in Pons's classes, scored by the solver, never trained on."""
    from agents.solvers.connect_four import ILLEGAL
    from agents.solvers.truth import load_connect_four_truth

    scored = load_connect_four_truth()
    states = game.rules.initial(len(scored))
    for ply in range(int(scored.lengths.max(initial=0))):
        rows = np.flatnonzero(scored.lengths > ply)
        moved = states[rows]
        game.rules.step(moved, scored.moves[rows, ply].astype(np.int32))
        states[rows] = moved
    return TruthSet(
        game_id=game.id,
        states=states,
        outcomes=np.where(scored.move_outcomes == ILLEGAL, np.int8(UNPROVEN), scored.move_outcomes),
        classes=scored.names,
        class_of=scored.klass.astype(np.int32),
    )


def enumerated_truth(game: Game) -> TruthSet:
    """The positions of a game so small that all are in a table; classes are thirds of a game.

    Of larger ones as many as ``_MOST_OF_CLASS`` of each class, drawn by a fixed seed. Positions in
    which all moves are worth the same are kept: they are part of play.

    Raises:
        AgentError: the game is too large.
    """
    solver = TableSolver(game=game)
    states = solver.states
    thirds = states["ply"].astype(np.int32) * len(_PHASES) // (int(states["ply"].max()) + 1)
    random = np.random.default_rng(_SEED)
    kept = []
    for third in range(len(_PHASES)):
        rows = np.flatnonzero(thirds == third)
        if len(rows) > _MOST_OF_CLASS:
            rows = np.sort(random.choice(rows, _MOST_OF_CLASS, replace=False))
        kept.append(rows)
    chosen = np.concatenate(kept)
    return _solved_truth(solver, states[chosen], _PHASES, thirds[chosen])


def _drawn_truth(
    solver: Solver, classes: dict[str, tuple[int, int]], *, per_class: int
) -> TruthSet:
    """Positions of random play in which at least one move gives the result away.

    Args:
        solver: knows them.
        classes: names, and from how many to how many plies have been played.
        per_class: so many each.
    """
    game, random = solver.game, np.random.default_rng(_SEED)
    states, seen = [], set()
    for low, high in classes.values():
        found = 0
        while found < per_class:
            one = game.rules.initial(1)
            plies = int(random.integers(low, high + 1))
            while one[0]["ply"] < plies and not one[0]["finished"]:
                game.rules.step(one, np.array([random.choice(game.legal(one[0]))], np.int32))
            state = one[0]
            if state["finished"] or int(state["key"]) in seen or not solver.knows(state):
                continue
            solved = solver.moves(state)
            if solved.outcomes.min() < solved.outcomes.max():
                seen.add(int(state["key"]))
                states.append(state)
                found += 1
    class_of = np.repeat(np.arange(len(classes), dtype=np.int32), per_class)
    return _solved_truth(solver, np.array(states, game.state_dtype), tuple(classes), class_of)


def _solved_truth(
    solver: Solver, states: States, classes: tuple[str, ...], class_of: NDArray[np.int32]
) -> TruthSet:
    """Positions with what a solver says of their moves."""
    outcomes = np.full((len(states), solver.game.num_actions), UNPROVEN, np.int8)
    for row, state in zip(outcomes, states, strict=True):
        solved = solver.moves(state)
        row[solved.actions] = solved.outcomes
    return TruthSet(
        game_id=solver.game.id,
        states=states,
        outcomes=outcomes,
        classes=classes,
        class_of=class_of,
    )
