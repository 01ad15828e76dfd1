"""How busy the GPUs of this machine are, as NVIDIA's own tool says."""

from __future__ import annotations

import shutil
import subprocess
import threading

_QUERY = [
    "--query-gpu=index,utilization.gpu",
    "--format=csv,noheader,nounits",
    "--loop=2",
]


class GpuMeter:
    """Reads ``nvidia-smi`` in a thread; where there is no such program there is nothing to read."""

    def __init__(self, only: str = "") -> None:
        """Begin to read.

        Args:
            only: the GPUs that count, as ``CUDA_VISIBLE_DEVICES`` names them; empty: all.
        """
        self._busy: dict[str, float] = {}
        self._process: subprocess.Popen[str] | None = None
        program = shutil.which("nvidia-smi")
        if program is None:
            return
        try:
            self._process = subprocess.Popen(
                [program, *_QUERY, *([f"--id={only}"] if only else [])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            return
        threading.Thread(target=self._read, name="gpu meter", daemon=True).start()

    def busy(self) -> dict[str, float]:
        """Share of the last seconds in which a kernel ran, by GPU; empty where nothing is known."""
        return dict(self._busy)

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            number, _, percent = line.partition(",")
            try:
                self._busy[f"GPU {int(number)}"] = float(percent) / 100
            except ValueError:  # "[N/A]" on GPUs that do not say, or a complaint
                continue
        self._busy = {}  # it has ended: nothing is known any more
