"""The valued Connect Four positions: counts, classes, and the values themselves."""

import numpy as np
import pytest

from agents.solvers.connect_four import ConnectFourSolver, plies_to_end
from agents.solvers.truth import (
    CLASSES,
    TruthSet,
    canonical_keys,
    class_of,
    load_connect_four_truth,
)


@pytest.fixture(scope="module")
def truth() -> TruthSet:
    return load_connect_four_truth()


def test_every_class_has_enough_positions(truth: TruthSet) -> None:
    assert truth.names == CLASSES
    assert np.bincount(truth.klass, minlength=len(CLASSES)).min() >= 300


def test_no_position_stands_twice_not_even_mirrored(truth: TruthSet) -> None:
    assert len(np.unique(canonical_keys(truth))) == len(truth)


def test_scores_put_every_position_into_its_class(truth: TruthSet) -> None:
    for index in range(len(truth)):
        plies = int(truth.lengths[index])
        to_end = plies_to_end(int(truth.scores[index]), plies=plies)
        assert truth.names[truth.klass[index]] == class_of(plies=plies, to_end=to_end)
        assert (truth.moves[index, plies:] == -1).all()
    assert np.array_equal(truth.move_outcomes.max(axis=1), np.sign(truth.scores))


def test_a_sample_of_values_is_computed_again(truth: TruthSet) -> None:
    solver = ConnectFourSolver()
    rng = np.random.default_rng(1)
    late = np.flatnonzero(truth.lengths >= 10)
    for index in rng.choice(late, 80, replace=False):
        moves = truth.moves_of(index)
        assert solver.score(moves) == truth.scores[index]
        assert np.array_equal(solver.move_outcomes(moves), truth.move_outcomes[index])


def test_a_sample_of_scores_agrees_with_bitbully(truth: TruthSet) -> None:
    bitbully = pytest.importorskip("bitbully", reason="bitbully is not installed")
    oracle = bitbully.BitBully(opening_book=None)
    rng = np.random.default_rng(2)
    for index in rng.choice(np.flatnonzero(truth.lengths >= 12), 150, replace=False):
        assert oracle.mtdf(bitbully.Board(truth.moves_of(index))) == truth.scores[index]
