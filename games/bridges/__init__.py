"""Bridges to PettingZoo and Gymnasium, both ways; importing this registers Gymnasium's ids.

Nothing else in the project imports those libraries, and this folder is imported only when it is
asked for.
"""

from games.bridges.aec_env import GameAECEnv, aec_env
from games.bridges.foreign_game import foreign_game
from games.bridges.gym_env import GameEnv
from games.bridges.gym_ids import gym_ids, register_gym_ids
from games.bridges.opponents import (
    BatchedOpponent,
    Opponent,
    random_opponent,
    random_opponents,
)
from games.bridges.vector_env import GameVectorEnv

__all__ = [
    "BatchedOpponent",
    "GameAECEnv",
    "GameEnv",
    "GameVectorEnv",
    "Opponent",
    "aec_env",
    "foreign_game",
    "gym_ids",
    "random_opponent",
    "random_opponents",
]

register_gym_ids()
