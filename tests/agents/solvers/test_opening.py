"""The stored openings: their order, what follows from them, and whether they are true."""

import numpy as np
import pytest

from agents.solvers.bits import mirror
from agents.solvers.connect_four import ConnectFourSolver, Position
from agents.solvers.opening import (
    TABLE_PLIES,
    OpeningTable,
    load_opening_table,
    opening_layers,
    opening_table,
)
from agents.solvers.search import canonical_key


@pytest.fixture(scope="module")
def table() -> OpeningTable:
    stored = load_opening_table()
    if stored is None:
        pytest.skip("data/connect_four_opening.npz has not been built")
    return stored


def test_layers_hold_each_position_and_its_mirror_image_once() -> None:
    # Distinct unfinished positions by ply, mirror images apart: John Tromp's counts
    # (1, 7, 49, 238, 1120, 4263, 16422, 54859, 184275), less those in which the game is over.
    apart = [1, 7, 49, 238, 1120, 4263, 16422]
    for layer, count in zip(opening_layers(6), apart, strict=True):
        assert (np.diff(layer.keys.astype(np.int64)) > 0).all()
        pairs = zip(layer.mover, layer.occupied, strict=True)
        own_mirror = sum(mirror(o) == o and mirror(m) == m for m, o in pairs)
        assert 2 * len(layer.keys) - own_mirror == count


def test_forced_positions_need_no_stored_outcome(table: OpeningTable) -> None:
    wins_now = Position.from_moves([3, 0, 3, 0, 3, 0])
    assert table.outcome(wins_now.mover, wins_now.occupied) == 1
    loses_next = Position.from_moves([2, 2, 3, 3, 4])
    assert table.outcome(loses_next.mover, loses_next.occupied) == -1
    follows = Position.from_moves([2, 2, 3, 3])
    assert table.outcome(follows.mover, follows.occupied) == 1


def test_the_first_moves_are_worth_what_allis_and_allen_found(table: OpeningTable) -> None:
    assert table.outcome(0, 0) == 1
    replies = [Position.from_moves([column]) for column in range(7)]
    assert [table.outcome(p.mover, p.occupied) for p in replies] == [1, 1, 0, -1, 0, 1, 1]


def test_a_table_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="quiet positions"):
        opening_table(np.zeros(3, np.int8))


def test_the_stored_openings_do_not_change_answers(table: OpeningTable) -> None:
    with_table, without = ConnectFourSolver(), ConnectFourSolver(opening_table=False)
    rng = np.random.default_rng(11)
    layer = opening_layers(TABLE_PLIES)[-1]
    for index in rng.choice(np.flatnonzero(layer.quiet), 8, replace=False):
        position = Position(layer.mover[index], layer.occupied[index])
        assert without.outcome(position) == with_table.outcome(position)


def test_outcomes_agree_with_bitbully(table: OpeningTable) -> None:
    bitbully = pytest.importorskip("bitbully", reason="bitbully is not installed")
    pytest.importorskip("bitbully_databases", reason="bitbully-databases is not installed")
    oracle = bitbully.BitBully(opening_book="12-ply-dist")
    layers = opening_layers(TABLE_PLIES)
    rng = np.random.default_rng(12)
    for plies, layer in enumerate(layers):
        rows = len(layer.keys)
        for index in rng.choice(rows, min(100, rows), replace=False):
            mover, occupied = int(layer.mover[index]), int(layer.occupied[index])
            board = bitbully.Board.from_array(columns_of(mover, occupied))
            assert np.sign(oracle.mtdf(board)) == table.outcomes[plies][index]


def columns_of(mover: int, occupied: int) -> list[list[int]]:
    """Columns from the left, each from the bottom: 1 the first player's stone, 2 the second's."""
    first = mover if occupied.bit_count() % 2 == 0 else mover ^ occupied
    return [
        [
            (1 if first >> (7 * column + row) & 1 else 2) * (occupied >> (7 * column + row) & 1)
            for row in range(6)
        ]
        for column in range(7)
    ]


def test_keys_find_both_mirror_images(table: OpeningTable) -> None:
    for moves in ([0, 1, 2], [6, 5, 4]):
        position = Position.from_moves(moves)
        key = canonical_key(np.uint64(position.mover), np.uint64(position.occupied))
        assert np.uint64(key) in table.keys[3]
