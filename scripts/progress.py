"""How a training run is shown: a live screen, plain lines, TensorBoard."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.orchestration.reports import Status
from engine.orchestration.run_directory import RunDirectory

_SPARKS = " ▁▂▃▄▅▆▇█"
_PLAIN_SECONDS = 15.0
_MOST_SENTENCES = 4
#: A smaller window gets the short form: fewer numbers, each of them legible.
_ROOMY = (100, 34)  # columns, rows


def duration(seconds: float) -> str:
    """``3725`` as ``1:02:05``, ``125`` as ``2:05``."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


#: Losses that a person watches; the rest goes to the files.
_SHOWN_LOSSES = ("policy", "value", "policy_kl", "value_kl")


def shown_losses(status: Status) -> list[tuple[str, float]]:
    """The losses to show."""
    return [(name, status.losses[name]) for name in _SHOWN_LOSSES if name in status.losses]


def judged_lines(judged: dict[str, float]) -> list[tuple[str, float]]:
    """Measures of strength in the order they are shown in."""
    return sorted(judged.items(), key=lambda item: (not item[0].startswith("truth"), item[0]))


def league_line(status: Status) -> str:
    """How the league goes, for the end of a line; nothing without one."""
    if not status.league:
        return ""
    shares = ", ".join(f"v{version} {share:.0%}" for version, share in status.league.items())
    return f"; league: {status.league_games:,} games, points against {shares}"


class LiveScreen:
    """A panel that renews itself in place while the run goes on."""

    def __init__(self) -> None:
        self._console = Console()
        self._quiet = ExitStack()
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._sentences: list[str] = []

    def __enter__(self) -> LiveScreen:
        self._quiet.enter_context(_without_echo_of_keys())
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)
        self._quiet.close()

    def update(self, status: Status) -> None:
        """Draw the run as it stands."""
        self._live.update(self._draw(status))

    def say(self, text: str) -> None:
        """Keep a sentence below the numbers."""
        self._sentences = [*self._sentences, f"{time.strftime('%H:%M:%S')} {text}"][
            -_MOST_SENTENCES:
        ]

    def keep(self, row: dict[str, object]) -> None:
        """Rows of the metrics file are not shown."""

    def _draw(self, status: Status) -> Panel:
        is_roomy = self._console.width >= _ROOMY[0] and self._console.height >= _ROOMY[1]
        parts: list[Any] = [self._bars(status)]
        self_play, strength = self._self_play(status), self._strength(status)
        league = [self._league(status)] if status.league else []
        if is_roomy:
            learning, machine = self._learning(status), self._machine(status)
            waiting = self._waiting(status)
            parts += [Text(), _side_by_side(self_play, learning, strength)]
            parts += [Text(), _side_by_side(waiting, machine, *league), Text()]
        else:
            parts.append(_side_by_side(self_play, self._learning(status, is_short=True)))
            parts.append(_side_by_side(strength, *league))
        if status.bottleneck:
            parts.append(Text(status.bottleneck, style="bold"))
        if self._sentences:
            sentences = self._sentences if is_roomy else self._sentences[-1:]
            parts.append(Text("\n".join(sentences), style="yellow"))
        title = f"[bold]meijin[/] {status.game}  {status.phase}"
        return Panel(Group(*parts), title=title, subtitle=status.run, title_align="left")

    def _bars(self, status: Status) -> Table:
        left = max(0.0, status.total_seconds - status.elapsed_seconds)
        bars = Table.grid(padding=(0, 1))
        width = min(46, max(10, self._console.width - 56))
        bars.add_row(
            "run",
            ProgressBar(total=status.total_seconds, completed=status.elapsed_seconds, width=width),
            f"{duration(status.elapsed_seconds)} of {duration(status.total_seconds)}, "
            f"{duration(left)} left",
        )
        if status.bootstrap_share < 1.0:
            bars.add_row(
                "first games",
                ProgressBar(total=1.0, completed=status.bootstrap_share, width=width),
                f"{status.bootstrap_share:.0%} of what learning starts with",
            )
        return bars

    def _self_play(self, status: Status) -> Table:
        lost = status.workers - status.reporting_workers
        heard = f", {lost} not heard of" if lost and status.reporting_workers else ""
        table = _column(f"self-play ({status.workers} workers{heard})")
        table.add_row("games", f"{status.episodes:,}")
        table.add_row("games/s", f"{status.games_per_second:.1f}")
        table.add_row("moves/s", f"{status.moves_per_second:,.0f}")
        table.add_row("simulations/s", f"{status.simulations_per_second:,.0f}")
        table.add_row("evaluations/s", f"{status.evaluations_per_second:,.0f}")
        table.add_row("from the cache", f"{status.cache_share:.0%}")
        table.add_row("time in network", f"{status.network_share:.0%}")
        table.add_row("plies a game", f"{status.mean_plies:.1f}")
        if status.paused:
            table.add_row("", "[yellow]waits for the learner[/]")
        return table

    def _learning(self, status: Status, *, is_short: bool = False) -> Table:
        table = _column("learning")
        table.add_row("weights version", str(status.version))
        table.add_row("steps", f"{status.steps:,}")
        for name, value in shown_losses(status):
            table.add_row(name, f"{value:.4f}")
        table.add_row("replay rows", f"{status.rows_in_window:,} of {status.rows_stored:,}")
        if is_short:
            table.add_row("memory", f"{status.memory_bytes / 2**30:.2f} GiB")
        else:
            table.add_row("rows/s trained", f"{status.rows_trained_per_second:,.0f}")
            table.add_row("each row used", f"{status.reuse:.1f} times")
            table.add_row("games behind", f"{status.staleness:.1f} versions")
            table.add_row("window behind", f"{status.window_staleness:.1f} versions")
        if status.learner_waiting:
            table.add_row("", "[yellow]waits for new games[/]")
        return table

    def _waiting(self, status: Status) -> Table:
        table = _column("waiting")
        table.add_row("workers for the learner", f"{status.paused_share:.0%}")
        table.add_row("workers for the store", f"{status.behind_share:.0%}")
        table.add_row("learner for games", f"{status.learner_wait_share:.0%}")
        table.add_row("oldest game not stored", f"{status.unstored_seconds:.1f} s")
        table.add_row("game sent to stored", f"{status.acknowledged_seconds:.1f} s")
        return table

    def _league(self, status: Status) -> Table:
        table = _column(f"league ({status.league_games:,} games)")
        for version, share in status.league.items():
            table.add_row(f"against version {version}", f"{share:.0%}")
        return table

    def _machine(self, status: Status) -> Table:
        table = _column("machine")
        table.add_row("memory", f"{status.memory_bytes / 2**30:.2f} GiB")
        for name, size in status.memory.items():
            table.add_row(f"  {name}", f"{size / 2**30:.2f} GiB")
        for name, share in status.gpu_busy.items():
            table.add_row(name, f"{share:.0%} busy")
        if status.batch_fill:
            table.add_row("batches full", f"{status.batch_fill:.0%}")
        return table

    def _strength(self, status: Status) -> Table:
        at = f" (version {status.judged_version})" if status.judged_version else ""
        table = _column(f"strength{at}")
        if not status.judged:
            table.add_row("not measured yet", "")
        for name, value in judged_lines(status.judged):
            # Measures come from another thread, and may be there before their course is.
            points = status.judged_course.get(name, [])[-12:]
            course = "".join(_SPARKS[min(8, int(8.99 * max(0.0, point)))] for point in points)
            table.add_row(name, f"{value:6.1%} [dim]{course}[/]")
        return table


