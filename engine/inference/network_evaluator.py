"""A network as evaluator: planes from positions, policies by slot and values per player back."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.inference.config import Turning
from engine.inference.turner import Turner
from engine.kernels.numerics import exp32, log64
from engine.records import Evaluation
from games.game import NUM_PLAYERS, Game, States


class Backend(Protocol):
    """The part of ``engine.inference.backends.Backend`` that is asked here."""

    max_batch: int

    def run(
        self,
        planes: NDArray[np.uint8],
        policy_logits_out: NDArray[np.float32],
        outcome_probs_out: NDArray[np.float32],
    ) -> None:
        """Judge ``[n, C, H, W]`` planes; probabilities of win, draw, loss are the mover's."""
        ...

    def another(self) -> Backend:
        """The same network for another thread."""
        ...


class NetworkEvaluator:
    """Asks a network, in batches no larger than its backend takes.

    Attributes:
        backend: what runs the network; another one may be put here between calls.
        evaluations: positions sent through the network so far, each of its symmetries counted.
        seconds: time spent inside the backend so far.
    """

    def __init__(
        self,
        game: Game,
        backend: Backend | None,
        *,
        symmetries: Turning = "none",
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            game: whose positions are judged.
            backend: may be put in later, before the first call.
            symmetries: how positions are turned; see ``Turner``.
            seed: of the random symmetries.
        """
        self.backend = backend
        self.evaluations = 0
        self.seconds = 0.0
        self._game = game
        self._cells = np.ascontiguousarray(game.symmetries.cells, np.int32)
        self._turned_actions = np.ascontiguousarray(game.symmetries.actions, np.int32)
        self._turner = Turner(game, symmetries, seed=seed)
        self._rows = 0

    def another(self) -> NetworkEvaluator:
        """One for another thread, with a backend of its own."""
        assert self.backend is not None
        backend = self.backend.another()
        turner = self._turner
        return NetworkEvaluator(self._game, backend, symmetries=turner.turning, seed=turner.seed)

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Judge positions; see ``Evaluator``."""
        batch = len(states)
        if batch > self._rows:
            self._allocate(batch)
        planes = self._planes[:batch]
        self._game.rules.observe(states, planes)
        logits = self._policy_logits[:batch]
        outcomes = self._outcomes[:batch]
        turns = self._turns[:batch]
        if self._turner.turning == "average":
            self._average(states, planes, actions, counts, logits, outcomes)
        else:
            self._turner.choose(states, 0, turns)
            if self._turner.turning == "random":
                planes = self._turn(planes, turns)
            self._run(planes)
            _gather(self._raw_logits, self._turned_actions, turns, actions, counts, logits)
            outcomes = self._raw_outcomes[:batch]
        values = self._values[:batch]
        draws = self._draws[:batch]
        movers = np.ascontiguousarray(states["to_play"])
        _to_players(outcomes, movers, values, draws)
        return Evaluation(policy_logits=logits, values=values, draws=draws)

    def _average(
        self,
        states: States,
        planes: NDArray[np.uint8],
        actions: NDArray[np.int32],
        counts: NDArray[np.int32],
        logits: NDArray[np.float32],
        outcomes: NDArray[np.float32],
    ) -> None:
        """Write the mean over all symmetries; the policy as logarithms of mean probabilities."""
        ways = self._turner.passes
        logits[:] = 0.0
        outcomes[:] = 0.0
        turns = self._turns[: len(planes)]
        gathered = np.empty_like(logits)
        for way in range(ways):
            self._turner.choose(states, way, turns)
            self._run(self._turn(planes, turns))
            _gather(self._raw_logits, self._turned_actions, turns, actions, counts, gathered)
            _add_probabilities(gathered, counts, logits)
            outcomes += self._raw_outcomes[: len(planes)]
        outcomes /= ways
        _to_logits(logits, counts)

    def _run(self, planes: NDArray[np.uint8]) -> None:
        """Send planes through the backend, a batch at a time."""
        assert self.backend is not None
        begun = time.perf_counter()
        most = self.backend.max_batch
        for first in range(0, len(planes), most):
            part = slice(first, min(first + most, len(planes)))
            self.backend.run(planes[part], self._raw_logits[part], self._raw_outcomes[part])
        self.seconds += time.perf_counter() - begun
        self.evaluations += len(planes)

    def _turn(self, planes: NDArray[np.uint8], turns: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Each position's planes under its symmetry."""
        batch, channels = planes.shape[:2]
        turned = self._turned[:batch]
        flat = (batch, channels, self._cells.shape[1])
        _turn_planes(planes.reshape(flat), self._cells, turns, turned.reshape(flat))
        return turned

    def _allocate(self, rows: int) -> None:
        game = self._game
        self._rows = rows
        self._planes = np.zeros((rows, *game.observation_shape), np.uint8)
        self._turned = np.zeros_like(self._planes)
        self._turns = np.zeros(rows, np.int32)
        self._raw_logits = np.zeros((rows, game.num_actions), np.float32)
        self._raw_outcomes = np.zeros((rows, 3), np.float32)
        self._policy_logits = np.zeros((rows, game.max_legal), np.float32)
        self._outcomes = np.zeros((rows, 3), np.float32)
        self._values = np.zeros((rows, NUM_PLAYERS), np.float32)
        self._draws = np.zeros(rows, np.float32)


@njit(cache=True, nogil=True)
def _turn_planes(planes, cells, turns, turned):
    """``turned[b, :, i] = planes[b, :, cells[turns[b], i]]``."""
    for b in range(planes.shape[0]):
        way = turns[b]
        for channel in range(planes.shape[1]):
            for i in range(planes.shape[2]):
                turned[b, channel, i] = planes[b, channel, cells[way, i]]


@njit(cache=True, nogil=True)
def _gather(raw_logits, turned_actions, turns, actions, counts, logits):
    """Logits of the legal actions by slot, read where the symmetry has put them."""
    for b in range(len(actions)):
        for slot in range(counts[b]):
            logits[b, slot] = raw_logits[b, turned_actions[turns[b], actions[b, slot]]]


@njit(cache=True, nogil=True)
def _add_probabilities(logits, counts, sums):
    """Add the softmax over each position's slots to ``sums``."""
    for b in range(len(counts)):
        highest = logits[b, 0]
        for slot in range(1, counts[b]):
            highest = max(highest, logits[b, slot])
        total = np.float32(0.0)
        for slot in range(counts[b]):
            logits[b, slot] = exp32(logits[b, slot] - highest)
            total += logits[b, slot]
        for slot in range(counts[b]):
            sums[b, slot] += logits[b, slot] / total


@njit(cache=True, nogil=True)
def _to_logits(sums, counts):
    """Logarithms, in place; sums of probabilities need no norm to be logits."""
    for b in range(len(counts)):
        for slot in range(counts[b]):
            sums[b, slot] = np.float32(log64(max(sums[b, slot], np.float32(1e-20))))


@njit(cache=True, nogil=True)
def _to_players(outcomes, movers, values, draws):
    """The mover's win, draw and loss probabilities as a value per player."""
    for b in range(len(movers)):
        value = outcomes[b, 0] - outcomes[b, 2]
        values[b, movers[b]] = value
        values[b, 1 - movers[b]] = -value
        draws[b] = outcomes[b, 1]
