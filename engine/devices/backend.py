"""A network on a device: batches go in as bytes, log-probabilities of the legal moves come back.

On CUDA: weights cast to bfloat16 once, channels last, batch norm folded, one CUDA graph for each
size of batch, pinned memory, and copies that run beside the computation. Elsewhere the same steps
run one after the other, which is how they are tested without a GPU.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.devices.steps import captured
from engine.networks.layers import channels_last
from engine.networks.network import Network, fold_batch_norm
from games.game import Game

_STEPS_OF_LARGEST = 16  # sizes of batch above a quarter of the largest: sixteenths of it
_SMALLEST = 8
_OUTCOMES = 3
_ALIGNMENT = 16  # bytes; where the integers behind the planes may start


def batch_sizes(largest: int) -> tuple[int, ...]:
    """Sizes of batch that are prepared, ascending; a batch is padded to the next one.

    Sixteenths of the largest down to a quarter of it (padding then wastes a few per cent), powers
    of two below.
    """
    sizes = {largest}
    for part in range(_STEPS_OF_LARGEST // 4, _STEPS_OF_LARGEST):
        sizes.add(max(1, _round_up(largest * part // _STEPS_OF_LARGEST, _SMALLEST)))
    size = _SMALLEST
    while size < largest / 4:
        sizes.add(size)
        size *= 2
    return tuple(sorted(size for size in sizes if size <= largest))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where the caller writes a batch of n positions; views of one buffer that is sent whole."""

    planes: NDArray[np.uint8]  # [n, C, H, W]
    actions: NDArray[np.int32]  # [n, K] legal actions by slot, -1 past the count
    counts: NDArray[np.int32]  # [n]
    turns: NDArray[np.int32]  # [n] the symmetry that each position is looked at under


