"""Files for results: refused before the work where they could not be written; faults in a line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agents.agent import AgentError


def check_folders(*files: Path | None) -> None:
    """Refuse files that could not be written, before the work whose result they are to hold.

    Args:
        files: None, and ``-`` for standard output, are passed over.

    Raises:
        AgentError: one of them has no folder, or may not be written.
    """
    for file in files:
        if file is None or str(file) == "-":
            continue
        folder = file.absolute().parent
        if not folder.is_dir():
            raise AgentError(f"there is no folder {file.parent} for {file.name}; make it first")
        if not os.access(file if file.exists() else folder, os.W_OK):
            raise AgentError(f"{file} cannot be written: no permission; choose another place")


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Around what writes ``target``, or draws it: one line for the user where that fails."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a kind of picture that nobody draws
        why = getattr(error, "strerror", None) or error
        raise click.ClickException(f"cannot write {target}: {why}") from None
