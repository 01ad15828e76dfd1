"""`meijin simulate`: driver, store, learner and weights under the messages of a whole cluster."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click


@click.command("simulate")
@click.argument("game", default="connect_four")
@click.option("--workers", default=1000, show_default=True, help="Fake workers.")
@click.option("--hosts", default=1, show_default=True, help="Processes that they live in.")
@click.option(
    "--rate",
    default=2000.0,
    show_default=True,
    help="Episodes a second of all workers together; 0: as many as are taken.",
)
@click.option("--minutes", default=2.0, show_default=True, help="How long.")
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="Run directory [a temporary one]."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any setting of the run, e.g. --set learning.limiter.reuse=8; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="The table as JSON for programs.")
def command(
    game: str,
    workers: int,
    hosts: int,
    rate: float,
    minutes: float,
    run_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Load the training loop of this machine with the messages of many workers that play nothing.

    Driver, episode store, learner and the way of the weights are those of `meijin train`; only the
    workers are fake: games played once are sent again under fresh ids. The network is the smallest
    there is, so that storing, sampling and sending are what is measured.

    Examples:
      meijin simulate

      meijin simulate connect_four --workers 1000 --rate 2000 --minutes 60

      meijin simulate go9 --rate 0 --set learning.limiter.reuse=1
    """
    from engine.config import build_config, merge, parse_setting
    from engine.orchestration.run_directory import RunDirectory
    from engine.orchestration.simulation import Simulation
    from games import make

    for name, value in (("--workers", workers), ("--hosts", hosts)):
        if value < 1:
            raise click.UsageError(f"{name} must be at least 1, not {value}")
    if not minutes > 0:
        raise click.UsageError(f"--minutes must be more than 0, not {minutes:g}")
    if not rate >= 0:
        raise click.UsageError(f"--rate must not be negative, not {rate:g}")
    made = make(game)
    values: dict[str, Any] = {
        "network": {"kind": "perceptron", "hidden": []},
        "learning": {"batch_rows": 4096},
        "publish_seconds": 15.0,
    }
    for text in settings:
        values = merge(values, parse_setting(text))
    fixed = {"game": made.id, "workers": workers, "minutes": minutes}
    config = build_config(merge(values, fixed), source="settings")
    with ExitStack() as stack:
        if run_path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="meijin-simulate-"))
            run = RunDirectory(Path(folder) / "run")
        else:
            run = RunDirectory(run_path)
            if run.exists:
                raise click.ClickException(f"{run.path} exists already; choose another with --run")
        run.create(config)
        stack.enter_context(run.hold())
        watcher = _Progress(quiet=as_json)
        simulation = Simulation(
            run, config, made, hosts=hosts, rate=rate or float("inf"), watchers=[watcher]
        )
        simulation.train(lambda: False)
        rows = simulation.table()
    if as_json:
        click.echo(json.dumps({row.name: [row.value, row.unit] for row in rows}, indent=1))
        return
    for row in rows:
        shown = "-" if row.value is None else f"{row.value:,.6g}"
        click.echo(f"{row.name:44} {shown:>14} {row.unit}".rstrip())


class _Progress:
    """A line every ten seconds."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = time.monotonic()

    def update(self, status: Any) -> None:
        """Print how it goes, now and then."""
        if self._quiet or time.monotonic() - self._last < 10:
            return
        self._last = time.monotonic()
        click.echo(
            f"[{status.elapsed_seconds:.0f} s] {status.episodes:,} episodes, "
            f"{status.games_per_second:,.0f} a second; {status.steps:,} steps, "
            f"version {status.version}, {status.memory_bytes / 2**20:,.0f} MiB",
            err=True,
        )

    def say(self, text: str) -> None:
        """Print a sentence."""
        if not self._quiet:
            click.echo(text, err=True)

    def keep(self, row: dict[str, object]) -> None:
        """Rows of the metrics file stay there."""
