"""Connect Four's solver against published facts, plain negamax, and a program by other people."""

from functools import cache

import numpy as np
import pytest

from agents.solvers.bits import BOARD, has_four, mirror, non_losing_moves, playable, winning_cells
from agents.solvers.connect_four import (
    ILLEGAL,
    ConnectFourSolver,
    InvalidPosition,
    Position,
    plies_to_end,
)
from agents.solvers.search import UNBOUNDED, parity_bound


@pytest.fixture(scope="module")
def solver() -> ConnectFourSolver:
    return ConnectFourSolver(table_bits=20, opening_table=False)


def random_moves(rng: np.random.Generator, *, plies: int) -> list[int]:
    """Columns of a random game that is still open after so many plies."""
    while True:
        moves: list[int] = []
        heights = [0] * 7
        for _ in range(plies):
            column = int(rng.choice([c for c in range(7) if heights[c] < 6]))
            heights[column] += 1
            moves.append(column)
        try:
            Position.from_moves(moves)
        except InvalidPosition:
            continue
        return moves


def drop(stones: int, column: int) -> int:
    """The cell a stone falls to, by walking up the column."""
    return next(1 << (7 * column + row) for row in range(6) if not stones >> (7 * column + row) & 1)


def four(stones: int) -> bool:
    """Four in a row, by looking at every line of four cells."""
    return any(
        all(
            0 <= c + k * dc < 7
            and 0 <= r + k * dr < 6
            and stones >> (7 * (c + k * dc) + r + k * dr) & 1
            for k in range(4)
        )
        for c in range(7)
        for r in range(6)
        for dc, dr in ((1, 0), (0, 1), (1, 1), (1, -1))
    )


@cache
def plain_score(mover: int, opponent: int) -> int:
    """Negamax with nothing but the rules."""
    occupied = mover | opponent
    plies = occupied.bit_count()
    best = -100
    for column in range(7):
        if occupied >> (7 * column + 5) & 1:
            continue
        moved = mover | drop(occupied, column)
        if four(moved):
            return 22 - moved.bit_count()
        value = 0 if plies == 41 else -plain_score(opponent, moved)
        best = max(best, value)
    return best


# Positions that Pascal Pons uses as examples (columns 1..7), with the scores that he gives.
@pytest.mark.parametrize(
    ("columns", "score"),
    [
        ("2252576253462244111563365343671351441", -1),
        ("7422341735647741166133573473242566", 1),
        ("23163416124767223154467471272416755633", 0),
        ("3642756176227637211322113551637574556", 2),
        ("32164625", 11),
    ],
)
def test_scores_of_published_positions(solver: ConnectFourSolver, columns: str, score: int) -> None:
    assert solver.score([int(c) - 1 for c in columns]) == score


