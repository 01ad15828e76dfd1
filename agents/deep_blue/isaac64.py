"""ISAAC-64, a generator of random numbers: its first 781 are the keys of Polyglot's books.

Source: Bob Jenkins 1996, ``isaac64.c`` (public domain), started without a seed. That Polyglot's
table ``Random64`` is what it gives can be seen from its first numbers, and is checked against the
published keys of positions.
"""

from __future__ import annotations

_WORD = (1 << 64) - 1
_SIZE = 256
_GOLDEN_RATIO = 0x9E3779B97F4A7C13
#: Of the mixing of eight words: how far each is shifted, to the right first, then left, in turn.
_SHIFTS = (9, 9, 23, 15, 14, 20, 17, 14)


def isaac64(count: int) -> list[int]:
    """The first ``count`` numbers of 64 bits."""
    memory = _started()
    sum_, last, rounds = 0, 0, 0
    numbers: list[int] = []
    while len(numbers) < count:
        rounds += 1
        last = last + rounds & _WORD
        results = []
        for place in range(_SIZE):
            old = memory[place]
            stirred = (~(sum_ ^ sum_ << 21), sum_ ^ sum_ >> 5, sum_ ^ sum_ << 12, sum_ ^ sum_ >> 33)
            sum_ = stirred[place % 4] + memory[(place + _SIZE // 2) % _SIZE] & _WORD
            new = memory[old >> 3 & 255] + sum_ + last & _WORD
            memory[place] = new
            last = memory[new >> 11 & 255] + old & _WORD
            results.append(last)
        numbers += reversed(results)  # they are handed out from the end
    return numbers[:count]


def _started() -> list[int]:
    """The memory of a generator without a seed."""
    words = [_GOLDEN_RATIO] * 8
    for _ in range(4):
        words = _mixed(words)
    memory = [0] * _SIZE
    for _ in range(2):  # twice, so that each word depends on all others
        for place in range(0, _SIZE, 8):
            words = [a + b & _WORD for a, b in zip(words, memory[place : place + 8], strict=True)]
            words = memory[place : place + 8] = _mixed(words)
    return memory


def _mixed(words: list[int]) -> list[int]:
    mixed = list(words)
    for place, shift in enumerate(_SHIFTS):
        mixed[place] = mixed[place] - mixed[(place + 4) % 8] & _WORD
        before = mixed[(place - 1) % 8]
        moved = before >> shift if place % 2 == 0 else before << shift
        mixed[(place + 5) % 8] ^= moved & _WORD
        mixed[(place - 1) % 8] = before + mixed[place] & _WORD
    return mixed
