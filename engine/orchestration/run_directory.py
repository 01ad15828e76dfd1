"""The run directory: the only state of a run.

run.toml          every setting, written once
run.lock          held by the process that trains (``holder.json`` names it)
learner.lock      held by the learner
episodes/         finished self-play games, checksummed shards
snapshots/        the learner's complete state, the newest few
weights/          published networks, one file a version
metrics.jsonl     one JSON object a line: how the run went
tensorboard/      the same numbers for TensorBoard
logs/             what workers and learner printed, and the tracebacks of those that failed
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import msgspec

from engine.config import ConfigError, RunConfig, decode_config, encode_config

_CONFIG = "run.toml"
_MOST_LOG_BYTES = 2 * 2**20
_KEPT_LOG_BYTES = 2**18  # of a log that has grown past that: its end


class RunError(RuntimeError):
    """A run directory that cannot be used as asked; the message is one line for the user."""


class RunDirectory:
    """Paths and small files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.episodes = path / "episodes"
        self.snapshots = path / "snapshots"
        self.weights = path / "weights"
        self.tensorboard = path / "tensorboard"
        self.logs = path / "logs"
        self.metrics_file = path / "metrics.jsonl"

    @property
    def exists(self) -> bool:
        """Whether a run has been started here."""
        return (self.path / _CONFIG).is_file()

    def check_place(self) -> None:
        """Refuse, before anything else is done, a place where ``create`` would fail.

        Raises:
            RunError: there is no permission.
        """
        there = next(each for each in (self.path, *self.path.absolute().parents) if each.exists())
        if not os.access(there, os.W_OK):
            raise RunError(
                f"cannot write the run directory {self.path}: no permission; choose another with "
                "--run"
            )

    def create(self, config: RunConfig) -> None:
        """Make the folders and write the settings.

        Raises:
            RunError: the place cannot be written.
        """
        try:
            for folder in (self.path, self.episodes, self.snapshots, self.weights):
                folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path / _CONFIG, encode_config(config).encode())
        except OSError as error:
            raise RunError(
                f"cannot write the run directory {self.path}: {error.strerror or error}; "
                "choose another with --run"
            ) from error

    def config(self) -> RunConfig:
        """The settings the run was started with.

        Raises:
            RunError: there is no run here, or its settings cannot be read.
        """
        path = self.path / _CONFIG
        try:
            return decode_config(path.read_text(encoding="utf-8"), source=str(path))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.path} is not a run directory (it has no {_CONFIG}); "
                "start one with: meijin train GAME --run " + str(self.path)
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"cannot read {path}: {error}") from error
        except ConfigError as error:
            raise RunError(str(error)) from error

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every other process from training here.

        Raises:
            RunError: another process holds the run; the message names it.
        """
        holder = self.path / "holder.json"
        lock = filelock.FileLock(self.path / "run.lock", blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            who = "another process"
            try:
                facts = json.loads(holder.read_text())
                who = f"process {facts['pid']} on {facts['host']} since {facts['since']}"
            except (OSError, ValueError, KeyError):
                pass
            raise RunError(f"{self.path} is being trained by {who}; stop that one first") from error
        except OSError as error:
            raise RunError(f"cannot lock {self.path}: {error.strerror or error}") from error
        try:
            facts = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
            write_atomically(holder, json.dumps(facts).encode())
            yield
        finally:
            lock.release()

    @contextmanager
    def learn(self, *, patience: float = 60.0) -> Iterator[None]:
        """Keep every other learner from writing snapshots and weights here.

        A learner whose driver was killed may live on for seconds; the next one waits for its end.

        Args:
            patience: seconds to wait.

        Raises:
            RunError: another learner is still there.
        """
        try:
            with filelock.FileLock(self.path / "learner.lock", timeout=patience):
                yield
        except filelock.Timeout as error:
            raise RunError(f"another learner still writes to {self.path}; end it first") from error

    def weights_file(self, version: int) -> Path:
        """Where the network of a version is published."""
        return self.weights / f"v{version:06d}.safetensors"

    def log_file(self, part: str) -> Path:
        """Where the output of a part goes; its folder is made.

        Args:
            part: its name; all the workers that follow each other under one number share a file,
                so that there are never more files than workers at a time.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        worker = re.fullmatch(r"w(\d+)\..*", part)
        return self.logs / (f"worker_{worker[1]}.log" if worker else f"{part}.log")

    def append_log(self, part: str, text: str) -> None:
        """Put text at the end of a part's log; a disk that refuses is no reason to stop."""
        with contextlib.suppress(OSError), self.log_file(part).open("a", encoding="utf-8") as file:
            file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}\n{text.rstrip()}\n")

    def trim_logs(self) -> None:
        """Cut logs that have grown too large down to their end."""
        for path in self.logs.glob("*.log"):
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                if size <= _MOST_LOG_BYTES:
                    continue
                with path.open("r+b") as file:
                    file.seek(size - _KEPT_LOG_BYTES)
                    end = file.read()
                    file.truncate(0)
                with path.open("ab") as file:  # whoever prints meanwhile appends too
                    file.write(end)

    def versions(self) -> list[int]:
        """Published versions, ascending."""
        found = []
        for path in self.weights.glob("v*.safetensors"):
            digits = path.name[1:].split(".")[0]
            if digits.isdigit():
                found.append(int(digits))
        return sorted(found)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All complete lines of the metrics file; a line cut short by a crash is left out."""
        rows = []
        try:
            lines = self.metrics_file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        for line in lines:
            try:
                rows.append(msgspec.json.decode(line, type=dict[str, Any]))
            except msgspec.DecodeError:
                continue
        return rows

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one line, flushed to the disk."""
        line = msgspec.json.encode(row)
        with self.metrics_file.open("ab") as file:
            if file.tell() and not _ends_with_newline(self.metrics_file):
                file.write(b"\n")  # a crash cut the last line short: keep ours whole
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader or a crash sees the old file or the new one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
