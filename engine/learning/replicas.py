"""Copies of the network in training on several devices: each computes its share of every batch.

The first copy is the learner's own. The others are processes of the same machine, which take their
rows from it and average gradients with it (PyTorch DDP), so that all copies stay equal. They talk
over the loopback interface.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

from engine.inference.backends import limit_threads
from engine.learning.config import LearningConfig
from engine.learning.replay import Batch, Ownership
from engine.learning.trainer import Trainer, TrainerState
from engine.networks.config import NetworkConfig
from games import make


class ReplicasError(RuntimeError):
    """Training on several devices cannot be set up; the message is one line for the user."""


#: How long a collective of the training itself, or the first meeting, may take.
_STEP_TIMEOUT = timedelta(minutes=10)
#: Between two looks at whether a copy that is waited for still runs.
_LOOK_SECONDS = 0.2
#: How long copies wait for the next step: as long as self-play takes over the rows for it.
_IDLE_TIMEOUT = timedelta(days=7)


class _Setup(msgspec.Struct, frozen=True):
    """What a copy's process is told on its first line."""

    game: str
    network: NetworkConfig
    learning: LearningConfig
    seed: int
    device: str
    rank: int
    copies: int
    meeting: str  # file by which the processes find each other


class Replicas:
    """The other copies of a trainer's network, and the sharing of work with them."""

    def __init__(self, trainer: Trainer, devices: Sequence[str]) -> None:
        """Start a process for each further device and give it the trainer's state.

        Args:
            trainer: on the first of the devices, its snapshot loaded.
            devices: two at least; ``cpu`` may be named twice.

        Raises:
            ReplicasError: the rows of a step cannot be shared out evenly, a GPU would have two
                copies, which NCCL refuses, or a copy's process has ended before it was there.
        """
        gpus = [device for device in devices if device != "cpu"]
        if len(set(gpus)) < len(gpus):
            raise ReplicasError(
                f"gpu.learners={len(devices)} needs as many GPUs; there are {len(set(gpus))} "
                f"({', '.join(sorted(set(gpus)))})"
            )
        rows = trainer.config.batch_rows
        if rows % len(devices):
            raise ReplicasError(
                f"learning.batch_rows={rows} cannot be shared by {len(devices)} learners; "
                f"{rows // len(devices) * len(devices)} can"
            )
        self._copies = len(devices)
        self._folder = tempfile.TemporaryDirectory(prefix="meijin-learners-")
        meeting = str(Path(self._folder.name) / "meeting")
        self._processes = [
            _start(
                _Setup(
                    game=trainer.game.id,
                    network=trainer.network_config,
                    learning=trainer.config,
                    seed=trainer.seed,
                    device=device,
                    rank=rank,
                    copies=self._copies,
                    meeting=meeting,
                )
            )
            for rank, device in enumerate(devices)
            if rank
        ]
        self._await_copies(meeting)
        self._talk = _join(0, self._copies, meeting, devices[0])
        dist.broadcast_object_list([trainer.state()], src=0, group=self._talk)
        trainer.spread(_parallel)

    def _await_copies(self, meeting: str) -> None:
        """Wait until every copy is about to meet: PyTorch waits ten minutes for one that is not.

        Raises:
            ReplicasError: a copy's process has ended.
        """
        ready = [_ready(meeting, rank) for rank in range(1, self._copies)]
        while not all(sign.exists() for sign in ready):
            self._check_copies()
            time.sleep(_LOOK_SECONDS)

    def _check_copies(self) -> None:
        """End all copies where one has ended.

        Raises:
            ReplicasError: one has.
        """
        codes = [process.poll() for process in self._processes]
        for number, code in enumerate(codes, start=1):
            if code is not None:
                for process in self._processes:
                    process.kill()
                raise ReplicasError(
                    f"copy {number} of the learner ended with code {code} before it had begun; "
                    "what it printed tells why"
                )

    def share(self, batch: Batch, *, progress: float) -> Batch:
        """Send each copy its rows of a step; returns the trainer's own."""
        arrays = _arrays(batch)
        shapes = [(array.shape, array.dtype.str) for array in arrays]
        dist.broadcast_object_list([(progress, shapes)], src=0, group=self._talk)
        return _batch([_scatter(array, self._copies, self._talk) for array in arrays])

    def stop(self) -> None:
        """End the other processes."""
        dist.broadcast_object_list([None], src=0, group=self._talk)
        for process in self._processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
        dist.destroy_process_group()
        self._folder.cleanup()


