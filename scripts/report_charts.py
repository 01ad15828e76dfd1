"""Curves of a training run as pictures inside a page, with 95 % bands where counts are known."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.arena.intervals import wilson_interval

Rows = Sequence[Mapping[str, Any]]  # of the metrics file

_INK = "#7b8496"  # readable on light and dark paper
_SIZE = (5.4, 3.1)  # inches
_PHASES = ("begin", "middle", "end")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and what is said of it."""

    title: str
    note: str
    svg: str


def charts_of(rows: Rows, *, games: int, positions: Mapping[str, int]) -> list[Chart]:
    """All curves that the rows of a metrics file allow.

    Args:
        rows: of the metrics file.
        games: behind each score of the ladder.
        positions: behind each share of the truth meter, by phase of the game.
    """
    judged = [row for row in rows if "judged" in row]
    measured = _rising([row for row in rows if "judged" not in row])
    found = []
    if any(name.startswith("truth") for row in judged for name in row["judged"]):
        note = "Dashed: the network alone. Bands: 95 % intervals of the positions judged."
        draw = _truth(judged, positions)
        found.append(Chart("Moves that keep the result of perfect play", note, _svg(draw, "truth")))
    if any(name.startswith("vs ") for row in judged for name in row["judged"]):
        note = f"{games} games each, a draw counting half. Bands: 95 % intervals."
        found.append(
            Chart("Score against fixed opponents", note, _svg(_ladder(judged, games), "ladder"))
        )
    if any(row.get("losses") for row in measured):
        note = "Learned from a growing window; a loss may rise as the games get harder to foresee."
        found.append(Chart("Losses", note, _svg(_losses(measured), "losses")))
    if any(row.get("league") for row in measured):
        note = "Share of the points lately made against each older version of the run."
        draw = _league(measured)
        found.append(Chart("The league: against its own past", note, _svg(draw, "league")))
    if len(measured) > 1:
        note = "Moves a second in self-play, and positions that the network judged."
        found.append(Chart("Speed", note, _svg(_speed(measured), "speed")))
        note = "Plies of a finished game, on average."
        found.append(Chart("Length of games", note, _svg(_length(measured), "length")))
        note = "Rows stored so far and rows in the window that is learned from."
        found.append(Chart("Experience", note, _svg(_experience(measured), "experience")))
    return found


def _rising(rows: Rows) -> Rows:
    """Without the rows of a start that had not counted yet what earlier starts have stored."""
    kept: list[Mapping[str, Any]] = []
    for row in rows:
        if not kept or row["rows_stored"] >= kept[-1]["rows_stored"]:
            kept.append(row)
    return kept


