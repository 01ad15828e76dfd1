"""Classifiers of pictures: shapes, bending, and that they learn."""

import pytest
import torch

from engine.vision.convnets import LeNet, Mlp, SmallAlexNet
from engine.vision.errors import top_k_error
from engine.vision.fit import bend, fit, scores
from engine.vision.images import small_digits, split


@pytest.mark.parametrize("kind", [Mlp, LeNet, SmallAlexNet])
@pytest.mark.parametrize(("channels", "size", "classes"), [(1, 28, 10), (3, 32, 5), (1, 12, 2)])
def test_pictures_become_scores(kind, channels, size, classes):
    model = kind(channels=channels, size=size, classes=classes).eval()
    assert model(torch.rand(2, channels, size, size)).shape == (2, classes)


def test_lenet_has_the_size_of_lenet():
    model = LeNet(channels=1, size=28, classes=10)
    assert sum(each.numel() for each in model.parameters()) == 61_706


def test_bending_is_gentle_and_repeats():
    digits = small_digits().pictures[:50]
    bent = bend(digits, generator=torch.Generator().manual_seed(1))
    assert bent.shape == digits.shape
    assert not torch.equal(bent, digits)
    assert torch.equal(bent, bend(digits, generator=torch.Generator().manual_seed(1)))
    # Bent for once by nothing, the picture comes back: the grid has no shift of its own.
    still = bend(torch.ones(4, 1, 20, 20), generator=torch.Generator().manual_seed(2))
    assert still[:, :, 6:14, 6:14] == pytest.approx(1, abs=1e-5)


def test_a_network_learns_small_digits():
    learn, test = split(small_digits(), held_out=450, seed=0)
    torch.manual_seed(0)
    model = Mlp(channels=1, size=8, classes=10, hidden=64)
    epochs = []
    fit(model, learn, epochs=8, seed=0, bent=False, after_epoch=epochs.append)
    assert epochs == list(range(1, 9))
    assert not model.training
    assert top_k_error(scores(model, test), test.classes, 1) < 0.08
