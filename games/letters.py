"""Capital letters, figures and a plus as pixels, five wide and seven high."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

HEIGHT = 7
_WIDTH = 5
_UNKNOWN = "?"

#: Rows from the top as hexadecimal bytes; the lowest five bits are the dots, the left one first.
_ROWS = {
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0e11101010110e", "D": "1e11111111111e",
    "E": "1f10101e10101f", "F": "1f10101e101010", "G": "0e11101711110f", "H": "1111111f111111",
    "I": "0e04040404040e", "J": "0702020202120c", "K": "11121418141211", "L": "1010101010101f",
    "M": "111b1515111111", "N": "11111915131111", "O": "0e11111111110e", "P": "1e11111e101010",
    "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111",
    "Y": "11110a04040404", "Z": "1f01020408101f", "0": "0e11131519110e", "1": "040c040404040e",
    "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202", "5": "1f101e0101110e",
    "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c",
    "+": "0004041f040400", "?": "0e110102040004",
}  # fmt: skip

_CHESSMEN = {"KING": "K", "QUEEN": "Q", "ROOK": "R", "BISHOP": "B", "KNIGHT": "N", "PAWN": "P"}


def letters(text: str) -> NDArray[np.bool_]:
    """Dots ``[7, W]`` of a text, a free column between its letters.

    Small letters look like capitals, chessmen like their letters; what is not known is a question
    mark.
    """
    signs = [_dots(sign) for sign in text] or [_dots(" ")]
    gap = np.zeros((HEIGHT, 1), np.bool_)
    parts = [part for sign in signs for part in (gap, sign)][1:]
    return np.concatenate(parts, axis=1)


def _dots(sign: str) -> NDArray[np.bool_]:
    """One letter ``[7, 5]``."""
    if sign == " ":
        return np.zeros((HEIGHT, _WIDTH), np.bool_)
    named = unicodedata.name(sign, "").split()
    if "CHESS" in named:
        sign = _CHESSMEN.get(named[-1], _UNKNOWN)
    rows = bytes.fromhex(_ROWS.get(sign.upper(), _ROWS[_UNKNOWN]))
    bits = np.unpackbits(np.frombuffer(rows, np.uint8)[:, None], axis=1)
    return bits[:, 8 - _WIDTH :].astype(np.bool_)
