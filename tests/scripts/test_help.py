"""Every command's help has examples that can be copied, one a line."""

import re

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
