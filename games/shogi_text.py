"""Shogi for people, in plain Python: positions as SFEN, moves as USI and CSA write them.

Squares count row by row from the top left, as in an SFEN: on a board of 9 columns square 0 is 9a,
square 8 is 1a and square 80 is 1i. A piece is its kind for player 0 (Black, sente) and minus its
kind for player 1 (White, gote); 0 is an empty square. Kinds:

    1 pawn   2 lance   3 knight   4 silver   5 gold   6 bishop   7 rook   8 king
    9 to 15: the promoted ones, 8 more than what they were (13 would be a gold: there is none)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from games.game import InvalidMoveError, InvalidPositionError

LETTERS = " PLNSGBRK"
NAMES = ("", "pawn", "lance", "knight", "silver", "gold", "bishop", "rook", "king")
PROMOTED = 8  # added to a kind
PAWN, LANCE, KNIGHT, GOLD, KING = 1, 2, 3, 5, 8
HAND_ORDER = (7, 6, 5, 4, 3, 2, 1)  # as SFEN lists pieces in hand
PLAYER_NAMES = ("Black", "White")

_CSA_KINDS = {
    **{"FU": 1, "KY": 2, "KE": 3, "GI": 4, "KI": 5, "KA": 6, "HI": 7, "OU": 8},
    **{"TO": 9, "NY": 10, "NK": 11, "NG": 12, "UM": 14, "RY": 15},
}
_SFEN = re.compile(r"(?:(?:position\s+)?sfen\s+)?(\S*/\S*)\s+(\S+)\s+(\S+)(?:\s+(\S+))?")
_USI_MOVE = re.compile(r"([1-9])([a-i])([1-9])([a-i])(\+?)")
_USI_DROP = re.compile(r"([plnsgbr])\*([1-9])([a-i])")
_CSA_MOVE = re.compile(r"([+-]?)([0-9])([0-9])([1-9])([1-9])([a-z]{2})")


@dataclass(frozen=True, slots=True)
class Position:
    """What an SFEN says."""

    board: tuple[int, ...]  # [size * size] pieces
    hands: tuple[tuple[int, ...], tuple[int, ...]]  # [player][kind] pieces in hand, 8 kinds
    to_play: int
    ply: int  # half-moves played: the SFEN's move number less one


@dataclass(frozen=True, slots=True)
class Move:
    """What a move's text says; squares of the board as it is, not turned for White."""

    origin: int | None  # None for a drop
    dropped: int | None  # kind, None for a move on the board
    target: int
    promotes: bool


def piece_text(piece: int) -> str:
    """A piece as SFEN writes it: ``P`` or ``+P`` for Black, ``p`` or ``+p`` for White."""
    kind = abs(piece)
    letter = LETTERS[kind - PROMOTED if kind > KING else kind]
    return ("+" if kind > KING else "") + (letter if piece > 0 else letter.lower())


def square_text(square: int, size: int) -> str:
    """File as a number counted from the right, rank as a letter from the top: ``7g``."""
    row, column = divmod(square, size)
    return f"{size - column}{'abcdefghi'[row]}"


def hand_text(hand: Sequence[int], player: int) -> str:
    """Pieces in hand as SFEN writes them, empty if there are none: ``R2P``."""
    held = "".join(
        f"{hand[kind] if hand[kind] > 1 else ''}{LETTERS[kind]}"
        for kind in HAND_ORDER
        if hand[kind]
    )
    return held if player == 0 else held.lower()


def write_sfen(position: Position, size: int) -> str:
    """A position as SFEN, without the word ``sfen`` before it."""
    rows = []
    for row in range(size):
        text, gap = "", 0
        for piece in position.board[row * size : (row + 1) * size]:
            if not piece:
                gap += 1
                continue
            text += (str(gap) if gap else "") + piece_text(piece)
            gap = 0
        rows.append(text + (str(gap) if gap else ""))
    hands = "".join(hand_text(position.hands[player], player) for player in (0, 1))
    return f"{'/'.join(rows)} {'bw'[position.to_play]} {hands or '-'} {position.ply + 1}"


