"""Which device runs the networks: chosen in the open, never swapped for another one in silence."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch

_FORM = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
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

    def of_worker(self, number: int) -> str:
        """The device of the self-play process of that number."""
        return self.names[number % len(self.names)]


def is_device_name(text: str) -> bool:
    """Whether a text has the form of a device: auto, cpu, cuda, cuda:1 or mps."""
    return _FORM.fullmatch(text) is not None


def choose_device(wanted: str) -> DeviceChoice:
    """Settle on devices.

    Args:
        wanted: ``auto`` takes every NVIDIA GPU that works, or else the processor; ``cuda`` is every
            GPU, ``cuda:1`` that one; ``cpu``, ``mps``.

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
    working, faults = _cuda_devices(wanted)
    if working:
        what = ", ".join(f"{name} ({torch.cuda.get_device_name(name)})" for name in working)
        why = "it works" if wanted == "auto" else "as asked for"
        if faults:
            why += f"; not used: {'; '.join(faults)}"
        return DeviceChoice(working, f"Networks run on {what}: {why}.")
    seen = "; ".join(faults)
    if wanted == "auto":
        return DeviceChoice(("cpu",), f"Networks run on the processor: {seen}.")
    raise DeviceError(f"--device {wanted}: {seen}; use --device cpu, or auto")


def _cuda_devices(wanted: str) -> tuple[tuple[str, ...], list[str]]:
    """The GPUs that work among those wanted, and what was seen where none or some do not."""
    if not torch.cuda.is_available():
        return (), [_without_cuda()]
    count = torch.cuda.device_count()
    if ":" in wanted:
        index = int(wanted.partition(":")[2])
        if index >= count:
            most = "cuda:0 alone" if count == 1 else f"cuda:0 to cuda:{count - 1}"
            return (), [f"PyTorch sees {count} GPU(s), {most}"]
        indices = [index]
    else:
        indices = list(range(count))
    working, faults = [], []
    for index in indices:
        name = f"cuda:{index}"
        if fault := _fault_of(name):
            faults.append(f"{name} fails ({fault})")
        else:
            working.append(name)
    return tuple(working), faults


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
