"""Training a classifier of pictures, and pictures bent a little so that few look like many.

Letters: B pictures of a batch, C channels, S x S pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from engine.vision.images import Images

_BATCH = 64


def bend(pictures: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """Turn, stretch, slant, shift and warp each picture by chance, as handwriting differs.

    Args:
        pictures: ``[B, C, S, S]``.
        generator: of the chance.

    Returns:
        New pictures of the same shape; black comes in from outside.

    Source: Simard et al. 2003, "Best practices for convolutional neural networks applied to visual
    document analysis", section 2 (elastic distortions).
    """
    count, _, size, _ = pictures.shape

    def chance(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator) * 2 - 1

    angle, slant = chance(count) * 0.2, chance(count) * 0.2  # radians, pixels a pixel
    stretch = 1 + chance(count, 2) * 0.12
    turned = torch.zeros(count, 2, 3)
    turned[:, 0, 0] = angle.cos() * stretch[:, 0]
    turned[:, 0, 1] = (slant - angle.sin()) * stretch[:, 0]
    turned[:, 1, 0] = angle.sin() * stretch[:, 1]
    turned[:, 1, 1] = angle.cos() * stretch[:, 1]
    turned[:, :, 2] = chance(count, 2) * 4 / size  # two pixels
    grid = functional.affine_grid(turned, list(pictures.shape), align_corners=False)
    # A warp is small chance moves on a coarse grid, smoothed between.
    warp = chance(count, 2, 5, 5) * 2 / size
    warp = functional.interpolate(warp, size=(size, size), mode="bicubic", align_corners=True)
    return functional.grid_sample(
        grid=grid + warp.permute(0, 2, 3, 1), input=pictures, align_corners=False
    )


def fit(
    model: nn.Module,
    images: Images,
    *,
    epochs: int,
    seed: int,
    bent: bool,
    learning_rate: float = 0.003,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train a classifier in place by AdamW on the cross-entropy, one cycle of the learning rate.

    Args:
        model: pictures ``[B, C, S, S]`` to scores ``[B, K]``; left in evaluation mode.
        images: to learn from.
        epochs: passes over them.
        seed: of the order and the bending.
        bent: show every picture bent another way each time.
        learning_rate: the highest of the cycle.
        after_epoch: called with the number of epochs done; the model is in evaluation mode then.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.02)
    batches = -(-len(images) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * batches, pct_start=0.2
    )
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(images), generator=generator).split(_BATCH):
            pictures = images.pictures[rows]
            if bent:
                pictures = bend(pictures, generator=generator)
            loss = functional.cross_entropy(model(pictures), images.classes[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        model.eval()
        if after_epoch is not None:
            after_epoch(epoch + 1)


@torch.no_grad()
def scores(model: nn.Module, images: Images) -> torch.Tensor:
    """What a model in evaluation mode says of all pictures: ``[N, K]``."""
    return torch.cat([model(part) for part in images.pictures.split(500)])
