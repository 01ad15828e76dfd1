"""How image classifiers are judged: top-1 and top-5 error, as ImageNet counts them."""

from __future__ import annotations

import torch


def top_k_error(scores: torch.Tensor, classes: torch.Tensor, k: int) -> float:
    """Share of examples whose class is not among the k of the highest scores.

    Args:
        scores: ``[N, K]``; of equal scores that of the lower class counts as higher.
        classes: ``[N]``.
        k: 1 to K.

    Raises:
        ValueError: there are not so many classes, or no example.

    Source: Russakovsky et al. 2015, "ImageNet Large Scale Visual Recognition Challenge",
    section 4.1 (top-5 error).
    """
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError(f"top-{k} error of scores {tuple(scores.shape)!r} is not defined")
    order = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    return float((order != classes[:, None]).all(dim=1).double().mean())
