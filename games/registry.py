"""From a text such as ``"connect_four(width=5)"`` to a compiled ``Game``."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
from numba.core.errors import NumbaError

from games import compile_cache
from games.batched_rules import CompiledRules
from games.game import (
    BatchedRules,
    Game,
    GameError,
    IllegalMoveError,
    Symmetries,
    UnknownGameError,
)
from games.game_source import GameSource, Parameter, Setting, read_game_source
from games.suggestions import did_you_mean

#: Games by name, each as a file of this folder with the settings that make it this game. A game of
#: one's own needs no entry: ``make`` takes a path.
REGISTERED: Mapping[str, tuple[str, Mapping[str, Setting]]] = {
    "tic_tac_toe": ("tic_tac_toe", {}),
    "connect_four": ("connect_four", {}),
    "gomoku": ("gomoku", {}),
    "hex": ("hex", {}),
    "minichess": ("minichess", {}),
    "go": ("go", {}),
    "othello": ("othello", {}),
    "breakthrough": ("breakthrough", {}),
    "shogi": ("shogi", {"size": 9}),
    "minishogi": ("shogi", {"size": 5}),
    "chess": ("chess", {}),
}

_MOST_LISTED = 40  # legal moves in a message

#: Modules that make games out of something other than a file, by the word before the colon in
#: ``"pettingzoo:connect_four_v3"``; imported when they are asked for.
MAKERS: Mapping[str, str] = {"pettingzoo": "games.bridges.foreign_game"}

#: ``go9`` for ``go(size=9)``.
_SHORT = re.compile(r"(?P<name>[a-z_]+)(?P<size>[0-9]{1,3})")

_SPEC = re.compile(r"\s*(?P<name>[^()]*?)\s*(?:\((?P<arguments>[^()]*)\))?\s*")

_made: dict[str, Game] = {}
_making = threading.Lock()


def registered_games() -> tuple[str, ...]:
    """Names that ``make`` knows without a path."""
    return tuple(REGISTERED)


def source_of(name: str) -> GameSource:
    """The file of a registered game (or of a path), read but not run."""
    return read_game_source(_find(name)[1])


def parameters_of(name: str) -> Mapping[str, Parameter]:
    """Parameters of a registered game (or of a game's file) by name, with range and default."""
    _, path, fixed = _find(name)
    known = read_game_source(path).parameters
    return {key: parameter for key, parameter in known.items() if key not in fixed}


def make(spec: str) -> Game:
    """Compile a game, or find it compiled already.

    Args:
        spec: a registered name or the path of a game's Python file, with parameters in brackets
            or without: ``"connect_four"``, ``"connect_four(width=5, height=4)"``,
            ``"my/games/nim.py(heaps=3)"``. Where a game has a size, ``"go9"`` stands for
            ``"go(size=9)"``. ``"pettingzoo:connect_four_v3"`` is an environment of
            PettingZoo (see ``games.bridges.foreign_game``).

    Returns:
        The game; the same object for equal specs as long as the game's file is not edited.

    Raises:
        UnknownGameError: no such game, or the game has no such parameter.
        GameError: a parameter out of range, or a file that is not a game.
    """
    foreign = _SPEC.fullmatch(spec)
    maker, colon, rest = foreign["name"].partition(":") if foreign else ("", "", "")
    if foreign and colon and maker in MAKERS:
        made: Game = _maker(maker).make(rest, foreign["arguments"] or "")
        return made
    game_id, source, parameters = read_spec(spec)
    hashed = compile_cache.hash_of(
        part.encode() for part in (compile_cache.GAMES_HASH, game_id, source.text)
    )
    with _making:
        if hashed not in _made:
            module = _compile(source, parameters, hashed)
            rules = CompiledRules(module)
            _made[hashed] = game_of(module, rules, game_id, source, parameters)
        return _made[hashed]


def read_spec(spec: str) -> tuple[str, GameSource, dict[str, Setting]]:
    """The id, the file and the settings of the game that a text names, without running anything.

    Raises:
        UnknownGameError: no such game, or the game has no such parameter.
        GameError: a parameter out of range, or a file that is not a game.
    """
    match = _SPEC.fullmatch(spec)
    if not match:
        raise UnknownGameError(f"cannot read {spec!r}; write name or name(parameter=number,...)")
    name, size = _without_size(match["name"])
    name, path, fixed = _find(name)
    source = read_game_source(path)
    known = {key: value for key, value in source.parameters.items() if key not in fixed}
    asked = _read_arguments(f"{size},{match['arguments'] or ''}", spec, known, name)
    arguments = ",".join(
        f"{key}={_shortest(value)}" for key, value in asked.items() if value != known[key].default
    )
    parameters = {key: parameter.default for key, parameter in source.parameters.items()}
    parameters |= {**fixed, **asked}
    return f"{name}({arguments})" if arguments else name, source, parameters


def _shortest(setting: Setting) -> str:
    """A setting as text from which just the same one is read: 7 for 7.0."""
    short = f"{setting:g}" if isinstance(setting, float) else str(setting)
    return short if str(setting) == short or float(short) == setting else repr(setting)


def _without_size(name: str) -> tuple[str, str]:
    """``go9`` as ``go`` and ``size=9``; any other name as it is, and nothing."""
    short = _SHORT.fullmatch(name)
    if short and name not in REGISTERED and "size" in _sized(short["name"]):
        return short["name"], f"size={short['size']}"
    return name, ""


def _sized(name: str) -> Mapping[str, Parameter]:
    """Parameters of a registered game, none where there is no such game."""
    return parameters_of(name) if name in REGISTERED else {}


def _maker(name: str) -> ModuleType:
    """The module behind a word before the colon."""
    try:
        return importlib.import_module(MAKERS[name])
    except ImportError as error:
        raise GameError(
            f"{name}: games need the library {error.name!r}, which cannot be imported"
        ) from error


def _find(name: str) -> tuple[str, Path, Mapping[str, Setting]]:
    """Name of a game (an absolute path for a file of one's own), its file, and fixed settings."""
    if name.endswith(".py"):
        path = Path(name).expanduser().resolve()
        if not path.is_file():
            raise UnknownGameError(f"there is no file {path} to take a game from")
        return path.as_posix(), path, {}
    if name not in REGISTERED:
        raise UnknownGameError(f"no game {name!r}{_nearest(name, tuple(REGISTERED))}")
    file, fixed = REGISTERED[name]
    return name, Path(__file__).with_name(f"{file}.py"), fixed


def _read_arguments(
    text: str, spec: str, known: Mapping[str, Parameter], name: str
) -> dict[str, Setting]:
    """Settings by name out of ``"width=5, height=4"``, in the order in which the game has them."""
    asked: dict[str, Setting] = {}
    for argument in (part.strip() for part in text.split(",") if part.strip()):
        key, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or not value:
            raise GameError(f"cannot read {argument!r} in {spec!r}; write parameter=value")
        if key in asked:
            raise GameError(f"{key!r} is given twice in {spec!r}")
        if key not in known:
            raise UnknownGameError(f"{name} has no parameter {key!r}{_nearest(key, tuple(known))}")
        setting = known[key].read(value)
        if setting is None:
            raise GameError(
                f"{name}: {key} ({known[key].meaning}) is {known[key].range}, not {value}"
            )
        asked[key] = setting
    return {key: asked[key] for key in known if key in asked}


def _nearest(word: str, known: tuple[str, ...]) -> str:
    """``; did you mean 'x'? known: ...`` for error messages."""
    hint = did_you_mean(word, known, otherwise=";")
    return f"{hint} known: {', '.join(known) or 'none'}"


def _compile(source: GameSource, parameters: Mapping[str, Setting], hashed: str) -> ModuleType:
    """Import the specialised game with its kernels from one generated file."""
    name = source.path.stem
    generated = compile_cache.write_generated_source(
        name, source.with_kernels(parameters), hashed=hashed
    )
    module_name = f"meijin_game_{name}_{hashed}"
    specification = importlib.util.spec_from_file_location(module_name, generated)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module_name] = module  # Numba looks the functions' module up by name
    try:
        for helper in source.helpers:  # first, since their compiled code is kept elsewhere
            importlib.import_module(helper)
        with compile_cache.compiled_code_beside_the_source():
            specification.loader.exec_module(module)
    except GameError:  # the game itself refuses its parameters
        raise
    except Exception as error:
        raise GameError(f"{source.path.name} does not compile: {_cause(error, source)}") from error
    finally:
        if not hasattr(module, "batched_play_out"):  # the last one: the import went wrong
            del sys.modules[module_name]
    return module


