"""Where the parts of a run are: processes of this machine, or whatever else carries messages."""

from __future__ import annotations

from typing import Protocol

import psutil

from engine.config import RunConfig
from engine.devices.choice import choose_device
from engine.orchestration.learner import learner_main
from engine.orchestration.local import LocalPart
from engine.orchestration.messages import NewWeights, Part, Published
from engine.orchestration.run_directory import RunDirectory
from engine.orchestration.worker import worker_main


class Carrier(Protocol):
    """Starts workers and a learner, and knows how many workers there is room for."""

    settle_seconds: float
    """How long after a part's death it takes to know whether its place is gone too."""

    def places(self) -> list[str]:
        """One entry for each worker that should run now; equal entries are one machine."""

    def start_worker(self, name: str, place: str) -> Part:
        """A worker, on its way.

        Args:
            name: unique in the run.
            place: one of ``places``.
        """

    def start_learner(self) -> Part:
        """The learner, on its way."""

    def weights(self, published: Published) -> object:
        """The message by which workers learn of a version; the same for all of them."""

    def describe(self, place: str) -> str:
        """A place in words."""

    def set_aside(self, place: str) -> bool:
        """Use a place no more; whether another one is left."""

    def close(self) -> None:
        """Let go of everything that was started."""


class LocalCarrier:
    """Processes of this machine, as many as the settings say or as there are GPUs or cores."""

    settle_seconds = 0.0

    def __init__(self, run: RunDirectory, config: RunConfig) -> None:
        """Settle on devices and on how many workers there are.

        Raises:
            DeviceError: the device that the run is set to does not work here.
        """
        self.run = run
        self.config = config
        self._device = choose_device(config.device)
        cores = psutil.cpu_count(logical=False) or 1
        gpus = 0 if self._device.is_cpu else len(self._device.names)
        self._workers = config.workers or gpus or cores
        self._cores_each = max(1, cores // gpus) if gpus else None

    def places(self) -> list[str]:
        """As many as were asked for; never another number."""
        return ["here"] * self._workers

    def start_worker(self, name: str, place: str) -> Part:
        """A process of its own, which computes on one of the devices."""
        return LocalPart(
            name,
            worker_main,
            self.config,
            name,
            self._cores_each,
            self._device.of_worker(name),
            log=self.run.log_file(name),
        )

    def start_learner(self) -> LocalPart:
        """A process of its own."""
        log = self.run.log_file("learner")
        return LocalPart("learner", learner_main, self.config, str(self.run.path), log=log)

    def weights(self, published: Published) -> NewWeights:
        """Every process reads the file itself."""
        return NewWeights(published.version, published.path)

    def describe(self, place: str) -> str:
        """There is only one."""
        return "this machine"

    def set_aside(self, place: str) -> bool:
        """There is no other."""
        return False

    def close(self) -> None:
        """Its processes are ended by whoever holds them."""
