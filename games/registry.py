"""From a text such as ``"connect_four(width=5)"`` to a compiled ``Game``."""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from games import compile_cache
from games.batched_rules import CompiledRules
from games.game import (
    Game,
    GameError,
    IllegalMoveError,
    Symmetries,
    UnknownGameError,
)

#: Files of this folder that hold a game. A game of one's own needs no entry: ``make`` takes a path.
REGISTERED = ("tic_tac_toe", "connect_four")

_FOLDER = Path(__file__).resolve().parent
_REQUIRED = (
    *("PARAMETERS", "STATE", "NUM_ACTIONS", "MAX_PLIES", "OBSERVATION_SHAPE"),
    *("initial", "step", "legal_actions", "observe"),
    *("action_to_text", "text_to_action", "state_to_text", "text_to_state", "board_view"),
)
_SPEC = re.compile(r"^\s*(?P<name>[^()]*?)\s*(?:\((?P<arguments>[^()]*)\))?\s*$")

_made: dict[tuple[str, str], Game] = {}
_making = threading.Lock()


def registered_games() -> tuple[str, ...]:
    """Names that ``make`` knows without a path."""
    return REGISTERED


def make(spec: str) -> Game:
    """Compile a game, or find it compiled already.

    Args:
        spec: a registered name or the path of a game's Python file, with parameters in brackets
            or without: ``"connect_four"``, ``"connect_four(width=5, height=4)"``,
            ``"my/games/nim.py(heaps=3)"``.

    Returns:
        The game; the same object for equal specs as long as its file is not edited.

    Raises:
        UnknownGameError: no such game, or the game has no such parameter.
        GameError: a parameter out of range, or a file that is not a game.
    """
    name, path, asked = _parse(spec)
    source = _read_source(path)
    ranges, defaults = _declared_parameters(source, path)
    parameters = {**defaults, **_checked(asked, ranges, name)}
    changed = {key: value for key, value in parameters.items() if value != defaults[key]}
    arguments = ",".join(f"{key}={value}" for key, value in changed.items())
    game_id = f"{name}({arguments})" if arguments else name
    hashed = compile_cache.hash_of(
        [compile_cache.GAMES_HASH.encode(), game_id.encode(), source.encode()]
    )
    with _making:
        if (game_id, hashed) not in _made:
            module = _compiled_module(source, path, parameters, hashed)
            _made[game_id, hashed] = _game_of(module, game_id, path, source, parameters)
        return _made[game_id, hashed]


def _parse(spec: str) -> tuple[str, Path, dict[str, int]]:
    """Split a spec into name (or absolute path), file and the parameters asked for."""
    match = _SPEC.match(spec)
    if not match:
        raise UnknownGameError(f"cannot read {spec!r}; write name or name(parameter=number,...)")
    name = match["name"]
    if name.endswith(".py"):
        path = Path(name).expanduser().resolve()
        name = path.as_posix()
        if not path.is_file():
            raise UnknownGameError(f"there is no file {name} to take a game from")
    elif name in REGISTERED:
        path = _FOLDER / f"{name}.py"
    else:
        raise UnknownGameError(f"no game {name!r}{_nearest(name, REGISTERED)}")
    asked = {}
    for argument in filter(None, (part.strip() for part in (match["arguments"] or "").split(","))):
        key, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or not re.fullmatch(r"[+-]?\d+", value):
            raise GameError(f"cannot read {argument!r} in {spec!r}; write parameter=whole number")
        if key in asked:
            raise GameError(f"{key!r} is given twice in {spec!r}")
        asked[key] = int(value)
    return name, path, asked


def _nearest(word: str, known: tuple[str, ...]) -> str:
    """``; did you mean 'x'? known: ...`` for error messages."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(known) or 'none'}"


def _read_source(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GameError(f"cannot read the game's file {path}: {error}") from error


def _assignments(source: str, path: Path) -> dict[str, ast.expr]:
    """Values of the module-level assignments ``NAME = ...`` of a source."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise GameError(f"{path.name}, line {error.lineno}: {error.msg}") from error
    values: dict[str, ast.expr] = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                values[statement.target.id] = statement.value
    return values


def _declared_parameters(
    source: str, path: Path
) -> tuple[Mapping[str, tuple[int, int, str]], Mapping[str, int]]:
    """Ranges and defaults of a game's parameters by lower-case name, read without running it."""
    values = _assignments(source, path)
    try:
        declared = ast.literal_eval(values["PARAMETERS"])
        ranges = {
            key.lower(): (int(low), int(high), str(text))
            for key, (low, high, text) in declared.items()
        }
        defaults = {key.lower(): int(ast.literal_eval(values[key])) for key in declared}
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise GameError(
            f'{path.name} is no game: it needs PARAMETERS = {{"NAME": (lowest, highest, '
            f'"meaning")}} and a line NAME = number for each (see games/connect_four.py)'
        ) from error
    return ranges, defaults


