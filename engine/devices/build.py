"""A backend on a device that agrees with float32 on the processor, and fits into its memory."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from engine.devices.backend import DeviceBackend
from engine.devices.choice import DeviceError
from engine.inference.backends import DEFAULT_TOLERANCE
from engine.inference.compare import Agreement, Tolerance, compare, exceeded
from engine.inference.torch_backend import TorchBackend
from engine.networks.network import Network
from games.game import Game

Precision = Literal["bf16", "float32"]

_DTYPES = {"bf16": torch.bfloat16, "float32": torch.float32}
_CHUNK = 8  # positions that the processor judges at a time
_REFERENCE_SECONDS = 2.0  # then it stops: a large network takes long for few positions


@dataclass(frozen=True, slots=True)
class DeviceBackendChoice:
    """A backend on a device and how it was chosen.

    Attributes:
        backend: ready to run.
        agreement: with float32 on the processor; None without sample positions.
        sentence: what the user should know; empty if everything is as asked for.
    """

    backend: DeviceBackend
    agreement: Agreement | None
    sentence: str


def make_device_backend(
    network: Network,
    game: Game,
    *,
    device: str,
    max_batch: int,
    precision: Literal["auto"] | Precision = "auto",
    sample_planes: NDArray[np.uint8] | None = None,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    graphs: bool = True,
) -> DeviceBackendChoice:
    """Puts a network on a device; never on another one.

    Args:
        network: weights to run; left untouched.
        game: gives symmetries, shapes and slots.
        device: as PyTorch names it: ``cuda:0``, ``mps``, ``cpu``.
        max_batch: largest number of positions of one call; halved, and said, until it fits into
            the memory of the device.
        precision: ``auto`` is bf16, or float32 where bf16 disagrees or the device has none.
        sample_planes: positions ``[S, C, H, W]`` on which the answers are checked.
        tolerance: largest differences to accept.
        graphs: capture CUDA graphs where the device has them.

    Raises:
        DeviceError: a precision asked for by name disagrees with float32, or not even one position
            fits into the memory.
        ValueError: ``max_batch`` is not positive.
    """
    if max_batch < 1:
        raise ValueError(f"max_batch is {max_batch!r}; expected at least 1")
    said: list[str] = []
    # bfloat16 cannot be checked without positions, and Apple's GPUs gain little by it.
    able = sample_planes is not None and not device.startswith("mps")
    tried: tuple[Precision, ...] = ("bf16", "float32") if able else ("float32",)
    if precision != "auto":
        tried = (precision,)
    for candidate in tried:
        backend = _fitting(
            network, game, device=device, dtype=_DTYPES[candidate], max_batch=max_batch,
            graphs=graphs, said=said,
        )  # fmt: skip
        if sample_planes is None:
            return DeviceBackendChoice(backend, None, "; ".join(said))
        agreement = agreement_with_float32(network, game, backend, sample_planes)
        broken = exceeded(agreement, tolerance)
        if not broken:
            return DeviceBackendChoice(backend, agreement, "; ".join(said))
        said.append(f"{backend.name} disagrees with float32 on the processor: {broken}")
        max_batch = backend.max_batch
        del backend
    raise DeviceError("; ".join(said))


def agreement_with_float32(
    network: Network, game: Game, backend: DeviceBackend, planes: NDArray[np.uint8]
) -> Agreement:
    """Differences between a backend, as self-play asks it, and PyTorch float32 on the processor.

    Policies are compared over the actions that the reference likes best, as many as a position can
    have legal ones: sample positions come without their legal actions.

    Args:
        network: the weights that the backend runs.
        game: theirs.
        backend: under test.
        planes: positions ``[S, C, H, W]``; as many of the first as the processor judges in about
            two seconds.
    """
    logits, outcomes = _reference(network, planes)
    n, slots = len(logits), game.max_legal
    if slots < game.num_actions:
        actions = np.argpartition(logits, -slots, axis=1)[:, -slots:]
    else:
        actions = np.broadcast_to(np.arange(slots), (n, slots))
    port = backend.open()
    answers = np.empty((n, slots), np.float32), np.empty((n, 3), np.float32)
    for first in range(0, n, backend.max_batch):
        part = slice(first, min(first + backend.max_batch, n))
        inputs = port.inputs(part.stop - first)
        inputs.planes[:] = planes[part]
        inputs.actions[:] = actions[part]
        inputs.counts[:] = slots
        inputs.turns[:] = 0
        answers[0][part], answers[1][part] = port.run(part.stop - first)
    expected = np.take_along_axis(logits, actions, axis=1), outcomes
    return compare(expected, answers)


def _reference(
    network: Network, planes: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What float32 PyTorch on the processor says of the first positions, for a while."""
    reference = TorchBackend(network, max_batch=_CHUNK)
    logits = np.empty((len(planes), network.num_actions), np.float32)
    outcomes = np.empty((len(planes), 3), np.float32)
    begun = time.monotonic()
    judged = 0
    while judged < len(planes) and (not judged or time.monotonic() - begun < _REFERENCE_SECONDS):
        part = slice(judged, min(judged + _CHUNK, len(planes)))
        reference.run(np.ascontiguousarray(planes[part]), logits[part], outcomes[part])
        judged = part.stop
    return logits[:judged], outcomes[:judged]


def _fitting(
    network: Network,
    game: Game,
    *,
    device: str,
    dtype: torch.dtype,
    max_batch: int,
    graphs: bool,
    said: list[str],
) -> DeviceBackend:
    """A backend with the largest batch, halved from ``max_batch``, that the memory holds."""
    batch = max_batch
    while True:
        try:
            backend = DeviceBackend(
                network, game, device=device, dtype=dtype, max_batch=batch, graphs=graphs
            )
        except torch.OutOfMemoryError:
            if batch == 1:
                raise DeviceError(
                    f"{device} is out of memory even with one position at a time; free some, or "
                    "use a smaller network"
                ) from None
            batch //= 2
        else:
            if batch < max_batch:
                said.append(f"{device} was out of memory; batches of {batch}, not {max_batch}")
            return backend
        # Outside the handler, whose traceback still holds what was allocated.
        gc.collect()
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
