"""Who is started, told, started again and given up, with parts that are only lists of messages."""

import re

import pytest

from engine.orchestration.messages import (
    Failed,
    Learned,
    NewWeights,
    Pause,
    Published,
    Refused,
    Said,
    Stop,
    Stopped,
)
from engine.orchestration.run_directory import RunError
from engine.orchestration.staff import Staff


class FakePart:
    def __init__(self, name, place):
        self.name, self.place = name, place
        self.told, self.says = [], []
        self.alive = True
        self.end = None

    def send(self, message):
        self.told.append(message)
        if isinstance(message, Stop):
            self.alive = False

    def receive(self):
        said, self.says = self.says, []
        return said

    def ending(self):
        return self.end

    def kill(self):
        self.alive = False


class FakeCarrier:
    settle_seconds = 2.0

    def __init__(self, *places):
        self.there = list(places)
        self.aside = set()
        self.workers, self.learners = [], []
        self.closed = False

    def places(self):
        return [place for place in self.there if place not in self.aside]

    def start_worker(self, name, place):
        self.workers.append(FakePart(name, place))
        return self.workers[-1]

    def start_learner(self):
        self.learners.append(FakePart("learner", ""))
        return self.learners[-1]

    def weights(self, published):
        return NewWeights(published.version, published.path)

    def describe(self, place):
        return f"node {place}"

    def set_aside(self, place):
        if place:
            self.aside.add(place)
        return bool(place) and bool(self.places())

    def close(self):
        self.closed = True


class Run:
    """A staff at work, and what was heard and said."""

    def __init__(self, *places):
        self.carrier = FakeCarrier(*places)
        self.heard, self.said = [], []
        self.staff = Staff(
            self.carrier,
            start=3,
            hear=lambda part, message: self.heard.append((part.name, message)),
            say=self.said.append,
        )
        self.staff.start()

    def names(self):
        return [part.name for part in self.carrier.workers]


def learned():
    return Learned(
        steps=1, rows_trained=1, rows_in_window=1, rows_stored=1, pause_workers=False,
        waiting=False, memory_bytes=1, window_staleness=0.0, seconds=1.0, waited_seconds=0.0,
    )  # fmt: skip


def test_a_worker_at_every_place_and_none_where_it_is_gone():
    run = Run("a", "a", "b")
    assert run.names() == ["w0.3.1", "w1.3.2", "w2.3.3"] and run.staff.workers == 3
    assert not run.said, "the first ones are no news"
    run.carrier.there = ["a", "b", "b", "c"]
    last_words = Said("bye")
    run.carrier.workers[1].says.append(last_words)
    run.staff.tend(1.0)
    assert not run.carrier.workers[1].alive and ("w1.3.2", last_words) in run.heard
    assert run.names()[3:] == ["w1.3.4", "w3.3.5"], "numbers are used again, names never"
    assert run.said == [
        "node a is gone, and its workers with it (1)",
        "node b has joined; starting workers there (1)",
        "node c has joined; starting workers there (1)",
    ]


def test_who_starts_late_is_told_what_stands():
    run = Run("a")
    run.staff.publish(Published(1, "v1"))
    run.staff.announce(Pause(True))
    run.staff.publish(Published(2, "v2"))
    first = run.carrier.workers[0]
    assert first.told == [NewWeights(1, "v1"), Pause(True), NewWeights(2, "v2")]
    run.carrier.there.append("a")
    run.staff.tend(1.0)
    assert run.carrier.workers[1].told == [NewWeights(2, "v2"), Pause(True)]


def test_the_dead_are_replaced_once_their_place_is_known_to_stand():
    run = Run("a")
    run.carrier.workers[0].alive = False
    run.carrier.workers[0].end = Failed("w0.3.1 was ended by SIGKILL", outside=True)
    run.carrier.learners[0].alive = False
    run.staff.tend(1.0)
    run.staff.tend(2.9)
    assert len(run.carrier.workers) == len(run.carrier.learners) == 1
    run.staff.tend(3.0)
    assert run.names() == ["w0.3.1", "w0.3.2"] and len(run.carrier.learners) == 2
    assert run.said == [
        "w0.3.1 was ended by SIGKILL; starting it again",
        "learner ended without a word; starting it again",
    ]


def kill_the_learner_again_and_again(run, *, worked, outside, times):
    for kill in range(times):
        learner = run.carrier.learners[-1]
        if worked:
            learner.says.append(learned())
            run.staff.tend(10.0 * kill)
        learner.alive = False
        learner.end = Failed("learner fell", outside=outside)
        run.staff.tend(10.0 * kill + 1)
        run.staff.tend(10.0 * kill + 4)


def test_kills_from_outside_never_add_up_but_own_faults_do():
    kill_the_learner_again_and_again(Run("a"), worked=True, outside=True, times=12)
    for worked, outside in ((True, False), (False, True)):
        run = Run("a")
        kill_the_learner_again_and_again(run, worked=worked, outside=outside, times=5)
        with pytest.raises(RunError, match="learner fell; it was started 5 times in ten minutes"):
            kill_the_learner_again_and_again(run, worked=worked, outside=outside, times=1)
    slow = Run("a")
    for kill in range(12):
        slow.carrier.learners[-1].alive = False
        slow.staff.tend(1.0 + 200.0 * kill)
        slow.staff.tend(200.0 * kill + 4)
    assert len(slow.carrier.learners) == 13, "failures of ten minutes ago are forgotten"


def test_a_place_that_refuses_is_given_up_and_the_last_one_ends_the_run():
    run = Run("a", "b")
    refusing = run.carrier.workers[0]
    refusing.says.append(Refused("other rules on a"))
    refusing.alive = False
    run.staff.tend(1.0)
    run.staff.tend(4.0)
    run.staff.tend(5.0)
    assert run.said == ["other rules on a; no more workers on node a"]
    assert run.staff.workers == 1 and len(run.carrier.workers) == 2
    run.carrier.workers[1].says.append(Refused("other rules on b"))
    run.carrier.workers[1].alive = False
    run.staff.tend(6.0)
    with pytest.raises(RunError, match="other rules on b; there is no other place for a worker"):
        run.staff.tend(9.0)


def test_the_end_in_order():
    run = Run("a", "a")
    run.staff.announce(Pause(True))
    run.staff.stop_workers(float("inf"))
    for worker in run.carrier.workers:
        assert worker.told[-2:] == [Pause(False), Stop()], "who waits would never end"
    (learner,) = run.carrier.learners
    assert learner.alive
    learner.says.append(Stopped())
    run.staff.stop_learner(float("inf"))
    assert learner.told == [Stop()] and not run.said
    run.staff.close()
    assert run.carrier.closed


def test_a_learner_that_does_not_save_is_told():
    run = Run("a")
    (learner,) = run.carrier.learners
    learner.says.append(Failed("learner: no space left"))
    run.staff.tend(1.0)
    learner.send = learner.told.append  # goes on as if nothing had been said
    run.staff.stop_learner(deadline=0.0)
    (sentence,) = run.said
    assert re.search(
        r"did not save in time; the last snapshot stands \(.*no space left\)", sentence
    )
    run.staff.close()
    assert not learner.alive and not run.carrier.workers[0].alive
