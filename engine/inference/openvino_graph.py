"""Translation of a folded network into an OpenVINO model, with 8-bit convolutions on request.

The model is built operation by operation instead of through OpenVINO's PyTorch converter: that
takes milliseconds instead of seconds, and decides exactly which values are rounded to 8 bits.
"""

from __future__ import annotations

import operator

import numpy as np
import openvino as ov
import torch
from openvino import opset13 as ops
from torch import fx, nn

from engine.networks.layers import BoardMean, BoardMeanMax, ScalePlanes, ToPlanes

ACTIVATION_LEVELS = 256  # unsigned bytes
WEIGHT_LEVELS = 255  # signed bytes -127..127, symmetric around zero


def _constant(array: torch.Tensor) -> ov.Node:
    """Float32 constant of a tensor."""
    return ops.constant(array.detach().float().numpy())


def _quantised_weights(weight: torch.Tensor) -> ov.Node:
    """Weights ``[outputs, inputs, 3, 3]`` rounded to signed bytes, with one scale per output."""
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-8)
    high = _constant(largest)
    low = _constant(-largest)
    return ops.fake_quantize(_constant(weight), low, high, low, high, levels=WEIGHT_LEVELS)


class _Translator:
    """Walks the traced graph once; ``values`` holds the OpenVINO node of every traced node."""

    def __init__(self, graph: fx.GraphModule, *, ranges: dict[str, float] | None):
        self.graph = graph
        self.ranges = ranges
        self.values: dict[str, ov.Node] = {}

    def quantised(self, node: ov.Node, upper: float) -> ov.Node:
        """Values between 0 and ``upper`` rounded to unsigned bytes."""
        low, high = np.float32(0), np.float32(upper)
        return ops.fake_quantize(node, low, high, low, high, levels=ACTIVATION_LEVELS)

    def convolution(self, piece: nn.Conv2d, x: ov.Node) -> ov.Node:
        """Convolution with stride 1, and its bias."""
        padding = list(piece.padding)
        weight = (
            _constant(piece.weight) if self.ranges is None else _quantised_weights(piece.weight)
        )
        assert piece.bias is not None  # folding gives every convolution one
        y = ops.convolution(x, weight, [1, 1], padding, padding, [1, 1])
        return ops.add(y, _constant(piece.bias[None, :, None, None]))

    def linear(self, piece: nn.Linear, x: ov.Node) -> ov.Node:
        """Fully connected layer, always in floating point: the heads' precision costs little."""
        y = ops.matmul(x, _constant(piece.weight), False, True)
        return ops.add(y, _constant(piece.bias[None]))

    def piece(self, piece: nn.Module, x: ov.Node) -> ov.Node:
        """Translates one known piece."""
        match piece:
            case nn.Conv2d():
                return self.convolution(piece, x)
            case nn.Linear():
                return self.linear(piece, x)
            case nn.ReLU():
                return ops.relu(x)
            case nn.Sigmoid():
                return ops.sigmoid(x)
            case nn.Flatten():
                return ops.reshape(x, np.array([0, -1]), True)
            case nn.Identity():
                return x
            case ScalePlanes():
                return ops.multiply(ops.convert(x, "f32"), _constant(piece.scales[None]))
            case BoardMean():
                return ops.reduce_mean(x, np.array([2, 3]), False)
            case BoardMeanMax():
                board = np.array([2, 3])
                mean, largest = ops.reduce_mean(x, board, False), ops.reduce_max(x, board, False)
                return ops.concat([mean, largest], 1)
            case ToPlanes():
                return ops.unsqueeze(x, np.array([2, 3]))
        raise NotImplementedError(f"no OpenVINO translation of {type(piece).__name__}")

    def node(self, node: fx.Node) -> ov.Node:
        """Translates one node whose inputs are already translated."""
        inputs = [argument for argument in node.args if isinstance(argument, fx.Node)]
        arguments = [self.values[argument.name] for argument in inputs]
        if len(inputs) < len(node.args):  # a number, say
            raise NotImplementedError(f"no OpenVINO translation of {node.format_node()}")
        if node.op == "call_module":
            result = self.piece(self.graph.get_submodule(str(node.target)), *arguments)
        elif node.op == "call_function" and node.target is operator.add:
            result = ops.add(*arguments)
        elif node.op == "call_function" and node.target is operator.mul:
            result = ops.multiply(*arguments)
        else:
            raise NotImplementedError(f"no OpenVINO translation of {node.format_node()}")
        if self.ranges is not None and node.name in self.ranges:
            # Both readers of a block's output, convolution and identity path, get the bytes: the
            # addition then fuses into the 8-bit convolution before it.
            result = self.quantised(result, self.ranges[node.name])
        return result


def translate(
    graph: fx.GraphModule,
    *,
    observation_shape: tuple[int, int, int],
    batch: int,
    ranges: dict[str, float] | None = None,
) -> ov.Model:
    """Builds the OpenVINO model of a traced network.

    Args:
        graph: traced, folded network.
        observation_shape: ``(C, H, W)``.
        batch: positions of one call, B; -1 leaves it open.
        ranges: upper range of each value to round to 8 bits; None keeps floating point.

    Returns:
        Model with input ``[B, C, H, W]`` uint8 and outputs policy logits ``[B, A]`` and outcome
        probabilities ``[B, 3]``, both float32.

    Raises:
        NotImplementedError: the network has a piece without a translation.
    """
    translator = _Translator(graph, ranges=ranges)
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            planes = ops.parameter([batch, *observation_shape], ov.Type.u8, "planes")
            translator.values[node.name] = planes
        elif node.op == "output":
            policy_logits, outcome_logits = (translator.values[a.name] for a in node.args[0])
        else:
            translator.values[node.name] = translator.node(node)
    return ov.Model([policy_logits, ops.softmax(outcome_logits, 1)], [planes], "network")
