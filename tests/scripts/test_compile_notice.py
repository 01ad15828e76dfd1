"""The word about compiling: told once, and only where it takes long."""

import time

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


def compiling(seconds):
    with event.trigger_event("numba:compile"), event.trigger_event("numba:compile"):
        time.sleep(seconds)


def test_long_compiling_is_told_once_while_it_goes_on(teller, capsys):
    compiling(0.5)
    compiling(0.5)
    assert capsys.readouterr().err.count("meijin: compiling") == 1


def test_many_short_ones_count_together_and_a_short_one_alone_is_silent(teller, capsys):
    compiling(0.0)
    assert capsys.readouterr().err == ""
    for _ in range(20):
        compiling(0.02)
    assert capsys.readouterr().err.count("meijin: compiling") == 1
