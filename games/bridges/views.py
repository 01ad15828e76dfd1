"""What all environments show of a position: planes, masks, pictures; and their spaces."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from games.game import Game, GameError, States
from games.raster import board_image, drops_pieces
from games.registry import make

ANSI, PICTURE = "ansi", "rgb_array"


def as_game(game: Game | str) -> Game:
    """The game that a text names, or the one given."""
    return make(game) if isinstance(game, str) else game


def observation_space(game: Game) -> spaces.Space[NDArray[np.uint8]]:
    """Planes as bytes; a plane's highest number is what its scale brings to 1."""
    highest = np.round(1 / game.observation_scales).astype(np.uint8)
    shape = game.observation_shape
    high = np.broadcast_to(highest[:, None, None], shape).copy()
    return spaces.Box(np.zeros(shape, np.uint8), high, dtype=np.uint8)


def planes_seen_by(
    game: Game, states: States, players: NDArray[np.integer] | int
) -> NDArray[np.uint8]:
    """Observation planes ``[B, C, H, W]`` as ``players`` would see them if it were their turn."""
    seen = np.array(states, game.state_dtype)
    seen["to_play"] = players
    planes = np.empty((len(seen), *game.observation_shape), np.uint8)
    game.rules.observe(seen, planes)
    return planes


def legal_slots(game: Game, states: States) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Legal actions ``[B, K]`` (-1 past the count) and their counts ``[B]``."""
    legal = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    game.rules.legal_actions(states, legal, counts)
    return legal, counts


def legal_masks(game: Game, states: States) -> NDArray[np.int8]:
    """One at each legal action ``[B, A]``; all zero once finished."""
    legal, _ = legal_slots(game, states)
    # Slots past the count hold -1: they land in one more column, which is left away.
    masks = np.zeros((len(states), game.num_actions + 1), np.int8)
    np.put_along_axis(masks, legal, 1, axis=1)
    return masks[:, :-1].copy()


def check_render_mode(mode: str | None, known: list[str]) -> str | None:
    """The mode, if it is known.

    Raises:
        GameError: it is not.
    """
    if mode is not None and mode not in known:
        raise GameError(f"no render mode {mode!r}; known: {', '.join(known)}")
    return mode


def draw(game: Game, state: np.void, mode: str) -> NDArray[np.uint8] | str:
    """A position as text (``ansi``, ``human``) or as a picture (``rgb_array``)."""
    if mode == PICTURE:
        return board_image(game.board_view(state), drops=drops_pieces(game))
    return game.state_to_text(state)
