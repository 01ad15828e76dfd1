"""Boards kept as rows of bits: from the set bits of a row to a list of cells, eight at a time."""

import numpy as np

from games.authoring import rule

# How many bits of a byte are set, and where: first the places of the set ones, then the others.
_BIT_COUNTS = np.array([byte.bit_count() for byte in range(256)], np.int32)
_BIT_PLACES = np.array(
    [sorted(range(8), key=lambda place: (~byte >> place & 1, place)) for byte in range(256)],
    np.int32,
)


@rule
def append_cells(bits, width, first, cells, count):
    """Append ``first + c`` to ``cells`` for each set bit c of one row, and return the new count.

    Args:
        bits: the row, an int64; bits from ``width`` on are zero.
        width: columns of the board.
        first: number of the row's first cell.
        cells: out; up to seven entries past the new count are overwritten too.
        count: entries written so far.
    """
    for place in range(0, width, 8):
        byte = (bits >> place) & 255
        if count + 8 <= len(cells):  # all eight without a branch; the next byte goes over the rest
            for i in range(8):
                cells[count + i] = first + place + _BIT_PLACES[byte, i]
            count += _BIT_COUNTS[byte]
        else:
            for i in range(8):
                if byte >> i & 1:
                    cells[count] = first + place + i
                    count += 1
    return count
