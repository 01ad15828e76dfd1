"""Remembers evaluations by the key of the position, in bounded memory."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from engine.inference.evaluator import Evaluator, for_threads
from engine.kernels.compiling import kernel
from engine.records import Evaluation
from games.game import NUM_PLAYERS, Game, States

_WAYS = 4  # entries of a bucket: one cache line of keys and ages
_INSTEAD_OF_ZERO = np.uint64(0x9E3779B97F4A7C15)  # key 0 marks an empty entry


class CachedEvaluator:
    """An evaluator that is asked about each position once, as long as there is room.

    Equal positions of one batch are asked about once, too. The whole 64-bit key is compared. A full
    bucket gives up its oldest entry. Forget with ``clear`` when the evaluator's weights change.

    Attributes:
        hits: positions answered from memory, repetitions inside a batch included.
        misses: positions that the evaluator was asked about.
    """

    def __init__(self, evaluator: Evaluator, *, game: Game, capacity: int) -> None:
        """Allocate the table.

        Args:
            evaluator: asked about what is not remembered.
            game: whose positions they are.
            capacity: positions remembered, rounded up to a power of two; 0: only repetitions
                inside a batch are spared.

        Raises:
            ValueError: a negative capacity.
        """
        if capacity < 0:
            raise ValueError(f"a cache holds 0 positions or more, not {capacity}")
        self.evaluator = evaluator
        self.hits = 0
        self.misses = 0
        self._game = game
        self._slots = game.max_legal
        self._state_dtype = game.state_dtype
        entries = 0 if capacity == 0 else max(_WAYS, 1 << (capacity - 1).bit_length())
        self._keys = np.zeros(entries, np.uint64)
        self._next_way = np.zeros(entries // _WAYS, np.uint8)
        # By entry: the logits, then the values and the draws.
        self._answers = np.zeros((entries, self._slots + NUM_PLAYERS + 1), np.float32)
        self._touching = threading.Lock()  # the table, which other threads may share
        self._rows = 0

    def another(self) -> CachedEvaluator:
        """A cache over the same table for another thread, with counters of its own.

        The evaluator behind it is another one, too, if it can be shared.
        """
        behind = for_threads(self.evaluator, 2)[-1]
        other = CachedEvaluator(behind, game=self._game, capacity=0)
        other._keys, other._next_way, other._answers = self._keys, self._next_way, self._answers
        other._touching = self._touching
        return other

    def clear(self) -> None:
        """Forget everything; the counters go on."""
        with self._touching:
            self._keys[:] = 0
            self._next_way[:] = 0

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Answer from memory where possible; see ``Evaluator``."""
        batch = len(states)
        if batch > self._rows:
            self._allocate(batch)
        states = np.ascontiguousarray(states)
        with self._touching:
            asked = _look_up(
                states.view(np.int32).reshape(batch, -1), actions, counts,
                self._keys, self._answers, self._logits, self._values, self._draws,
                self._source, self._seen,
                self._asked_words, self._asked_actions, self._asked_counts,
            )  # fmt: skip
        self.misses += asked
        self.hits += batch - asked
        if asked:
            answer = self.evaluator.evaluate(
                self._asked_states[:asked], self._asked_actions[:asked], self._asked_counts[:asked]
            )
            with self._touching:
                _remember(
                    states.view(np.int32).reshape(batch, -1), counts, asked, self._source,
                    answer.policy_logits, answer.values, answer.draws,
                    self._logits, self._values, self._draws,
                    self._keys, self._next_way, self._answers,
                )  # fmt: skip
        return self._first_answers(batch)

    def recall(
        self,
        states: States,
        actions: NDArray[np.int32],
        counts: NDArray[np.int32],
        known: NDArray[np.bool_],
    ) -> Evaluation:
        """Answer from memory alone; see ``Remembering``."""
        batch = len(states)
        if batch > self._rows:
            self._allocate(batch)
        with self._touching:
            self.hits += _recall(
                np.ascontiguousarray(states).view(np.int32).reshape(batch, -1), counts,
                self._keys, self._answers, self._logits, self._values, self._draws, known,
            )  # fmt: skip
        return self._first_answers(batch)

    def _first_answers(self, batch: int) -> Evaluation:
        """The first rows of the buffers; made once for each number of rows."""
        answer = self._firsts.get(batch)
        if answer is None:
            answer = self._firsts[batch] = Evaluation(
                policy_logits=self._logits[:batch],
                values=self._values[:batch],
                draws=self._draws[:batch],
            )
        return answer

    def _allocate(self, rows: int) -> None:
        """Make the buffers of a batch larger."""
        self._rows = rows
        self._firsts: dict[int, Evaluation] = {}
        self._logits = np.zeros((rows, self._slots), np.float32)
        self._values = np.zeros((rows, NUM_PLAYERS), np.float32)
        self._draws = np.zeros(rows, np.float32)
        self._source = np.zeros(rows, np.int32)
        # At most half full: the first state of the batch with a key, + 1.
        self._seen = np.zeros(1 << (2 * rows).bit_length(), np.int32)
        self._asked_states = np.zeros(rows, self._state_dtype)
        self._asked_words = self._asked_states.view(np.int32).reshape(rows, -1)
        self._asked_actions = np.zeros((rows, self._slots), np.int32)
        self._asked_counts = np.zeros(rows, np.int32)