def find_sfen(text: str) -> str:
    """The one line of ``text`` that is an SFEN.

    Raises:
        InvalidPositionError: there is none, or more than one.
    """
    lines = [line.strip() for line in text.splitlines() if _SFEN.fullmatch(line.strip())]
    if len(lines) != 1:
        raise InvalidPositionError(
            "a position needs one line 'sfen BOARD b|w HANDS NUMBER', such as "
            f"'sfen lnsgkgsnl/.../LNSGKGSNL b - 1'; found {len(lines)}"
        )
    return lines[0]


def read_sfen(line: str, *, size: int, pieces: Mapping[int, int]) -> Position:
    """Read an SFEN line and refuse what no game can reach by its pieces alone.

    Args:
        line: with or without the word ``sfen`` and the number of the move.
        size: rows and columns of the board.
        pieces: how many of each unpromoted kind the game has, kings included.

    Raises:
        InvalidPositionError: it cannot be read; a king is missing; there are too many of a kind;
            two pawns of one side stand on a file; a piece stands where it can never move.
    """
    match = _SFEN.fullmatch(line)
    if not match:
        raise InvalidPositionError(f"{line!r} is no SFEN")
    rows, side, hands, number = match.groups()
    if side not in ("b", "w"):
        raise InvalidPositionError(f"the side to move is 'b' or 'w', not {side!r}")
    number = number or "1"
    if not re.fullmatch("[0-9]{1,5}", number) or int(number) < 1:
        raise InvalidPositionError(f"the number of the move is 1 or more, not {number!r}")
    position = Position(
        board=_read_rows(rows, size),
        hands=_read_hands(hands, pieces),
        to_play="bw".index(side),
        ply=int(number) - 1,
    )
    _check_pieces(position, size, pieces)
    return position


def _read_rows(text: str, size: int) -> tuple[int, ...]:
    """Pieces of the board out of ``lnsgkgsnl/1r5b1/...``."""
    rows = text.split("/")
    if len(rows) != size:
        raise InvalidPositionError(f"the board has {size} rows, not {len(rows)} as in {text!r}")
    board: list[int] = []
    for row in rows:
        cells: list[int] = []
        for gap, plus, letter in re.findall(r"([1-9])|(\+?)([A-Za-z])|.", row):
            kind = LETTERS.find(letter.upper()) if letter else -1
            if gap:
                cells += [0] * int(gap)
            elif kind < 1 or (plus and kind in (GOLD, KING)):
                raise InvalidPositionError(f"row {row!r} holds something that is no piece")
            else:
                kind += PROMOTED if plus else 0
                cells.append(kind if letter.isupper() else -kind)
        if len(cells) != size:
            raise InvalidPositionError(f"row {row!r} has {len(cells)} squares, not {size}")
        board += cells
    return tuple(board)


