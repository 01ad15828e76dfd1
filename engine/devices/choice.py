"""Which device runs the networks: chosen in the open, never swapped for another one in silence."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

_FORM = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_TRIAL_SECONDS = 120.0
_DRIVER = Path("/proc/driver/nvidia/version")


class DeviceError(RuntimeError):
    """The device that was asked for does not work here; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where networks run.

    Attributes:
        names: devices as PyTorch names them, one for each self-play process; ``("cpu",)`` stands
            for the processor, however many processes there are.
        reason: what was chosen and why, as a sentence for the user.
    """

    names: tuple[str, ...]
    reason: str

    @property
    def is_cpu(self) -> bool:
        """Whether no accelerator is used."""
        return self.names == ("cpu",)

    def of_worker(self, name: str) -> str:
        """The device of a self-play process by its name: ``w3.1.7`` is worker 3."""
        number = re.search(r"\d+", name)
        return self.names[int(number.group()) % len(self.names) if number else 0]


def is_device_name(text: str) -> bool:
    """Whether a text has the form of a device: auto, cpu, cuda, cuda:1 or mps."""
    return _FORM.fullmatch(text) is not None


def choose_device(wanted: str, *, here: bool = False) -> DeviceChoice:
    """Settle on devices.

    Args:
        wanted: ``auto`` takes every NVIDIA GPU that works, or else the processor; ``cuda`` is every
            GPU, ``cuda:1`` that one; ``cpu``, ``mps``.
        here: whether this process is going to compute on all that is chosen. GPUs are tried out in
            it then; otherwise in processes that end at once, since whoever has computed on a GPU
            holds some 500 MB of it for good.

    Raises:
        DeviceError: the text names no device, or the device named does not work; the message says
            what was seen.
    """
    if not is_device_name(wanted):
        raise DeviceError(f"no device {wanted!r}; there are auto, cpu, cuda, cuda:0, cuda:1, mps")
    if wanted == "cpu":
        return DeviceChoice(("cpu",), "Networks run on the processor, as asked for.")
    if wanted == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError(
                f"--device mps: PyTorch {torch.__version__} sees no Apple GPU; use --device cpu"
            )
        return DeviceChoice(("mps",), "Networks run on the Apple GPU, as asked for.")
    names, fault = _listed(wanted)
    trials = _tried(names) if here else _tried_apart(names)
    working = [trial for trial in trials if not trial.fault]
    faults = [f"{trial.name} fails ({trial.fault})" for trial in trials if trial.fault]
    if working:
        what = ", ".join(f"{trial.name} ({trial.title})" for trial in working)
        why = "it works" if wanted == "auto" else "as asked for"
        if faults:
            why += f"; not used: {'; '.join(faults)}"
        chosen = tuple(trial.name for trial in working)
        return DeviceChoice(chosen, f"Networks run on {what}: {why}.")
    seen = fault or "; ".join(faults)
    if wanted == "auto":
        return DeviceChoice(("cpu",), f"Networks run on the processor: {seen}.")
    raise DeviceError(f"--device {wanted}: {seen}; use --device cpu, or auto")


def _listed(wanted: str) -> tuple[tuple[str, ...], str]:
    """The GPUs that PyTorch sees among those wanted, and what was seen where there are none."""
    if not torch.cuda.is_available():
        return (), _without_cuda()
    count = torch.cuda.device_count()
    if ":" not in wanted:
        return tuple(f"cuda:{index}" for index in range(count)), ""
    index = int(wanted.partition(":")[2])
    if index >= count:
        most = "cuda:0 alone" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        return (), f"PyTorch sees {count} GPU(s), {most}"
    return (f"cuda:{index}",), ""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What came out when a GPU was tried."""

    name: str
    title: str  # what it is
    fault: str  # what went wrong; empty if nothing did


def _tried(names: tuple[str, ...]) -> list[_Trial]:
    """Let each compute something."""
    trials = []
    for name in names:
        fault = _fault_of(name)
        trials.append(_Trial(name, "" if fault else torch.cuda.get_device_name(name), fault))
    return trials


@functools.cache  # a driver asks twice, and each process imports PyTorch
def _tried_apart(names: tuple[str, ...]) -> list[_Trial]:
    """Let each compute something in a process of its own, all at once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    return [_answer(name, process) for name, process in zip(names, processes, strict=True)]


def _answer(name: str, process: subprocess.Popen[str]) -> _Trial:
    """What the process that tries a GPU says of it, or how it failed."""
    try:
        said, complaints = process.communicate(timeout=_TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return _Trial(name, "", f"it does not answer within {_TRIAL_SECONDS:.0f} seconds")
    if process.returncode:
        last = complaints.strip().splitlines()[-1:] or ["without a word"]
        return _Trial(name, "", f"trying it ended with code {process.returncode}: {last[0]}")
    return _Trial(**json.loads(said))


def _fault_of(name: str) -> str:
    """What goes wrong when a GPU computes something; empty if nothing does.

    A GPU can be listed and yet be of a generation that the build of PyTorch has no kernels for,
    full, or held by another process alone.
    """
    try:
        ones = torch.ones(8, 8, device=name)
        total = float((ones @ ones).sum())
    except RuntimeError as error:  # torch.OutOfMemoryError and torch.AcceleratorError are such
        return str(error).strip().splitlines()[0]
    return "" if total == 512 else f"8 x 8 ones multiplied and summed make {total:g}, not 512"


def _without_cuda() -> str:
    """Why PyTorch has no GPU, from what can be seen."""
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    driver = "an NVIDIA driver is loaded" if _DRIVER.exists() else "no NVIDIA driver is loaded"
    said = [f"PyTorch {torch.__version__} ({built}) sees no GPU", driver]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        said.append(f"CUDA_VISIBLE_DEVICES is {hidden!r}")
    return ", ".join(said)


if __name__ == "__main__":
    (trial,) = _tried((sys.argv[1],))
    print(json.dumps(asdict(trial)))
