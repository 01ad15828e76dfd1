"""A foreign PettingZoo environment as a game: searched, trained and played as any other.

``games.make("pettingzoo:connect_four_v3")`` and ``foreign_game(make_environment)`` lead here.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import pkgutil
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pettingzoo import AECEnv

from games.bridges.foreign_fit import (
    can_be_copied,
    count_actions,
    create_environment,
    find_conversion,
    fingerprint_of,
    play_fingerprint,
    play_trial_games,
)
from games.bridges.foreign_rules import ForeignRules
from games.bridges.foreign_text import ForeignText
from games.bridges.replay import MakeEnvironment, Positions
from games.game import Game, GameError, Symmetries, UnknownGameError

SCHEME = "pettingzoo"

#: Where nothing else is known or said: a longer game is a draw. AlphaZero's limit in chess.
DEFAULT_PLIES = 512
#: Positions that ``prove`` looks at for one state: a ply of most games, two near their end.
PROVE_POSITIONS = 16

_MOST_PLIES = np.iinfo(np.int16).max


@dataclass(frozen=True, slots=True)
class _Limits:
    """Bounds of a game, where they are known better than by default."""

    max_plies: int = DEFAULT_PLIES
    max_legal: int | None = None  # the number of actions


#: PettingZoo's own. No position of chess has more than 218 legal moves.
_KNOWN = {
    "tictactoe_v3": _Limits(max_plies=9),
    "connect_four_v3": _Limits(max_plies=42),
    "chess_v6": _Limits(max_legal=218),
}


@dataclass(frozen=True, slots=True)
class _Made:
    """A game of this process."""

    game: Game
    create: partial[AECEnv]
    fingerprint: bytes  # of a short game, to see whether another environment disturbs it


_made: dict[str, _Made] = {}
_making = threading.RLock()


def make(name: str, arguments: str = "") -> Game:
    """The game behind ``pettingzoo:name(arguments)``; called by ``games.make``.

    Args:
        name: an environment of ``pettingzoo.classic`` (``connect_four_v3``), or the dotted path of
            a module with a function ``env``, or of such a function (``my.module.my_env``).
        arguments: ``key=value`` pairs, comma between them: ``max_plies``, ``max_legal`` and
            ``channels`` as for ``foreign_game``, all others for the environment.

    Raises:
        UnknownGameError: there is no such environment.
        GameError: it does not fit; the message is one line with the reason.
    """
    return foreign_game(name, **_read_arguments(arguments))


def foreign_game(
    environment: str | Callable[..., AECEnv],
    *,
    max_plies: int | None = None,
    max_legal: int | None = None,
    channels: str = "last",
    **arguments: Any,
) -> Game:
    """A PettingZoo AEC environment as a game.

    It must have two agents, an action mask (in the observation or in ``infos``), discrete actions,
    an observation that is an array with bounds, rewards that sum to zero within -1..1, no chance,
    and nothing hidden. Two games are played to see whether it is so; what is seen later raises when
    it is met. Hidden information without chance cannot be seen from outside.

    Args:
        environment: as ``make``'s name, or a function that gives a new environment. A function that
            can be imported under its name gives a game that other processes can make again, which
            training needs.
        max_plies: a game that goes on for so many plies is a draw. A state has room for them.
        max_legal: most legal actions of any position; all actions by default.
        channels: where the planes of an observation with three axes are, ``last`` (H x W x C, as
            PettingZoo's boards) or ``first``.
        arguments: for the environment.

    Raises:
        UnknownGameError, GameError: as ``make``.
    """
    name, create = _find(environment)
    own = {"max_plies": max_plies, "max_legal": max_legal, "channels": channels}
    usual = {"max_plies": None, "max_legal": None, "channels": "last"}
    settings = {key: value for key, value in own.items() if value != usual[key]}
    settings |= dict(sorted(arguments.items()))
    shown = ",".join(f"{key}={value}" for key, value in settings.items())
    game_id = f"{SCHEME}:{name}({shown})" if shown else f"{SCHEME}:{name}"
    with _making:
        if game_id in _made and _made[game_id].create.func is create:
            return _made[game_id].game
        maker = partial(create, **arguments)
        try:
            game = _make_game(
                maker,
                game_id,
                settings,
                max_plies=max_plies,
                max_legal=max_legal,
                channels=channels,
            )
        except GameError as error:
            raise type(error)(f"{game_id} cannot be a game of Meijin: {error}") from error
        _refuse_disturbance(game_id)
        _made[game_id] = _Made(game, maker, fingerprint_of(maker))
        return game


# --- From a text or a function to what makes environments ----------------------------------------


def _find(environment: str | Callable[..., AECEnv]) -> tuple[str, Callable[..., AECEnv]]:
    """Name and function. A function that has no name of its own is named by its place in memory."""
    if not isinstance(environment, str):
        module, name = (getattr(environment, each, "") for each in ("__module__", "__qualname__"))
        path = f"{module}.{name}"
        found = _import(path) if module and name.isidentifier() else None
        return path if found is environment else f"local_{id(environment):x}", environment
    if environment.startswith("local_"):
        made = _made.get(f"{SCHEME}:{environment}")
        if made is None:
            raise UnknownGameError(
                f"{SCHEME}:{environment} was made from a function that only its own process has; "
                "a game for other processes needs one that can be imported"
            )
        return environment, made.create.func
    path = environment if "." in environment else f"pettingzoo.classic.{environment}"
    found = _import(path)
    create = getattr(found, "env", found)
    if not callable(create):
        raise UnknownGameError(
            f"no PettingZoo environment {environment!r}; write one of {', '.join(_classic())}, or "
            "the dotted path of a module with env() or of a function"
        )
    return environment, create


def _import(path: str) -> Any:
    """The module or function of a dotted path, or None."""
    module, _, name = path.rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of PettingZoo's modules: its ``make``
        for place, attribute in ((path, None), (module, name)):  # takes other names
            if not place or not all(part.isidentifier() for part in place.split(".")):
                continue
            try:
                found = importlib.import_module(place)
            except ImportError as error:
                absent = isinstance(error, ModuleNotFoundError) and error.name is not None
                if absent and f"{place}.".startswith(f"{error.name}."):
                    continue  # it is the place itself that is not there
                raise GameError(
                    f"{place} cannot be imported: {' '.join(str(error).split())} (for PettingZoo's "
                    "classic environments: pip install 'pettingzoo[classic]')"
                ) from error
            return found if attribute is None else getattr(found, attribute, None)
    return None


def _classic() -> list[str]:
    """Names of PettingZoo's classic environments."""
    package = importlib.import_module("pettingzoo.classic")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in names if name.rpartition("_v")[2].isdigit())