@kernel
def _key_of(words):
    """The key that a state given as words starts with; never 0."""
    low = np.uint64(np.uint32(words[0]))
    high = np.uint64(np.uint32(words[1]))
    key = low | (high << np.uint64(32))
    return key if key != np.uint64(0) else _INSTEAD_OF_ZERO


@kernel
def _find(keys, key):
    """Entry that holds a key, or -1."""
    bucket = np.int64(_spread(key) & np.uint64(len(keys) // _WAYS - 1)) * _WAYS
    for entry in range(bucket, bucket + _WAYS):
        if keys[entry] == key:
            return entry
    return -1


@kernel
def _spread(key):
    """Bits for a table index. Keys are hashes, but a foreign game's may be poor ones."""
    return (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(24)


@kernel
def _copy_answer(row, count, logits, values, draws, b):
    """Take an answer out of the table."""
    for slot in range(count):
        logits[slot] = row[slot]
    last = len(logits)
    values[0] = row[last]
    values[1] = row[last + 1]
    draws[b] = row[last + 2]


@kernel
def _recall(states, counts, keys, answers, logits, values, draws, known):
    """Answer what is remembered; returns how much that is."""
    found = 0
    for b in range(len(states)):
        entry = _find(keys, _key_of(states[b])) if len(keys) > 0 else -1
        known[b] = entry >= 0
        if entry >= 0:
            found += 1
            _copy_answer(answers[entry], counts[b], logits[b], values[b], draws, b)
    return found


@kernel
def _look_up(
    states, actions, counts, keys, answers, logits, values, draws,
    source, seen, asked_states, asked_actions, asked_counts,
):  # fmt: skip
    """Answer what is remembered and collect what is not; returns how much that is.

    ``source[b]`` becomes -1 where state b is answered, else the number of the question whose answer
    it will take.
    """
    asked = 0
    seen[:] = 0
    mask = np.uint64(len(seen) - 1)
    for b in range(len(states)):
        key = _key_of(states[b])
        entry = _find(keys, key) if len(keys) > 0 else -1
        if entry >= 0:
            source[b] = -1
            _copy_answer(answers[entry], counts[b], logits[b], values[b], draws, b)
            continue
        place = _spread(key) & mask
        while seen[place] != 0 and _key_of(asked_states[seen[place] - 1]) != key:
            place = (place + np.uint64(1)) & mask
        if seen[place] == 0:
            for i in range(states.shape[1]):
                asked_states[asked, i] = states[b, i]
            for slot in range(actions.shape[1]):
                asked_actions[asked, slot] = actions[b, slot]
            asked_counts[asked] = counts[b]
            asked += 1
            seen[place] = asked
        source[b] = seen[place] - 1
    return asked


@kernel
def _remember(
    states, counts, asked, source, new_logits, new_values, new_draws,
    logits, values, draws, keys, next_way, answers,
):  # fmt: skip
    """Hand new answers to the states that wait for them, and note each of them once."""
    noted = 0
    last = logits.shape[1]
    for b in range(len(states)):
        j = source[b]
        if j < 0:
            continue
        for slot in range(counts[b]):
            logits[b, slot] = new_logits[j, slot]
        values[b, 0] = new_values[j, 0]
        values[b, 1] = new_values[j, 1]
        draws[b] = new_draws[j]
        if j < noted or len(keys) == 0:
            continue
        noted = j + 1
        key = _key_of(states[b])
        bucket = np.int64(_spread(key) & np.uint64(len(keys) // _WAYS - 1))
        entry = bucket * _WAYS + next_way[bucket]
        next_way[bucket] = (next_way[bucket] + 1) % _WAYS
        keys[entry] = key
        for slot in range(counts[b]):
            answers[entry, slot] = new_logits[j, slot]
        answers[entry, last] = new_values[j, 0]
        answers[entry, last + 1] = new_values[j, 1]
        answers[entry, last + 2] = new_draws[j]
