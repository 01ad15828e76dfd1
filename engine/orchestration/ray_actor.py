"""What runs inside an actor: a thread that works, and a mailbox that the driver's calls empty."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.orchestration.fingerprint import (
    Fingerprint,
    fingerprint,
    library_differences,
    refusal,
)
from engine.orchestration.gpu_meter import GpuMeter
from engine.orchestration.local import ParentGoneError
from engine.orchestration.mailbox import Letters, Mailbox, Silence
from engine.orchestration.messages import GpusBusy, NewWeights, Refused, Said
from engine.orchestration.run_directory import write_atomically
from games.game import GameError

_HOLD_SECONDS = 5.0  # an exchange is answered by then, with nothing if there is nothing
_SILENCE_SECONDS = 120.0  # an actor whose driver says nothing for so long ends itself
_MOST_BEHIND = 3  # versions; a worker further behind waits for the newest instead of playing
_GPU_SECONDS = 5.0  # between two looks at how busy they are
_FETCH_SECONDS = 10.0  # such a wait, until messages are looked at again


@dataclass(frozen=True, slots=True)
class WeightsInStore:
    """Driver to worker: this version lies in the object store (a sealed file's bytes)."""

    version: int
    reference: list[Any]  # one ObjectRef, in a list so that Ray hands it on unopened


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
        self._announced: WeightsInStore | None = None
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
            if isinstance(message, WeightsInStore):
                self._announced = message
            else:
                messages.append(message)
        if self._announced is not None:
            messages += self._fetch(self._announced)
        return messages

    def _fetch(self, announced: WeightsInStore) -> list[object]:
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

    def __init__(self, title: str, *, gpus: bool) -> None:
        """Before ``begin``.

        Args:
            title: by which it is shown.
            gpus: whether it was given any; otherwise it must see none, which Ray does not ensure.
        """
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
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
            if expected is not None:
                if not self._fits(expected):
                    return
                self._tell_of_gpus(expected.host)
            main(RayLink(self._mailbox, self._silence, folder), *arguments)
        except ParentGoneError:
            pass
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._mailbox.end()

    def _tell_of_gpus(self, driver: str) -> None:
        """Tell how busy this actor's GPUs are, unless the driver's machine is this one."""
        own, visible = socket.gethostname(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
        if not visible or own == driver:
            return
        meter = GpuMeter(only=visible)

        def tell() -> None:
            while not self._silence.too_long and not self._mailbox.ended:
                time.sleep(_GPU_SECONDS)
                if shares := meter.busy():
                    named = {f"{own} {gpu}": share for gpu, share in shares.items()}
                    self._mailbox.post(GpusBusy(named), replaces=GpusBusy)
            meter.close()

        threading.Thread(target=tell, name="gpu shares", daemon=True).start()

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