def _svg(draw: Callable[[Any], None], salt: str) -> str:
    """What ``draw`` paints onto an axis, as SVG to stand inside a page."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.rcsetup import cycler

    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            # names inside the picture, which must differ from picture to picture
            "svg.hashsalt": salt,
            "font.family": "sans-serif",
            "font.size": 9,
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "axes.edgecolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "axes.prop_cycle": cycler(
                color=["#d5343f", "#2f7fd0", "#2f9e6b", "#d99a1c", "#8e5bd0", "#4aa9a9", "#a36a3c"]
            ),
        }
    ):
        figure, axis = plt.subplots(figsize=_SIZE, constrained_layout=True)
        draw(axis)
        axis.set_xlabel("minutes of training")
        axis.grid(alpha=0.25, linewidth=0.6)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r' (?:width|height)="[0-9.]+pt"', "", svg, count=2)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _legend(axis: Any, lines: Any = None) -> None:
    """Above the picture, where it covers nothing."""
    lines = axis.get_lines() if lines is None else lines
    axis.legend(
        lines,
        [line.get_label() for line in lines],
        fontsize=7.5,
        ncol=3,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        columnspacing=1.4,
        handlelength=1.6,
    )


def _curve(axis: Any, rows: Rows, name: str, trials: int | None, **style: Any) -> None:
    """A judged share over time, with its band."""
    points = [
        (row["elapsed_seconds"] / 60, row["judged"][name]) for row in rows if name in row["judged"]
    ]
    minutes, shares = zip(*points, strict=True)
    (line,) = axis.plot(minutes, shares, marker=".", **style)
    if trials:
        bounds = [wilson_interval(share * trials, trials) for share in shares]
        low, high = zip(*bounds, strict=True)
        axis.fill_between(minutes, low, high, color=line.get_color(), alpha=0.13, linewidth=0)


def _truth(rows: Rows, positions: Mapping[str, int]) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        names = {name for row in rows for name in row["judged"] if name.startswith("truth")}
        phases = sorted({name.rsplit(" ", 1)[1] for name in names}, key=_phase_order)
        for name in sorted(names, key=lambda name: (_phase_order(name.rsplit(" ", 1)[1]), name)):
            phase = name.rsplit(" ", 1)[1]
            alone = "network" in name
            _curve(
                axis, rows, name, None if alone else positions.get(phase),
                color=f"C{phases.index(phase)}", linestyle="--" if alone else "-",
                alpha=0.6 if alone else 1.0, label=name.removeprefix("truth "),
            )  # fmt: skip
        _percent(axis)
        _legend(axis)

    return draw


def _phase_order(phase: str) -> tuple[int, str]:
    return (_PHASES.index(phase) if phase in _PHASES else len(_PHASES), phase)


def _ladder(rows: Rows, games: int) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        names = sorted({name for row in rows for name in row["judged"] if name.startswith("vs ")})
        for name in names:
            _curve(axis, rows, name, games, label=name)
        axis.set_ylim(-0.03, 1.03)
        _percent(axis)
        _legend(axis)

    return draw


def _losses(rows: Rows) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        skipped = ("gradient_norm", "learning_rate", "total")
        names = sorted({name for row in rows for name in row["losses"] if name not in skipped})
        for name in names:
            points = [
                (row["elapsed_seconds"] / 60, row["losses"][name])
                for row in rows
                if name in row["losses"]
            ]
            axis.plot(*zip(*points, strict=True), label=name.replace("_", " "))
        axis.set_ylim(bottom=0)
        _legend(axis)

    return draw


def _league(rows: Rows) -> Callable[[Any], None]:
    """Pay-offs as a picture: a row for each opponent, minutes across, colour the points made."""

    def draw(axis: Any) -> None:
        played = [row for row in rows if row.get("league")]
        names = sorted({name for row in played for name in row["league"]}, key=lambda v: int(v[1:]))
        minutes = [row["elapsed_seconds"] / 60 for row in played]
        edges = [minutes[0] - 1e-3, *minutes] if len(minutes) > 1 else [0.0, minutes[0] + 1e-3]
        shares = [[row["league"].get(name, float("nan")) for row in played] for name in names]
        picture = axis.pcolormesh(
            edges, range(len(names) + 1), shares, cmap="RdBu", vmin=0, vmax=1, rasterized=False
        )
        axis.set_yticks([place + 0.5 for place in range(len(names))], names)
        axis.figure.colorbar(picture, ax=axis, format=lambda share, _: f"{share:.0%}")

    return draw


def _over_time(axis: Any, rows: Rows, name: str, color: str, label: str) -> None:
    axis.plot(
        [row["elapsed_seconds"] / 60 for row in rows],
        [row[name] for row in rows],
        color,
        label=label,
    )


def _speed(rows: Rows) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        _over_time(axis, rows, "moves_per_second", "C0", "moves/s (left)")
        axis.set_ylim(bottom=0)
        other = axis.twinx()
        _over_time(other, rows, "evaluations_per_second", "C1", "evaluations/s (right)")
        other.set_ylim(bottom=0)
        other.spines["right"].set_visible(True)
        _legend(axis, axis.get_lines() + other.get_lines())

    return draw


def _length(rows: Rows) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        _over_time(axis, [row for row in rows if row["mean_plies"]], "mean_plies", "C2", "plies")
        axis.set_ylim(bottom=0)

    return draw


def _experience(rows: Rows) -> Callable[[Any], None]:
    def draw(axis: Any) -> None:
        _over_time(axis, rows, "rows_stored", "C0", "rows stored")
        _over_time(axis, rows, "rows_in_window", "C1", "rows in the window")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.set_ylim(bottom=0)
        _legend(axis)

    return draw
