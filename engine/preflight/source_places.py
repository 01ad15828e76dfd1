"""Where things stand in a game's file, and what its rules changed outside the state."""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

import numpy as np

from games.game_source import GameSource

_CHANGING = {
    "append",
    "add",
    "extend",
    "update",
    "pop",
    "clear",
    "insert",
    "remove",
    "fill",
    "sort",
}


def place_of(source: GameSource, name: str) -> str:
    """``step() in line 41``: where a function or constant of a game is defined."""
    for node in ast.parse(source.text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"{name}() in line {node.lineno}"
        for target in _targets(node):
            if isinstance(target, ast.Name) and target.id == name:
                return f"{name} in line {node.lineno}"
    return name if name.isupper() else f"{name}()"


def place_of_change(source: GameSource, name: str) -> str:
    """The line of a function in which a module-level name is changed."""
    lines = source.text.splitlines()
    for function in ast.parse(source.text).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            changed = [_base(target) for target in _targets(node)]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changed += [_base(node.func)] if node.func.attr in _CHANGING else []
            if isinstance(node, (ast.stmt, ast.expr)) and name in changed:
                return f"line {node.lineno}, in {function.name}: {lines[node.lineno - 1].strip()}"
    return place_of(source, name)


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def _base(node: ast.expr) -> str:
    """The name that an expression such as ``TABLE[i].x`` begins with."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def snapshot(module: ModuleType) -> dict[str, Any]:
    """Data at module level, to be compared with later."""
    kinds = (np.ndarray, list, dict, set, bytearray, int, float, str, tuple)
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        for name, value in vars(module).items()
        if isinstance(value, kinds) and not name.startswith("__")
    }


def changed_globals(module: ModuleType, before: dict[str, Any]) -> list[str]:
    """Names of data at module level that are not what they were."""
    after = snapshot(module)
    return [name for name in before if after.get(name) != before[name]]
