"""Whose each point will be at the end of a game of Go, as a network with that head foresees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.networks.network import Network
from engine.search.root_moves import RootMove
from games.game import Game


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How the points are thought to be shared at the end; from player 0's view."""

    owned: NDArray[np.float32]  # [H, W], -1 (player 1's) to +1 (player 0's)
    lead: float  # points
    move_leads: tuple[float, ...]  # after each of the moves that were asked about


class PointsReader(Protocol):
    """Foresees how the points of a game of Go will be shared."""

    def read(self, state: np.void, moves: Sequence[RootMove]) -> Foreseen:
        """What is seen at the ends of the lines of play; their mean by the visits of their moves.

        Args:
            state: an unfinished position.
            moves: as the search knows them; may be empty, and the position itself is judged then.
        """
        ...


class OwnershipReader:
    """Asks a network's ownership head, in float32.

    Args:
        game: a game of Go.
        network: with an ownership head.
    """

    def __init__(self, game: Game, network: Network) -> None:
        self._game = game
        self._network = network.eval()

    def read(self, state: np.void, moves: Sequence[RootMove]) -> Foreseen:
        """What is seen at the ends of the lines of play; their mean by the visits of their moves.

        Args:
            state: an unfinished position.
            moves: as the search knows them; may be empty, and the position itself is judged then.
        """
        import torch

        ends = [last_of_line(self._game, state, each.line) for each in moves] or [state]
        states = np.array(ends, self._game.state_dtype)
        planes = np.zeros((len(states), *self._game.observation_shape), np.uint8)
        self._game.rules.observe(states, planes)
        with torch.inference_mode():
            _, _, points, leads = self._network.forward_with_ownership(torch.from_numpy(planes))
        signs = np.where(states["to_play"] == 0, 1.0, -1.0).astype(np.float32)
        owned = np.tanh(points.numpy() / 2) * signs[:, None, None]  # 2 sigmoid(x) - 1
        _, height, width = self._game.observation_shape
        return average(owned, leads.numpy() * signs * (height * width), moves)


def average(
    owned: NDArray[np.float32], leads: NDArray[np.float32], moves: Sequence[RootMove]
) -> Foreseen:
    """Of the ends of lines of play, by the visits of their moves.

    Args:
        owned: [M, H, W], as in ``Foreseen``.
        leads: [M].
        moves: M of them, or none for the position itself.
    """
    visits = [each.visits for each in moves]
    weights = np.array(visits if any(visits) else [1] * len(leads), np.float32)
    return Foreseen(
        owned=np.average(owned, axis=0, weights=weights),
        lead=float(np.average(leads, weights=weights)),
        move_leads=tuple(map(float, leads)) if moves else (),
    )


def last_of_line(game: Game, state: np.void, line: Sequence[int]) -> np.void:
    """The last position of a line of play in which the game still goes on."""
    states = np.array([state], game.state_dtype)
    last: Any = state
    for action in line:
        game.rules.step(states, np.array([action], np.int32))
        if states[0]["finished"]:
            break
        last = states[0].copy()
    end: np.void = last
    return end
