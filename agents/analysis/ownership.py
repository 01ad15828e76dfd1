"""Whose each point will be at the end of a game of Go, as a network with that head foresees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.networks.network import Network
from engine.search.root_moves import RootMove
from games.game import Game

_MOST_LINES = 16  # of play whose ends are looked at


class OwnershipReader:
    """Asks a network's ownership head, in float32.

    Args:
        game: a game of Go.
        network: with an ownership head.
    """

    def __init__(self, game: Game, network: Network) -> None:
        self._game = game
        self._network = network.eval()

    def read(self, state: np.void, moves: Sequence[RootMove]) -> tuple[NDArray[np.float32], float]:
        """The mean over the ends of the best lines of play, by the visits of their first moves.

        Args:
            state: an unfinished position.
            moves: as the search knows them; may be empty, and the position itself is judged then.

        Returns:
            ``[H, W]`` from -1 (player 1's) to +1 (player 0's), and player 0's lead in points.
        """
        import torch

        visited = [each for each in moves if each.visits][:_MOST_LINES]
        ends = [self._end(state, each.line) for each in visited] or [state]
        weights = np.array([each.visits for each in visited] or [1], np.float32)
        states = np.array(ends, self._game.state_dtype)
        planes = np.zeros((len(states), *self._game.observation_shape), np.uint8)
        self._game.rules.observe(states, planes)
        with torch.inference_mode():
            _, _, points, leads = self._network.forward_with_ownership(torch.from_numpy(planes))
        signs = np.where(states["to_play"] == 0, 1.0, -1.0).astype(np.float32)
        owned = np.tanh(points.numpy() / 2) * signs[:, None, None]  # 2 sigmoid(x) - 1
        _, height, width = self._game.observation_shape
        lead = leads.numpy() * signs * (height * width)
        return (
            np.average(owned, axis=0, weights=weights),
            float(np.average(lead, weights=weights)),
        )

    def _end(self, state: np.void, line: Sequence[int]) -> np.void:
        """The last position of a line in which the game still goes on."""
        states = np.array([state], self._game.state_dtype)
        last: Any = state
        for action in line:
            self._game.rules.step(states, np.array([action], np.int32))
            if states[0]["finished"]:
                break
            last = states[0].copy()
        end: np.void = last
        return end
