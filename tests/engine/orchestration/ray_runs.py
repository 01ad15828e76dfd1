"""Training runs on Ray as processes, and what can be seen and done to them from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from tiny_runs import HASTY, TINY

from engine.learning.store import EpisodeStore
from games import make


def command(
    run: Path, *arguments: str, game: str = "tic_tac_toe", settings: list[str] = TINY
) -> list[str]:
    named = [part for text in settings for part in ("--set", text)]
    return [
        sys.executable, HASTY, "train", game, "--run", str(run), "--seed", "5",
        "--plain", "--no-judge", *arguments, *named,
    ]  # fmt: skip


def start(
    run: Path, *arguments: str, log: Path, before=(), environment=None, cwd=None, **options
) -> subprocess.Popen:
    """A training run; ``before`` are words before the command, such as ``ip netns exec``."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [*before, *command(run, *arguments, **options)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
            cwd=cwd,
        )


#: Clusters of the tests ask for no token, wherever the user has one.
NO_TOKEN = {"RAY_AUTH_MODE": "disabled", "RAY_worker_niceness": "0"}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def ray_start(*arguments: str, log: Path, before=(), environment=None):
    """A node by ``ray start``, in the foreground, with all that it starts ended with it."""
    folder = tempfile.mkdtemp(prefix="mj", dir="/tmp")  # sockets want a short path
    line = [
        *before, sys.executable, "-m", "ray.scripts.scripts", "start", "--block",
        "--disable-usage-stats", "--object-store-memory=200000000", *arguments,
    ]  # fmt: skip
    if "--head" in arguments:
        line.append(f"--temp-dir={folder}")
    with log.open("ab") as file:
        node = subprocess.Popen(
            line, stdout=file, stderr=subprocess.STDOUT, env=os.environ | (environment or NO_TOKEN)
        )
    try:
        yield node
    finally:
        end_with_children(node)
        shutil.rmtree(folder, ignore_errors=True)


def end_with_children(process: subprocess.Popen) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        psutil.wait_procs(family, timeout=15)
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def wait_for_port(port: int, *, seconds: float = 300) -> None:
    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_until(listens, seconds=seconds, what=f"port {port}")


def wait_for_head(log: Path, *, seconds: float = 300) -> None:
    """Until a head by ``ray_start`` is up; its port is open long before its raylet runs."""
    wait_until(lambda: "Ray runtime started" in log.read_text(), seconds=seconds, what="the head")


def actors(kind: str = "Meijin") -> list[psutil.Process]:
    """Processes of workers and learner on this machine that Ray started for a Meijin run."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if line.startswith(f"ray::{kind}"):
            found.append(process)
    return found


def actors_of(driver: subprocess.Popen, kind: str = "Meijin") -> list[psutil.Process]:
    """The same, of one driver that started Ray itself."""
    try:
        own = {child.pid for child in psutil.Process(driver.pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return []
    return [process for process in actors(kind) if process.pid in own]


def shards(run: Path) -> int:
    """Number of the newest shard."""
    names = [path.name[9:17] for path in (run / "episodes").glob("episodes-*.safetensors")]
    return max((int(name) for name in names), default=0)


def wait_until(happened, *, seconds: float, what: str) -> float:
    """Seconds until it happened."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if happened():
            return time.monotonic() - begin
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def wait_for_shards(run: Path, count: int, *, seconds: float = 240) -> None:
    target = shards(run) + count
    wait_until(lambda: shards(run) >= target, seconds=seconds, what=f"shard {target}")


def stop(process: subprocess.Popen, number: int = signal.SIGTERM) -> None:
    os.kill(process.pid, number)
    process.wait(180)


def verified(run: Path, game: str = "tic_tac_toe"):
    """All stored episodes and the store, after every checksum was verified.

    A kill may fall into the writing of a shard, of which nothing was acknowledged yet: what was
    begun is removed, and said. That is all that may be amiss.
    """
    complaints: list[str] = []
    store = EpisodeStore(run / "episodes", make(game), report=complaints.append)
    assert all(each.endswith(".tmp', which was never finished") for each in complaints), complaints
    episodes = [episode for number in store.numbers for episode in store.read(number)]
    ids = [episode.id for episode in episodes]
    assert len(set(ids)) == len(ids), "no episode is stored twice"
    return episodes, store
