"""How an agent stands on the ladder: a table for people, facts for programs, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from agents.arena.elo import Rating, Ratings
from agents.arena.ladder import LadderReport
from scripts.match import score_interval

#: Names of rungs that fit beside a picture, one above the other.
_LABELS_IN_HEIGHT = 26


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One network of a run, placed on the ladder."""

    version: int
    minutes: float  # of training
    games: int  # of self-play
    rating: Rating


def rating_facts(report: LadderReport) -> dict[str, Any]:
    """Ratings for programs; intervals are 95 %."""
    return {
        "anchor": report.ladder.ratings.anchor,
        "players": {
            **{name: _one(rating) for name, rating in report.ladder.ratings.players.items()},
            report.matches[0].a: _one(report.rating),
        },
        "first_player_advantage": _one(report.ladder.ratings.first_player_advantage),
        "even_draw_rate": round(report.ladder.ratings.even_draw_rate, 4),
        "left_out": list(report.ladder.left_out),
    }


def curve_facts(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """The course of a run for programs."""
    return [
        {
            "version": each.version,
            "minutes": each.minutes,
            "games": each.games,
            **_one(each.rating),
        }
        for each in points
    ]


def _one(rating: Rating) -> dict[str, Any]:
    return {
        "elo": round(rating.elo, 1),
        "elo_95": [round(rating.low, 1), round(rating.high, 1)],
    }


def ladder_table(report: LadderReport) -> Table:
    """Who was met, and where that places the agent."""
    rungs, mine = report.ladder.ratings, report.rating
    advantage = rungs.first_player_advantage
    table = Table(
        title=f"{report.matches[0].a} on the ladder: Elo {mine.elo:.0f} {_interval(mine)}",
        caption=(
            f"{rungs.anchor} is 0 Elo; moving first is worth {advantage.elo:.0f} "
            f"{_interval(advantage)}{_missing(report)}"
        ),
    )
    for heading in ("opponent", "wins", "draws", "losses", "score in %", "its Elo"):
        table.add_column(heading, justify="left" if heading == "opponent" else "right")
    for match in report.matches:
        total, theirs = match.total, rungs.players[match.b]
        low, high = score_interval(total)
        table.add_row(
            match.b,
            *(str(count) for count in (total.wins, total.draws, total.losses)),
            f"{100 * total.score:.1f} ({100 * low:.1f}..{100 * high:.1f})",
            f"{theirs.elo:.0f} {_interval(theirs)}",
        )
    return table


def _missing(report: LadderReport) -> str:
    """What stands on the ladder and was not met."""
    left_out = report.ladder.left_out
    return f"; not installed, so left out: {', '.join(left_out)}" if left_out else ""


def _interval(rating: Rating) -> str:
    return f"({rating.low:.0f}..{rating.high:.0f})"


def curve_table(points: Sequence[CurvePoint], *, title: str) -> Table:
    """The course of a run for people."""
    table = Table(title=title)
    for heading in ("version", "minutes", "games", "Elo", "95 %"):
        table.add_column(heading, justify="right")
    for each in points:
        table.add_row(
            str(each.version),
            f"{each.minutes:.1f}",
            str(each.games),
            f"{each.rating.elo:.0f}",
            f"{each.rating.low:.0f} to {each.rating.high:.0f}",
        )
    return table


def draw_ladder(report: LadderReport, *, target: Path) -> None:
    """Write a picture of an agent among the rungs; the suffix chooses the format."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    climber = report.matches[0].a
    rows = [*report.ladder.ratings.players.items(), (climber, report.rating)]
    rows.sort(key=lambda row: row[1].elo)
    figure, axis = plt.subplots(figsize=(8, 1.6 + 0.36 * len(rows)), constrained_layout=True)
    for place, (name, rating) in enumerate(rows):
        axis.errorbar(
            rating.elo,
            place,
            xerr=[[rating.elo - rating.low], [rating.high - rating.elo]],
            fmt="o",
            capsize=3,
            color="C1" if name == climber else "C0",
        )
    axis.set_yticks(range(len(rows)), [name for name, _ in rows])
    axis.set_xlabel(f"Elo, {report.ladder.ratings.anchor} = 0; bars: 95 %")
    axis.grid(alpha=0.3)
    figure.savefig(target, dpi=100)
    plt.close(figure)


def draw_curve(points: Sequence[CurvePoint], rungs: Ratings, *, title: str, target: Path) -> None:
    """Write a picture of a run's course on the ladder; the suffix chooses the format."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4.5), constrained_layout=True)
    minutes = [each.minutes for each in points]
    axis.plot(minutes, [each.rating.elo for each in points], marker="o", markersize=4)
    axis.fill_between(
        minutes,
        [each.rating.low for each in points],
        [each.rating.high for each in points],
        alpha=0.25,
        label="95 %, the rungs held where they are",
    )
    for rating in rungs.players.values():
        axis.axhline(rating.elo, color="grey", linewidth=0.7, linestyle="--", zorder=0)
    axis.set_xlim(left=0)
    axis.set_xlabel("minutes of training")
    axis.set_ylabel(f"Elo, {rungs.anchor} = 0")
    axis.set_title(title)
    axis.legend(loc="lower right")
    axis.grid(axis="x", alpha=0.3)
    heights = {name: rating.elo for name, rating in rungs.players.items()}
    bottom, top = axis.get_ylim()
    for name, height in spread(heights, least=(top - bottom) / _LABELS_IN_HEIGHT).items():
        axis.annotate(
            name,
            xy=(1.0, heights[name]),
            xytext=(1.03, height),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            fontsize=8,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "grey", "linewidth": 0.7},
        )
    figure.savefig(target, dpi=100)
    plt.close(figure)


def spread(heights: dict[str, float], *, least: float) -> dict[str, float]:
    """Heights for labels, each as near to its own as it can be with ``least`` between any two.

    Neighbours that are too near are moved as one, about the middle of what they name.
    """
    groups: list[list[str]] = []
    middles: list[float] = []
    for name in sorted(heights, key=lambda each: heights[each]):
        groups.append([name])
        middles.append(heights[name])
        while (
            len(groups) > 1
            and middles[-1] - middles[-2] < least * (len(groups[-1]) + len(groups[-2])) / 2
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
            middles[-2:] = [sum(heights[each] for each in groups[-1]) / len(groups[-1])]
    return {
        name: middle + least * (place - (len(group) - 1) / 2)
        for group, middle in zip(groups, middles, strict=True)
        for place, name in enumerate(group)
    }