def test_every_score_agrees_with_plain_negamax_late_in_the_game(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        position = Position.from_moves(random_moves(rng, plies=int(rng.integers(32, 42))))
        expected = plain_score(position.mover, position.mover ^ position.occupied)
        assert solver.score(position) == expected
        assert solver.outcome(position) == np.sign(expected)


def test_values_of_moves_are_the_negated_values_of_what_follows(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        moves = random_moves(rng, plies=int(rng.integers(16, 38)))
        position = Position.from_moves(moves)
        scores, outcomes = solver.move_scores(position), solver.move_outcomes(position)
        assert scores.max() == solver.score(position)
        assert scores.dtype == outcomes.dtype == np.int8
        for column in range(7):
            if position.occupied >> (7 * column + 5) & 1:
                assert scores[column] == outcomes[column] == ILLEGAL
            else:
                assert outcomes[column] == np.sign(scores[column])


def test_a_position_and_its_mirror_image_have_mirrored_values(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        moves = random_moves(rng, plies=int(rng.integers(14, 36)))
        here = solver.move_scores(moves)
        solver.clear()  # or the second answer would be the first one, remembered
        assert np.array_equal(solver.move_scores([6 - c for c in moves]), here[::-1])


def test_answers_do_not_depend_on_earlier_questions(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(4)
    small = ConnectFourSolver(table_bits=10, opening_table=False)
    for _ in range(20):
        moves = random_moves(rng, plies=int(rng.integers(18, 30)))
        fresh = ConnectFourSolver(table_bits=16, opening_table=False)
        assert solver.score(moves) == fresh.score(moves) == small.score(moves)


def test_bitboards_and_moves_name_the_same_position(solver: ConnectFourSolver) -> None:
    position = Position.from_moves([3, 3, 4])
    first, second = 1 << 21 | 1 << 28, 1 << 22
    assert position == Position.from_stones(first, second)
    assert position == Position(second, first | second)
    moves = [3, 3, 3, 3, 3, 2, 3, 2, 2, 1, 4, 5]
    assert solver.score(moves) == solver.score(Position.from_moves(moves))


def test_the_parity_bound_is_never_below_the_score(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(5)
    bounds = []
    for _ in range(400):
        position = Position.from_moves(random_moves(rng, plies=int(rng.integers(16, 40))))
        mover, occupied = np.uint64(position.mover), np.uint64(position.occupied)
        if winning_cells(mover, occupied) & playable(occupied):
            continue
        bound = parity_bound(mover, occupied)
        bounds.append(bound)
        if bound != UNBOUNDED:
            assert solver.score(position) <= bound
    assert {-1, 0, UNBOUNDED} <= set(bounds)


def test_bitboard_functions_agree_with_walking_the_board() -> None:
    rng = np.random.default_rng(6)
    for _ in range(100):
        position = Position.from_moves(random_moves(rng, plies=int(rng.integers(0, 42))))
        mover, occupied = np.uint64(position.mover), np.uint64(position.occupied)
        empty = [bit for bit in range(49) if int(BOARD & ~occupied) >> bit & 1]
        wins = sum(1 << bit for bit in empty if four(position.mover | 1 << bit))
        assert int(winning_cells(mover, occupied)) == wins
        assert mirror(np.uint64(mirror(mover))) == position.mover
        assert not has_four(mover)
        if not wins & int(playable(occupied)):
            opponent = position.mover ^ position.occupied
            safe = 0
            for column in range(7):
                if position.occupied >> (7 * column + 5) & 1:
                    continue
                cell = drop(position.occupied, column)
                full = position.occupied | cell
                replies = [c for c in range(7) if not full >> (7 * c + 5) & 1]
                if not any(four(opponent | drop(full, c)) for c in replies):
                    safe |= cell
            assert int(non_losing_moves(mover, occupied)) == safe


def test_plies_to_end_follows_a_game_between_perfect_players(solver: ConnectFourSolver) -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        moves = random_moves(rng, plies=20)
        expected = solver.plies_to_end(moves)
        for left in range(expected, 1, -1):
            assert plies_to_end(solver.score(moves), plies=len(moves)) == left
            moves.append(int(solver.move_scores(moves).argmax()))
        assert solver.plies_to_end(moves) == 1


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([7], "columns are 0..6"),
        ([0] * 7, "is full at ply 6"),
        ([0, 1, 0, 1, 0, 1, 0], "four in a row"),
    ],
)
def test_what_is_not_a_position_is_refused(
    solver: ConnectFourSolver, moves: list[int], message: str
) -> None:
    with pytest.raises(InvalidPosition, match=message):
        solver.outcome(moves)


def test_bitboards_that_are_not_a_position_are_refused() -> None:
    with pytest.raises(InvalidPosition, match="mid-air"):
        Position(0, 0b10)
    with pytest.raises(InvalidPosition, match="the mover has"):
        Position(0b1, 0b1)


def test_openings_after_which_the_second_player_wins_are_found_by_search_alone() -> None:
    # The work is counted in nodes, which do not depend on the machine: about six million a second.
    solver = ConnectFourSolver(opening_table=False)
    rng = np.random.default_rng(8)
    worst = 0
    for _ in range(20):
        before = solver.nodes
        solver.outcome(random_moves(rng, plies=12))
        worst = max(worst, solver.nodes - before)
    assert worst < 3_000_000


def test_scores_agree_with_bitbully(solver: ConnectFourSolver) -> None:
    bitbully = pytest.importorskip("bitbully", reason="bitbully is not installed")
    oracle = bitbully.BitBully(opening_book=None)
    rng = np.random.default_rng(9)
    for _ in range(300):
        moves = random_moves(rng, plies=int(rng.integers(14, 40)))
        board = bitbully.Board(moves)
        assert solver.score(moves) == oracle.mtdf(board)