def _read_hands(text: str, pieces: Mapping[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Pieces in hand out of ``-`` or ``R2Pg``."""
    hands = [[0] * 8, [0] * 8]
    if text != "-":
        if not re.fullmatch(r"(?:(?:[1-9][0-9]?)?[PLNSGBRplnsgbr])+", text):
            raise InvalidPositionError(f"hands are '-' or such as 'R2Pg', not {text!r}")
        for count, letter in re.findall(r"([0-9]*)([A-Za-z])", text):
            kind = LETTERS.index(letter.upper())
            hands[letter.islower()][kind] += int(count or 1)
    return tuple(hands[0]), tuple(hands[1])


def _check_pieces(position: Position, size: int, pieces: Mapping[int, int]) -> None:
    """Refuse counts and places that cannot be."""
    for player in (0, 1):
        kings = position.board.count(KING if player == 0 else -KING)
        if kings != 1:
            raise InvalidPositionError(f"{PLAYER_NAMES[player]} has {kings} kings, not one")
    for kind in range(PAWN, KING):
        count = sum(hand[kind] for hand in position.hands) + sum(
            abs(piece) in (kind, kind + PROMOTED) for piece in position.board
        )
        if count > pieces.get(kind, 0):
            raise InvalidPositionError(
                f"there are {count} {NAMES[kind]}s; the game has {pieces.get(kind, 0)}"
            )
    for player, sign in ((0, 1), (1, -1)):
        files = set()
        for square, piece in enumerate(position.board):
            row, column = divmod(square, size)
            ahead = row if player == 0 else size - 1 - row  # rows before the board ends
            kind = piece * sign
            if ahead < rows_needed(kind):
                raise InvalidPositionError(
                    f"a {NAMES[kind]} of {PLAYER_NAMES[player]} on {square_text(square, size)} "
                    "could never move"
                )
            if kind == PAWN:
                if column in files:
                    raise InvalidPositionError(
                        f"{PLAYER_NAMES[player]} has two pawns on file {size - column}"
                    )
                files.add(column)


def rows_needed(kind: int) -> int:
    """Rows that must lie before a piece of this kind, or it could never move."""
    return {PAWN: 1, LANCE: 1, KNIGHT: 2}.get(kind, 0)


def read_move(text: str, *, board: Sequence[int], to_play: int, size: int) -> Move:
    """Read a move as USI (``7g7f``, ``8h2b+``, ``P*5e``) or CSA (``+7776FU``, ``0055FU``) has it.

    Args:
        text: the move; upper or lower case.
        board: pieces ``[size * size]`` before the move: CSA names the piece as it is after it.
        to_play: who moves; the sign of a CSA move must be this player's.
        size: rows and columns of the board.

    Raises:
        InvalidMoveError: it is neither, or names a square off the board or another piece.
    """
    word = text.strip().lower()
    if match := _USI_MOVE.fullmatch(word):
        origin = _square(match[1], match[2], size, text)
        return Move(origin, None, _square(match[3], match[4], size, text), match[5] == "+")
    if match := _USI_DROP.fullmatch(word):
        kind = LETTERS.index(match[1].upper())
        return Move(None, kind, _square(match[2], match[3], size, text), False)
    if match := _CSA_MOVE.fullmatch(word):
        return _read_csa(match, text, board, to_play, size)
    raise InvalidMoveError(
        f"{text!r} is no move; moves are written as 7g7f, 8h2b+, P*5e (USI) or +7776FU (CSA)"
    )


def _read_csa(
    match: re.Match[str], text: str, board: Sequence[int], to_play: int, size: int
) -> Move:
    """A move in the notation of the Computer Shogi Association."""
    sign, file, rank, to_file, to_rank, name = match.groups()
    kind = _CSA_KINDS.get(name.upper())
    if kind is None:
        raise InvalidMoveError(f"{text!r} names no piece; pieces are {' '.join(_CSA_KINDS)}")
    if sign and "+-".index(sign) != to_play:
        raise InvalidMoveError(f"{text!r} is a move of {PLAYER_NAMES[1 - to_play]}")
    target = _square(to_file, "abcdefghi"[int(to_rank) - 1], size, text)
    if file == rank == "0":
        if kind >= KING:
            raise InvalidMoveError(f"{text!r} drops a piece that is never in hand")
        return Move(None, kind, target, False)
    if "0" in (file, rank):
        raise InvalidMoveError(f"{text!r} names a square off the board")
    origin = _square(file, "abcdefghi"[int(rank) - 1], size, text)
    before = abs(board[origin])
    if before not in (kind, kind - PROMOTED) or before == 0:
        raise InvalidMoveError(f"{text!r} names another piece than the one on that square")
    return Move(origin, None, target, before != kind)


def _square(file: str, rank: str, size: int, text: str) -> int:
    """Square of a file and a rank."""
    column, row = size - int(file), "abcdefghi".index(rank)
    if column < 0 or row >= size:
        raise InvalidMoveError(f"{text!r} names a square off the board")
    return row * size + column
