"""Workers and learner as actors of a Ray cluster: the one file that imports Ray.

Every part is an actor with a thread in it that runs the same ``worker_main`` or ``learner_main`` as
a process of this machine, and a mailbox. The driver calls ``exchange`` on each actor: what it has
to say goes along, and the call is held until the actor has something to answer. Weights are put
into the object store once for each version; workers are told and fetch them between two plies.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.config import RunConfig
from engine.orchestration.fingerprint import (
    Fingerprint,
    fingerprint,
    library_differences,
    refusal,
)
from engine.orchestration.learner import learner_main
from engine.orchestration.local import LocalPart, ParentGoneError
from engine.orchestration.mailbox import Letters, Mailbox, Silence
from engine.orchestration.messages import (
    Failed,
    NewWeights,
    Part,
    Published,
    Refused,
    Said,
    Stop,
)
from engine.orchestration.ray_address import RayAddress, check_reachable
from engine.orchestration.run_directory import RunDirectory, RunError, write_atomically
from engine.orchestration.worker import worker_main
from games.game import GameError

_HOLD_SECONDS = 5.0  # an exchange is answered by then, with nothing if there is nothing
_TICK_SECONDS = 0.1
_RETRY_SECONDS = 1.0  # after a call that could not be carried
_SILENCE_SECONDS = 120.0  # an actor whose driver says nothing for so long ends itself
_NODES_SECONDS = 1.0
_CONNECT_SECONDS = {True: 35.0, False: 7.0}  # by whether it is Ray Client, which is slow itself
_PENDING_SECONDS = 30.0  # an actor that has not come up by then is worth a sentence
_OBJECT_STORE_BYTES = 512 * 2**20  # of a Ray that is started here: weights and batches in flight
_MOST_BEHIND = 3  # versions; a worker further behind waits for the newest instead of playing
_FETCH_SECONDS = 10.0  # such a wait, until messages are looked at again


@dataclass(frozen=True, slots=True)
class _WeightsInStore:
    """Driver to worker: this version lies in the object store (a sealed file's bytes)."""

    version: int
    reference: list[Any]  # one ObjectRef, in a list so that Ray hands it on unopened


# -- inside an actor ------------------------------------------------------------------------------


class RayLink:
    """The actor's side: what ``Link`` is to a process of the driver's machine."""

    def __init__(self, mailbox: Mailbox, silence: Silence, folder: Path) -> None:
        """Connect a main function with the mailbox.

        Args:
            mailbox: that ``exchange`` serves.
            silence: tells when the driver is gone.
            folder: for weights that were fetched.
        """
        self._mailbox = mailbox
        self._silence = silence
        self._folder = folder
        self._announced: _WeightsInStore | None = None
        self._fetched = 0

    def send(self, message: object) -> None:
        """Hand a message to the driver.

        Raises:
            ParentGoneError: the driver has not been heard of for long.
        """
        if self._silence.too_long:
            raise ParentGoneError
        self._mailbox.post(message)

    def receive(self, *, wait: float = 0.0) -> list[object]:
        """Messages that have arrived; weights are among them once they are on this machine.

        Raises:
            ParentGoneError: the driver has not been heard of for long.
        """
        if self._silence.too_long:
            raise ParentGoneError
        messages = []
        for message in self._mailbox.collect(wait=wait):
            if isinstance(message, _WeightsInStore):
                self._announced = message
            else:
                messages.append(message)
        if self._announced is not None:
            messages += self._fetch(self._announced)
        return messages

    def _fetch(self, announced: _WeightsInStore) -> list[object]:
        import ray

        behind = self._fetched and announced.version - self._fetched >= _MOST_BEHIND
        ready, _ = ray.wait(announced.reference, timeout=_FETCH_SECONDS if behind else 0)
        if not ready:
            return []
        self._announced = None
        try:
            data = ray.get(ready[0])
        except ray.exceptions.RayError as error:
            said = f"version {announced.version} of the weights could not be fetched: {error}"
            self._mailbox.post(Said(said.splitlines()[0]))
            return []
        path = self._folder / f"v{announced.version:06d}.safetensors"
        write_atomically(path, data)
        for old in self._folder.glob("v*.safetensors"):
            if old != path:
                old.unlink(missing_ok=True)
        self._fetched = announced.version
        return [NewWeights(announced.version, str(path))]


class PartActor:
    """The actor: a thread that works, and a mailbox."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._mailbox = Mailbox()
        self._silence = Silence(_SILENCE_SECONDS)
        self._started = False

    def __repr__(self) -> str:
        return self._title  # Ray puts it before every line of this actor's log

    def begin(self, main: Callable[..., None], arguments: tuple[Any, ...], expected: Any) -> None:
        """Start the thread.

        Args:
            main: ``worker_main`` or ``learner_main``.
            arguments: past the link.
            expected: the driver's ``Fingerprint``, where this machine must have the same; or None.
        """
        if not self._started:  # a call that Ray repeats
            self._started = True
            work = lambda: self._work(main, arguments, expected)  # noqa: E731
            threading.Thread(target=work, name=self._title, daemon=True).start()

    def exchange(self, letters: Letters) -> Letters:
        """Messages in, messages out; see ``Mailbox.answer``."""
        self._silence.heard()
        return self._mailbox.answer(letters, wait=_HOLD_SECONDS)

    def _work(self, main: Callable[..., None], arguments: tuple[Any, ...], expected: Any) -> None:
        folder = _own_folder()
        try:
            if expected is not None and not self._fits(expected):
                return
            main(RayLink(self._mailbox, self._silence, folder), *arguments)
        except ParentGoneError:
            pass
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._mailbox.end()

    def _fits(self, expected: Fingerprint) -> bool:
        try:
            own = fingerprint(expected.game_id)
        except GameError as error:
            self._mailbox.post(Refused(f"{expected.game_id} cannot be played there: {error}"))
            return False
        reason = refusal(expected, own)
        if reason:
            self._mailbox.post(Refused(reason))
            return False
        differences = library_differences(expected, own)
        if differences:
            self._mailbox.post(Said(f"{own.host} has other libraries: {differences}"))
        return True


class MeijinWorker(PartActor):
    """The name under which Ray's dashboard and ``ps`` show a self-play worker."""


class MeijinLearner(PartActor):
    """The name under which Ray's dashboard and ``ps`` show the learner."""


def _own_folder() -> Path:
    """A folder for this process; those that killed processes left behind are removed."""
    root = Path(tempfile.gettempdir()) / f"meijin-weights-{getattr(os, 'getuid', lambda: 0)()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in root.iterdir():
        number = folder.name.partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))


