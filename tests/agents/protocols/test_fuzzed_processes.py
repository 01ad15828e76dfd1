"""Malformed lines against the real processes: no exit, no hang, no traceback, memory flat.

Each session has its own process, as a program with a board would start it.
"""

import re
import subprocess
import sys
import threading
import time

import psutil
import pytest
from fuzz_lines import malformed_lines

COMMANDS = {
    "gtp": ["gtp", "--game", "tic_tac_toe", "--agent", "mcts:2"],
    "uci": ["uci", "--game", "minichess", "--agent", "mcts:3"],
    "usi": ["usi", "--game", "minishogi", "--agent", "mcts:3"],
    "json": ["analyse", "mcts:3", "--game", "tic_tac_toe"],
}
GO = ["gtp", "--game", "go(size=9)", "--agent", "mcts:2"]
_STOP = {"uci": b"stop", "usi": b"stop", "json": b'{"id":"stop","action":"terminate_all"}'}
_SEARCH = b'{"id":"search","moves":[],"maxVisits":2000}'
#: Between two questions that have to be answered.
BLOCK = 500
START_SECONDS = 500
ANSWER_SECONDS = 60  # a hang is more than this, on however busy a machine
GROWTH = 24 << 20  # bytes


class Session:
    """A process that is written to, and whose lines are kept while nobody has asked for them."""

    def __init__(self, protocol, arguments):
        self.protocol = protocol
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.cli", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.complaints = []
        self.lines = 0
        self._questions = 0
        self._answered = threading.Event()
        self._awaited = b""
        for target in (self._read, self._read_complaints):
            threading.Thread(target=target, daemon=True).start()
        if protocol == "json":  # few of the malformed lines get as far as a search
            self.write([_SEARCH])  # the first one loads what is then kept
        self.ask(START_SECONDS)

    def _read(self):
        for line in self._process.stdout:
            self.lines += 1
            assert line.endswith(b"\n")
            if self._awaited and line.startswith(self._awaited):
                self._awaited = b""
                self._answered.set()

    def _read_complaints(self):
        for line in self._process.stderr:
            if len(self.complaints) < 2000:
                self.complaints.append(line.decode(errors="replace"))

    def write(self, lines):
        """Send lines."""
        self._process.stdin.write(b"".join(line + b"\n" for line in lines))
        self._process.stdin.flush()

    def ask(self, seconds=ANSWER_SECONDS):
        """Ask something that has to be answered; returns how long it took."""
        self._questions += 1
        number = b"%d" % (900_000_000 + self._questions)
        # Answers that nothing else brings about: an id, and a complaint of an option's name.
        question, answer = number + b" protocol_version", b"=" + number
        if self.protocol == "json":
            question = b'{"id":"%s","action":"query_version"}' % number
            answer = question[:-1]
        elif self.protocol != "gtp":
            question = b"setoption name " + number
            answer = b"info string there is no option '" + number
        self._answered.clear()
        self._awaited = answer
        began = time.perf_counter()
        self.write([question])
        assert self._answered.wait(seconds), f"no answer after {self.complaints[-3:]}"
        assert self._process.poll() is None
        return time.perf_counter() - began

    @property
    def memory(self):
        """Bytes that are its own."""
        return psutil.Process(self._process.pid).memory_info().rss

    def end(self):
        """Its exit code after ``quit``, or after the end of its input."""
        if self.protocol != "json":
            self.write([b"quit"])
        self._process.stdin.close()
        code = self._process.wait(60)
        time.sleep(0.1)
        return code


def hold_out(protocol, arguments, *, count, seed):
    """Send that many lines; what is asked in between has to be answered all along."""
    session = Session(protocol, arguments)
    block, slowest, early = [], 0.0, None
    for number, line in enumerate(malformed_lines(protocol, count, seed=seed), start=1):
        block.append(line)
        if number % BLOCK == 0 or number == count:
            session.write(block)
            if protocol != "gtp":
                session.write([_STOP[protocol]])
            slowest = max(slowest, session.ask())
            block = []
        if early is None and number >= max(count // 5, BLOCK):
            early = session.memory
    late = session.memory
    print(
        f"{protocol}: {count} lines, {session.lines} lines of answers, slowest block "
        f"{slowest:.2f} s, memory {early / 2**20:.1f} to {late / 2**20:.1f} MiB"
    )
    assert session.end() == 0
    complaints = "".join(session.complaints)
    assert "Traceback" not in complaints and "internal error" not in complaints, complaints[-2000:]
    faults = [x for x in session.complaints if re.search(r"\w+(Error|Exception)\b", x)]
    assert not faults, faults[:3]
    assert late - early < GROWTH


@pytest.mark.parametrize("protocol", COMMANDS)
def test_two_thousand_malformed_lines(protocol):
    hold_out(protocol, COMMANDS[protocol], count=2_000, seed=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("protocol", COMMANDS)
def test_a_hundred_thousand_malformed_lines(protocol):
    hold_out(protocol, COMMANDS[protocol], count=100_000, seed=6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_malformed_lines_in_go():
    hold_out("gtp", GO, count=100_000, seed=7)
