"""Inference with PyTorch: the float32 reference, and bfloat16 where the processor has it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from engine.networks.layers import channels_last
from engine.networks.network import Network, fold_batch_norm


def has_fast_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself; PyTorch emulates it slowly elsewhere."""
    # The only question PyTorch answers for both x86 extensions; it has no public name.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class TorchBackend:
    """Runs a folded copy of a network eagerly, in as many threads as PyTorch may use.

    Eager, because at these sizes tracing and freezing gain a few percent and cost seconds.

    Args:
        network: the network; later changes to it do not reach the backend.
        max_batch: largest number of positions of one call.
        dtype: ``torch.float32`` or ``torch.bfloat16``.
    """

    def __init__(self, network: Network, *, max_batch: int, dtype: torch.dtype = torch.float32):
        self.name = "torch float32" if dtype == torch.float32 else "torch bf16"
        self.max_batch = max_batch
        # oneDNN's convolutions want the channels last; on Zen 4 that is 10-20 % faster.
        self._network = channels_last(fold_batch_norm(network).to(dtype))

    @torch.inference_mode()
    def run(
        self,
        planes: NDArray[np.uint8],
        policy_logits_out: NDArray[np.float32],
        outcome_probs_out: NDArray[np.float32],
    ) -> None:
        """See ``Backend.run``."""
        policy_logits, outcome_logits = self._network(torch.from_numpy(planes))
        policy_logits_out[...] = policy_logits.float().numpy()
        outcome_probs_out[...] = torch.softmax(outcome_logits.float(), dim=1).numpy()

    def another(self) -> TorchBackend:
        """This one: PyTorch may be called by several threads at once."""
        return self
