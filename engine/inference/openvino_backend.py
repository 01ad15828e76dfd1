"""Inference with OpenVINO on one core: float32, bfloat16, or 8-bit convolutions."""

from __future__ import annotations

import copy
import time
from typing import Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from engine.inference.openvino_graph import translate
from engine.inference.quantisation import activation_ranges, trace
from engine.networks.network import Network, fold_batch_norm

SHAPES_PER_DOUBLING = 8
_MOST_ROWS_A_SWITCH = 16
_TRIED = (2, 6)  # batch sizes by which a switch is measured


def capabilities() -> frozenset[str]:
    """Number formats the processor computes in, as OpenVINO names them: ``INT8``, ``BF16``, ..."""
    return frozenset(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def padded_batch(n: int) -> int:
    """Number of positions really computed for a call with ``n``.

    OpenVINO prepares its kernels anew for every batch size it meets (about 4 ms each on Zen 4).
    Rounding up to eight sizes per doubling bounds that, and wastes 3 % on average.
    """
    step = max(1, (1 << (n - 1).bit_length()) // (2 * SHAPES_PER_DOUBLING))
    return -(-n // step) * step


class OpenVinoBackend:
    """A network compiled for this processor; one model serves every batch size.

    Args:
        network: the network; later changes to it do not reach the backend.
        max_batch: largest number of positions of one call.
        precision: ``int8`` rounds the weights and inputs of the convolutions to bytes and leaves
            the rest in float32.
        threads: threads of one call; more than one per core collapses when a core is busy.
        calibration_planes: for ``int8``, observations ``[B, C, H, W]`` uint8 of positions as they
            will occur.

    Raises:
        ValueError: ``int8`` without calibration planes.
        NotImplementedError: the network has a piece without an OpenVINO translation, or nothing
            that ``int8`` speeds up.
    """

    def __init__(
        self,
        network: Network,
        *,
        max_batch: int,
        precision: Literal["int8", "bf16", "float32"],
        threads: int = 1,
        calibration_planes: NDArray[np.uint8] | None = None,
    ):
        self.name = f"openvino {precision}"
        self.max_batch = max_batch
        graph = trace(fold_batch_norm(network))
        ranges = None
        if precision == "int8":
            if calibration_planes is None:
                raise ValueError("int8 inference needs calibration_planes; got None")
            ranges = activation_ranges(graph, calibration_planes)
            if not ranges:
                raise NotImplementedError("int8 is for convolutions after a ReLU; it has none")
        self._model = translate(
            graph, observation_shape=network.observation_shape, batch=-1, ranges=ranges
        )
        self._settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Workers share the cores with other processes; the scheduler knows better.
            "ENABLE_CPU_PINNING": False,
            # bfloat16 for the little that is not a convolution gains nothing beside int8.
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        }
        self._observation_shape = network.observation_shape
        self._start()
        self._rows_a_switch = self._measure_switch() if max_batch >= max(_TRIED) else 0

    def _start(self) -> None:
        """Compile, and reserve what a call needs."""
        compiled = ov.Core().compile_model(self._model, "CPU", self._settings)
        self._request = compiled.create_infer_request()
        size = padded_batch(self.max_batch)
        self._planes = np.zeros((size, *self._observation_shape), dtype=np.uint8)
        self._inputs: dict[int, ov.Tensor] = {}  # by padded size; views of self._planes
        self._size = 0  # of the last call

    def another(self) -> OpenVinoBackend:
        """The same network for another thread, compiled anew: calls of one model take turns."""
        other = copy.copy(self)
        other._start()
        return other

    def run(
        self,
        planes: NDArray[np.uint8],
        policy_logits_out: NDArray[np.float32],
        outcome_probs_out: NDArray[np.float32],
    ) -> None:
        """See ``Backend.run``."""
        n = len(planes)
        size = padded_batch(n)
        if size < self._size <= size + self._rows_a_switch:
            size = self._size
        # Rows from n on keep old planes: positions do not influence each other.
        self._planes[:n] = planes
        self._infer(size)
        policy_logits_out[...] = self._request.get_output_tensor(0).data[:n]
        outcome_probs_out[...] = self._request.get_output_tensor(1).data[:n]

    def _infer(self, size: int) -> None:
        """Compute the first rows of the planes."""
        if size not in self._inputs:
            self._inputs[size] = ov.Tensor(self._planes[:size], shared_memory=True)
        self._size = size
        self._request.set_input_tensor(self._inputs[size])
        self._request.infer()

    def _measure_switch(self) -> int:
        """How many rows take as long as going on with another batch size than the last one.

        OpenVINO looks its kernels up again for every layer (0.25 ms for 6 blocks, on Zen 5).
        """

        def seconds(size: int) -> float:
            begun = time.perf_counter()
            self._infer(size)
            return time.perf_counter() - begun

        small, large = _TRIED
        alone = {size: min(seconds(size) for _ in range(4)) for size in (small, large)}
        in_turns = min(seconds(small) + seconds(large) for _ in range(3))
        row = (alone[large] - alone[small]) / (large - small)
        switch = (in_turns - alone[small] - alone[large]) / 2
        return min(max(int(switch / max(row, 1e-9)), 0), _MOST_ROWS_A_SWITCH)
