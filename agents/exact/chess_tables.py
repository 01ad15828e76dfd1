"""Tables of chess endings with up to four men: every position's result and distance to mate.

They are computed where they are first asked for, by retrograde analysis from the rules alone, and
kept in the user's cache folder. A name such as ``KQKR`` is white's men, then black's.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.agent import AgentError
from agents.exact.kernels import chess_tables as kernels
from games import compile_cache
from games.chess_attacks import BISHOP, KING, KNIGHT, NONE, PAWN, QUEEN, ROOK

LETTERS = {QUEEN: "Q", ROOK: "R", BISHOP: "B", KNIGHT: "N", PAWN: "P"}
KIND_OF = {letter: kind for kind, letter in LETTERS.items()}
MOST_MEN = 4
_FORMAT = 1  # of the files; a change of the values' meaning needs another

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Material:
    """The men of a table besides the kings: white's first, each side's in the order Q R B N P."""

    white: tuple[int, ...]
    black: tuple[int, ...]

    @property
    def name(self) -> str:
        """Such as ``KQKR``."""
        sides = ("".join(LETTERS[kind] for kind in side) for side in (self.white, self.black))
        return "K" + "K".join(sides)

    @property
    def men(self) -> int:
        """Kings included."""
        return 2 + len(self.white) + len(self.black)

    @property
    def has_pawns(self) -> bool:
        """Whether a pawn is among them."""
        return PAWN in self.white + self.black

    @property
    def alike(self) -> bool:
        """Whether there are two men that nothing tells apart."""
        return any(len(side) == 2 and side[0] == side[1] for side in (self.white, self.black))

    @property
    def codes(self) -> tuple[int, int]:
        """Where the kernels look for its table."""
        white, black = (int(kernels.PAIR_CODES[(*side, NONE, NONE)[:2]]) for side in self._sides)
        return white, black

    @property
    def _sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.white, self.black

    def smaller(self) -> list[Material]:
        """Whose tables a capture or a promotion leads to, those with fewest pawns first."""
        found = set()
        for index, side in enumerate(self._sides):
            for place, kind in enumerate(side):
                rest = side[:place] + side[place + 1 :]
                puts: list[tuple[int, ...]] = [()]
                if kind == PAWN:
                    puts += [(put,) for put in (QUEEN, ROOK, BISHOP, KNIGHT)]
                for put in puts:
                    others = self._sides[1 - index]
                    found.add(material_of((*rest, *put), others))
                    if put:  # a pawn that captures as it promotes
                        for gone in range(len(others)):
                            left = others[:gone] + others[gone + 1 :]
                            found.add(material_of((*rest, *put), left))
        if PAWN in self.white and PAWN in self.black:
            found.add(material_of((PAWN,), ()))
        return sorted((each for each in found if each.men > 2), key=lambda each: each.name)


def material_of(one: Sequence[int], other: Sequence[int]) -> Material:
    """The material of two sides' men besides the kings, in either order."""
    order = kernels.ORDER.index
    first, second = (tuple(sorted(side, key=order)) for side in (one, other))
    strength = [int(kernels.PAIR_CODES[(*side, NONE, NONE)[:2]]) for side in (first, second)]
    return Material(first, second) if strength[0] >= strength[1] else Material(second, first)


def material_named(name: str) -> Material:
    """The material that a name such as ``KQKR`` means.

    Raises:
        AgentError: it means none, or one with more than four men.
    """
    word = name.strip().upper().replace("V", "")
    first, king, second = word.removeprefix("K").partition("K")
    if not word.startswith("K") or not king or set(first + second) - set(KIND_OF):
        raise AgentError(f"{name!r} names no ending; write one such as KQK or KRKN")
    if not 1 <= len(first + second) <= MOST_MEN - 2:
        raise AgentError(f"{name!r}: tables have three or four men, kings included")
    return material_of([KIND_OF[x] for x in first], [KIND_OF[x] for x in second])


def all_materials(men: int = MOST_MEN) -> list[Material]:
    """All material with three men, and with four if ``men`` is four; each after those it needs."""
    kinds = kernels.ORDER
    found = [material_of((kind,), ()) for kind in kinds]
    if men == MOST_MEN:
        found += [material_of(p, ()) for p in itertools.combinations_with_replacement(kinds, 2)]
        found += [
            material_of(p[:1], p[1:]) for p in itertools.combinations_with_replacement(kinds, 2)
        ]
    return sorted(found, key=lambda each: (each.men, (each.white + each.black).count(PAWN)))


