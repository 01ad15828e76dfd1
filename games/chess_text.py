"""Chess as people and programs write it: FEN, SAN and UCI. Plain Python.

Cells are numbered as in FEN: 0 is a8, 7 is h8, 63 is h1, whoever is to move.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.chess_actions import FIRST_UNDERPROMOTION, OFFSET_OF, PLANE_OF, PLANES
from games.chess_attacks import KINDS
from games.game import InvalidMoveError, InvalidPositionError

COLUMNS = "abcdefgh"
RIGHTS = "KQkq"  # castling, in the order of the bits of a state's rights
PIECES = "PNBRQK"  # in the order of KINDS

_UNDERPROMOTIONS = "NBR"  # in the order of their planes
_CORNERS = {"K": (60, 63), "Q": (60, 56), "k": (4, 7), "q": (4, 0)}  # cells of king and rook
_KNIGHT_JUMPS = [(r, c) for r in (-2, -1, 1, 2) for c in (-2, -1, 1, 2) if abs(r) != abs(c)]
_KING_STEPS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]

_UCI = re.compile(r"([a-h][1-8])([a-h][1-8])([qrbn]?)")
_SAN = re.compile(
    r"(?:(?P<piece>[KQRBN])|(?=[a-h]))(?P<column>[a-h]?)(?P<row>[1-8]?)"
    r"[-x:]?(?P<target>[a-h][1-8])"
    r"(?:=?\(?(?P<promotion>[QRBNqrbn])\)?)?"
)
_CASTLING = re.compile(r"([oO0])-\1(-\1)?")


@dataclass(frozen=True, slots=True)
class Position:
    """What a FEN says."""

    cells: str  # 64 letters, white's capital, "." for none
    white_to_move: bool
    castling: str  # those of RIGHTS that are left
    passing: int | None  # cell that a pawn has just passed by a double step
    clock: int  # plies since the last capture or pawn move
    ply: int


@dataclass(frozen=True, slots=True)
class Move:
    """From cell to cell; ``promotion`` is a capital letter or empty."""

    origin: int
    target: int
    promotion: str = ""


def cell_name(cell: int) -> str:
    """``a8`` for 0."""
    return f"{COLUMNS[cell % 8]}{8 - cell // 8}"


def _cell_named(name: str) -> int:
    return 8 * (8 - int(name[1])) + COLUMNS.index(name[0])


def piece_letter(kind: str, *, white: bool) -> str:
    """White's pieces are capitals."""
    return kind.upper() if white else kind.lower()


def position_of(state: np.void) -> Position:
    """What a FEN says of a state."""
    black = int(state["to_play"])
    turn = 56 * black
    mine, kinds = int(state["mine"]), [int(word) for word in state["kinds"]]
    cells = ["."] * 64
    for cell in range(64):
        kind = sum((word >> cell & 1) << bit for bit, word in enumerate(kinds))
        if kind:
            white = (mine >> cell & 1) != black
            cells[cell ^ turn] = piece_letter(PIECES[KINDS.index(kind)], white=white)
    rights = swap_rights(int(state["castling"])) if black else int(state["castling"])
    return Position(
        cells="".join(cells),
        white_to_move=not black,
        castling="".join(right for bit, right in enumerate(RIGHTS) if rights >> bit & 1),
        passing=int(state["passing"]) ^ turn if state["passing"] else None,
        clock=int(state["clock"]),
        ply=int(state["ply"]),
    )


def swap_rights(rights: int) -> int:
    """Castling rights as bits, as the other player counts them."""
    return rights >> 2 | (rights & 3) << 2


# --- Actions ---------------------------------------------------------------------------------


def move_of_action(position: Position, action: int) -> Move | None:
    """The move that an action means in a position; None where it leads off the board."""
    turn = 0 if position.white_to_move else 56
    origin, plane = divmod(action, PLANES)
    promotion = ""
    if plane < FIRST_UNDERPROMOTION:
        target = origin + int(OFFSET_OF[plane])
        if not 0 <= target < 64 or PLANE_OF[origin, target] != plane:
            return None
        if target < 8 and position.cells[origin ^ turn] in "Pp":
            promotion = "Q"
    else:
        piece, way = divmod(plane - FIRST_UNDERPROMOTION, 3)
        target = origin - 9 + way
        if target < 0 or abs(target % 8 - origin % 8) > 1:
            return None
        promotion = _UNDERPROMOTIONS[piece]
    return Move(origin ^ turn, target ^ turn, promotion)


def action_of_move(position: Position, move: Move) -> int:
    """The action that means a move; -1 where no piece could move so."""
    turn = 0 if position.white_to_move else 56
    origin, target = move.origin ^ turn, move.target ^ turn
    plane = int(PLANE_OF[origin, target])
    if plane >= FIRST_UNDERPROMOTION:
        return -1
    if move.promotion:
        way = target - (origin - 9)
        if target >= 8 or way not in (0, 1, 2) or position.cells[move.origin] not in "Pp":
            return -1
        if move.promotion != "Q":
            piece = _UNDERPROMOTIONS.index(move.promotion)
            plane = FIRST_UNDERPROMOTION + 3 * piece + way
    return PLANES * origin + plane


