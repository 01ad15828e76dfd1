"""Two mailboxes over a channel that loses, repeats and reorders calls: everything arrives once."""

import random
import threading
from types import SimpleNamespace

import pytest

from engine.orchestration import mailbox
from engine.orchestration.mailbox import Letters, Mailbox, Silence


@pytest.mark.parametrize("seed", range(20))
def test_everything_arrives_once_and_in_order_over_a_bad_line(seed):
    rng = random.Random(seed)
    driver, actor = Mailbox(), Mailbox()
    sent = {"driver": 0, "actor": 0}
    arrived = {"driver": [], "actor": []}
    calls, answers = [], []  # on their way
    for _ in range(3000):
        match rng.randrange(6):
            case 0:
                driver.post(sent["driver"])
                sent["driver"] += 1
            case 1:
                actor.post(sent["actor"])
                sent["actor"] += 1
            case 2:
                calls.append(driver.letters())
            case 3 if calls:
                call = calls[rng.randrange(len(calls))]  # repeated, overtaken
                answers.append(actor.answer(call, wait=0.0))
            case 4 if answers:
                driver.take(answers[rng.randrange(len(answers))])
            case 5 if calls and rng.random() < 0.3:
                calls.pop(rng.randrange(len(calls)))
                answers = answers[-5:]
        arrived["driver"] += driver.collect()
        arrived["actor"] += actor.collect()
    for _ in range(2):
        driver.take(actor.answer(driver.letters(), wait=0.0))
    arrived["driver"] += driver.collect()
    arrived["actor"] += actor.collect()
    assert arrived["actor"] == list(range(sent["driver"]))
    assert arrived["driver"] == list(range(sent["actor"]))
    assert driver.unconfirmed == 0


def test_a_later_message_replaces_those_of_its_kind_that_have_not_arrived():
    driver, actor = Mailbox(), Mailbox()
    driver.post(1.5)
    driver.post("between")
    driver.post(2.5, replaces=float)
    actor.take(driver.letters())
    assert actor.collect() == ["between", 2.5]
    driver.take(actor.letters())
    assert driver.unconfirmed == 0


def test_only_the_newest_call_waits_and_news_ends_the_waiting():
    """That each call waits is seen by an event, not by the time that it may take to get there."""
    waits = threading.Semaphore(0)

    class Watched(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            waits.release()
            return super().wait_for(predicate, timeout)

    actor = Mailbox()
    actor._changed = Watched()
    answers = []

    def call():
        answers.append(actor.answer(Letters(1, [], 0), wait=300))

    first, second = (threading.Thread(target=call, daemon=True) for _ in range(2))
    first.start()
    assert waits.acquire(timeout=60)
    second.start()
    first.join(60)
    assert not first.is_alive() and answers[0].messages == []
    assert waits.acquire(timeout=60) and second.is_alive()
    actor.post("news")
    second.join(60)
    assert answers[1].messages == ["news"]


def test_the_end_is_told_with_the_last_messages():
    actor = Mailbox()
    actor.post("last")
    actor.end()
    answer = actor.answer(Letters(1, [], 0), wait=30)
    assert answer.ended and answer.messages == ["last"]


def test_silence_is_noticed(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(mailbox, "time", SimpleNamespace(monotonic=lambda: now[0]))
    silence = Silence(30.0)
    now[0] += 30.0
    assert not silence.too_long
    now[0] += 0.1
    assert silence.too_long
    silence.heard()
    assert not silence.too_long
