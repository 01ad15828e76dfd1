"""The graph of a folded network, and the ranges that 8-bit inference needs of it.

A network is traced once with ``torch.fx`` into a chain of known pieces (convolution, linear, ReLU
and a few more). ``openvino_graph`` translates that chain; this module measures, on sample
positions, how large the input of every convolution becomes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import fx, nn

from engine.networks.layers import BoardMean, BoardMeanMax, ScalePlanes, ToPlanes

KNOWN_PIECES: tuple[type[nn.Module], ...] = (
    nn.Conv2d,
    nn.Linear,
    nn.ReLU,
    nn.Sigmoid,
    nn.Flatten,
    nn.Identity,
    ScalePlanes,
    BoardMean,
    BoardMeanMax,
    ToPlanes,
)


class _PieceTracer(fx.Tracer):
    """Looks into every module except the known pieces."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return isinstance(module, KNOWN_PIECES)


def trace(folded: nn.Module) -> fx.GraphModule:
    """Graph of a folded network in terms of ``KNOWN_PIECES``, additions and multiplications."""
    return fx.GraphModule(folded, _PieceTracer().trace(folded))


def quantised_inputs(graph: fx.GraphModule) -> dict[str, str]:
    """Convolutions whose input is rounded to 8 bits, as name of the input -> name of one of them.

    Those are the convolutions that read the output of a ReLU. The first one reads the planes,
    which are whole numbers already.
    """
    chosen = {}
    for node in graph.graph.nodes:
        if node.op == "call_module" and isinstance(graph.get_submodule(node.target), nn.Conv2d):
            source = node.args[0]
            if source.op == "call_module" and isinstance(
                graph.get_submodule(source.target), nn.ReLU
            ):
                chosen[source.name] = node.name
    return chosen


class _RangeRecorder(fx.Interpreter):
    """Runs the graph and notes the upper range of chosen outputs."""

    def __init__(self, graph: fx.GraphModule, *, names: set[str], quantile: float):
        super().__init__(graph)
        self.names = names
        self.quantile = quantile
        self.ranges: dict[str, float] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.name in self.names:
            if self.quantile >= 1:
                upper = float(result.max())
            else:
                values = result.numpy().reshape(-1)
                # A partition finds one quantile without sorting all values.
                rank = int(self.quantile * (values.size - 1))
                upper = float(np.partition(values, rank)[rank])
            self.ranges[n.name] = max(upper, 1e-6)
        return result


@torch.inference_mode()
def activation_ranges(
    graph: fx.GraphModule, planes: np.ndarray, *, quantile: float
) -> dict[str, float]:
    """Upper range of every output that will be rounded to 8 bits (the lower one is zero: ReLU).

    Args:
        graph: traced, folded network.
        planes: sample observations ``[B, C, H, W]`` uint8.
        quantile: part of the values that must lie within the range; 1 stands for the maximum.

    Returns:
        Name of the graph's node -> range.
    """
    recorder = _RangeRecorder(graph, names=set(quantised_inputs(graph)), quantile=quantile)
    recorder.run(torch.from_numpy(planes))
    return recorder.ranges
