"""Windows of a real terminal for the tests of commands."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal_window import Terminal


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens windows; skips where tmux is missing."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened: list[Terminal] = []

    def build(**size: int) -> Terminal:
        opened.append(Terminal(tmp_path, **size))
        return opened[-1]

    yield build
    for terminal in opened:
        terminal.close()