def _start(setup: _Setup) -> subprocess.Popen[bytes]:
    """A copy's process; it ends itself when this one is gone."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended, which is seen later
        process.stdin.write(msgspec.json.encode(setup) + b"\n")
        process.stdin.flush()
    return process


def _ready(meeting: str, rank: int) -> Path:
    """The file by which a copy says that it is about to meet the others."""
    return Path(f"{meeting}-{rank}")


def _join(rank: int, copies: int, meeting: str, device: str) -> dist.ProcessGroup:
    """Meet the other processes: NCCL between GPUs, gloo between processors.

    Returns:
        A group for the talk between steps, by gloo, in which nobody is in a hurry.
    """
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    on_cuda = device.startswith("cuda")
    if on_cuda:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_cuda else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=copies,
        timeout=_STEP_TIMEOUT,
    )
    talk: dist.ProcessGroup = dist.new_group(backend="gloo", timeout=_IDLE_TIMEOUT)
    return talk


def _parallel(forward: nn.Module) -> nn.Module:
    """The forward pass with gradients that are averaged over all copies."""
    return nn.parallel.DistributedDataParallel(forward)


def _arrays(batch: Batch) -> list[NDArray[Any]]:
    arrays: list[NDArray[Any]] = [batch.planes, batch.actions, batch.policies, batch.outcomes]
    if batch.ownership is not None:
        arrays += [batch.ownership.owners, batch.ownership.leads]
    return arrays


def _batch(arrays: list[NDArray[Any]]) -> Batch:
    planes, actions, policies, outcomes, *owned = arrays
    ownership = Ownership(*owned) if owned else None
    return Batch(planes, actions, policies, outcomes, ownership)


def _scatter(array: NDArray[Any], copies: int, talk: dist.ProcessGroup) -> NDArray[Any]:
    """Send equal shares of the rows to all copies; returns the first."""
    parts = np.split(np.ascontiguousarray(array), copies)
    mine = _bytes(parts[0].copy())
    dist.scatter(mine, [_bytes(part) for part in parts], src=0, group=talk)
    return parts[0]


def _receive(
    shape: tuple[int, ...], dtype: str, copies: int, talk: dist.ProcessGroup
) -> NDArray[Any]:
    """This copy's share of an array of that shape."""
    part = np.empty((shape[0] // copies, *shape[1:]), dtype)
    dist.scatter(_bytes(part), src=0, group=talk)
    return part


def _bytes(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array.reshape(-1).view(np.uint8))


def _run(setup: _Setup) -> None:
    """A copy: take the state, then step after step, until told that it is over."""
    limit_threads(1)
    trainer = Trainer(
        make(setup.game),
        network_config=setup.network,
        config=setup.learning,
        seed=setup.seed,
        device=setup.device,
    )
    _ready(setup.meeting, setup.rank).touch()
    talk = _join(setup.rank, setup.copies, setup.meeting, setup.device)
    state: list[TrainerState | None] = [None]
    dist.broadcast_object_list(state, src=0, group=talk)
    assert state[0] is not None
    trainer.load_state(state[0])
    trainer.spread(_parallel)
    while True:
        told: list[Any] = [None]
        dist.broadcast_object_list(told, src=0, group=talk)
        if told[0] is None:
            break
        progress, shapes = told[0]
        batch = _batch([_receive(shape, dtype, setup.copies, talk) for shape, dtype in shapes])
        trainer.train_step(batch, progress=progress)
    dist.destroy_process_group()


def _end_with_parent(pipe: int) -> None:
    """The learner holds the other end and never writes again: an end of file is its death."""
    while os.read(pipe, 1):  # not through ``sys.stdin``, whose lock would hinder a normal end
        pass
    os._exit(1)


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Setup)
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    _run(told)
