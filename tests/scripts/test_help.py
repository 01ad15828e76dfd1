"""Every command's help has examples that can be copied, one a line."""

import re
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from scripts.cli import COMMANDS, _with_examples_as_written, cli


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_stand_one_below_the_other(name):
    for _ in range(2):  # the second time the text was made before
        shown = CliRunner().invoke(cli, [name, "--help"]).stdout
        after = re.split(r"^  Examples?:$", shown, flags=re.M)[1]
        lines = after.partition("\n\n")[0].strip("\n").splitlines()
        assert lines and all("meijin" in line for line in lines), shown


def test_a_help_without_examples_is_left_as_it_is():
    assert _with_examples_as_written("Does it.\n\n    Twice.") == "Does it.\n\nTwice."


def test_a_second_interrupt_while_libraries_end_shows_no_traceback():
    """Ray's own end takes a while."""
    program = """
import atexit, os, signal, sys, time
from scripts import cli

@atexit.register
def slowly():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)

def interrupted(**options):
    raise KeyboardInterrupt

cli.cli.main = interrupted
cli.main([])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGINT and done.stderr == ""
