"""Connecting a driver with Ray: one that is started for the run, or a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

from engine.orchestration.ray_address import AUTO, RayAddress
from engine.orchestration.run_directory import RunError

# What listens there is known to be Ray by now (``check_reachable``). A cluster's nodes answer
# within seconds; Ray Client first starts a process for the driver on the head.
_CONNECT_SECONDS = {True: 60.0, False: 9.0}
_OBJECT_STORE_BYTES = 512 * 2**20  # of a Ray that is started here: weights and batches in flight


def import_ray(*, loopback: bool) -> Any:
    """The library.

    Args:
        loopback: Ray will be started by this process, and shall be seen by no other machine.

    Raises:
        RunError: it is not installed.
    """
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


def start_here(ray: Any, *, cores: int, gpus: int | None) -> None:
    """Start a Ray of this machine's own, which ends with this process.

    Args:
        ray: the library.
        cores: that actors may ask for.
        gpus: the same; None: as many as Ray finds.

    Raises:
        RunError: it does not start.
    """
    try:
        _init(
            ray,
            address="local",  # nothing would also mean a cluster that runs here already
            num_cpus=cores,
            num_gpus=gpus,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _node_ip_address="127.0.0.1",
        )
    except Exception as error:
        raise RunError(f"Ray does not start here: {short(error)}") from error


def join(ray: Any, address: RayAddress) -> None:
    """Become a driver of a cluster.

    Raises:
        RunError: it does not take this process, and why.
    """
    failure: list[BaseException] = []
    done = threading.Event()

    def connect() -> None:
        try:
            _init(ray, address=address.text)
        except BaseException as error:  # Ray raises SystemExit where it gives up
            failure.append(error)
        done.set()

    limit = _CONNECT_SECONDS[address.client]
    with _quiet():
        threading.Thread(target=connect, name="ray-connect", daemon=True).start()
        connected = done.wait(limit)
    if address.text == AUTO and (failure or not connected):
        raise RunError(
            "no cluster of this machine takes this driver (ray start --head starts one; that of a "
            "run with --ray alone is for that run only); --ray without an address starts Ray here"
            + (f": {short(failure[0])}" if failure else "")
        ) from (failure[0] if failure else None)
    if not connected:
        raise RunError(
            f"the cluster at {address.text} answers, but has not taken this driver within "
            f"{limit:.0f} s; HOST:PORT is for machines that belong to the cluster (ray start "
            "--address=HOST:PORT there first), from outside it is ray://HOST:10001"
        )
    if failure:
        raise RunError(
            f"the cluster at {address.text} does not take this driver: {short(failure[0])}"
        ) from failure[0]


def short(error: BaseException) -> str:
    """What an exception of Ray says, as the beginning of one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _init(ray: Any, **options: Any) -> None:
    ray.init(logging_level=logging.ERROR, log_to_driver=True, **options)


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
