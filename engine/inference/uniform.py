"""Evaluators that know nothing: for measuring the search, for tests, and for its signature."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.numerics import hash64
from engine.records import Evaluation
from games.game import NUM_PLAYERS, Game, States


class UniformEvaluator:
    """All moves alike, every position even."""

    def __init__(self, game: Game) -> None:
        self._slots = game.max_legal
        self._answers: dict[int, Evaluation] = {}  # by batch size; they never change

    def another(self) -> UniformEvaluator:
        """The same: its answers never change."""
        return self

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Zeros."""
        answer = self._answers.get(len(states))
        if answer is None:
            answer = self._answers[len(states)] = Evaluation(
                policy_logits=np.zeros((len(states), self._slots), np.float32),
                values=np.zeros((len(states), NUM_PLAYERS), np.float32),
                draws=np.zeros(len(states), np.float32),
            )
        return answer


class KeyEvaluator:
    """Pseudo-random judgements from the state's key: the same for a position, here and anywhere.

    Logits lie in -2..+2, values in -1..+1 and sum to zero. They are quotients of small integers and
    powers of two, which every machine computes alike.
    """

    def __init__(self, game: Game, *, seed: int = 0) -> None:
        self._slots = game.max_legal
        self._seed = np.uint64(seed)

    def another(self) -> KeyEvaluator:
        """The same: it keeps nothing."""
        return self

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Judge by key."""
        batch = len(states)
        answer = Evaluation(
            policy_logits=np.zeros((batch, self._slots), np.float32),
            values=np.zeros((batch, NUM_PLAYERS), np.float32),
            draws=np.zeros(batch, np.float32),
        )
        keys = np.ascontiguousarray(states["key"])
        _judge(keys, actions, counts, self._seed, answer.policy_logits, answer.values, answer.draws)
        return answer


@njit(cache=True, nogil=True)
def _judge(keys, actions, counts, seed, logits, values, draws):
    """Fill the three outputs from hashes of each key."""
    for b in range(len(keys)):
        key = hash64(keys[b], seed)
        value = np.float32(np.int64(hash64(key, np.uint64(0)) & np.uint64(0xFFFF)) - 32768)
        values[b, 0] = value / np.float32(32768)
        values[b, 1] = -values[b, 0]
        unsure = np.float32(np.int64(hash64(key, np.uint64(1)) & np.uint64(0xFFFF)))
        draws[b] = (np.float32(1.0) - abs(values[b, 0])) * unsure / np.float32(65536)
        for slot in range(counts[b]):
            word = hash64(key, np.uint64(actions[b, slot] + 2)) & np.uint64(0xFFFF)
            logits[b, slot] = np.float32(np.int64(word) - 32768) / np.float32(16384)
