"""A real terminal for tests: tmux, into which keys are typed and whose screen is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

MEIJIN = [sys.executable, "-m", "scripts.cli"]


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, folder: Path, *, columns: int, lines: int) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        shell = ["new-session", "-d", "-x", str(columns), "-y", str(lines), "sh"]
        self._call(*shell)

    def _call(self, *arguments: str) -> str:
        environment = {**os.environ, "TERM": "xterm-256color", "PS1": "$ "}
        for size in ("COLUMNS", "LINES"):  # other tests may have set them
            environment.pop(size, None)
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, env=environment, check=True
        )
        return done.stdout

    def type(self, *keys: str) -> None:
        """Send keys by tmux's names."""
        self._call("send-keys", *keys)

    def screen(self) -> str:
        """What the window shows."""
        return self._call("capture-pane", "-p")

    def coloured_screen(self) -> str:
        """The same with the colours, in which stones of one shape differ."""
        return self._call("capture-pane", "-p", "-e")

    def wait_for_change(self, before: str, *, seconds: float = 120) -> None:
        """Until the coloured screen is another one than before."""
        deadline = time.monotonic() + seconds
        while self.coloured_screen() == before:
            assert time.monotonic() < deadline, f"nothing changed on:\n{self.screen()}"
            time.sleep(0.05)

    def wait_for(self, pattern: str, *, seconds: float = 120) -> str:
        """The screen, as soon as it matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} never came up on:\n{self.screen()}")

    def wait_until_gone(self, pattern: str, *, seconds: float = 120) -> None:
        """Until the screen no longer matches."""
        deadline = time.monotonic() + seconds
        while re.search(pattern, screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)

    def close(self) -> None:
        """End the server."""
        self._call("kill-server")
