"""`meijin simulate`: a cluster's messages, from workers that play nothing."""

import json
import subprocess
import sys

import pytest


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.cli", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_it_prints_a_table_for_people_and_programs(tmp_path):
    run = tmp_path / "run"
    small = ["tic_tac_toe", "--workers", "4", "--rate", "50", "--minutes", "0.05"]
    table = simulate(*small, "--run", str(run), "--json")
    assert table.returncode == 0, table.stderr
    assert json.loads(table.stdout)["episodes sent and not stored"] == [0, ""]
    again = simulate(*small, "--run", str(run))
    assert again.returncode != 0
    assert again.stderr.strip() == f"meijin: {run} exists already; choose another with --run"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "0"], "--workers must be at least 1"),
        (["--rate", "-1"], "--rate must not be negative"),
        (["--minutes", "0"], "--minutes must be more than 0"),
        (["connect_for"], "connect_four"),
    ],
)
def test_a_wrong_option_is_one_line(arguments, said):
    done = simulate(*arguments)
    assert done.returncode != 0
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
