"""Make the data files of ``agents/solvers``: outcomes of openings, and positions of known value.

    python scripts/build_solver_data.py truth
    python scripts/build_solver_data.py opening --check 300

Both always make the same file. ``opening`` needs ``bitbully``, which the ``test`` extra installs.
"""

import argparse
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from rich.progress import Progress, TimeElapsedColumn

from agents.solvers.bits import (
    CELLS,
    COLUMNS,
    column_cells,
    has_four,
    playable,
    winning_cells,
)
from agents.solvers.connect_four import ConnectFourSolver, Position, plies_to_end
from agents.solvers.opening import (
    TABLE_PLIES,
    opening_layers,
)
from agents.solvers.search import canonical_key
from agents.solvers.truth import CLASSES, class_of
from games.bits import count_bits

DATA = Path(__file__).resolve().parents[1] / "agents" / "solvers" / "data"
TRUTH_SEED = 20150401
POSITIONS_PER_CLASS = 400
FIRST_PLY = 7
"""Fewest stones in a truth position: an exact score takes minutes where there are fewer still."""

_WIN = 1000


@njit(cache=True, nogil=True)
def _look_ahead(mover, occupied, plies, depth, alpha, beta):
    """Value for the mover by alpha-beta, counting threats at the horizon."""
    if (winning_cells(mover, occupied) & playable(occupied)) != np.uint64(0):
        return _WIN - plies
    if plies == CELLS - 1:
        return 0
    opponent = mover ^ occupied
    if depth == 0:
        ours = count_bits(winning_cells(mover, occupied))
        return ours - count_bits(winning_cells(opponent, occupied))
    for rank in range(COLUMNS):
        column = 3 + (1 - 2 * (rank & 1)) * ((rank + 1) >> 1)
        move = playable(occupied) & column_cells(column)
        if move != np.uint64(0):
            value = -_look_ahead(opponent, occupied | move, plies + 1, depth - 1, -beta, -alpha)
            alpha = max(alpha, value)
            if alpha >= beta:
                break
    return alpha


def _play_move(position: Position, *, depth: int, rng: np.random.Generator) -> int:
    """Column of a best move at this depth, ties broken at random; depth 0 is a random move."""
    occupied = np.uint64(position.occupied)
    values = np.full(COLUMNS, -np.inf)
    for column in range(COLUMNS):
        cell = int(playable(occupied)) & int(column_cells(column))
        if not cell:
            continue
        if depth == 0:
            values[column] = 0
        elif cell & int(winning_cells(np.uint64(position.mover), occupied)):
            values[column] = _WIN
        elif position.plies < CELLS - 1:
            opponent = np.uint64(position.mover ^ position.occupied)
            after = np.uint64(position.occupied | cell)
            plies = position.plies + 1
            values[column] = -_look_ahead(opponent, after, plies, depth - 1, -_WIN, _WIN)
    return int(rng.choice(np.flatnonzero(values == values.max())))


def _play_game(rng: np.random.Generator) -> list[int]:
    """Columns of a game between two noisy but sensible players, without the move that ended it."""
    random_plies = int(rng.integers(0, 9)) if rng.random() < 0.5 else int(rng.integers(0, 3))
    blunder_share = rng.choice([0.02, 0.1, 0.2])
    depths = rng.integers(2, 7, size=2)
    moves: list[int] = []
    position = Position(0, 0)
    while position.plies < CELLS - 1:
        plies = position.plies
        at_random = plies < random_plies or rng.random() < blunder_share
        column = _play_move(position, depth=0 if at_random else int(depths[plies % 2]), rng=rng)
        cell = int(playable(np.uint64(position.occupied))) & int(column_cells(column))
        if has_four(np.uint64(position.mover | cell)):
            break
        moves.append(column)
        position = Position(position.mover ^ position.occupied, position.occupied | cell)
    return moves