# --- Moves as text ---------------------------------------------------------------------------


def uci(move: Move) -> str:
    """A move as programs write it: ``e2e4``, ``e1g1``, ``e7e8q``."""
    return cell_name(move.origin) + cell_name(move.target) + move.promotion.lower()


def san(position: Position, move: Move, legal: Sequence[Move]) -> str:
    """A legal move as people write it, without the sign for check or mate.

    Args:
        position: before the move.
        move: one of ``legal``.
        legal: all legal moves, among which the text must be the only one that fits.
    """
    piece = position.cells[move.origin].upper()
    if piece == "K" and abs(move.target - move.origin) == 2:
        return "O-O" if move.target > move.origin else "O-O-O"
    origin, target = cell_name(move.origin), cell_name(move.target)
    captures = position.cells[move.target] != "."
    if piece == "P":
        captures = captures or origin[0] != target[0]
        shown = origin[0] if captures else ""
    else:
        others = [
            cell_name(other.origin)
            for other in legal
            if other.target == move.target
            and other.origin != move.origin
            and position.cells[other.origin] == position.cells[move.origin]
        ]
        shown = piece
        if any(other[1] == origin[1] for other in others) or (
            others and not any(other[0] == origin[0] for other in others)
        ):
            shown += origin[0]
        if any(other[0] == origin[0] for other in others):
            shown += origin[1]
    promotion = f"={move.promotion}" if move.promotion else ""
    return f"{shown}{'x' if captures else ''}{target}{promotion}"


def read_move(text: str, position: Position, legal: Sequence[Move]) -> Move | None:
    """Read a move in UCI or SAN; signs for check, capture, promotion and praise may be missing.

    Returns:
        The move, which in UCI may be illegal; None where no legal move fits what SAN says.

    Raises:
        InvalidMoveError: no move in either notation, or one that fits several legal moves.
    """
    word = text.strip()
    if found := _UCI.fullmatch(word):
        move = Move(_cell_named(found[1]), _cell_named(found[2]), found[3].upper())
        if not move.promotion and Move(move.origin, move.target, "Q") in legal:
            raise InvalidMoveError(f"{text!r} does not say what the pawn becomes, as {word}q does")
        return move
    word = word.removesuffix("e.p.").rstrip("+#!? ")
    if castling := _CASTLING.fullmatch(word):
        king = 60 if position.white_to_move else 4
        if position.cells[king] not in "Kk":
            return None
        move = Move(king, king - 2 if castling[2] else king + 2)
        return move if move in legal else None
    parts = _SAN.fullmatch(word)
    if not parts:
        raise InvalidMoveError(f"{text!r} is no move; write Nf3, exd5, O-O, e8=Q or g1f3")
    piece = piece_letter(parts["piece"] or "P", white=position.white_to_move)
    column = parts["column"]
    if not parts["piece"] and not column:
        column = parts["target"][0]  # a pawn that captures names the column that it comes from
    fitting = [
        move
        for move in legal
        if position.cells[move.origin] == piece
        and cell_name(move.target) == parts["target"]
        and cell_name(move.origin)[0] in (column or COLUMNS)
        and cell_name(move.origin)[1] in (parts["row"] or "12345678")
        and (not parts["promotion"] or move.promotion == parts["promotion"].upper())
    ]
    if len(fitting) > 1:
        if fitting[0].promotion and not parts["promotion"]:
            raise InvalidMoveError(f"{text!r} does not say what the pawn becomes, as {word}=Q does")
        choices = " or ".join(uci(move) for move in fitting)
        raise InvalidMoveError(f"{text!r} can mean {choices}")
    return fitting[0] if fitting else None


# --- FEN -------------------------------------------------------------------------------------


def fen(position: Position) -> str:
    """A position in Forsyth-Edwards notation."""
    rows = [position.cells[i : i + 8] for i in range(0, 64, 8)]
    board = "/".join(re.sub(r"\.+", lambda run: str(len(run[0])), row) for row in rows)
    side = "w" if position.white_to_move else "b"
    passing = "-" if position.passing is None else cell_name(position.passing)
    number = position.ply // 2 + 1
    return f"{board} {side} {position.castling or '-'} {passing} {position.clock} {number}"


