"""Where the positions of the truth meter come from, game by game."""

from __future__ import annotations

import numpy as np

from agents.arena.truth import TruthSet
from agents.choice import expand_children
from games.game import UNPROVEN, Game

#: Phases of a small game that is searched through: at most so many plies played.
_PHASES = (("begin", 2), ("middle", 5), ("end", 10_000))


def truth_for(game: Game) -> TruthSet | None:
    """Positions with exact results, or None for a game that nothing here solves."""
    if game.id == "connect_four":
        return _connect_four(game)
    if game.id == "tic_tac_toe":
        return enumerated_truth(game)
    if game.name == "chess":
        from agents.exact.chess_truth import chess_endings_truth

        return chess_endings_truth(game)
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
    """Every position of a game small enough to be searched through; classes are phases.

    Positions in which all moves are worth the same are kept: they are part of play.
    """
    levels = [game.rules.initial(1)]
    while True:
        children = expand_children(game, levels[-1]).states
        children = children[~children["finished"]]
        if not len(children):
            break
        _, first = np.unique(children["key"], return_index=True)
        levels.append(children[np.sort(first)])
    states = np.concatenate(levels)
    children = expand_children(game, states)
    proven = np.empty(len(children.states), np.int8)
    game.rules.prove(children.states, game.max_plies, proven)
    # ``prove`` speaks for whoever is to move in the child.
    same = children.states["to_play"] == states["to_play"][children.rows]
    outcomes = np.full((len(states), game.num_actions), UNPROVEN, np.int8)
    outcomes[children.rows, children.actions] = np.where(same, proven, -proven)
    ends = np.array([plies for _, plies in _PHASES])
    return TruthSet(
        game_id=game.id,
        states=states,
        outcomes=outcomes,
        classes=tuple(name for name, _ in _PHASES),
        class_of=np.searchsorted(ends, states["ply"]).astype(np.int32),
    )