def build_truth(path: Path) -> None:
    """Play games, value one position of each, until every class is full."""
    rng = np.random.default_rng(TRUTH_SEED)
    solver = ConnectFourSolver()
    found: dict[str, list[tuple[list[int], int, np.ndarray]]] = {name: [] for name in CLASSES}
    seen: set[int] = set()
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
        bars = {name: progress.add_task(name, total=POSITIONS_PER_CLASS) for name in CLASSES}
        while any(len(rows) < POSITIONS_PER_CLASS for rows in found.values()):
            game = _play_game(rng)
            if len(game) < FIRST_PLY:
                continue
            moves = game[: int(rng.integers(FIRST_PLY, len(game) + 1))]
            position = Position.from_moves(moves)
            key = int(canonical_key(np.uint64(position.mover), np.uint64(position.occupied)))
            stage = class_of(plies=len(moves), to_end=0).partition("_")[0]
            wanted = [name for name in CLASSES if name.startswith(stage)]
            if key in seen or all(len(found[name]) == POSITIONS_PER_CLASS for name in wanted):
                continue
            seen.add(key)
            score = solver.score(position)
            name = class_of(plies=len(moves), to_end=plies_to_end(score, plies=len(moves)))
            if len(found[name]) < POSITIONS_PER_CLASS:
                found[name].append((moves, score, solver.move_outcomes(position)))
                progress.advance(bars[name])
    rows = [(klass, *row) for klass, name in enumerate(CLASSES) for row in found[name]]
    moves_of_rows = np.full((len(rows), CELLS), -1, np.int8)
    for index, (_, moves, _, _) in enumerate(rows):
        moves_of_rows[index, : len(moves)] = moves
    _save(
        path,
        moves=moves_of_rows,
        lengths=np.array([len(moves) for _, moves, _, _ in rows], np.int8),
        klass=np.array([klass for klass, _, _, _ in rows], np.int8),
        scores=np.array([score for _, _, score, _ in rows], np.int8),
        move_outcomes=np.stack([outcomes for _, _, _, outcomes in rows]),
    )


def build_opening(path: Path, *, checked: int) -> None:
    """Take the outcomes of the quiet positions of ``TABLE_PLIES`` plies out of BitBully's book.

    A random sample of ``checked`` positions is searched here as well; one difference and nothing is
    written.
    """
    from bitbully import bitbully_core
    from bitbully_databases import BitBullyDatabases

    engine = bitbully_core.BitBullyCore(BitBullyDatabases.get_database_path("12-ply"))
    layer = opening_layers(TABLE_PLIES)[-1]
    quiet = layer.quiet
    positions = [
        Position(int(mover), int(occupied))
        for mover, occupied in zip(layer.mover[quiet], layer.occupied[quiet], strict=True)
    ]
    outcomes = np.empty(len(positions), np.int8)
    solver = ConnectFourSolver(opening_table=False)
    sample = np.random.default_rng(TRUTH_SEED).choice(len(positions), checked, replace=False)
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
        for index in progress.track(range(len(positions)), description="opening"):
            score = engine.nullWindow(_board_for_bitbully(positions[index]))
            outcomes[index] = np.sign(score)
        for index in progress.track(sample, description="checking"):
            if solver.outcome(positions[index]) != outcomes[index]:
                raise SystemExit(f"own search disagrees about {positions[index]!r}")
    _save(path, outcomes=outcomes)
    print(f"{path}: {len(outcomes)} outcomes, {checked} recomputed, {path.stat().st_size} bytes")


def _board_for_bitbully(position: Position) -> Any:
    """The same position as BitBully's board: columns of cells, 1 for the first player's stones."""
    from bitbully import bitbully_core

    mover, other = (1, 2) if position.plies % 2 == 0 else (2, 1)
    columns = []
    for column in range(COLUMNS):
        bits = [1 << (column * (CELLS // COLUMNS + 1) + row) for row in range(CELLS // COLUMNS)]
        columns.append(
            [
                mover if position.mover & bit else other if position.occupied & bit else 0
                for bit in bits
            ]
        )
    board = bitbully_core.BoardCore()
    board.setBoard(columns)
    return board


def _save(path: Path, **arrays: np.ndarray) -> None:
    """Write an archive whose bytes depend on the arrays alone (``np.savez`` stores the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_LZMA)


def main() -> None:
    """Read the command line and build one file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["truth", "opening"])
    parser.add_argument("--out", type=Path, help="file to write instead of the package's own")
    parser.add_argument("--check", type=int, default=300, help="opening: positions to recompute")
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    path = options.out or DATA / f"connect_four_{options.what}.npz"
    if options.what == "truth":
        build_truth(path)
    else:
        build_opening(path, checked=options.check)


if __name__ == "__main__":
    main()
