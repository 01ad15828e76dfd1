"""Train the network that reads boards from pictures, in one go, from rendered pictures alone.

    python -m scripts.build_yolo                            # into the package
    python -m scripts.build_yolo --quick --out yolo.safetensors

The pictures, and so the network, are the same for the same seed, machine and library versions. It
is judged by pictures of another seed, from which nothing is learned.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import save_file

import engine.vision
from engine.vision.board_pictures import empty_pictures, random_pictures
from engine.vision.yolo import detect, mean_average_precision, train_yolo

TARGET = Path(engine.vision.__path__[0]) / "data" / "yolo.safetensors"
#: Pictures with and without a board, and how often each is seen.
FULL, QUICK = (12_000, 800, 8), (120, 12, 2)
_JUDGED = 300


@click.command("build-yolo")
@click.option("--quick", is_flag=True, help="A hundredth of it: to see that it works.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File [the package's own].")
def command(quick: bool, seed: int, out: Path | None) -> None:
    """Train and write the network."""
    if quick and out is None:
        raise click.UsageError("a network of a short training is not for the package; name --out")
    torch.set_num_threads(1)
    boards, empty, epochs = QUICK if quick else FULL
    begin = time.perf_counter()
    # Seeds far from those of the lecture and the tests, which judge the network.
    pictures = random_pictures(boards, seed=7_000_000 + seed)
    pictures += empty_pictures(empty, seed=8_000_000 + seed)
    drawn = time.perf_counter()
    click.echo(f"{len(pictures):,} pictures drawn in {drawn - begin:.0f} s")
    network, losses = train_yolo(pictures, epochs=epochs, seed=seed)
    click.echo(
        f"loss {losses[0]:.2f} to {losses[-1]:.2f} in {epochs} epochs, "
        f"{time.perf_counter() - drawn:.0f} s"
    )
    unseen = random_pictures(30 if quick else _JUDGED, seed=9_000_000 + seed)
    found = detect(network, np.stack([each.pixels for each in unseen]))
    precision = mean_average_precision(found, unseen)
    path = out or TARGET
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, str(path))
    click.echo(
        f"{path}: {path.stat().st_size:,} bytes; mean average precision {precision:.3f} in "
        f"{len(unseen)} unseen pictures"
    )


if __name__ == "__main__":
    command()
