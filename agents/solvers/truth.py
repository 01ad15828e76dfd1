"""Connect Four positions whose value is known, in the classes of difficulty of Pascal Pons.

A class joins the stage of the game to its distance from the end::

    begin   at most 14 stones        easy     fewer than 14 plies to the end
    middle  15 to 28                 medium   14 to 28
    end     more than 28             hard     more than 28, under perfect play

Six of the nine pairs exist: ``begin_easy``, ``begin_medium``, ``begin_hard``, ``middle_easy``,
``middle_medium``, ``end_easy``. No two positions are the same or mirror images.

The positions were met in games between noisy but sensible players (alpha-beta of depth 2 to 6 with
random ties and a share of random moves, from openings partly random), after 7 plies or later, one
position a game at most. All scores and all outcomes of moves were computed twice, by bitbully (when
the positions were chosen) and by ``agents.solvers.connect_four``, and agree in all 2,400 positions;
``scripts/build_solver_data.py truth`` makes such a file with this package's solver alone.

Nothing is filtered: a position stays in the set although its mover can win at once, or
although all of its moves are worth the same, so that a measure over all positions is a measure over
what play meets.
"""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from agents.solvers.connect_four import Position
from agents.solvers.search import canonical_key

__all__ = ["CLASSES", "TruthSet", "canonical_keys", "class_of", "load_connect_four_truth"]

CLASSES = (
    "begin_easy",
    "begin_medium",
    "begin_hard",
    "middle_easy",
    "middle_medium",
    "end_easy",
)
"""Names of the classes; a class id is a place in this tuple."""


@dataclass(frozen=True, slots=True)
class TruthSet:
    """Valued positions. Shapes: P positions.

    Attributes:
        names: name of each class id.
        moves: columns played from the empty board, ``[P, 42]`` int8, -1 after the last.
        lengths: number of columns played, ``[P]`` int8.
        klass: class id, ``[P]`` int8.
        scores: score for the mover, ``[P]`` int8.
        move_outcomes: outcome for the mover of a stone in each column, ``[P, 7]`` int8,
            ``agents.solvers.connect_four.ILLEGAL`` where the column is full.
    """

    names: tuple[str, ...]
    moves: np.ndarray
    lengths: np.ndarray
    klass: np.ndarray
    scores: np.ndarray
    move_outcomes: np.ndarray

    def __len__(self) -> int:
        """Number of positions."""
        return len(self.lengths)

    def moves_of(self, index: int) -> list[int]:
        """Columns that lead to one position."""
        moves: list[int] = self.moves[index, : self.lengths[index]].tolist()
        return moves


def class_of(*, plies: int, to_end: int) -> str:
    """Name of the class of a position with ``plies`` stones, ``to_end`` plies before the end."""
    stage = "begin" if plies <= 14 else "middle" if plies <= 28 else "end"
    return f"{stage}_{'easy' if to_end < 14 else 'medium' if to_end <= 28 else 'hard'}"


def load_connect_four_truth() -> TruthSet:
    """The stored positions, class after class."""
    path = files("agents.solvers") / "data" / "connect_four_truth.npz"
    with path.open("rb") as stream, np.load(stream) as archive:
        fields = ("moves", "lengths", "klass", "scores", "move_outcomes")
        return TruthSet(CLASSES, *(archive[field] for field in fields))


def canonical_keys(truth: TruthSet) -> np.ndarray:
    """A number for each position that it shares with its mirror image alone: ``[P]`` uint64.

    The key of any other position is ``agents.solvers.search.canonical_key(mover, occupied)``; a
    position whose key is in the set has to stay out of what a network is trained on.
    """
    keys = np.empty(len(truth), np.uint64)
    for index in range(len(truth)):
        position = Position.from_moves(truth.moves_of(index))
        keys[index] = canonical_key(np.uint64(position.mover), np.uint64(position.occupied))
    return keys