def _cause(error: Exception, source: GameSource) -> str:
    """One line out of Numba's many: what is wrong, and the line of the game where it met it."""
    if not isinstance(error, NumbaError):
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    message = str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    parts = [line for line in lines if not line.startswith(("Failed in", "During"))][:1]
    parts += [line for line in lines if line.startswith(">>>")][:1]  # the types that were met
    place = re.search(r'^File "[^"]*", line (\d+):', message, re.MULTILINE)
    texts = source.text.splitlines()
    if place and int(place[1]) <= len(texts):  # those past the end are the kernels
        parts.append(f"in line {place[1]}: {texts[int(place[1]) - 1].strip()}")
    return " ".join(parts)


def game_of(
    module: ModuleType,
    rules: BatchedRules,
    game_id: str,
    source: GameSource,
    parameters: Mapping[str, Setting],
) -> Game:
    """Facts of a module as a record, with defaults for what a game may leave out.

    ``module`` is the text of ``GameSource.with_kernels``, run.
    """
    channels, height, width = module.OBSERVATION_SHAPE
    no_symmetry = Symmetries(
        cells=np.arange(height * width, dtype=np.int32)[None],
        actions=np.arange(module.NUM_ACTIONS, dtype=np.int32)[None],
    )
    return Game(
        id=game_id,
        name=game_id.partition("(")[0],
        parameters=dict(parameters),
        source_hash=source.hash(parameters),
        num_actions=module.NUM_ACTIONS,
        max_legal=module.MAX_LEGAL,
        max_plies=module.MAX_PLIES,
        observation_shape=(channels, height, width),
        observation_scales=np.array(
            getattr(module, "OBSERVATION_SCALES", (1.0,) * channels), np.float32
        ),
        rules=rules,
        symmetries=module.symmetries() if "symmetries" in source.functions else no_symmetry,
        action_to_text=module.action_to_text,
        text_to_action=_checking_legality(module, rules, game_id),
        state_to_text=module.state_to_text,
        text_to_state=module.text_to_state,
        board_view=module.board_view,
        cell_of_action=getattr(module, "cell_of_action", lambda action: None),
        history_fields=getattr(module, "HISTORY_FIELDS", ()),
    )


def _checking_legality(
    module: ModuleType, rules: BatchedRules, game_id: str
) -> Callable[[np.void, str], int]:
    """The game's ``text_to_action``, which reads a move, with the check that it may be played."""

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
        moves = f"{len(legal)} other moves"
        if len(legal) <= _MOST_LISTED:
            moves = " ".join(module.action_to_text(state, other) for other in legal)
        plies = f"{state['ply']} {'ply' if state['ply'] == 1 else 'plies'}"
        raise IllegalMoveError(
            f"{text!r} cannot be played in {game_id} after {plies}; legal: {moves}"
        )

    return text_to_action
