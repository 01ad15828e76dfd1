"""A network on a device as evaluator: positions are written where the device reads them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.devices.backend import DeviceBackend, Port
from engine.inference.config import Turning
from engine.inference.turner import Turner
from engine.records import Evaluation
from games.game import NUM_PLAYERS, Game, States


class DeviceEvaluator:
    """Asks a device, for one thread; threads with an evaluator each share a backend.

    Attributes:
        evaluations: positions judged so far, each of its symmetries counted.
        slots: positions that these calls had room for.
    """

    def __init__(
        self,
        game: Game,
        backend: DeviceBackend | None,
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
        self.evaluations = 0
        self.slots = 0
        self._game = game
        self._turner = Turner(game, symmetries, seed=seed)
        self._backend = backend
        self._port: Port | None = None
        self._rows = 0

    @property
    def backend(self) -> DeviceBackend | None:
        """What runs the network; another one may be put here between calls."""
        return self._backend

    @backend.setter
    def backend(self, backend: DeviceBackend) -> None:
        self._backend = backend
        self._port = None  # opened by the thread that asks

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Judge positions; see ``Evaluator``."""
        if self._port is None:
            assert self._backend is not None
            self._port = self._backend.open()
        batch = len(states)
        if batch > self._rows:
            self._allocate(batch)
        states = np.ascontiguousarray(states)
        most = self._port.backend.max_batch
        for first in range(0, batch, most):
            part = slice(first, min(first + most, batch))
            self._judge(
                self._port, states[part], actions[part], counts[part],
                self._logits[part], self._values[part], self._draws[part],
            )  # fmt: skip
        return Evaluation(
            policy_logits=self._logits[:batch],
            values=self._values[:batch],
            draws=self._draws[:batch],
        )

    def _judge(
        self,
        port: Port,
        states: States,
        actions: NDArray[np.int32],
        counts: NDArray[np.int32],
        logits: NDArray[np.float32],
        values: NDArray[np.float32],
        draws: NDArray[np.float32],
    ) -> None:
        """One call of the device, or one for each symmetry."""
        n = len(states)
        inputs = port.inputs(n)
        self._game.rules.observe(states, inputs.planes)
        inputs.actions[:] = actions
        inputs.counts[:] = counts
        movers = np.ascontiguousarray(states["to_play"])
        ways = self._turner.passes
        for way in range(ways):
            self._turner.choose(states, way, inputs.turns)
            log_probs, outcomes = port.run(n)
            _take(log_probs, outcomes, counts, movers, way, ways, logits, values, draws)
        self.evaluations += n * ways
        self.slots += port.backend.max_batch * ways

    def _allocate(self, rows: int) -> None:
        self._rows = rows
        self._logits = np.zeros((rows, self._game.max_legal), np.float32)
        self._values = np.zeros((rows, NUM_PLAYERS), np.float32)
        self._draws = np.zeros(rows, np.float32)


@njit(cache=True, nogil=True)
def _take(log_probs, outcomes, counts, movers, way, ways, logits, values, draws):
    """Take in the answers of one of several ways: their mean, once all have come.

    Until the last way, ``logits`` holds sums of probabilities; then logarithms of their mean.
    """
    for b in range(len(counts)):
        value = (outcomes[b, 0] - outcomes[b, 2]) / np.float32(ways)
        draw = outcomes[b, 1] / np.float32(ways)
        mover = movers[b]
        if way == 0:
            values[b, mover] = value
            draws[b] = draw
        else:
            values[b, mover] += value
            draws[b] += draw
        values[b, 1 - mover] = -values[b, mover]
        for slot in range(counts[b]):
            if ways == 1:
                logits[b, slot] = log_probs[b, slot]
                continue
            share = np.exp(log_probs[b, slot]) / np.float32(ways)
            if way > 0:
                share += logits[b, slot]
            if way == ways - 1:
                share = np.log(max(share, np.float32(1e-20)))
            logits[b, slot] = share
