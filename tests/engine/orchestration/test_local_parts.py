"""Processes that are stopped, stuck or left alone, as a driver meets them."""

import contextlib
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from engine.orchestration.local import LocalPart
from engine.orchestration.messages import Clock

PATIENCE_SECONDS = 300
MESSAGES = 20_000  # more than any pipe holds


def stop_itself(link):
    os.kill(os.getpid(), signal.SIGSTOP)
    heard = []
    while len(heard) < MESSAGES:
        heard += link.receive(wait=1.0)
    link.send(heard)


def stop_in_the_middle_of_a_message(link):
    os.write(link._connection.fileno(), struct.pack("!i", 1000) + b"half of it")
    os.kill(os.getpid(), signal.SIGSTOP)


def talk_and_leave(link):
    link.send("x" * 1_000_000)
    link.send("last words")


def in_time(work):
    """What ``work`` returns; it is given up where it hangs."""
    answers = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(work()), daemon=True).start()
    try:
        return answers.get(timeout=60)
    except queue.Empty:
        pytest.fail("it hangs")


@contextlib.contextmanager
def a_part(main):
    part = LocalPart("w0.1.1", main)
    try:
        yield part
    finally:
        part.kill()


def wait_until_stopped(part):
    process = psutil.Process(part.pid)
    while process.status() != psutil.STATUS_STOPPED:
        assert part.alive
        threading.Event().wait(0.02)
    return process


def test_a_stopped_process_keeps_nobody_who_tells_it_things():
    with a_part(stop_itself) as part:
        process = wait_until_stopped(part)
        clocks = [Clock(0.0, float(number)) for number in range(MESSAGES)]
        in_time(lambda: [part.send(clock) for clock in clocks])
        process.resume()
        assert part.wait(PATIENCE_SECONDS) == [clocks]


def test_a_process_stopped_in_the_middle_of_a_message_keeps_nobody_who_listens():
    with a_part(stop_in_the_middle_of_a_message) as part:
        wait_until_stopped(part)
        assert in_time(part.receive) == []


def test_what_a_process_said_before_it_ended_arrives_whole():
    with a_part(talk_and_leave) as part:
        assert part.join(PATIENCE_SECONDS)
        assert part.receive() == ["x" * 1_000_000, "last words"] and part.receive() == []
        part.send("too late")


BUSY_PART = """
import sys
from engine.orchestration.local import LocalPart

def compute(link):
    link.send("at work")
    while True:
        pass  # and never a look at messages, as in a compilation

if __name__ == "__main__":
    part = LocalPart("busy", compute)
    print(part.pid, *part.wait(300), flush=True)
    sys.stdin.read()
"""


def test_a_process_ends_with_its_driver_whatever_it_is_busy_with(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(BUSY_PART)
    root = str(Path(__file__).parents[3])
    driver = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    number, *said = driver.stdout.readline().split()
    assert said == ["at", "work"]
    busy = psutil.Process(int(number))
    driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs([busy], timeout=60)
    for process in alive:
        process.kill()
    assert not alive
