"""Which nodes a cluster has, how many workers each is for, and what their actors ask Ray for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.config import RunConfig
from engine.orchestration.run_directory import RunError

# The learner trains beside self-play on one GPU, as it does on a single machine. Ray gives a GPU
# to several actors only where each says how much of it it takes.
_LEARNER_SHARE, _WORKER_SHARE = 0.25, 0.75


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of the cluster, as Ray counts it."""

    name: str
    cores: int
    gpus: int


@dataclass(frozen=True, slots=True)
class Request:
    """What an actor asks Ray for."""

    num_cpus: float
    num_gpus: float


class Nodes:
    """The nodes that are up, and the seats on them.

    A node with GPUs has a worker for each of them, one without has a worker for each core; with
    ``--device cuda`` it has none, with ``--device cpu`` GPUs do not count.
    """

    def __init__(self, config: RunConfig, *, here: str) -> None:
        """Before the first look.

        Args:
            config: the run's settings.
            here: id of the node that this process is on; empty: outside of the cluster.
        """
        self._config = config
        self._here = here
        self._up: dict[str, Node] = {}  # by id, oldest first
        self._names: dict[str, str] = {}  # of all that ever were
        self._aside: set[str] = set()

    def look(self, listed: Iterable[dict[str, Any]]) -> None:
        """Take in what ``ray.nodes()`` says."""
        up = {}
        for node in listed:
            if node["Alive"]:
                resources = node["Resources"]
                up[node["NodeID"]] = Node(
                    name=f"node {node['NodeManagerHostname']}/{node['NodeID'][:6]}",
                    cores=int(resources.get("CPU", 0)),
                    gpus=int(resources.get("GPU", 0)) if self._config.device != "cpu" else 0,
                )
        self._names |= {key: node.name for key, node in up.items()}
        known = {key: up[key] for key in self._up if key in up}
        self._up = known | up

    def check(self) -> None:
        """See whether the run can have the device that it is set to.

        Raises:
            RunError: it cannot, with what was seen.
        """
        config, seen = self._config, self._seen()
        here = self._up.get(self._here)
        if config.device not in {"auto", "cpu", "cuda"}:
            raise RunError(
                f"--device {config.device} names a GPU of this machine; with --ray say cuda, and "
                "every worker gets one of its own"
            )
        if config.device == "cuda" and not any(node.gpus for node in self._up.values()):
            raise RunError(
                f"--device cuda: no node of the cluster has a GPU that Ray knows of ({seen}); "
                "use --device cpu, or auto"
            )
        if here is not None and config.device == "cuda" and not here.gpus:
            raise RunError(
                f"--device cuda: the learner runs beside the run directory, and {here.name} has no "
                f"GPU that Ray knows of ({seen}); start there where one is, or use --device auto"
            )
        if here is not None and here.gpus and config.gpu.learners > here.gpus:
            raise RunError(
                f"gpu.learners is {config.gpu.learners}, but {here.name} has {here.gpus} GPU(s)"
            )

    def places(self) -> list[str]:
        """A place for each worker."""
        nodes = {key: node for key, node in self._up.items() if key not in self._aside}
        seats = [key for key in nodes for _ in range(self._seats(key))]
        wanted = self._config.workers
        if not wanted or not nodes:
            return seats
        if not any(self._gpus(key) for key in nodes):
            while len(seats) < wanted and (seats or self._config.device != "cuda"):
                seats += seats or list(nodes)
        return seats[:wanted]

    def set_aside(self, place: str) -> bool:
        """Use a node no more; whether another one is left."""
        self._aside.add(place)
        return any(key not in self._aside and self._seats(key) for key in self._up)

    def describe(self, place: str) -> str:
        """The node's name."""
        return self._names.get(place, f"node {place[:6]}")

    def for_worker(self, place: str) -> Request:
        """What each worker there asks for: a core, or a GPU and its part of the cores."""
        node = self._up.get(place, Node("", 0, 0))
        gpus = self._gpus(place)
        if gpus:
            shared = place == self._here and self._config.gpu.learners == 1
            return Request(
                num_cpus=max(1, node.cores // node.gpus) if node.cores else 0,
                num_gpus=_WORKER_SHARE if shared else 1,
            )
        on_node = Counter(self.places())[place]
        return Request(num_cpus=1 if on_node <= node.cores else 0, num_gpus=0)

    def for_learner(self) -> Request:
        """What the learner asks for, on this process's node."""
        node = self._up.get(self._here)
        if node is None or not node.gpus:
            return Request(num_cpus=0, num_gpus=0)
        learners = self._config.gpu.learners
        return Request(num_cpus=0, num_gpus=_LEARNER_SHARE if learners == 1 else learners)

    @property
    def surplus(self) -> str:
        """A sentence where more workers were asked for than there is room for; else empty."""
        wanted, places = self._config.workers or 0, self.places()
        if any(self._gpus(key) for key in self._up):
            if wanted > len(places):
                return (
                    f"{wanted} workers were asked for, but one for each GPU is all there can be "
                    f"({len(places)})"
                )
            return ""
        cores = sum(node.cores for node in self._up.values())
        if len(places) > cores:
            return (
                f"{wanted} workers are more than the {cores} cores of the cluster; they take turns"
            )
        return ""

    @property
    def summary(self) -> str:
        """Where networks run, as a sentence."""
        gpus = sum(node.gpus for node in self._up.values())
        nodes = f"{len(self._up)} node{'s' if len(self._up) > 1 else ''}"
        if not gpus:
            why = "as asked for" if self._config.device == "cpu" else "Ray knows of no GPU"
            return f"Networks run on the processors of {nodes}: {why}."
        learner = self.for_learner().num_gpus
        on = f"{learner:g} of a GPU" if learner < 1 else f"{learner:g} GPUs"
        return f"Self-play on GPUs of {nodes} ({self._seen()}); " + (
            f"the learner has {on}." if learner else "the learner trains on the processor."
        )

    def _seats(self, key: str) -> int:
        """Workers that a node is for."""
        gpus = self._gpus(key)
        if gpus or self._config.device == "cuda":
            return gpus
        return self._up[key].cores

    def _gpus(self, key: str) -> int:
        """GPUs of a node that are for workers."""
        node = self._up.get(key)
        if node is None:
            return 0
        learners = self._config.gpu.learners
        taken = learners if key == self._here and learners > 1 else 0
        return max(0, node.gpus - taken)

    def _seen(self) -> str:
        return ", ".join(
            f"{node.name}: {node.cores} cores, {node.gpus} GPUs" for node in self._up.values()
        )
