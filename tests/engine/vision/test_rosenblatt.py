"""Rosenblatt's rule: Novikoff's bound, exclusive or, the same mistakes by hand and in PyTorch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Perceptron as PeersPerceptron

from engine.vision.rosenblatt import (
    AssociationUnits,
    Perceptron,
    learn_by_hand,
    mistake_bound,
    with_one,
)

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([-1, 1, 1, -1])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    inputs=st.integers(1, 8),
    margin=st.floats(0.02, 1.0),
    scale=st.floats(0.01, 100),
)
def test_mistakes_never_exceed_the_bound(seed, count, inputs, margin, scale):
    rng = np.random.default_rng(seed)
    separator = rng.normal(size=inputs + 1)
    points = rng.normal(size=(count, inputs)) * scale
    heights = with_one(points) @ separator / np.linalg.norm(separator)
    kept = np.abs(heights) > margin
    if not kept.any():
        return
    points, labels = points[kept], np.sign(heights[kept]).astype(int)
    bound = mistake_bound(points, labels, separator)
    course = learn_by_hand(points, labels, max_passes=int(bound) + 2)
    assert course.settled
    assert course.mistakes <= bound
    assert (labels * (with_one(points) @ course.weights[-1]) > 0).all()


def test_exclusive_or_is_never_learnt_and_the_weights_come_back():
    course = learn_by_hand(CORNERS, XOR, max_passes=500)
    assert not course.settled
    assert len(np.unique(course.weights, axis=0)) < 50
    with pytest.raises(ValueError, match="does not separate"):
        mistake_bound(CORNERS, XOR, np.array([1.0, 1.0, -0.5]))


def test_exclusive_or_is_learnt_behind_random_units():
    for seed in range(10):
        units = AssociationUnits(
            2, 20, connections=2, generator=torch.Generator().manual_seed(seed)
        )
        associated = units(torch.tensor(CORNERS, dtype=torch.float32)).numpy()
        assert learn_by_hand(associated, XOR, max_passes=1000).settled, seed


def test_module_and_hand_make_the_same_mistakes():
    rng = np.random.default_rng(1)
    points = rng.integers(-3, 4, (50, 4)).astype(float)  # whole numbers: no rounding in float32
    labels = rng.choice((-1, 1), 50)
    course = learn_by_hand(points, labels, max_passes=3)
    unit = Perceptron(4, 1)
    passes = [
        unit.learn(torch.tensor(points, dtype=torch.float32), torch.tensor((labels + 1) // 2))
        for _ in range(3)
    ]
    assert sum(passes) == course.mistakes
    weights = torch.cat([unit.linear.weight[0], unit.linear.bias])
    assert weights.tolist() == course.weights[-1].tolist()


def test_several_units_learn_what_each_learns_alone_and_what_a_peer_learns():
    rng = np.random.default_rng(2)
    points = torch.tensor(rng.integers(-3, 4, (40, 5)), dtype=torch.float32)
    classes = torch.tensor(rng.integers(0, 3, 40))
    together = Perceptron(5, 3)
    for _ in range(4):
        together.learn(points, classes)
    peer = PeersPerceptron(shuffle=False, max_iter=4, tol=None)
    peer.fit(points.numpy(), classes.numpy())
    for unit in range(3):
        alone = Perceptron(5, 1)
        for _ in range(4):
            alone.learn(points, (classes == unit).long())
        assert torch.equal(alone.linear.weight[0], together.linear.weight[unit])
    assert np.array_equal(peer.coef_, together.linear.weight.detach().numpy())
    assert np.array_equal(peer.intercept_, together.linear.bias.detach().numpy())


def test_bad_labels_are_named():
    with pytest.raises(ValueError, match="-1 or \\+1"):
        learn_by_hand(CORNERS, np.array([0, 1, 1, 0]), max_passes=1)
    with pytest.raises(ValueError, match="do not fit"):
        learn_by_hand(CORNERS, np.array([1, -1]), max_passes=1)