def read_fen(text: str) -> Position:
    """Read a position in Forsyth-Edwards notation; the two numbers at its end may be missing.

    Raises:
        InvalidPositionError: one line that names what cannot be read or cannot be.
    """
    fields = text.split()
    if len(fields) not in (4, 6):
        raise _refused(text, f"has {len(fields)} fields instead of 6")
    board, side, castling, passing = fields[:4]
    clock, number = fields[4:] or ("0", "1")
    cells = _read_cells(text, board)
    if side not in ("w", "b"):
        raise _refused(text, f"has {side!r} to move instead of w or b")
    if not all(word.isascii() and word.isdecimal() and len(word) < 6 for word in (clock, number)):
        raise _refused(text, f"ends in {clock} {number} instead of clock and move number")
    white = side == "w"
    _check_pieces(text, cells)
    for right in castling.replace("-", "", castling == "-"):
        if right not in RIGHTS or castling.count(right) > 1:
            raise _refused(text, f"has castling rights {castling!r}, not some of {RIGHTS}")
        king, rook = _CORNERS[right]
        if cells[king] + cells[rook] != ("KR" if right.isupper() else "kr"):
            raise _refused(text, f"lets castle ({right}) without king and rook in their corner")
    passed = _read_passing(text, passing, cells, white=white)
    for mover in (white, not white):
        king = cells.index(piece_letter("K", white=mover))
        checkers = attackers(cells, king, by_white=not mover)
        if mover != white and checkers:
            raise _refused(text, f"leaves {'white' if mover else 'black'} in check after its move")
        if len(checkers) > 2:
            raise _refused(text, f"has a king in check from {len(checkers)} pieces")
    ply = 2 * (max(int(number), 1) - 1) + (not white)
    rights = "".join(right for right in RIGHTS if right in castling)
    return Position(cells, white, rights, passed, int(clock), ply)


def attackers(cells: str, cell: int, *, by_white: bool) -> list[int]:
    """Cells of one side's pieces that attack a cell."""
    row, column = divmod(cell, 8)
    found = []
    for down, right in _KNIGHT_JUMPS:
        found += _seen(cells, row, column, down, right, "N", by_white, most=1)
    for down, right in _KING_STEPS:
        found += _seen(cells, row, column, down, right, "K", by_white, most=1)
        found += _seen(cells, row, column, down, right, "QB" if down and right else "QR", by_white)
    for right in (-1, 1):
        found += _seen(cells, row, column, 1 if by_white else -1, right, "P", by_white, most=1)
    return sorted(found)


def _seen(
    cells: str, row: int, column: int, down: int, right: int, kinds: str, white: bool, most: int = 7
) -> list[int]:
    """The first piece in a direction, if it is one side's and of one of these kinds."""
    for distance in range(1, most + 1):
        r, c = row + distance * down, column + distance * right
        if not (0 <= r < 8 and 0 <= c < 8):
            break
        piece = cells[8 * r + c]
        if piece != ".":
            return [8 * r + c] if piece.isupper() == white and piece.upper() in kinds else []
    return []


def _refused(text: str, why: str) -> InvalidPositionError:
    return InvalidPositionError(f"the FEN {' '.join(text.split())!r} {why}")


def _read_cells(text: str, board: str) -> str:
    """The first field of a FEN as 64 letters."""
    rows = board.split("/")
    if len(rows) != 8:
        raise _refused(text, f"has {len(rows)} rows instead of 8")
    cells = ""
    for number, row in zip(range(8, 0, -1), rows, strict=True):
        spread = "".join("." * int(sign) if sign in "12345678" else sign for sign in row)
        unknown = set(spread) - set(f".{PIECES}{PIECES.lower()}")
        if unknown:
            raise _refused(text, f"has {min(unknown)!r} in row {number}, which is no piece")
        if len(spread) != 8:
            raise _refused(text, f"has {len(spread)} cells in row {number} instead of 8")
        cells += spread
    return cells


def _check_pieces(text: str, cells: str) -> None:
    """Refuse pieces that no game can lead to."""
    for name, letters in (("white", PIECES), ("black", PIECES.lower())):
        pawn, knight, _, rook, queen, king = (cells.count(letter) for letter in letters)
        if king != 1:
            raise _refused(text, f"has {king} {name} kings instead of 1")
        if letters[0] in cells[:8] + cells[56:]:
            raise _refused(text, f"has a {name} pawn in the first or last row")
        bishops = [i for i in range(64) if cells[i] == letters[2]]
        light = sum((i // 8 + i % 8) % 2 == 0 for i in bishops)
        promoted = sum(
            max(0, count - first)
            for count, first in (
                (knight, 2), (rook, 2), (queen, 1), (light, 1), (len(bishops) - light, 1)
            )
        )  # fmt: skip
        if pawn + promoted > 8:
            raise _refused(
                text,
                f"has {pawn} {name} pawns and {promoted} promoted pieces, which needs more "
                "than 8 pawns",
            )


def _read_passing(text: str, field: str, cells: str, *, white: bool) -> int | None:
    """The fourth field of a FEN: the cell that the opponent's pawn has just passed."""
    if field == "-":
        return None
    row, forward = ("6", -8) if white else ("3", 8)
    if len(field) != 2 or field[0] not in COLUMNS or field[1] != row:
        raise _refused(text, f"has {field!r} for en passant, not - or a cell of row {row}")
    cell = _cell_named(field)
    pawn = piece_letter("P", white=not white)
    if cells[cell + forward] + cells[cell] + cells[cell - forward] != f"..{pawn}":
        raise _refused(text, f"says en passant {field}, but no pawn has just passed there")
    return cell