@contextmanager
def _without_echo_of_keys() -> Iterator[None]:
    """Ctrl-C is not written as ``^C``, which would move the panel a line down."""
    if os.name == "nt" or not sys.stdin.isatty():
        yield
        return
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    changed = [*before]
    changed[3] &= ~termios.ECHOCTL  # with it off a terminal that is left so still shows all else
    termios.tcsetattr(terminal, termios.TCSANOW, changed)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _side_by_side(*tables: Table) -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_row(*tables)
    return grid


def _column(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 1))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    return table


class PlainLines:
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._phase = ""
        self._judged_version: int | None = None

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def update(self, status: Status) -> None:
        """Print a line every quarter of a minute, at a new phase and when strength was measured."""
        if self._judged_version is None:  # what an earlier start measured has been told then
            self._judged_version = status.judged_version
        if status.judged_version != self._judged_version:
            self._judged_version = status.judged_version
            measures = ", ".join(
                f"{name} {value:.1%}" for name, value in judged_lines(status.judged)
            )
            print(
                f"[{duration(status.elapsed_seconds)}] version {status.judged_version}: {measures}",
                flush=True,
            )
        is_new_phase = status.phase != self._phase
        if status.elapsed_seconds - self._last < _PLAIN_SECONDS and not is_new_phase:
            return
        self._last = status.elapsed_seconds
        self._phase = status.phase
        losses = ", ".join(f"{name} {value:.3f}" for name, value in shown_losses(status))
        left = duration(status.total_seconds - status.elapsed_seconds)
        print(
            f"[{duration(status.elapsed_seconds)}, {left} left] {status.phase}: "
            f"{status.episodes:,} games, {status.moves_per_second:.0f} moves/s, "
            f"{status.evaluations_per_second:,.0f} evaluations/s, {status.cache_share:.0%} cached, "
            f"{status.network_share:.0%} of the time in the network; "
            f"step {status.steps:,}, version {status.version}{', ' + losses if losses else ''}; "
            f"{status.rows_in_window:,} rows, each used {status.reuse:.1f} times, "
            f"{status.staleness:.1f} versions behind; waiting: learner "
            f"{status.learner_wait_share:.0%}, workers {status.paused_share:.0%}, store "
            f"{status.behind_share:.0%}; {status.memory_bytes / 2**30:.2f} GiB"
            f"{league_line(status)}",
            flush=True,
        )

    def say(self, text: str) -> None:
        """Print a sentence."""
        print(text, flush=True)

    def keep(self, row: dict[str, object]) -> None:
        """Print what a row says in words."""
        if "bottleneck" in row:
            print(row["bottleneck"], flush=True)


class TensorBoard:
    """Every number of the metrics file as a TensorBoard scalar over elapsed seconds."""

    def __init__(self, run: RunDirectory) -> None:
        self._folder = run.tensorboard
        self._writer: Any = None

    def update(self, status: Status) -> None:
        """Only kept rows are written."""

    def say(self, text: str) -> None:
        """Sentences are not written."""

    def keep(self, row: dict[str, Any]) -> None:
        """Write each number of the row."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder))
        step = int(row["elapsed_seconds"])
        for name, value in row.items():
            if isinstance(value, dict):
                for inner, number in value.items():
                    self._writer.add_scalar(f"{name}/{inner}", number, step)
            elif name == "bottleneck":
                self._writer.add_text(f"run/{name}", value, step)
            elif isinstance(value, (int, float)) and name != "elapsed_seconds":
                self._writer.add_scalar(f"run/{name}", value, step)
        self._writer.flush()