def _read_arguments(text: str) -> dict[str, Any]:
    """``"board_size=9, komi=7.5"`` as a dictionary; what is no Python literal is a word."""
    found: dict[str, Any] = {}
    for part in (each.strip() for each in text.split(",") if each.strip()):
        key, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not key.isidentifier() or not value:
            raise GameError(f"cannot read {part!r}; write parameter=value")
        if key in found:
            raise GameError(f"{key!r} is given twice in {text!r}")
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[key] = value
    return found


# --- Whether it fits -----------------------------------------------------------------------------


def _make_game(
    maker: MakeEnvironment,
    game_id: str,
    settings: Mapping[str, Any],
    *,
    max_plies: int | None,
    max_legal: int | None,
    channels: str,
) -> Game:
    """Look at the environment, and put the record together."""
    environment, twin = create_environment(maker), create_environment(maker)
    limits = _limits(environment)
    max_plies = limits.max_plies if max_plies is None else max_plies
    max_legal = limits.max_legal if max_legal is None else max_legal
    if not (isinstance(max_plies, int) and 1 <= max_plies <= _MOST_PLIES):
        raise GameError(f"max_plies is 1 to {_MOST_PLIES}, not {max_plies!r}")
    if channels not in ("first", "last"):
        raise GameError(f"channels are first or last, not {channels!r}")
    num_actions = count_actions(environment)
    if max_legal is None:
        max_legal = num_actions
    if not (isinstance(max_legal, int) and 1 <= max_legal <= num_actions):
        raise GameError(f"max_legal is 1 to {num_actions}, not {max_legal!r}")
    conversion = find_conversion(environment, channels)
    play_trial_games(environment, twin, max_plies)
    positions = Positions(
        maker,
        conversion,
        max_plies=max_plies,
        max_legal=max_legal,
        copies=can_be_copied(environment),
    )
    rules = ForeignRules(positions, max_plies=max_plies, prove_positions=PROVE_POSITIONS)
    text = ForeignText(rules, num_actions=num_actions, game_id=game_id)
    height, width = conversion.shape[1:]
    return Game(
        id=game_id,
        name=game_id.partition("(")[0],
        parameters=dict(settings),
        source_hash=_source_hash(environment, settings),
        num_actions=num_actions,
        max_legal=max_legal,
        max_plies=max_plies,
        observation_shape=conversion.shape,
        observation_scales=conversion.scales,
        rules=rules,
        symmetries=Symmetries(
            cells=np.arange(height * width, dtype=np.int32)[None],
            actions=np.arange(num_actions, dtype=np.int32)[None],
        ),
        action_to_text=text.action_to_text,
        text_to_action=text.text_to_action,
        state_to_text=text.state_to_text,
        text_to_state=text.text_to_state,
        board_view=text.board_view,
        history_fields=("moves",),
    )


def _limits(environment: AECEnv) -> _Limits:
    """What is known of an environment that comes with PettingZoo."""
    is_theirs = type(environment).__module__.startswith("pettingzoo.")
    return _KNOWN.get(environment.metadata.get("name", ""), _Limits()) if is_theirs else _Limits()


def _refuse_disturbance(game_id: str) -> None:
    """Refuse a game that shares state with one made before (PettingZoo's go: the board's size)."""
    for other_id, other in _made.items():
        rules = other.game.rules
        assert isinstance(rules, ForeignRules)
        try:
            line = rules.positions.fresh_line()
            disturbed = play_fingerprint(line) != other.fingerprint
        except Exception:  # a disturbed environment may do anything
            disturbed = True
        if disturbed:
            other.create()  # sets right what it shares with the new one
            raise GameError(
                f"{game_id} cannot be made in the process that has {other_id}: they share state"
            )


def _source_hash(environment: AECEnv, settings: Mapping[str, Any]) -> str:
    """Hash of the environment's source: its file, or all of the folder where it is in a package."""
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    innermost = type(environment.unwrapped)
    file = inspect.getsourcefile(innermost)
    if file is not None:
        path = Path(file)
        packaged = "." in innermost.__module__
        for each in sorted(path.parent.glob("*.py")) if packaged else [path]:
            digest.update(each.name.encode() + each.read_bytes())
    return digest.hexdigest()[:16]
