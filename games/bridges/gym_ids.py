"""Ids under which Gymnasium makes the games: ``meijin/ConnectFour-v0``, ``meijin/Go9x9-v0``."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium

from games.registry import registered_games

NAMESPACE = "meijin"

#: Sizes of the board that have an id of their own, by game, where it is registered.
_SIZES: Mapping[str, tuple[int, ...]] = {
    "go": (5, 7, 9, 13, 19),
    "gomoku": (9, 15, 19),
    "hex": (5, 7, 9, 11, 13, 19),
    "othello": (4, 6, 8),
    "breakthrough": (5, 6, 7, 8),
}


def gym_ids() -> dict[str, str]:
    """Game by id: each registered game in its usual form, and some in other sizes."""
    found = {}
    for name in registered_games():
        title = "".join(word.capitalize() for word in name.split("_"))
        found[f"{NAMESPACE}/{title}-v0"] = name
        for size in _SIZES.get(name, ()):
            found[f"{NAMESPACE}/{title}{size}x{size}-v0"] = f"{name}(size={size})"
    return found


def register_gym_ids() -> None:
    """Tell Gymnasium; nothing is compiled before an environment is made."""
    for id, game in gym_ids().items():
        if id not in gymnasium.registry:
            gymnasium.register(
                id,
                entry_point="games.bridges.gym_env:GameEnv",
                vector_entry_point="games.bridges.vector_env:GameVectorEnv",
                kwargs={"game": game},
            )
