"""GNU Go's published regression files, sent to our server command by command.

They are in GNU Go's source (GPL-3: read here, not shipped), looked for under ``/usr/src``. What
they ask of GNU Go's own reading (``owl_attack``) we do not know; that has to be said, too.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from agents.protocols.gtp import read_command, read_reply

ROOT = Path(__file__).parents[3]


def regression_folder():
    """Where the files are; the test is skipped where they are not."""
    found = sorted(Path("/usr/src").glob("gnugo-*/regression"))
    if not found:
        pytest.skip("GNU Go's source is not under /usr/src (apt-get source gnugo)")
    return found[-1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_command_of_the_regression_files_is_answered():
    folder = regression_folder()
    lines = []
    for path in sorted(folder.glob("*.tst")):
        lines += ["clear_board", *path.read_text(errors="replace").splitlines()]
    commands = [each for line in lines if (each := read_command(line)) and each.name != "quit"]
    text = "\n".join(line for line in lines if not line.startswith("quit"))
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", "gtp", "--game", "go(size=19)", "--agent", "random"],
        input=text + "\nquit\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=3500,
    )
    replies = [read_reply(each.split("\n")) for each in done.stdout.split("\n\n") if each]
    assert done.returncode == 0
    assert len(replies) == len(commands) + 1
    asked, failed, reasons = Counter(), Counter(), Counter()
    for command, reply in zip(commands, replies, strict=False):
        assert reply.id == command.id
        asked[command.name] += 1
        if not reply.is_success:
            failed[command.name] += 1
            if reply.text != "unknown command":
                reasons[f"{command.name}: {reply.text}"[:110]] += 1
    known = [name for name in asked if failed[name] < asked[name]]
    print({name: f"{asked[name] - failed[name]} of {asked[name]}" for name in known})
    print(*reasons.most_common(12), sep="\n")
    assert "internal error" not in done.stdout
    assert asked["loadsgf"] > 1000 and failed["loadsgf"] < asked["loadsgf"] / 20
    assert failed["reg_genmove"] < asked["reg_genmove"] / 20
