"""What a run prints into a log."""

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