class DeviceBackend:
    """A network compiled for one device, for many threads.

    Symmetries are applied on the device: it turns the planes, and reads the legal actions' logits
    where the symmetry has put them.

    Attributes:
        name: device, precision and whether graphs are replayed, for people.
        max_batch: largest number of positions of one call.
        busy_seconds: time that the device has spent computing batches, over all threads.
    """

    def __init__(
        self,
        network: Network,
        game: Game,
        *,
        device: str,
        dtype: torch.dtype,
        max_batch: int,
        graphs: bool = True,
    ) -> None:
        """Copy the network to the device and prepare every size of batch.

        Args:
            network: the network; later changes to it do not reach the backend.
            game: gives symmetries, shapes and slots.
            device: as PyTorch names it.
            dtype: of weights and features, ``torch.bfloat16`` or ``torch.float32``.
            max_batch: largest number of positions of one call.
            graphs: capture CUDA graphs where the device has them.

        Raises:
            torch.OutOfMemoryError: the device has no room for such batches.
        """
        self.device = torch.device(device)
        self.max_batch = max_batch
        self.busy_seconds = 0.0
        self.graphs = graphs and self.device.type == "cuda"
        short = "bf16" if dtype == torch.bfloat16 else "float32"
        self.name = f"{device} {short}{', graphs' if self.graphs else ''}"
        self.lock = threading.Lock()
        self.sizes = batch_sizes(max_batch)
        self._shape = game.observation_shape
        self._slots = game.max_legal
        self._actions = game.num_actions
        self._ways = game.symmetries.count
        channels, height, width = self._shape
        self._plane_bytes = channels * height * width
        self.compute: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            # PyTorch hands the same 32 streams of a priority out again and again. A priority of its
            # own keeps a port from copying in a stream that is just being captured.
            self.compute = torch.cuda.Stream(self.device, priority=-1)
        self._network = channels_last(fold_batch_norm(network).to(self.device, dtype))
        self._cells = torch.tensor(game.symmetries.cells, device=self.device, dtype=torch.int64)
        self._turned = torch.tensor(
            game.symmetries.actions, device=self.device, dtype=torch.int64
        ).flatten()
        self._slot_numbers = torch.arange(self._slots, device=self.device, dtype=torch.int32)
        # One input and one output serve all sizes: the batches of all threads follow each other.
        self.input = torch.zeros(self.input_bytes(max_batch), dtype=torch.uint8, device=self.device)
        self.output = torch.zeros(self.output_floats(max_batch), device=self.device)
        if self.compute is not None:  # which does not wait for what was just told to this thread's
            torch.cuda.current_stream(self.device).synchronize()
        pool = torch.cuda.graph_pool_handle() if self.graphs else None
        # None for what is computed without a graph: a bound method here would keep the backend, and
        # its memory on the device, until Python looks for cycles.
        self._graphs: dict[int, Callable[[], None] | None] = {}
        for size in reversed(self.sizes):  # the largest first: the others fit into its memory
            work = partial(self._compute, size)
            self._graphs[size] = captured(work, stream=self.compute, pool=pool)

    def open(self) -> Port:
        """Buffers and copies of one thread."""
        return Port(self)

    def padded(self, n: int) -> int:
        """The prepared size that a batch of ``n`` is computed at."""
        return next(size for size in self.sizes if size >= n)

    def input_bytes(self, size: int) -> int:
        """Length of a batch on its way in: planes, then actions, counts and turns."""
        return _round_up(size * self._plane_bytes, _ALIGNMENT) + 4 * size * (self._slots + 2)

    def output_floats(self, size: int) -> int:
        """Length of a batch on its way out: log-probabilities, then outcomes."""
        return size * (self._slots + _OUTCOMES)

    def split_input(self, buffer: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Planes, actions, counts and turns as views of a buffer."""
        planes = buffer[: size * self._plane_bytes].view(size, *self._shape)
        first = _round_up(size * self._plane_bytes, _ALIGNMENT)
        integers = buffer[first : self.input_bytes(size)].view(torch.int32)
        actions = integers[: size * self._slots].view(size, self._slots)
        counts, turns = integers[size * self._slots :].view(2, size)
        return planes, actions, counts, turns

    def split_output(self, buffer: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities ``[size, K]`` and outcomes ``[size, 3]`` as views of a buffer."""
        logits = buffer[: size * self._slots].view(size, self._slots)
        outcomes = buffer[size * self._slots : self.output_floats(size)].view(size, _OUTCOMES)
        return logits, outcomes

    def judge(self, size: int) -> None:
        """Judge what lies in ``input``, a batch of a prepared size; the answers go to ``output``.

        Trusts: ``lock`` is held, and ``compute`` is the current stream.
        """
        replay = self._graphs[size]
        if replay is not None:
            replay()
        else:
            self._compute(size)

    @torch.inference_mode()
    def _compute(self, size: int) -> None:
        """What ``judge`` does, and what graphs are captured of."""
        planes, actions, counts, turns = self.split_input(self.input, size)
        # Rows that pad the batch hold whatever an earlier one left there: no index may leave its
        # table, which would end the process on a GPU, and one legal action keeps numbers finite.
        chosen = actions.clamp(0, self._actions - 1).long()
        if self._ways > 1:
            ways = turns.clamp(0, self._ways - 1).long()
            cells = self._cells[ways].unsqueeze(1).expand(-1, self._shape[0], -1)
            planes = planes.flatten(2).gather(2, cells).view(size, *self._shape)
            chosen = self._turned[ways.unsqueeze(1) * self._actions + chosen]
        logits, outcomes = self._network(planes.contiguous(memory_format=torch.channels_last))
        legal = self._slot_numbers < counts.clamp(min=1).unsqueeze(1)
        by_slot = logits.gather(1, chosen).float().masked_fill(~legal, -torch.inf)
        log_probs, outcome_probs = self.split_output(self.output, size)
        log_probs.copy_(torch.log_softmax(by_slot, 1).masked_fill(~legal, 0.0))
        outcome_probs.copy_(torch.softmax(outcomes.float(), 1))


class Port:
    """One thread's way to a backend: buffers of its own, and copies that overlap the others'."""

    def __init__(self, backend: DeviceBackend) -> None:
        """Allocate the buffers; the backend stays alive as long as its ports."""
        self.backend = backend
        on_cuda = backend.compute is not None
        largest = backend.max_batch
        self._sent = torch.zeros(
            backend.input_bytes(largest), dtype=torch.uint8, pin_memory=on_cuda
        )
        self._received = torch.zeros(backend.output_floats(largest), pin_memory=on_cuda)
        self._inputs = {
            size: Inputs(*(part.numpy() for part in backend.split_input(self._sent, size)))
            for size in backend.sizes
        }
        self._outputs = {
            size: tuple(part.numpy() for part in backend.split_output(self._received, size))
            for size in backend.sizes
        }
        if on_cuda:
            device = backend.device
            self._copies = torch.cuda.Stream(device)
            with torch.cuda.stream(self._copies):
                self._staged = torch.zeros_like(self._sent, device=device)
                self._answered = torch.zeros_like(self._received, device=device)
            # Waiting for the whole device instead would break the graphs that another thread may be
            # capturing: the next weights are prepared beside those that play.
            self._copies.synchronize()
            self._arrived = torch.cuda.Event()
            self._begun = torch.cuda.Event(enable_timing=True)
            self._done = torch.cuda.Event(enable_timing=True)
            # Blocking: a thread that spins while it waits takes a core from the search.
            self._returned = torch.cuda.Event(blocking=True)

    def inputs(self, n: int) -> Inputs:
        """Where to write the next batch, of n positions; n at most the backend's ``max_batch``."""
        whole = self._inputs[self.backend.padded(n)]
        return Inputs(whole.planes[:n], whole.actions[:n], whole.counts[:n], whole.turns[:n])

    def run(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge what was written into ``inputs(n)``.

        Returns:
            Logarithms of the policy over the legal slots ``[n, K]`` (zero past the count) and the
            probabilities of win, draw, loss for the mover ``[n, 3]``; they hold until the next
            call.
        """
        size = self.backend.padded(n)
        if self.backend.compute is None:
            self._run_in_line(size)
        else:
            self._run_beside(size)
        log_probs, outcomes = self._outputs[size]
        return log_probs[:n], outcomes[:n]

    def _run_in_line(self, size: int) -> None:
        """Copy, compute and copy back, one after the other."""
        backend = self.backend
        taken, given = backend.input_bytes(size), backend.output_floats(size)
        with backend.lock:
            begun = time.perf_counter()
            backend.input[:taken].copy_(self._sent[:taken])
            backend.judge(size)
            self._received[:given].copy_(backend.output[:given])
            backend.busy_seconds += time.perf_counter() - begun

    def _run_beside(self, size: int) -> None:
        """Put everything into the queues of the device, then wait without holding a core.

        The copies to and from the host run in this thread's stream, beside the batches of other
        threads; the lock is held while orders are given, not while they are carried out.
        """
        backend = self.backend
        assert backend.compute is not None
        taken, given = backend.input_bytes(size), backend.output_floats(size)
        with torch.cuda.stream(self._copies):
            self._staged[:taken].copy_(self._sent[:taken], non_blocking=True)
            self._arrived.record(self._copies)
        with backend.lock, torch.cuda.stream(backend.compute):
            backend.compute.wait_event(self._arrived)
            self._begun.record(backend.compute)
            backend.input[:taken].copy_(self._staged[:taken])
            backend.judge(size)
            self._answered[:given].copy_(backend.output[:given])
            self._done.record(backend.compute)
        with torch.cuda.stream(self._copies):
            self._copies.wait_event(self._done)
            self._received[:given].copy_(self._answered[:given], non_blocking=True)
            self._returned.record(self._copies)
        self._returned.synchronize()
        seconds = self._begun.elapsed_time(self._done) / 1000.0
        with backend.lock:
            backend.busy_seconds += seconds


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
