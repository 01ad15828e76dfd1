"""Workers and learner as actors of a Ray cluster.

Every part is an actor with a thread in it that runs the same ``worker_main`` or ``learner_main`` as
a process of this machine, and a mailbox. The driver calls ``exchange`` on each actor: what it has
to say goes along, and the call is held until the actor has something to answer. Weights are put
into the object store once for each version; workers are told and fetch them between two plies.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from engine.config import RunConfig
from engine.devices.choice import choose_device
from engine.orchestration.fingerprint import Fingerprint, fingerprint
from engine.orchestration.learner import learner_main
from engine.orchestration.local import LocalPart
from engine.orchestration.messages import Part, Published
from engine.orchestration.ray_actor import (
    MeijinLearner,
    MeijinWorker,
    PartActor,
    WeightsInStore,
)
from engine.orchestration.ray_address import RayAddress, check_reachable
from engine.orchestration.ray_connection import import_ray, join, start_here
from engine.orchestration.ray_nodes import Nodes, Request
from engine.orchestration.ray_part import PENDING_SECONDS, RayPart
from engine.orchestration.run_directory import RunDirectory
from engine.orchestration.worker import worker_main

_TICK_SECONDS = 0.1
_NODES_SECONDS = 1.0


class RayCarrier:
    """Actors of a cluster, or of a Ray that is started on this machine for this run.

    Attributes:
        summary: where networks run, as a sentence for the user.
    """

    settle_seconds = 3.0

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        address: RayAddress,
        *,
        report: Callable[[str], None],
    ) -> None:
        """Connect. Nothing is written to the run directory, which need not be there yet.

        Args:
            run: lies on a disk of this machine; the learner is kept beside it.
            config: the run's settings.
            address: of a cluster, or this machine.
            report: takes sentences for the user.

        Raises:
            RunError: Ray is not installed, there is none at the address, or its nodes have not the
                device that the run is set to.
            DeviceError: this machine has not the device, where the learner or everything is here.
        """
        self.run = run
        self.config = config
        self.address = address
        self._report = report
        self._ray = import_ray(loopback=address.local)
        check_reachable(address)
        self._expected = fingerprint(config.game)
        if address.local:
            choose_device(config.device)
            start_here(
                self._ray,
                cores=config.workers or psutil.cpu_count(logical=False) or 1,
                gpus=0 if config.device == "cpu" else None,
            )
        else:
            if address.client:
                choose_device(config.device)  # the learner will be a process of this machine
            join(self._ray, address)
        self._closed = threading.Event()
        self._here = "" if address.client else self._ray.get_runtime_context().get_node_id()
        self._nodes = Nodes(config, here=self._here)
        try:
            self._nodes.look(self._ray.nodes())
            self._nodes.check()
        except BaseException:
            self._ray.shutdown()
            raise
        self.summary = self._nodes.summary
        self._weights: tuple[int, object] | None = None
        self._parts: list[RayPart] = []
        self._fresh: queue.SimpleQueue[RayPart] = queue.SimpleQueue()
        self._surplus_said = False
        self._threads = [
            threading.Thread(target=self._carry, name="ray-messages", daemon=True),
            threading.Thread(target=self._watch_nodes, name="ray-nodes", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- places

    def places(self) -> list[str]:
        """A place for each core or GPU of the nodes that are up, or for as many as were set."""
        return self._nodes.places()

    def describe(self, place: str) -> str:
        """The node's name."""
        return self._nodes.describe(place)

    def set_aside(self, place: str) -> bool:
        """Use a node no more; whether another one is left."""
        return self._nodes.set_aside(place)

    def _watch_nodes(self) -> None:
        while not self._closed.wait(_NODES_SECONDS):
            with contextlib.suppress(Exception):  # the network; the next look tells
                self._nodes.look(self._ray.nodes())

    # -- parts

    def start_worker(self, name: str, place: str) -> RayPart:
        """An actor on the node."""
        if not self._surplus_said and (surplus := self._nodes.surplus):
            self._surplus_said = True
            self._report(surplus)
        request = self._nodes.for_worker(place)
        return self._start(
            MeijinWorker,
            name,
            title=f"meijin {self.config.game} worker {name}",
            node=place,
            request=request,
            main=worker_main,
            arguments=(self.config, name, int(request.num_cpus) if request.num_gpus else None),
            expected=self._expected,
        )

    def start_learner(self) -> Part:
        """An actor on this node, where the run directory lies; outside of the cluster a process."""
        if self.address.client:
            return LocalPart(
                "learner",
                learner_main,
                self.config,
                str(self.run.path),
                log=self.run.log_file("learner"),
            )
        return self._start(
            MeijinLearner,
            "learner",
            title=f"meijin {self.config.game} learner",
            node=self._here,
            request=self._nodes.for_learner(),
            main=learner_main,
            arguments=(self.config, str(self.run.path.resolve())),
            expected=None,
        )

    def _start(
        self,
        kind: type[PartActor],
        name: str,
        *,
        title: str,
        node: str,
        request: Request,
        main: Callable[..., None],
        arguments: tuple[Any, ...],
        expected: Fingerprint | None,
    ) -> RayPart:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = (
            self._ray.remote(kind)
            .options(
                name=f"{title} {time.time_ns():x}",
                num_cpus=request.num_cpus,
                num_gpus=request.num_gpus,
                max_concurrency=4,
                max_restarts=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            )
            .remote(title, gpus=request.num_gpus > 0)
        )
        part = RayPart(name, actor, actor.begin.remote(main, arguments, expected))
        self._fresh.put(part)
        return part

    def weights(self, published: Published) -> object:
        """Put the file into the object store, once."""
        if self._weights is None or self._weights[0] != published.version:
            data = Path(published.path).read_bytes()
            reference = self._ray.put(data)
            self._weights = (published.version, WeightsInStore(published.version, [reference]))
        return self._weights[1]

    # -- the thread that carries

    def _carry(self) -> None:
        while not self._closed.is_set():
            while not self._fresh.empty():
                self._parts.append(self._fresh.get())
            self._parts = [part for part in self._parts if part.alive]
            now = time.monotonic()
            owner = {call: part for part in self._parts for call in part.calls(now)}
            if not owner:
                self._closed.wait(_TICK_SECONDS)
                continue
            ready, _ = self._ray.wait(list(owner), num_returns=len(owner), timeout=_TICK_SECONDS)
            for reference in ready:
                owner[reference].take(reference, time.monotonic())
            for part in self._parts:
                if part.pending(now):
                    self._report(
                        f"{part.name} has not come up for {PENDING_SECONDS:.0f} s: the machine is "
                        "busy, or other jobs of the cluster have all its cores or GPUs"
                    )

    def close(self) -> None:
        """End the connection, and Ray where it was started here; again does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        for thread in self._threads:
            thread.join(5)
        with contextlib.suppress(Exception):
            self._ray.shutdown()
