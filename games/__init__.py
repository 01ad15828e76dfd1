"""Rules of games, compiled; ``games.make("connect_four")`` is the way in."""

from games import compile_cache  # isort: skip  (first: it decides where compiled code is kept)
from games.game import (
    BatchedRules,
    BoardView,
    Game,
    GameError,
    IllegalMoveError,
    InvalidMoveError,
    InvalidPositionError,
    States,
    Symmetries,
    UnknownGameError,
    state_dtype,
)
from games.registry import make, registered_games

__all__ = [
    "BatchedRules",
    "BoardView",
    "Game",
    "GameError",
    "IllegalMoveError",
    "InvalidMoveError",
    "InvalidPositionError",
    "States",
    "Symmetries",
    "UnknownGameError",
    "compile_cache",
    "make",
    "registered_games",
    "state_dtype",
]
