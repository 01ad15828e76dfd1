"""Pictures: what packages ship, larger sets from files, and one clear line where they are not."""

import gzip

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from engine.vision.errors import top_k_error
from engine.vision.images import (
    Images,
    MissingImagesError,
    cifar_10,
    mnist,
    mnist_sample,
    small_digits,
    split,
)


def test_shipped_pictures_are_there():
    for images, count, size in ((small_digits(), 1797, 8), (mnist_sample(), 5000, 28)):
        assert images.pictures.shape == (count, 1, size, size)
        assert images.pictures.min() == 0
        assert images.pictures.max() == 1
        assert set(images.classes.tolist()) == set(range(10))


def test_a_split_shares_out_classes_and_keeps_the_parts_apart():
    numbered = Images(torch.arange(5000), torch.arange(5000) % 10, tuple("0123456789"))
    learn, test = split(numbered, held_out=1000, seed=3)
    assert (len(learn), len(test)) == (4000, 1000)
    assert (test.classes.bincount() - 100).abs().max() <= 1
    assert sorted([*learn.pictures.tolist(), *test.pictures.tolist()]) == list(range(5000))
    again = split(numbered, held_out=1000, seed=3)[1]
    assert torch.equal(again.pictures, test.pictures)
    assert not torch.equal(split(numbered, held_out=1000, seed=4)[1].pictures, test.pictures)


def test_mnist_files_are_read_and_faults_are_named(tmp_path):
    with pytest.raises(MissingImagesError, match="train-images-idx3-ubyte is missing"):
        mnist(tmp_path, part="train")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    header = bytes((0, 0, 8, 3)) + np.array([3, 28, 28], ">u4").tobytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    labels = bytes((0, 0, 8, 1)) + np.array([3], ">u4").tobytes() + bytes((5, 0, 4))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    images = mnist(tmp_path, part="train")
    assert images.classes.tolist() == [5, 0, 4]
    assert np.array_equal((images.pictures[:, 0] * 255).round().numpy(), pixels)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes()[:-1])
    with pytest.raises(MissingImagesError, match="no IDX file"):
        mnist(tmp_path, part="train")
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"not gzip")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    with pytest.raises(MissingImagesError, match="cannot be read"):
        mnist(tmp_path, part="train")


def test_cifar_files_are_read_and_faults_are_named(tmp_path):
    with pytest.raises(MissingImagesError, match=r"test_batch\.bin is missing"):
        cifar_10(tmp_path, part="test")
    rows = np.random.default_rng(0).integers(0, 256, (2, 3073), dtype=np.uint8)
    rows[:, 0] = (9, 3)
    (tmp_path / "test_batch.bin").write_bytes(rows.tobytes())
    images = cifar_10(tmp_path, part="test")
    assert [images.class_names[number] for number in images.classes] == ["truck", "cat"]
    assert images.pictures.shape == (2, 3, 32, 32)
    (tmp_path / "test_batch.bin").write_bytes(rows.tobytes()[:-7])
    with pytest.raises(MissingImagesError, match="no CIFAR-10 file"):
        cifar_10(tmp_path, part="test")


def test_errors_are_counted_as_scikit_learn_counts_them():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(200, 10, generator=generator)
    classes = torch.randint(10, (200,), generator=generator)
    assert top_k_error(scores, classes, 10) == 0
    for k in (1, 2, 5):
        peer = top_k_accuracy_score(classes.numpy(), scores.numpy(), k=k, labels=range(10))
        assert top_k_error(scores, classes, k) == pytest.approx(1 - peer)
    with pytest.raises(ValueError, match="top-11"):
        top_k_error(scores, classes, 11)
