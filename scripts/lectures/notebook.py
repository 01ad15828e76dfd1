"""A lecture as a Jupyter notebook, made from its story, so that the two cannot part."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SET_UP = """\
import matplotlib

matplotlib.use("Agg")  # pictures are shown by the page
from pathlib import Path

import torch

from scripts.lectures.page import Page

torch.set_num_threads(1)  # more gain little here
quick = {quick}  # True: the short form, with less of everything
seed = {seed}  # settles all chance
page = Page({name!r}, folder=Path("."), in_notebook=True)"""


def notebook_of(name: str, module: ModuleType, *, quick: bool, seed: int) -> NotebookNode:
    """The notebook that does what ``module.story`` does.

    Its cells: the module's docstring; imports, constants and helpers; then the story itself, where
    each ``page.text("...")`` is a cell of text and whatever stands between is a cell of code.

    Args:
        name: of the lecture.
        module: with a function ``story``.
        quick: what the notebook sets; it can be changed there.
        seed: the same.
    """
    import nbformat

    source = inspect.getsource(module)
    tree = ast.parse(source)
    story = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "story"
    )
    lines = source.splitlines()
    first = 1 if ast.get_docstring(tree) else 0
    start = tree.body[first - 1].end_lineno if first else 0
    preamble = "\n".join([*lines[start : story.lineno - 1], *lines[story.end_lineno :]]).strip()
    set_up = _SET_UP.format(name=name, quick=quick, seed=seed)
    cells = [
        nbformat.v4.new_markdown_cell(f"# {ast.get_docstring(tree)}"),
        nbformat.v4.new_code_cell(preamble),
        nbformat.v4.new_code_cell(set_up),
        *_story_cells(story, lines),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"{name}-{number}".replace("_", "-")  # the same every time
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    return notebook


def _story_cells(story: ast.FunctionDef, lines: list[str]) -> list[NotebookNode]:
    """The body of the story, cut at its explanations."""
    import nbformat

    cells = []
    body = story.body[1:] if ast.get_docstring(story) else story.body
    cut = story.body[0].end_lineno if ast.get_docstring(story) else story.body[0].lineno - 1
    for statement in body:
        explanation = _explanation(statement)
        if explanation is None:
            continue
        cells += _code_cells(lines[cut : statement.lineno - 1])
        cells.append(nbformat.v4.new_markdown_cell(explanation))
        cut = statement.end_lineno
    return cells + _code_cells(lines[cut : story.end_lineno])


def _code_cells(lines: list[str]) -> list[NotebookNode]:
    import nbformat

    code = textwrap.dedent("\n".join(lines)).strip()
    return [nbformat.v4.new_code_cell(code)] if code else []


def _explanation(statement: ast.stmt) -> str | None:
    """The text of ``page.text("...")``; None for any other statement."""
    match statement:
        case ast.Expr(
            ast.Call(
                func=ast.Attribute(value=ast.Name("page"), attr="text"),
                args=[ast.Constant(value=str(text))],
            )
        ):
            return inspect.cleandoc(text)
    return None
