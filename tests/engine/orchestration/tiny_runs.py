"""Training runs that are small enough to be killed again and again."""

import contextlib
import subprocess
import sys
from pathlib import Path

import psutil

TINY = [
    "network.kind=perceptron",
    "network.hidden=[16]",
    "search.simulations=8",
    "selfplay.games=16",
    "selfplay.fast_simulations=4",
    "bootstrap.simulations=8",
    "learning.limiter.start_rows=300",
    "learning.batch_rows=64",
    "inference.precision=float32",
    "publish_seconds=2",
]

#: Patience with a machine that is busy with other things.
PATIENCE_SECONDS = 300

_started: list[psutil.Process] = []


#: Runs `meijin` in a hurry; see there.
HASTY = str(Path(__file__).with_name("hasty_cli.py"))


def command(run: Path, *options: str, minutes: float, settings=TINY) -> list[str]:
    """`meijin train` of tic-tac-toe."""
    return [
        sys.executable, HASTY, "train", "tic_tac_toe", "--run", str(run),
        "--minutes", str(minutes), "--seed", "5", "--plain", "--no-judge", *options,
        *(part for text in settings for part in ("--set", text)),
    ]  # fmt: skip


def start(*arguments, **options) -> subprocess.Popen:
    """The same as a process; whatever becomes of the test, `end_all` ends it."""
    process = subprocess.Popen(
        command(*arguments, **options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    _started.append(psutil.Process(process.pid))
    return process


def end_all() -> None:
    """End every run that still goes on, with its workers."""
    while _started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = _started.pop()
            family = [*process.children(recursive=True), process]
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
