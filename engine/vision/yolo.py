"""You only look once: one network, one pass, a box and its class from every cell of a grid.

Source: Redmon, Divvala, Girshick and Farhadi 2016, "You only look once: unified, real-time object
detection"; the loss is its equation (3), with one box a cell. Two things are ours: a sigmoid keeps
every answer between 0 and 1, and an intersection over union as target of the confidence is not
followed back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.vision.board_pictures import CLASSES, SIZE, BoardPicture

GRID = 16  # cells on a side
STRIDE = SIZE // GRID  # pixels of a cell
OUTPUTS = 5 + len(CLASSES)  # x y w h confidence, and the classes
_COORDINATES, _NOTHING = 5.0, 0.5  # lambda of equation (3)
_LARGEST = 32.0  # pixels: extent of the largest box


@dataclass(frozen=True, slots=True)
class Detections:
    """What is seen in one picture, the surest first."""

    boxes: NDArray[np.float32]  # [N, 4] middle and extent in pixels
    classes: NDArray[np.int64]  # [N]
    scores: NDArray[np.float32]  # [N] confidence times probability of the class, equation (1)


class Yolo(nn.Module):
    """Pictures ``[B, 3, 128, 128]`` in 0..1 to answers ``[B, 8, 16, 16]`` in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 16, 2), (16, 32, 2), (32, 64, 2), (64, 64, 1), (64, 64, 1))
        layers: list[nn.Module] = []
        for inward, outward, stride in widths:
            layers += [
                nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(outward),
                nn.LeakyReLU(0.1),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(64, OUTPUTS, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Answers of all cells."""
        answers: Tensor = self.head(self.body(pictures))
        return answers.sigmoid()


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """Pictures ``[B, H, W, 3]`` as the network takes them."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255


def targets_of(pictures: list[BoardPicture]) -> Tensor:
    """What the network is to say ``[B, 8, G, G]``: confidence 1 where a thing's middle lies."""
    wanted = np.zeros((len(pictures), OUTPUTS, GRID, GRID), np.float32)
    for index, picture in enumerate(pictures):
        for (x, y, width, height), kind in zip(picture.boxes, picture.classes, strict=True):
            column, row = (int(np.clip(each // STRIDE, 0, GRID - 1)) for each in (x, y))
            roots = np.sqrt(np.array([width, height]) / _LARGEST)
            wanted[index, :5, row, column] = x / STRIDE - column, y / STRIDE - row, *roots, 1
            wanted[index, 5:, row, column] = np.arange(len(CLASSES)) == kind
    return torch.from_numpy(wanted)


def yolo_loss(answers: Tensor, wanted: Tensor) -> Tensor:
    """Equation (3), a mean over pictures. Extents are answered as roots, as it compares them."""
    there = wanted[:, 4]
    squares = (answers - wanted).square()
    place = (squares[:, :2].sum(1) + squares[:, 2:4].sum(1)) * there
    with torch.no_grad():
        overlap = _overlaps(answers, wanted)
    confidence = (answers[:, 4] - overlap).square() * there
    nothing = answers[:, 4].square() * (1 - there)
    kinds = squares[:, 5:].sum(1) * there
    terms = _COORDINATES * place + confidence + _NOTHING * nothing + kinds
    return terms.sum((1, 2)).mean()


def _overlaps(answers: Tensor, wanted: Tensor) -> Tensor:
    """Intersection over union of answered and wanted boxes, cell by cell ``[B, G, G]``."""
    low_high = []
    for boxes in (answers, wanted):
        middle, extent = boxes[:, :2] * STRIDE, boxes[:, 2:4].square() * _LARGEST
        low_high.append((middle - extent / 2, middle + extent / 2, extent.prod(1)))
    (low_a, high_a, area_a), (low_b, high_b, area_b) = low_high
    shared = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0).prod(1)
    return shared / (area_a + area_b - shared).clamp(min=1e-6)


def detect(
    network: Yolo, pixels: NDArray[np.uint8], *, least: float = 0.1, most_overlap: float = 0.4
) -> list[Detections]:
    """What is in pictures ``[B, 128, 128, 3]``, after non-maximum suppression."""
    with torch.inference_mode():
        answers = network.eval()(as_input(pixels)).numpy()
    found = []
    rows, columns = np.indices((GRID, GRID))
    for answer in answers:
        scores = (answer[4] * answer[5:].max(0)).ravel()
        x, y = (answer[0] + columns) * STRIDE, (answer[1] + rows) * STRIDE
        extent = answer[2:4] ** 2 * _LARGEST
        boxes = np.stack([x, y, *extent], -1).reshape(-1, 4)
        classes = answer[5:].argmax(0).ravel()
        kept = np.flatnonzero(scores >= least)
        kept = kept[suppress(boxes[kept], scores[kept], most_overlap=most_overlap)]
        found.append(Detections(boxes[kept], classes[kept].astype(np.int64), scores[kept]))
    return found


def iou(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes ``[N, 4]`` and ``[M, 4]`` as ``[N, M]``."""
    a, b = boxes[:, None], others[None]
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    shared = np.clip(high - low, 0, None).prod(-1)
    joined = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    overlaps: NDArray[np.float32] = shared / np.maximum(joined, 1e-6)
    return overlaps


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], *, most_overlap: float
) -> NDArray[np.int64]:
    """Non-maximum suppression: rows that stay, the surest first; whatever overlaps them goes."""
    order = np.argsort(-scores, kind="stable")
    overlaps = iou(boxes, boxes)
    kept: list[int] = []
    for row in order:
        if all(overlaps[row, other] <= most_overlap for other in kept):
            kept.append(int(row))
    return np.array(kept, np.int64)


def mean_average_precision(
    found: list[Detections], pictures: list[BoardPicture], *, least_overlap: float = 0.5
) -> float:
    """The mean over classes of the area under precision by recall, every point (VOC 2010)."""
    areas = []
    for kind in range(len(CLASSES)):
        total = sum(int((each.classes == kind).sum()) for each in pictures)
        scores: list[float] = []
        right: list[bool] = []
        for seen, picture in zip(found, pictures, strict=True):
            mine = seen.classes == kind
            real = picture.boxes[picture.classes == kind]
            free = np.ones(len(real), bool)
            for overlaps, score in zip(iou(seen.boxes[mine], real), seen.scores[mine], strict=True):
                best = int(overlaps.argmax()) if len(real) else -1
                is_right = best >= 0 and overlaps[best] >= least_overlap and bool(free[best])
                if is_right:
                    free[best] = False
                scores.append(float(score))
                right.append(is_right)
        if not total:
            continue
        hits = np.array(right, float)[np.argsort(-np.array(scores), kind="stable")]
        recall = np.cumsum(hits) / total
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        areas.append(float((np.diff(recall, prepend=0.0) * envelope).sum()))
    return float(np.mean(areas))


def train_yolo(
    pictures: list[BoardPicture],
    *,
    epochs: int,
    seed: int,
    batch: int = 32,
    rate: float = 4e-3,
    network: Yolo | None = None,
) -> tuple[Yolo, list[float]]:
    """A network trained on pictures, and the mean loss of each epoch; ``network`` goes on."""
    torch.manual_seed(seed)
    network = network or Yolo()
    pixels = np.stack([each.pixels for each in pictures])
    wanted = targets_of(pictures)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    steps = epochs * -(-len(pictures) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    order = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        network.train()
        total = 0.0
        for rows in torch.randperm(len(pictures), generator=order).split(batch):
            loss = yolo_loss(network(as_input(pixels[rows.numpy()])), wanted[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(pictures))
    return network, losses
