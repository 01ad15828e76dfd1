import os
import signal
import subprocess
import sys
import time

import pytest

from agents.protocols.lines import LONGEST_LINE, LineReader
from agents.protocols.process import LineProcess, ProcessError


def python(code):
    return f"{sys.executable} -c '{code}'"


def test_lines_go_both_ways():
    process = LineProcess("cat")
    process.write("hello")
    process.write("w\u00f6rld")
    assert process.read(timeout_seconds=20) == "hello"
    assert process.read(timeout_seconds=20) == "w\u00f6rld"
    process.close()
    process.close()
    with pytest.raises(ProcessError, match="has ended"):
        process.write("more")


@pytest.mark.parametrize(
    "command, message",
    [
        ("no-such-program-here", "cannot start 'no-such-program-here': No such file"),
        ("", "no command"),
        ("a 'b", "cannot read the command"),
        ("/tmp", "cannot start '/tmp'"),
    ],
)
def test_what_cannot_be_started_is_said(command, message):
    with pytest.raises(ProcessError, match=message):
        LineProcess(command)


def test_a_program_that_ends_is_named_with_its_last_words():
    process = LineProcess(python('import sys; sys.exit("no licence")'))
    with pytest.raises(ProcessError, match="has ended with exit code 1: no licence"):
        process.read(timeout_seconds=30)


def test_silence_has_a_limit():
    process = LineProcess("cat")
    with pytest.raises(ProcessError, match="in time"):
        process.read(timeout_seconds=0.1)
    process.close()


def test_a_flood_stops_the_program_and_not_us():
    process = LineProcess(python('while True: print("x" * 1000)'))
    assert process.read(timeout_seconds=30) == "x" * 1000
    process.close()


def test_a_program_that_will_not_end_is_ended_with_its_children():
    code = (
        "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        'child = subprocess.Popen(["sleep", "600"]); print(child.pid, flush=True); child.wait()'
    )
    process = LineProcess(python(code))
    grandchild = int(process.read(timeout_seconds=60))
    process.close()
    assert ends(grandchild), "the program's own child outlived it"


def test_a_program_that_spins_without_input_ends_when_we_are_killed():
    code = (
        "import time; from agents.protocols.process import LineProcess; "
        "process = LineProcess(\"sh -c 'echo $$; while :; do :; done'\"); "
        "print(process.read(timeout_seconds=60), flush=True); time.sleep(600)"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    program = int(ours.stdout.readline())
    ours.kill()
    ours.wait()
    ours.stdout.close()
    assert ends(program), "a program outlived the process that had started it"


def ends(pid):
    """Whether a process is gone within two minutes; it is killed otherwise."""
    for _ in range(1200):
        try:
            os.kill(pid, 0)
            if open(f"/proc/{pid}/stat").read().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False


def test_a_reader_cuts_what_never_ends_and_knows_the_end():
    reading, writing = os.pipe()
    lines = LineReader(reading)
    assert not lines.is_waiting
    with pytest.raises(TimeoutError):
        lines.next(0.01)
    with os.fdopen(writing, "wb") as stream:
        stream.write(b"a\r\n" + b"y" * (LONGEST_LINE + 5) + b"\nlast")
    assert lines.next(20) == "a"
    assert lines.next(20) == "y" * LONGEST_LINE
    assert lines.next(20) == "last"
    assert lines.next(20) is None
    assert lines.is_waiting and lines.next(20) is None
    os.close(reading)