class ChessTables:
    """Tables that are loaded, computed where they are missing.

    Args:
        folder: where they are kept; the user's cache folder unless told.
        say: told in one line of a damaged file that is computed anew.
    """

    def __init__(self, folder: Path | None = None, *, say: Say | None = None) -> None:
        self.folder = folder or compile_cache.ROOT / "chess_tables"
        self._say = say or (lambda line: None)
        self.pool = np.zeros(0, np.int8)
        self.offsets = np.full((kernels.PAIRS, kernels.PAIRS), -1, np.int64)
        self._loaded: dict[Material, slice] = {}
        self._all_loaded = False

    def has(self, material: Material) -> bool:
        """Whether a table is in memory."""
        return material in self._loaded

    def is_kept(self, material: Material) -> bool:
        """Whether a table has been computed before."""
        return material in self._loaded or self._path(material).is_file()

    def load_kept(self) -> None:
        """Load all tables that have been computed before, and compute none."""
        if self._all_loaded:
            return
        self._all_loaded = True
        found = []
        for material in all_materials():
            if material not in self._loaded and self._path(material).is_file():
                values = self._read(material)
                if values is not None:
                    found.append((material, values))
        self._add(found)

    def need(self, material: Material) -> NDArray[np.int8]:
        """A table's values (see the kernels), loaded or computed with all that it builds on."""
        if material not in self._loaded:
            values = self._read(material)
            if values is None:
                for each in material.smaller():
                    self.need(each)
                values = self._compute(material)
                self._write(material, values)
            self._add([(material, values)])
        return self.pool[self._loaded[material]]

    def _add(self, found: Sequence[tuple[Material, NDArray[np.int8]]]) -> None:
        """Put tables behind those that are in memory."""
        start = len(self.pool)
        self.pool = np.concatenate([self.pool, *(values for _, values in found)])
        for material, values in found:
            self.offsets[material.codes] = start
            self._loaded[material] = slice(start, start + len(values))
            start += len(values)

    def _compute(self, material: Material) -> NDArray[np.int8]:
        """Retrograde analysis of one table; those it builds on are loaded."""
        men, has_pawns, alike = material.men, material.has_pawns, material.alike
        table = np.empty(kernels.size_of(men, has_pawns), np.int8)
        due = np.empty(len(table), np.uint8)
        kinds = np.array((*material.white, *material.black, NONE)[:2], np.int64)
        owners = np.array([0] * len(material.white) + [1] * len(material.black) + [0])[:2]
        facts = kinds, owners, men, has_pawns, alike
        kernels.start_table(self.pool, self.offsets, table, due, *facts)
        plies = 0
        while kernels.settle_plies(self.pool, self.offsets, table, due, *facts, plies):
            plies += 1
        return table

    def _path(self, material: Material) -> Path:
        return self.folder / f"{material.name}.npz"

    def _read(self, material: Material) -> NDArray[np.int8] | None:
        """A kept table, or None where there is none that can be used."""
        path = self._path(material)
        try:
            with np.load(path) as archive:
                values = archive["values"]
                whole = int(archive["checksum"]) == zlib.crc32(values.tobytes())
                if whole and int(archive["format"]) == _FORMAT and values.dtype == np.int8:
                    return np.asarray(values)
        except FileNotFoundError:
            return None
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError):
            pass
        self._say(f"the table {path} is damaged or of another version; it is computed anew")
        return None

    def _write(self, material: Material, values: NDArray[np.int8]) -> None:
        """Keep a table, whole or not at all; where the folder cannot be written, not at all."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    np.savez_compressed(
                        file, values=values, checksum=zlib.crc32(values.tobytes()), format=_FORMAT
                    )
                os.replace(temporary, self._path(material))
            except OSError:
                os.unlink(temporary)
                raise

    # --- Questions --------------------------------------------------------------------------------

    def material_of_state(self, state: np.void) -> Material | None:
        """The material of a chess position that a table can know, else None."""
        men = _men(state)
        if sum(len(side) for side in men) > MOST_MEN or state["castling"]:
            return None
        sides = [[kind for kind, _ in side if kind != KING] for side in men]
        return material_of(*sides) if sides[0] or sides[1] else None

    def plies_to_mate(self, state: np.void) -> int | None:
        """Plies to mate under best play, from the view of the player to move.

        Returns:
            n > 0: the mover mates in n plies; n <= 0: is mated in -n plies; None: a draw.

        Raises:
            AgentError: no table knows the position.
        """
        value = self.value(state)
        return None if value == 0 else value if value > 0 else value + 1

    def value(self, state: np.void) -> int:
        """The kernels' value of a position: its table is loaded or computed.

        En passant is looked at move by move where it is possible (``agents.exact.chess_solver``).

        Raises:
            AgentError: more than four men, castling or en passant.
        """
        mine, theirs = _men(state)
        if len(mine) + len(theirs) > MOST_MEN or state["castling"] or state["passing"]:
            raise AgentError("no table knows this position: it has more than four men, or rights")
        material = self.material_of_state(state)
        if material is None:
            return 0
        self.need(material)
        arguments: list[int] = []
        for side in (mine, theirs):
            kings = [cell for kind, cell in side if kind == KING]
            others = [each for each in side if each[0] != KING]
            others += [(NONE, 0)] * (2 - len(others))
            arguments += [kings[0], *others[0], *others[1]]
        return int(kernels.look_up(self.pool, self.offsets, *arguments))


def _men(state: np.void) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Kinds and cells of the mover's men and of the other's, as the mover sees the board."""
    mine = int(state["mine"])
    kinds = [int(word) for word in state["kinds"]]
    sides: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    occupied = kinds[0] | kinds[1] | kinds[2]
    while occupied:
        cell = (occupied & -occupied).bit_length() - 1
        occupied &= occupied - 1
        kind = sum((word >> cell & 1) << bit for bit, word in enumerate(kinds))
        sides[0 if mine >> cell & 1 else 1].append((kind, cell))
    return sides
