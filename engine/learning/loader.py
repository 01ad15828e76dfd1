"""Whole batches for the learner, drawn ahead in a thread that also takes in new shards."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np

from engine.learning.replay import Batch, ReplayWindow

_REFRESH_SECONDS = 1.0
_IDLE_SECONDS = 0.05  # between looks for new shards while there is nothing to draw
_AHEAD = 2  # batches that lie ready


class BatchLoader:
    """Draws the batches of the coming steps, as many as the token bucket pays for.

    The batch of a step follows from the seed, the step and the rows in the window when it is drawn,
    so drawing ahead changes nothing but how new its newest rows are.

    Attributes:
        lock: hold it to use the window from another thread.
        far_behind: whether self-play should wait for learning (``should_pause_selfplay``).
    """

    def __init__(self, window: ReplayWindow, *, seed: int, steps: int, rows_trained: int) -> None:
        """Start drawing.

        Args:
            window: belongs to this loader from now on; see ``lock``.
            seed: of the trainer (``Trainer.rng``).
            steps: that the trainer has taken; the next batch is drawn for the one after.
            rows_trained: in all those steps.
        """
        self.lock = threading.Lock()
        self.far_behind = False
        self._window = window
        self._seed = seed
        self._steps = steps
        self._rows = rows_trained
        self._ready: queue.Queue[Batch] = queue.Queue(_AHEAD)
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def next(self, *, wait: float) -> Batch | None:
        """The batch of the next step; None where none is paid for within ``wait`` seconds.

        Raises:
            StorageError, WrongFormatError, WrongGameError: from reading new shards.
        """
        try:
            return self._ready.get(timeout=wait) if wait else self._ready.get_nowait()
        except queue.Empty:
            if self._failure is not None:
                raise self._failure from None
            return None

    def stop(self) -> None:
        """End the thread; batches that lie ready are given up."""
        self._stopped.set()
        while self._thread.is_alive():
            self._thread.join(0.01)
            self._drain()

    def _drain(self) -> None:
        while not self._ready.empty():
            self._ready.get_nowait()

    def _work(self) -> None:
        refreshed = float("-inf")
        try:
            while not self._stopped.is_set():
                with self.lock:
                    if time.monotonic() - refreshed >= _REFRESH_SECONDS:
                        self._window.refresh()
                        refreshed = time.monotonic()
                    batch = self._draw()
                    self.far_behind = self._window.should_pause_selfplay(self._rows)
                if batch is not None:
                    self._ready.put(batch)
                else:
                    self._stopped.wait(_IDLE_SECONDS)
                    refreshed = float("-inf")
        except Exception as error:
            self._failure = error

    def _draw(self) -> Batch | None:
        if not self._window.may_train(self._rows):
            return None
        rng = np.random.default_rng([self._seed, self._steps])
        batch = self._window.sample(self._window.config.batch_rows, rng)
        self._steps += 1
        self._rows += len(batch.planes)
        return batch
