"""What a run prints into a log."""

from rich.console import Console

from engine.orchestration.reports import Status
from scripts.progress import LiveScreen, PlainLines


def test_a_new_phase_is_told_at_once(capsys):
    lines = PlainLines()
    lines.update(Status(game="hex(size=5)", phase="training", elapsed_seconds=20.0))
    lines.update(Status(game="hex(size=5)", phase="training", elapsed_seconds=21.0))
    lines.update(
        Status(game="hex(size=5)", phase="judging the final network", elapsed_seconds=22.0)
    )
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert "judging the final network" in told[1]


def test_measures_that_come_before_their_version_are_shown():
    screen = LiveScreen()
    screen.update(Status(game="hex(size=5)", judged={"vs random": 0.9}))
    screen.update(Status(game="hex(size=5)", judged={"vs random": 0.9}, judged_version=1))


def test_what_an_earlier_start_measured_is_shown_and_not_told_again(capsys):
    status = Status(
        game="hex(size=5)",
        judged={"vs random": 0.9},
        judged_version=7,
        judged_course={"vs random": [0.2, 0.9]},
    )
    screen = LiveScreen()
    screen._console = Console(width=120, height=40)
    with screen._console.capture() as drawn:
        screen._console.print(screen._draw(status))
    assert "strength (version 7)" in drawn.get() and "▁█" in drawn.get()
    lines = PlainLines()
    lines.update(status)
    status.judged_version = 8
    lines.update(status)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2 and "version 8: vs random 90.0%" in told[1]


def test_a_small_window_shows_every_number_whole():
    """In 80 x 24 labels were cut to three letters, and the last lines were missing."""
    screen = LiveScreen()
    screen._console = Console(width=80, height=24)
    screen.say("a sentence about something that happened")
    status = Status(
        game="connect_four",
        phase="starting (a first start compiles for half a minute)",
        run="runs/connect_four",
        episodes=83_440,
        simulations_per_second=139_312,
        rows_in_window=345_678,
        rows_stored=1_234_567,
        losses=dict.fromkeys(("policy", "value", "policy_kl", "value_kl"), 0.5),
        judged={f"truth network middle {number}": 0.9 for number in range(4)},
        bottleneck="The workers wait for the network 96 % of the time. " * 2,
        bootstrap_share=0.5,
        learner_waiting=True,
    )
    with screen._console.capture() as drawn:
        screen._console.print(screen._draw(status))
    assert "…" not in drawn.get() and "half a minute)" in drawn.get()
    assert len(drawn.get().splitlines()) <= 24
