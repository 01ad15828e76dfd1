"""docs/add_a_game.md as written: its game, its commands, and what they print."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "add_a_game.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GAME = next(text for language, text in BLOCKS if language == "python")
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]
GREEN, RED = (text for language, text in BLOCKS if language == "text")


def run(command: str, folder: Path) -> subprocess.CompletedProcess:
    """One line of the page in a folder of its own; nothing is typed into it."""
    program, *arguments = shlex.split(command)
    assert program == "meijin"
    return subprocess.run(
        [sys.executable, "-c", "from scripts.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=590,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("page")
    (path / "chomp.py").write_text(GAME)
    return path


def says(printed: str, shown: str) -> bool:
    """Whether the lines shown on the page were printed, in order; "..." leaves some out."""
    lines = iter(line.rstrip() for line in printed.splitlines())
    return all(
        any(line.startswith(wanted.rstrip()) for line in lines)
        for wanted in shown.splitlines()
        if wanted != "..."
    )


def test_the_game_of_the_page_is_green_and_plays(folder):
    check, play = COMMANDS[:2]
    assert (check, play) == ("meijin check chomp.py", "meijin play chomp.py")
    done = run(check, folder)
    assert done.returncode == 0 and says(done.stdout, GREEN), done.stdout + done.stderr
    done = run(play, folder)
    assert done.returncode == 0 and "A to move" in done.stdout, done.stdout + done.stderr


def test_the_red_line_of_the_page_is_what_is_printed(folder):
    left_out = "    state.ply += 1\n"
    assert GAME.count(left_out) == 1
    (folder / "broken").mkdir()
    (folder / "broken" / "chomp.py").write_text(GAME.replace(left_out, ""))
    done = run("meijin check chomp.py", folder / "broken")
    assert done.returncode == 1 and says(done.stdout, RED), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command_of_the_page_runs(folder):
    for command in COMMANDS:
        done = run(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
