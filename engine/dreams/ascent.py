"""Gradient ascent on the input of a network: which picture, or board, excites a unit the most?

Letters: B dreams at once, C channels, H x W pixels or squares.

Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network", section 3, and
Simonyan et al. 2014, "Deep inside convolutional networks", equation (1); from a given picture,
Mordvintsev et al. 2015, "Inceptionism". The regularisers: jitter (Mordvintsev), blur (Yosinski et
al. 2015, "Understanding neural networks through deep visualization", section 3), total variation
(Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them",
equation (4)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

#: From inputs ``[B, C, H, W]`` to how much is wanted of each, ``[B]``.
Wish = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ascent:
    """How a dream is climbed to.

    Attributes:
        steps: of gradient ascent.
        rate: length of a step as a share of the range of a pixel (Adam's learning rate).
        jitter: pixels by which the picture is shifted by chance at each step, and back.
        blur_every: steps from one blur to the next; 0: never.
        blur: standard deviation of the blur in pixels.
        variation: weight of the total variation, the mean step from a pixel to its neighbours.
    """

    steps: int = 200
    rate: float = 0.05
    jitter: int = 0
    blur_every: int = 0
    blur: float = 0.5
    variation: float = 0.0


@dataclass(frozen=True, slots=True)
class Dream:
    """What came of an ascent.

    Attributes:
        inputs: ``[B, C, H, W]`` in the range that was asked for.
        course: the wish before each step and after the last, ``[steps + 1, B]``.
    """

    inputs: torch.Tensor
    course: torch.Tensor

    @property
    def rise(self) -> torch.Tensor:
        """By how much the wish has grown, ``[B]``."""
        return self.course[-1] - self.course[0]


def dream_picture(
    wish: Wish, start: torch.Tensor, ascent: Ascent, *, generator: torch.Generator
) -> Dream:
    """Change pictures so that a network fulfils a wish, keeping every pixel in 0..1.

    Args:
        wish: what is to grow, such as a class's score; differentiable.
        start: ``[B, C, H, W]`` in 0..1, noise or a given picture; it is left as it is.
        ascent: how.
        generator: of the jitter.
    """
    pixels = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([pixels], lr=ascent.rate)
    course = []
    for step in range(ascent.steps):
        shift = torch.randint(-ascent.jitter, ascent.jitter + 1, (2,), generator=generator).tolist()
        wanted = wish(pixels.roll(shift, (2, 3)))
        course.append(wish(pixels).detach() if ascent.jitter else wanted.detach())
        loss = ascent.variation * total_variation(pixels).sum() - wanted.sum()
        (pixels.grad,) = torch.autograd.grad(loss, pixels)
        optimizer.step()
        with torch.no_grad():
            if ascent.blur_every and step % ascent.blur_every == ascent.blur_every - 1:
                pixels.copy_(blurred(pixels, ascent.blur))
            pixels.clamp_(0, 1)
    course.append(wish(pixels).detach())
    return Dream(pixels.detach(), torch.stack(course))


def dream_squares(
    wish: Wish, start: torch.Tensor, ascent: Ascent, *, planes_of: Callable[..., torch.Tensor]
) -> Dream:
    """Change boards so that a network fulfils a wish, keeping every square a mixture of contents.

    The ascent climbs logits whose softmax says how much a square is of each content, so that it
    cannot leave what a board could be, except that a square may be a little of everything.

    Args:
        wish: of planes as the network sees them.
        start: logits ``[B, contents, H, W]``.
        ascent: how; jitter and blur would move stones and are not used.
        planes_of: from shares ``[B, contents, H, W]`` to the network's planes ``[B, C, H, W]``.

    Returns:
        A dream whose inputs are the shares.
    """
    logits = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([logits], lr=ascent.rate)
    course = []
    for _ in range(ascent.steps):
        shares = logits.softmax(1)
        wanted = wish(planes_of(shares))
        course.append(wanted.detach())
        loss = ascent.variation * total_variation(shares).sum() - wanted.sum()
        (logits.grad,) = torch.autograd.grad(loss, logits)
        optimizer.step()
    shares = logits.detach().softmax(1)
    course.append(wish(planes_of(shares)).detach())
    return Dream(shares, torch.stack(course))


def total_variation(inputs: torch.Tensor) -> torch.Tensor:
    """Mean absolute step from a pixel to the next below and to the right, ``[B]``."""
    down = (inputs[:, :, 1:] - inputs[:, :, :-1]).abs().mean((1, 2, 3))
    right = (inputs[:, :, :, 1:] - inputs[:, :, :, :-1]).abs().mean((1, 2, 3))
    return down + right


def blurred(pictures: torch.Tensor, deviation: float) -> torch.Tensor:
    """Pictures ``[B, C, H, W]`` after a Gaussian blur; the edges are continued."""
    radius = max(1, round(3 * deviation))
    offsets = torch.arange(-radius, radius + 1, dtype=pictures.dtype)
    weights = (-(offsets**2) / (2 * deviation**2)).exp()
    weights = weights / weights.sum()
    channels = pictures.shape[1]
    padded = functional.pad(pictures, [radius] * 4, mode="replicate")
    for shape in ((-1, 1), (1, -1)):
        kernel = weights.reshape(shape).expand(channels, 1, *weights.reshape(shape).shape)
        padded = functional.conv2d(padded, kernel, groups=channels)
    return padded


class Listener:
    """Keeps what a layer of a network last answered, so that a wish can name its units."""

    def __init__(self, layer: nn.Module) -> None:
        self.heard = torch.empty(0)
        self._hook = layer.register_forward_hook(self._hear)

    def _hear(self, layer: nn.Module, inputs: object, answer: torch.Tensor) -> None:
        self.heard = answer

    def close(self) -> None:
        """Stop listening."""
        self._hook.remove()
