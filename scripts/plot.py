"""`meijin plot`: one picture of a run, or of the strength of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scripts.result_files import writing


@click.command("plot")
@click.argument(
    "run_paths", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Picture file [RUN/course.png; of several runs courses.png].",
)
def command(run_paths: tuple[Path, ...], output: Path | None) -> None:
    """Draw the course of RUN: truth meter, ladder, losses and speed over training time.

    Of several runs, the scores of each against fixed opponents. Runs of one game are laid over
    each other, a picture for every measure.

    Examples:
      meijin plot runs/connect_four

      meijin plot runs/hex_size5 runs/go_size7 --output small.png

      meijin plot runs/resnet runs/cnn --output kinds.png
    """
    courses = [_read(path) for path in run_paths]
    target = output or (run_paths[0] / "course.png" if len(courses) == 1 else Path("courses.png"))
    with writing(target):
        if len(courses) == 1:
            title, rows = courses[0]
            draw_course(rows, title=title, target=target)
        elif len({_game(path) for path in run_paths}) == 1:
            names = [path.resolve().name for path in run_paths]
            rows_of = [rows for _, rows in courses]
            draw_comparison(list(zip(names, rows_of, strict=True)), target=target)
        else:
            draw_ladders(courses, target=target)
    click.echo(f"wrote {target}")


def _read(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Title and metrics of a run."""
    from engine.orchestration.run_directory import RunDirectory

    run = RunDirectory(path)
    config = run.config()
    rows = run.read_metrics()
    if len(rows) < 2:
        raise click.ClickException(f"{path} has no course to draw yet; train it for a minute")
    return f"{config.game}, {config.minutes:g} minutes", rows


def _game(path: Path) -> str:
    from engine.orchestration.run_directory import RunDirectory

    return RunDirectory(path).config().game


def draw_comparison(courses: list[tuple[str, list[dict[str, Any]]]], *, target: Path) -> None:
    """Write one picture of several runs of a game: an axis for each measure, a line for each run.

    What was the same for all of them at all times is left out.

    Args:
        courses: name and rows of the metrics file of each run.
        target: the suffix chooses the format (png, svg, pdf).

    Raises:
        ValueError: nothing was measured that differs.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import PercentFormatter

    judged = [(name, [row for row in rows if "judged" in row]) for name, rows in courses]
    found: dict[str, set[float]] = {}
    for _, rows in judged:
        for row in rows:
            for measure, score in row["judged"].items():
                found.setdefault(measure, set()).add(score)
    measures = sorted(measure for measure, scores in found.items() if len(scores) > 1)
    if not measures:
        raise ValueError("nothing was measured that differs between these runs")
    columns = min(len(measures), 4)
    lines = -(-len(measures) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.2 * columns, 2.4 * lines), constrained_layout=True, squeeze=False
    )
    for axis, measure in zip(axes.flat, measures, strict=False):
        for number, (name, rows) in enumerate(judged):
            told = [row for row in rows if measure in row["judged"]]
            scores = [row["judged"][measure] for row in told]
            axis.plot(_minutes(told), scores, marker=".", color=f"C{number}", label=name)
        axis.set_title(measure, fontsize=10)
        axis.set_xlabel("minutes of training")
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(measures) :]:
        axis.set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=9)
    figure.savefig(target, dpi=90)
    plt.close(figure)


def draw_ladders(courses: list[tuple[str, list[dict[str, Any]]]], *, target: Path) -> None:
    """Write one picture of the scores of several runs against fixed opponents.

    Args:
        courses: title and rows of the metrics file of each run.
        target: the suffix chooses the format (png, svg, pdf).
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(len(courses), 4)
    lines = -(-len(courses) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.4 * columns, 2.8 * lines), constrained_layout=True, squeeze=False
    )
    for axis, (title, rows) in zip(axes.flat, courses, strict=False):
        _ladder(axis, [row for row in rows if "judged" in row])
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("minutes of training")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(courses) :]:
        axis.set_visible(False)
    figure.savefig(target, dpi=90)
    plt.close(figure)


def draw_course(rows: list[dict[str, Any]], *, title: str, target: Path) -> None:
    """Write the picture of a run.

    Args:
        rows: of the metrics file.
        title: above the picture.
        target: the suffix chooses the format (png, svg, pdf).
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    judged = [row for row in rows if "judged" in row]
    measured = [row for row in rows if "judged" not in row]
    figure, axes = plt.subplots(2, 2, figsize=(12, 7.5), constrained_layout=True)
    figure.suptitle(title)
    _truth(axes[0][0], judged)
    _ladder(axes[0][1], judged)
    _losses(axes[1][0], measured)
    _speed(axes[1][1], measured)
    for row in axes:
        for axis in row:
            axis.set_xlabel("minutes of training")
            axis.grid(alpha=0.3)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _minutes(rows: list[dict[str, Any]]) -> list[float]:
    return [row["elapsed_seconds"] / 60 for row in rows]


def _truth(axis: Any, rows: list[dict[str, Any]]) -> None:
    """Share of moves that keep the result of perfect play; network alone is dashed."""
    axis.set_title("truth meter: moves that keep the result of perfect play")
    names = sorted({name for row in rows for name in row["judged"] if name.startswith("truth")})
    phases = sorted({name.rsplit(" ", 1)[1] for name in names})
    for name in names:
        points = [
            (row["elapsed_seconds"] / 60, row["judged"][name])
            for row in rows
            if name in row["judged"]
        ]
        alone = "network" in name
        color = f"C{phases.index(name.rsplit(' ', 1)[1])}"
        axis.plot(
            *zip(*points, strict=True),
            "--" if alone else "-",
            color=color,
            marker=".",
            alpha=0.6 if alone else 1.0,
            label=name.removeprefix("truth "),
        )
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if names:
        axis.legend(fontsize=8)


def _ladder(axis: Any, rows: list[dict[str, Any]]) -> None:
    axis.set_title("score against fixed opponents")
    names = sorted({name for row in rows for name in row["judged"] if name.startswith("vs ")})
    for name in names:
        points = [
            (row["elapsed_seconds"] / 60, row["judged"][name])
            for row in rows
            if name in row["judged"]
        ]
        axis.plot(*zip(*points, strict=True), marker=".", label=name)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.set_ylim(-0.03, 1.03)
    if names:
        axis.legend(fontsize=8)


def _losses(axis: Any, rows: list[dict[str, Any]]) -> None:
    axis.set_title("losses")
    names = sorted({name for row in rows for name in row["losses"]})
    for name in names:
        points = [
            (row["elapsed_seconds"] / 60, row["losses"][name])
            for row in rows
            if name in row["losses"]
        ]
        axis.plot(*zip(*points, strict=True), label=name)
    if names:
        axis.legend(fontsize=8)


def _speed(axis: Any, rows: list[dict[str, Any]]) -> None:
    axis.set_title("self-play")
    minutes = _minutes(rows)
    axis.plot(minutes, [row["moves_per_second"] for row in rows], label="moves/s")
    axis.set_ylabel("moves/s")
    axis.set_ylim(bottom=0)
    other = axis.twinx()
    other.plot(
        minutes, [row["evaluations_per_second"] for row in rows], "C1", label="evaluations/s"
    )
    other.set_ylabel("evaluations/s")
    other.set_ylim(bottom=0)
    lines = axis.get_lines() + other.get_lines()
    axis.legend(lines, [line.get_label() for line in lines], fontsize=8)