# -- at the driver --------------------------------------------------------------------------------


class RayPart:
    """An actor, seen from the driver. Its calls are made by the carrier's thread."""

    def __init__(self, name: str, actor: Any, begun: Any) -> None:
        self.name = name
        self._actor = actor
        self._begun = begun  # reference of ``begin``, until it is known to have run
        self._mailbox = Mailbox()
        self._calls: dict[Any, int] = {}  # exchanges on their way, and the last number sent
        self._retry_at = 0.0
        self._started_at = time.monotonic()
        self._up = False
        self._dead = False
        self._pending_said = False

    def send(self, message: object) -> None:
        """Hand over a message; an actor that never came up is not waited for at a stop."""
        if isinstance(message, Stop) and not self._up:
            self.kill()
        weights = isinstance(message, _WeightsInStore)  # an older version would only be kept alive
        self._mailbox.post(message, replaces=_WeightsInStore if weights else None)

    def receive(self) -> list[object]:
        """All messages that have arrived."""
        return self._mailbox.collect()

    @property
    def alive(self) -> bool:
        """Whether it runs, or will."""
        return not self._dead

    def kill(self) -> None:
        """End it at once."""
        import ray

        self._dead = True
        with contextlib.suppress(Exception):
            ray.kill(self._actor, no_restart=True)

    # -- for the carrier's thread

    def calls(self, now: float) -> list[Any]:
        """References of the calls on their way, after making those that are due."""
        if self._dead or now < self._retry_at:
            return []
        if self._begun is not None:
            return [self._begun]
        letters = self._mailbox.letters()
        last = letters.first + len(letters.messages) - 1
        # One call is always held by the actor; another goes where there is news to bring.
        if not self._calls or (len(self._calls) < 2 and last > max(self._calls.values())):
            self._calls[self._actor.exchange.remote(letters)] = last
        return list(self._calls)

    def take(self, reference: Any, now: float) -> None:
        """Sort in the answer of a call, or the reason why there is none."""
        from ray import exceptions, get

        begun = reference == self._begun
        self._calls.pop(reference, None)
        try:
            answer = get(reference)
        except exceptions.ActorUnavailableError:
            if begun:  # whether it has begun is not known
                self._end(f"{self.name} was not reached when it started", outside=True)
                return
            self._retry_at = now + _RETRY_SECONDS  # whatever was lost comes again
            return
        except exceptions.RayActorError as error:
            self._end(_reason(self.name, error), outside=self._up)
            return
        except exceptions.RayTaskError as error:
            said = str(error.cause or error).splitlines()[0]
            self._end(f"{self.name} does not understand the driver ({said}); is it another version")
            return
        except exceptions.RayError:
            self._retry_at = now + _RETRY_SECONDS  # an answer lost with its node, for instance
            return
        if begun:
            self._begun, self._up = None, True
            return
        assert isinstance(answer, Letters)
        self._mailbox.take(answer)
        if answer.ended:
            self.kill()

    def _end(self, reason: str, *, outside: bool = False) -> None:
        if not self._dead:
            self._mailbox.take_local(Failed(reason, outside=outside))
        self.kill()

    def pending(self, now: float) -> bool:
        """Whether it has not come up for long; true once."""
        late = not self._up and not self._dead and now - self._started_at > _PENDING_SECONDS
        if late and not self._pending_said:
            self._pending_said = True
            return True
        return False


