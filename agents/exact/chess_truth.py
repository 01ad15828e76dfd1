"""Chess endings with the exact result of every move, for the truth meter; drawn by a fixed seed."""

from __future__ import annotations

import numpy as np

from agents.arena.truth import TruthSet
from agents.exact.chess_solver import ChessSolver
from agents.exact.chess_tables import LETTERS, ChessTables, Material, material_named
from agents.exact.kernels.chess_tables import VOID, men_at
from games.chess_text import Position, fen
from games.game import UNPROVEN, Game

#: Endings that a result can be given away in, from easy to hard; their tables take ten seconds.
ENDINGS = ("KQK", "KRK", "KPK", "KQKR", "KRKN", "KBNK")
PER_ENDING = 100
_SEED = 19970511  # the day of the sixth game


def chess_endings_truth(game: Game, tables: ChessTables | None = None) -> TruthSet:
    """Random positions of some endings in which at least one move gives the result away.

    Tables that were never computed are computed.
    """
    tables = tables or ChessTables()
    solver = ChessSolver(game=game, tables=tables)
    random = np.random.default_rng(_SEED)
    states, outcomes = [], []
    for name in ENDINGS:
        material = material_named(name)
        places = np.flatnonzero(tables.need(material) != VOID)
        found = 0
        while found < PER_ENDING:
            text = _fen_of(material, int(random.choice(places)))
            state = game.text_to_state(text)
            if state["finished"]:
                continue
            solved = solver.moves(state)
            if solved.outcomes.min() == solved.outcomes.max():
                continue
            row = np.full(game.num_actions, UNPROVEN, np.int8)
            row[solved.actions] = solved.outcomes
            states.append(state)
            outcomes.append(row)
            found += 1
    return TruthSet(
        game_id=game.id,
        states=np.array(states, game.state_dtype),
        outcomes=np.array(outcomes),
        classes=ENDINGS,
        class_of=np.repeat(np.arange(len(ENDINGS), dtype=np.int32), PER_ENDING),
    )


def _fen_of(material: Material, place: int) -> str:
    """The position at a place of a table."""
    turn, white, black, *others = men_at(place, material.men, material.has_pawns)
    cells = ["."] * 64
    cells[white], cells[black] = "K", "k"
    letters = [LETTERS[kind] for kind in material.white]
    letters += [LETTERS[kind].lower() for kind in material.black]
    for letter, cell in zip(letters, others, strict=False):
        cells[cell] = letter
    return fen(Position("".join(cells), turn == 0, "", None, 0, int(turn)))
