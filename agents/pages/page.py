"""From a template and values to one self-contained HTML page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2

from agents.agent import AgentError

_TEMPLATES = Path(__file__).parent / "templates"

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES, encoding="utf-8"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class PageError(AgentError):
    """A page that cannot be written; the message is one line for the user."""


def render(template: str, **values: Any) -> str:
    """The page of a template; text among the values is escaped, ``| tojson`` is safe in scripts."""
    page: str = _environment.get_template(template).render(**values)
    return page


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all.

    Raises:
        PageError: the file cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(page, encoding="utf-8")
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        try:
            beside.unlink(missing_ok=True)
        except (OSError, ValueError):
            pass
        raise PageError(f"cannot write {path}: {why}; name another with --output") from None
