"""The sentence about what a run waits for, and the sliding rates that it is made of."""

import random

import pytest

from engine.config import build_config
from engine.learning.packed import pack
from engine.orchestration.bottleneck import bottleneck
from engine.orchestration.gauges import Rates, Sliding
from engine.orchestration.messages import Finished, Learned
from engine.orchestration.reports import Status
from games import make

NONE = pack([], game=make("tic_tac_toe"))
CONFIG = build_config({"game": "tic_tac_toe"}, source="test")


def status(**known) -> Status:
    return Status(**{"version": 3, "workers": 1, "reporting_workers": 1} | known)


def test_nothing_is_said_before_anything_was_heard():
    assert bottleneck(Status(), CONFIG) == ""
    assert bottleneck(status(reporting_workers=0), CONFIG) == ""
    assert bottleneck(status(version=0, learner_wait_share=0.9), CONFIG) == ""


@pytest.mark.parametrize(
    ("known", "named", "setting"),
    [
        ({"behind_share": 0.4, "paused_share": 0.3}, "the store", "--run"),
        ({"paused_share": 0.3}, "the learner", "learning.limiter.reuse"),
        (
            {"learner_wait_share": 0.5, "network_share": 0.9},
            "self-play",
            "network.channels, now 48",
        ),
        ({"learner_wait_share": 0.5, "network_share": 0.2}, "self-play", "search.simulations"),
        (
            {"learner_wait_share": 0.5, "network_share": 0.9, "gpu_busy": {"GPU 0": 0.3}},
            "self-play",
            "selfplay.games",
        ),
        (
            {"learner_wait_share": 0.5, "network_share": 0.9, "batch_fill": 0.2},
            "self-play",
            "selfplay.games",
        ),
    ],
)
def test_what_waits_most_is_named_with_the_setting_that_moves_it(known, named, setting):
    sentence = bottleneck(status(**known), CONFIG)
    assert sentence.startswith(f"Bottleneck: {named}.")
    assert setting in sentence
    assert "\n" not in sentence and sentence.endswith(".")


def test_a_balanced_run_is_said_to_be_one():
    assert bottleneck(status(network_share=0.9), CONFIG).startswith("No bottleneck")


def test_waiting_workers_do_not_hide_that_playing_is_the_network():
    waiting = status(network_share=0.4, paused_share=0.5)
    assert waiting.network_share_of_playing == pytest.approx(0.8)


def test_sliding_sums_are_those_of_the_last_half_minute():
    rng = random.Random(3)
    sums = Sliding("a", "b")
    rows = []
    now = 0.0
    for _ in range(2000):
        now += rng.expovariate(1.0)
        row = (now, rng.random(), rng.randrange(5))
        rows.append(row)
        sums.add(now, since=now - 2.0, a=row[1], b=row[2])
        assert sums.drop_old(now)
        fresh = [row for row in rows if row[0] >= now - 30.0]
        assert sums["a"] == pytest.approx(sum(row[1] for row in fresh))
        assert sums["b"] == pytest.approx(sum(row[2] for row in fresh))
        covered = [row[0] for row in rows if row[0] < now - 30.0]
        begin = max([fresh[0][0] - 2.0, *covered[-1:]])
        assert sums.span(now) == pytest.approx(now - begin)
    assert not sums.drop_old(now + 100)
    assert sums["a"] == 0.0


def finished(seconds: float, **known) -> Finished:
    plain = {
        "batch": 1, "episodes": NONE, "plies": 0, "simulations": 0, "evaluations": 0,
        "cache_hits": 0, "network_seconds": 0.0, "memory_bytes": 1, "version": 1,
    }  # fmt: skip
    return Finished(seconds=seconds, **plain | known)


def test_shares_are_of_the_workers_own_time():
    rates, seen = Rates(), Status()
    rates.add(10.0, "w0", finished(2.0, paused_seconds=1.0, network_seconds=0.5), newest=1)
    rates.add(10.0, "w1", finished(2.0, behind_seconds=1.0, network_slots=256), newest=1)
    rates.add(11.0, "w1", finished(1.0, evaluations=64, network_slots=0), newest=1)
    rates.write(11.0, seen)
    assert seen.reporting_workers == 2
    assert seen.paused_share == pytest.approx(1 / 5)
    assert seen.behind_share == pytest.approx(1 / 5)
    assert seen.network_share == pytest.approx(0.1)
    assert seen.evaluations_per_second == pytest.approx(64 / 3)
    assert seen.batch_fill == 0.0, "calls that were not counted do not fill those that were"
    rates.write(100.0, seen)
    assert seen.reporting_workers == 0 and seen.evaluations_per_second == 0.0


def test_the_learners_rate_begins_with_its_first_report():
    rates, seen = Rates(), Status()
    learned = {
        "steps": 1, "rows_in_window": 1, "rows_stored": 1, "pause_workers": False,
        "waiting": False, "memory_bytes": 1, "window_staleness": 0.0,
    }  # fmt: skip
    for at, rows in ((2.0, 1_000_000), (4.0, 1_000_400), (6.0, 1_000_800)):
        rates.add_learned(
            at, Learned(rows_trained=rows, seconds=2.0, waited_seconds=0.5, **learned)
        )
    rates.write(6.0, seen)
    assert seen.learner_wait_share == pytest.approx(0.25)
    assert seen.rows_trained_per_second == pytest.approx(800 / 6)
