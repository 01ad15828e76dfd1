"""The word about compiling: told once, and only where it takes long."""

import contextlib
import itertools
import time
from types import SimpleNamespace

import pytest
from numba.core import event

from scripts import compile_notice


@pytest.fixture
def teller(monkeypatch):
    monkeypatch.setattr(compile_notice, "_PATIENCE", 0.05)
    before = compile_notice._Teller.instance  # of a command that ran in this process
    if before is not None:
        event.unregister("numba:compile", before)
    monkeypatch.setattr(compile_notice._Teller, "instance", None)
    compile_notice.tell_of_compiling()
    compile_notice.tell_of_compiling()
    yield compile_notice._Teller.instance
    event.unregister("numba:compile", compile_notice._Teller.instance)
    if before is not None:
        event.register("numba:compile", before)


class Compiling:
    """Compilations, one within the other, for as long as a ``with`` lasts."""

    def __enter__(self):
        self._events = contextlib.ExitStack()
        self._events.enter_context(event.trigger_event("numba:compile"))
        self._events.enter_context(event.trigger_event("numba:compile"))

    def __exit__(self, *_):
        self._events.close()


def wait_until_told(teller):
    deadline = time.monotonic() + 120
    while not teller._is_told:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_long_compiling_is_told_once_while_it_goes_on(teller, capsys):
    with Compiling():
        wait_until_told(teller)
    with Compiling():
        pass
    teller._timer.join()
    assert capsys.readouterr().err.count("meijin: compiling") == 1


def test_many_short_ones_count_together_and_a_short_one_alone_is_silent(
    teller, capsys, monkeypatch
):
    """By a clock that goes on when the test says so; the real one is far from 30 seconds."""
    now = itertools.count(step=30)
    monkeypatch.setattr(compile_notice, "_PATIENCE", 300.0)
    monkeypatch.setattr(compile_notice, "time", SimpleNamespace(monotonic=lambda: next(now)))
    for _ in range(9):
        with Compiling():
            pass
    assert not teller._is_told and capsys.readouterr().err == ""
    with Compiling():
        pass
    with Compiling():
        wait_until_told(teller)
    teller._timer.join()
    assert capsys.readouterr().err.count("meijin: compiling") == 1