def _reason(name: str, error: Exception) -> str:
    """Why an actor died, in one line."""
    text = str(error)
    if "ModuleNotFoundError" in text or "ImportError" in text:
        return f"{name}: meijin cannot be imported there; install the same version on every node"
    cause = re.search(r"because (.*?)[.\n]", text)
    return f"{name} died: {cause[1] if cause else _short(error)}"


def _short(error: BaseException) -> str:
    """What an exception of Ray says, as the beginning of one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


class RayCarrier:
    """Actors of a cluster, or of a Ray that is started on this machine for this run."""

    settle_seconds = 3.0

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        address: RayAddress,
        *,
        report: Callable[[str], None],
    ) -> None:
        """Connect.

        Args:
            run: lies on a disk of this machine; the learner is kept beside it.
            config: the run's settings.
            address: of a cluster, or this machine.
            report: takes sentences for the user.

        Raises:
            RunError: Ray is not installed, or there is none at the address.
        """
        self.run = run
        self.config = config
        self.address = address
        self._report = report
        self._ray = _import_ray(loopback=address.local)
        check_reachable(address)
        self._expected = fingerprint(config.game)
        self._connect()
        self._here = "" if address.client else self._ray.get_runtime_context().get_node_id()
        self._weights: tuple[int, object] | None = None
        self._parts: list[RayPart] = []
        self._fresh: queue.SimpleQueue[RayPart] = queue.SimpleQueue()
        self._aside: set[str] = set()
        self._nodes: dict[str, tuple[str, int]] = {}  # by id: name and cores, oldest first
        self._names: dict[str, str] = {}  # of all nodes that ever were
        self._closed = threading.Event()
        self._surplus_said = False
        self._look_at_nodes()
        self._threads = [
            threading.Thread(target=self._carry, name="ray-messages", daemon=True),
            threading.Thread(target=self._watch_nodes, name="ray-nodes", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- connecting

    def _connect(self) -> None:
        if self.address.local:
            workers = self.config.workers or psutil.cpu_count(logical=False) or 1
            try:
                self._init(
                    address="local",  # nothing would also mean a cluster that runs here already
                    num_cpus=workers,
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                )
            except Exception as error:
                raise RunError(f"Ray does not start here: {_short(error)}") from error
            return
        failure: list[BaseException] = []
        done = threading.Event()

        def connect() -> None:
            try:
                self._init(address=self.address.text)
            except BaseException as error:  # Ray raises SystemExit where it gives up
                failure.append(error)
            done.set()

        limit = _CONNECT_SECONDS[self.address.client]
        with _quiet():
            threading.Thread(target=connect, name="ray-connect", daemon=True).start()
            connected = done.wait(limit)
        if not connected:
            raise RunError(
                f"no Ray at {self.address.text}: something answers there, but no cluster within "
                f"{limit:.0f} s; HOST:PORT wants the port of the cluster itself (6379 by default), "
                f"ray:// that of its client server (10001){_token_hint()}"
            )
        if failure:
            raise RunError(f"no Ray at {self.address.text}: {_short(failure[0])}") from failure[0]

    def _init(self, **options: Any) -> None:
        self._ray.init(logging_level=logging.ERROR, log_to_driver=True, **options)

    # -- places

    def places(self) -> list[str]:
        """A place for each core of the nodes that are up, or for as many workers as were set."""
        nodes = {node: facts for node, facts in self._nodes.items() if node not in self._aside}
        cores = [node for node, (_, count) in nodes.items() for _ in range(count)]
        wanted = self.config.workers
        if not wanted or not nodes:
            return cores
        while len(cores) < wanted:
            cores += cores or list(nodes)
        return cores[:wanted]

    def describe(self, place: str) -> str:
        """The node's name."""
        return self._names.get(place, f"node {place[:6]}")

    def set_aside(self, place: str) -> bool:
        """Use a node no more; whether another one is left."""
        self._aside.add(place)
        return any(node not in self._aside and count for node, (_, count) in self._nodes.items())

    def _look_at_nodes(self) -> None:
        up = {}
        for node in self._ray.nodes():
            if node["Alive"]:
                name = f"node {node['NodeManagerHostname']}/{node['NodeID'][:6]}"
                up[node["NodeID"]] = (name, int(node["Resources"].get("CPU", 0)))
        self._names |= {node: name for node, (name, _) in up.items()}
        known = {node: up[node] for node in self._nodes if node in up}
        self._nodes = known | up

    def _watch_nodes(self) -> None:
        while not self._closed.wait(_NODES_SECONDS):
            with contextlib.suppress(Exception):  # the network; the next look tells
                self._look_at_nodes()

    # -- parts

    def start_worker(self, name: str, place: str) -> RayPart:
        """An actor on the node."""
        on_node = Counter(self.places())[place]
        cores = self._nodes.get(place, ("", 0))[1]
        if on_node > cores and not self._surplus_said:
            self._surplus_said = True
            total = sum(count for _, count in self._nodes.values())
            self._report(
                f"{self.config.workers} workers are more than the {total} cores of the cluster; "
                "they take turns"
            )
        return self._start(
            MeijinWorker,
            name,
            title=f"meijin {self.config.game} worker {name}",
            node=place,
            num_cpus=1 if on_node <= cores else 0,
            main=worker_main,
            arguments=(self.config, name),
            expected=self._expected,
        )

    def start_learner(self) -> Part:
        """An actor on this node, where the run directory lies; outside of the cluster a process."""
        if self.address.client:
            return LocalPart("learner", learner_main, self.config, str(self.run.path))
        return self._start(
            MeijinLearner,
            "learner",
            title=f"meijin {self.config.game} learner",
            node=self._here,
            num_cpus=0,
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
        num_cpus: int,
        main: Callable[..., None],
        arguments: tuple[Any, ...],
        expected: Fingerprint | None,
    ) -> RayPart:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = (
            self._ray.remote(kind)
            .options(
                name=f"{title} {time.time_ns():x}",
                num_cpus=num_cpus,
                max_concurrency=4,
                max_restarts=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            )
            .remote(title)
        )
        part = RayPart(name, actor, actor.begin.remote(main, arguments, expected))
        self._fresh.put(part)
        return part

    def weights(self, published: Published) -> object:
        """Put the file into the object store, once."""
        if self._weights is None or self._weights[0] != published.version:
            data = Path(published.path).read_bytes()
            reference = self._ray.put(data)
            self._weights = (published.version, _WeightsInStore(published.version, [reference]))
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
                        f"{part.name} has not come up for {_PENDING_SECONDS:.0f} s: the machine is "
                        "busy, or other jobs of the cluster have all its cores"
                    )

    def close(self) -> None:
        """End the connection, and Ray where it was started here."""
        self._closed.set()
        for thread in self._threads:
            thread.join(5)
        with contextlib.suppress(Exception):
            self._ray.shutdown()


def _token_hint() -> str:
    """What to try where the cluster may want a token that this process was not told to show.

    ``ray start`` wants one wherever the user has any, and a Ray that is started for a run makes it.
    """
    if "RAY_AUTH_MODE" in os.environ or not (Path.home() / ".ray" / "auth_token").is_file():
        return ""
    return "; a cluster of ray start may want the token of ~/.ray: set RAY_AUTH_MODE=token"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Ray's own libraries write to standard error while they try from the terminal."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _import_ray(*, loopback: bool) -> Any:
    if loopback:
        # Ray listens on every interface of a Linux machine unless it takes the machine for one on
        # which it supports no clusters: then it keeps to 127.0.0.1.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        # Its workers would give way to every other program; ours give way to none otherwise.
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
    except ImportError as error:
        raise RunError(f"--ray needs Ray ({error}); install it with: pip install ray") from error
    return ray
