"""Train the museum's networks again: what `meijin lecture alphago` and `alphazero` leave behind.

    python -m scripts.build_museum                    # into the package
    python -m scripts.build_museum --quick --out DIR  # the short form of both lectures

A lecture's networks are the same for the same seed, machine and library versions; others give
others, of the same strength.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from agents.museum.exhibits import FOLDER
from scripts.lectures.registry import run_lecture

#: File of the museum: the lecture that makes it, and what it is called there.
SOURCES = {
    "perceptron": ("alphago", "alphago_linear"),
    "imitation": ("alphago", "alphago_imitation"),
    "value": ("alphago", "alphago_value"),
    "alphago_zero": ("alphazero", "alphazero_connect_four"),
}


@click.command("build-museum")
@click.option("--quick", is_flag=True, help="Short lectures: to see that it works.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder [the package's own]."
)
def command(quick: bool, seed: int, out: Path | None) -> None:
    """Run the lectures and keep their networks."""
    if quick and out is None:
        raise click.UsageError("networks of short lectures are not for the package; name --out")
    target = out or FOLDER
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(lecture for lecture, _ in SOURCES.values()):
            run_lecture(name, folder=Path(folder), quick=quick, seed=seed)
        for name, (_, made) in SOURCES.items():
            path = target / f"{name}.safetensors"
            shutil.copy(Path(folder) / f"{made}.safetensors", path)
            click.echo(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    command()
