"""Chess moves as numbers: AlphaZero's 8 x 8 x 73 planes, from the side of the player to move.

``action = 73 * origin + plane``, cells as in ``chess_attacks``. The first 64 planes are the ways
that a queen or a knight goes from the origin (o), numbered from the top left::

      0  .  .  .  .  .  .  1  .  .  .  .  .  .  2
      .  3  .  .  .  .  .  4  .  .  .  .  .  5  .
      .  .  6  .  .  .  .  7  .  .  .  .  8  .  .
      .  .  .  9  .  .  . 10  .  .  . 11  .  .  .
      .  .  .  . 12  .  . 13  .  . 14  .  .  .  .
      .  .  .  .  . 15 16 17 18 19  .  .  .  .  .
      .  .  .  .  . 20 21 22 23 24  .  .  .  .  .
     25 26 27 28 29 30 31  o 32 33 34 35 36 37 38
      .  .  .  .  . 39 40 41 42 43  .  .  .  .  .
      .  .  .  .  . 44 45 46 47 48  .  .  .  .  .
      .  .  .  . 49  .  . 50  .  . 51  .  .  .  .
      .  .  . 52  .  .  . 53  .  .  . 54  .  .  .
      .  . 55  .  .  .  . 56  .  .  .  . 57  .  .
      . 58  .  .  .  .  . 59  .  .  .  .  . 60  .
     61  .  .  .  .  .  . 62  .  .  .  .  .  . 63

In this order a piece's moves, listed by the cells that they lead to, are ascending actions. A pawn
that reaches the last row by planes 21 to 23 becomes a queen. The other promotions::

     64 65 66   to a knight, capturing to the left, straight on, capturing to the right
     67 68 69   to a bishop
     70 71 72   to a rook

Castling is the king's move of two cells.

Source: Silver et al. 2018, "A general reinforcement learning algorithm that masters chess, shogi,
and Go through self-play", supplement, "Representation"; it leaves the order of the planes open.
"""

import numpy as np

from games.chess_attacks import BISHOP, KNIGHT, ROOK

PLANES = 73
FIRST_UNDERPROMOTION = 64
UNDERPROMOTIONS = np.array([KNIGHT, BISHOP, ROOK], np.int64)

_WAYS = [
    (down, right)
    for down in range(-7, 8)
    for right in range(-7, 8)
    if (down or right)
    and (down == 0 or right == 0 or abs(down) == abs(right) or {abs(down), abs(right)} == {1, 2})
]


def _plane_table() -> np.ndarray:
    """``[64, 64]``: plane of the way from one cell to another; 255 where there is none."""
    planes = np.full((64, 64), 255, np.uint8)
    for origin in range(64):
        for plane, (down, right) in enumerate(_WAYS):
            row, column = origin // 8 + down, origin % 8 + right
            if 0 <= row < 8 and 0 <= column < 8:
                planes[origin, 8 * row + column] = plane
    return planes


PLANE_OF = _plane_table()
OFFSET_OF = np.array([8 * down + right for down, right in _WAYS], np.int64)
