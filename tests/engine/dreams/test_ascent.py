"""Gradient ascent on inputs, where the answer is known."""

import pytest
import torch
from torch import nn

from engine.dreams.ascent import (
    Ascent,
    Listener,
    blurred,
    dream_picture,
    dream_squares,
    total_variation,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_linear_wish_fills_the_pixels_that_it_likes():
    liked = torch.tensor([[1.0, -1.0], [-2.0, 0.5]])[None, None]
    start = torch.full((3, 1, 2, 2), 0.5)
    dream = dream_picture(
        lambda x: (x * liked).sum((1, 2, 3)), start, Ascent(steps=40), generator=generator()
    )
    assert torch.equal(dream.inputs, (liked > 0).float().expand(3, 1, 2, 2))
    assert torch.allclose(dream.rise, torch.tensor(1.5 - (-0.75)).expand(3))
    assert (dream.course.diff(dim=0) >= 0).all()
    assert (start == 0.5).all()


def test_the_price_on_variation_keeps_a_dream_smooth():
    liked = torch.randn(1, 1, 12, 12, generator=generator(2))
    noise = torch.rand(2, 1, 12, 12, generator=generator())

    def wish(pixels):
        return (pixels * liked).mean((1, 2, 3))

    bare = dream_picture(wish, noise, Ascent(steps=60), generator=generator())
    dear = dream_picture(wish, noise, Ascent(steps=60, variation=2.0), generator=generator())
    assert (total_variation(dear.inputs) < total_variation(bare.inputs) / 5).all()
    assert (bare.rise > dear.rise).all()


def test_jitter_repeats_with_its_generator():
    weights = torch.randn(1, 1, 8, 8, generator=generator(3))
    ascent = Ascent(steps=10, jitter=2, blur_every=3)
    noise = torch.rand(1, 1, 8, 8, generator=generator(1))

    def wish(pixels):
        return (pixels * weights).sum((1, 2, 3))

    first, again, other = (
        dream_picture(wish, noise, ascent, generator=generator(seed)).inputs for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_blur_keeps_what_is_flat_and_spreads_a_point():
    flat = torch.full((1, 2, 9, 9), 0.3)
    assert torch.allclose(blurred(flat, 0.7), flat)
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 1
    spread = blurred(point, 0.7)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(spread, spread.transpose(2, 3))


def test_squares_stay_shares_and_turn_to_what_is_liked():
    dream = dream_squares(
        lambda planes: planes[:, 0].mean((1, 2)) - planes[:, 1].mean((1, 2)),
        torch.randn(2, 3, 4, 5, generator=generator()),
        Ascent(steps=200, rate=0.2),
        planes_of=lambda shares: shares[:, 1:],
    )
    assert torch.allclose(dream.inputs.sum(1), torch.ones(2, 4, 5))
    assert (dream.inputs[:, 1] > 0.95).all()


def test_a_listener_hears_its_layer_until_it_is_closed():
    layer = nn.ReLU()
    listener = Listener(layer)
    layer(torch.tensor([-1.0, 2.0]))
    assert listener.heard.tolist() == [0.0, 2.0]
    listener.close()
    layer(torch.tensor([5.0]))
    assert listener.heard.tolist() == [0.0, 2.0]
