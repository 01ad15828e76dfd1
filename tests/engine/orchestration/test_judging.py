"""When the newest network is judged, and what is kept of it."""

import threading

from engine.orchestration.judging import Judging
from engine.orchestration.messages import Published

FIRST, SECOND = Published(1, "v1"), Published(2, "v2")


def judging(judge, *, elapsed=0.0, say=print):
    return Judging(judge, (2, 5, 10), elapsed=elapsed, say=say)


def never():
    return False


def test_each_version_is_judged_once_when_its_time_has_come():
    seen = []
    made = judging(lambda path, give_up: seen.append(path.name) or {"truth": 0.25})
    made.start_when_due(119, FIRST, never)
    assert not made.busy and not seen
    made.start_when_due(120, None, never)
    made.start_when_due(121, FIRST, never)
    made.wait()
    made.start_when_due(290, SECOND, never)  # five minutes are not over
    made.start_when_due(300, FIRST, never)  # judged already
    made.start_when_due(600, SECOND, never)
    made.wait()
    assert seen == ["v1", "v2"] and made.version == 2 and made.newest == {"truth": 0.25}
    assert made.take_rows() == [
        {"elapsed_seconds": 121, "version": 1, "judged": {"truth": 0.25}},
        {"elapsed_seconds": 600, "version": 2, "judged": {"truth": 0.25}},
    ]
    assert made.take_rows() == []


def test_the_last_gap_repeats_and_a_run_that_goes_on_keeps_its_times():
    seen = []
    made = judging(lambda path, give_up: seen.append(path.name) or {"truth": 0.5}, elapsed=601)
    made.start_when_due(899, FIRST, never)
    assert not seen
    made.start_when_due(900, FIRST, never)
    made.wait()
    made.start_when_due(1199, SECOND, never)
    made.wait()
    assert seen == ["v1"]


def test_there_is_one_judgement_at_a_time_and_a_failed_one_is_told():
    said, go_on = [], threading.Event()

    def judge(path, give_up):
        go_on.wait(30)
        raise ValueError("no oracle")

    made = judging(judge, say=said.append)
    made.start_when_due(120, FIRST, never)
    made.start_when_due(300, SECOND, never)
    assert made.busy
    go_on.set()
    made.wait()
    assert said == ["judging version 1 failed: no oracle"] and made.newest == {}
    assert made.take_rows() == []


def test_without_a_judge_nothing_is_judged():
    made = judging(None)
    made.start_when_due(1e6, FIRST, never)
    assert not made.wanted and not made.busy


def test_a_run_that_goes_on_knows_what_was_judged_before():
    rows = [
        {"elapsed_seconds": 121, "version": 1, "judged": {"truth": 0.25}},
        {"elapsed_seconds": 300, "version": 4, "judged": {"truth": 0.5, "ladder": 0.75}},
    ]
    seen = []
    made = Judging(
        lambda path, give_up: seen.append(path.name) or {"truth": 0.75},
        (2, 5, 10),
        elapsed=301,
        say=print,
        past=rows,
    )
    assert made.version == 4 and made.newest == rows[1]["judged"]
    assert made.course == {"truth": [0.25, 0.5], "ladder": [0.75]}
    made.start_when_due(600, Published(4, "v4"), never)  # judged already
    made.start_when_due(900, Published(5, "v5"), never)
    made.wait()
    assert seen == ["v5"] and made.course["truth"] == [0.25, 0.5, 0.75]
    assert [row["version"] for row in made.take_rows()] == [5]
