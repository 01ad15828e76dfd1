"""A game's Python file as text: what it declares, and a copy with other numbers in it.

Parameters take effect by rewriting the file, not by passing them around: tables that a game builds
from its constants are right at once, and the compiler sees plain numbers.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from games.game import GameError

_REQUIRED_CONSTANTS = ("PARAMETERS", "STATE", "NUM_ACTIONS", "MAX_PLIES", "OBSERVATION_SHAPE")
_REQUIRED_FUNCTIONS = (
    *("initial", "step", "legal_actions", "observe"),
    *("action_to_text", "text_to_action", "state_to_text", "text_to_state", "board_view"),
)
_KERNELS = Path(__file__).with_name("batched_kernels_template.py")


Setting = int | float | str  # what a parameter may be set to


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a game's user may set: a whole number, a number, or one of some words."""

    default: Setting
    meaning: str
    low: float = 0
    high: float = 0
    words: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """What it may be, for people."""
        return ", ".join(self.words) if self.words else f"{self.low:g} to {self.high:g}"

    def read(self, text: str) -> Setting | None:
        """The setting that ``text`` means, or None where it is none (in range or not)."""
        if self.words:
            return text if text in self.words else None
        try:
            number = float(text) if isinstance(self.default, float) else int(text)
        except ValueError:
            return None
        return number if self.low <= number <= self.high else None


@dataclass(frozen=True, slots=True)
class GameSource:
    """A game's file, read but not run."""

    path: Path
    text: str
    constants: Mapping[str, ast.expr]  # module-level ``NAME = ...``
    functions: frozenset[str]  # module-level ``def name``
    helpers: tuple[str, ...]  # modules of ``games`` that it imports from
    parameters: Mapping[str, Parameter]  # by lower-case name

    def hash(self, parameters: Mapping[str, Setting]) -> str:
        """Hash of what decides the rules: the file and its settings, not the machinery."""
        rules = f"{self.text}\n{sorted(parameters.items())}"
        return hashlib.sha256(rules.encode()).hexdigest()[:16]

    def with_kernels(self, parameters: Mapping[str, Setting]) -> str:
        """Source of the module that is compiled: the game with these numbers, then the kernels."""
        return "\n\n".join(
            [
                self._specialised(parameters),
                self._left_out(),
                _KERNELS.read_text(encoding="utf-8"),
            ]
        )

    def _specialised(self, parameters: Mapping[str, Setting]) -> str:
        """The text with its parameters' settings replaced; every line keeps its place."""
        lines = self.text.splitlines(keepends=True)
        for name, setting in parameters.items():
            value = self.constants[name.upper()]
            line = lines[value.lineno - 1].encode()  # the parser counts columns in bytes
            line = line[: value.col_offset] + repr(setting).encode() + line[value.end_col_offset :]
            lines[value.lineno - 1] = line.decode()
        return "".join(lines)

    def _left_out(self) -> str:
        """What the kernels need and a game may leave out."""
        settles = "settled_in_two" in self.functions
        lines = [f"SETTLES_IN_TWO = {settles}"]
        if not settles:
            lines.append("from games.authoring import rule as _rule")
            lines.append("settled_in_two = _rule(lambda state: 2)  # compiled, but never called")
        promises = "promise" in self.functions
        lines.append(f"HAS_PROMISE = {promises}")
        if not promises:
            lines.append("from games.authoring import rule as _rule")
            lines.append("promise = _rule(lambda state, mover: 0)")
        lines.append(f"HAS_OWNERSHIP = {'final_ownership' in self.functions}")
        if "MAX_LEGAL" not in self.constants:
            lines.append("MAX_LEGAL = NUM_ACTIONS")
        if "ENDGAME_PLIES" not in self.constants:
            lines.append("ENDGAME_PLIES = 0")
        return "\n".join(lines)


def read_game_source(path: Path) -> GameSource:
    """Read a game's file without running it.

    Raises:
        GameError: the file cannot be read, is no Python, or lacks something that a game needs.
    """
    try:
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
    except (OSError, ValueError) as error:  # not UTF-8, or a null byte (a SyntaxError since 3.11.4)
        raise GameError(f"cannot read the game's file {path}: {error}") from error
    except SyntaxError as error:
        raise GameError(f"{path.name}, line {error.lineno}: {error.msg}") from error
    constants: dict[str, ast.expr] = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            constants[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                constants[statement.target.id] = statement.value
    functions = frozenset(s.name for s in body if isinstance(s, ast.FunctionDef))
    imports = (s.module for s in body if isinstance(s, ast.ImportFrom) and s.module)
    helpers = tuple(sorted({module for module in imports if module.startswith("games.")}))
    missing = [name for name in _REQUIRED_CONSTANTS if name not in constants]
    missing += [f"{name}()" for name in _REQUIRED_FUNCTIONS if name not in functions]
    if missing:
        raise GameError(
            f"{path.name} is no game: it lacks {', '.join(missing)}; docs/add_a_game.md lists "
            "what a game has"
        )
    return GameSource(path, text, constants, functions, helpers, _parameters(constants, path))


def _parameters(constants: Mapping[str, ast.expr], path: Path) -> Mapping[str, Parameter]:
    """What ``PARAMETERS`` declares, with the defaults from the constants of the same names."""
    try:
        declared = ast.literal_eval(constants["PARAMETERS"])
        return {
            name.lower(): _parameter(ast.literal_eval(constants[name]), *facts)
            for name, facts in declared.items()
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise GameError(
            f'{path.name}: PARAMETERS must be {{"NAME": (lowest, highest, "meaning"), ...}} or '
            '{"NAME": (("word", "other"), "meaning")} with a line NAME = default for each'
        ) from error


def _parameter(default: Setting, *facts: Any) -> Parameter:
    """One entry of ``PARAMETERS``: (lowest, highest, meaning) or (words, meaning)."""
    if isinstance(default, str):
        words, meaning = facts
        return Parameter(default, str(meaning), words=tuple(str(word) for word in words))
    low, high, meaning = facts
    kind = float if isinstance(default, float) else int
    return Parameter(kind(default), str(meaning), low=kind(low), high=kind(high))