def _checked(
    asked: Mapping[str, int], ranges: Mapping[str, tuple[int, int, str]], name: str
) -> Mapping[str, int]:
    for key, value in asked.items():
        if key not in ranges:
            raise UnknownGameError(f"{name} has no parameter {key!r}{_nearest(key, tuple(ranges))}")
        low, high, meaning = ranges[key]
        if not low <= value <= high:
            raise GameError(f"{name}: {key} ({meaning}) is {low} to {high}, not {value}")
    return asked


def _specialised(source: str, path: Path, parameters: Mapping[str, int]) -> str:
    """The source with its parameters' numbers replaced; all lines stay where they are."""
    lines = source.splitlines(keepends=True)
    values = _assignments(source, path)
    for key, number in parameters.items():
        value = values[key.upper()]
        line = lines[value.lineno - 1].encode()  # the parser counts columns in bytes
        line = line[: value.col_offset] + str(number).encode() + line[value.end_col_offset :]
        lines[value.lineno - 1] = line.decode()
    return "".join(lines)


def _compiled_module(
    source: str, path: Path, parameters: Mapping[str, int], hashed: str
) -> ModuleType:
    """Import the specialised game with its batched kernels, from one generated file."""
    template = (_FOLDER / "batched_kernels_template.py").read_text(encoding="utf-8")
    text = _specialised(source, path, parameters)
    if "MAX_LEGAL" not in _assignments(source, path):
        text += "\n\nMAX_LEGAL = NUM_ACTIONS\n"
    generated = compile_cache.write_generated_source(
        path.stem, f"{text}\n\n{template}", hashed=hashed
    )
    module_name = f"meijin_game_{path.stem}_{hashed}"
    specification = importlib.util.spec_from_file_location(module_name, generated)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module  # Numba looks the functions' module up by name
    try:
        with compile_cache.compiled_code_beside_the_source():
            specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise GameError(f"{path.name} is no game: it lacks {', '.join(missing)}")
    return module


def _game_of(
    module: ModuleType, game_id: str, path: Path, source: str, parameters: Mapping[str, int]
) -> Game:
    """Facts of a compiled module as a record, with defaults for what a game may leave out."""
    channels, height, width = module.OBSERVATION_SHAPE
    return Game(
        id=game_id,
        name=game_id.partition("(")[0],
        parameters=dict(parameters),
        source_hash=_source_hash(source, path, parameters),
        num_actions=module.NUM_ACTIONS,
        max_legal=module.MAX_LEGAL,
        max_plies=module.MAX_PLIES,
        observation_shape=(channels, height, width),
        observation_scales=np.array(
            getattr(module, "OBSERVATION_SCALES", (1.0,) * channels), np.float32
        ),
        rules=CompiledRules(module),
        symmetries=module.symmetries() if hasattr(module, "symmetries") else _identity(module),
        action_to_text=module.action_to_text,
        text_to_action=_checking_legality(module, game_id),
        state_to_text=module.state_to_text,
        text_to_state=module.text_to_state,
        board_view=module.board_view,
        **({"cell_of_action": module.cell_of_action} if hasattr(module, "cell_of_action") else {}),
    )


def _identity(module: ModuleType) -> Symmetries:
    _, height, width = module.OBSERVATION_SHAPE
    return Symmetries(
        cells=np.arange(height * width, dtype=np.int32)[None],
        actions=np.arange(module.NUM_ACTIONS, dtype=np.int32)[None],
    )


def _checking_legality(module: ModuleType, game_id: str) -> Callable[[np.void, str], int]:
    """The game's ``text_to_action``, which reads a move, with the check that it may be played."""
    rules = CompiledRules(module)

    def text_to_action(state: np.void, text: str) -> int:
        action = int(module.text_to_action(state, text))
        actions = np.empty((1, module.MAX_LEGAL), np.int32)
        counts = np.empty(1, np.int32)
        rules.legal_actions(np.array([state], module.STATE), actions, counts)
        legal = actions[0, : counts[0]].tolist()
        if action in legal:
            return action
        if not legal:
            raise IllegalMoveError(f"{text!r} cannot be played: the game is over")
        moves = " ".join(module.action_to_text(state, other) for other in legal)
        raise IllegalMoveError(
            f"{text!r} cannot be played in {game_id} after {state['ply']} plies; legal: {moves}"
        )

    return text_to_action


def _source_hash(source: str, path: Path, parameters: Mapping[str, Any]) -> str:
    """Hash of what decides the rules: the game's file and its parameters, not the machinery."""
    return hashlib.sha256(f"{source}\n{sorted(parameters.items())}".encode()).hexdigest()[:16]
