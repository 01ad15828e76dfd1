"""The settings of a run: each part's record under one roof, read from and written to TOML.

The records stand in the files of the parts that read them; here they are only put together.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from typing import Annotated, Any, get_args

import msgspec
import psutil
import tomli_w
from msgspec import Meta

from engine.devices.config import GpuConfig
from engine.inference.config import InferenceConfig
from engine.learning.config import LearningConfig
from engine.networks.config import NetworkConfig
from engine.search.arena_size import too_large, tree_words
from engine.search.config import SearchConfig
from engine.selfplay.config import LeagueConfig, SelfPlayConfig
from games.game import Game
from games.suggestions import nearest

FORMAT = 1  # of run.toml; raised when an older run can no longer be continued
#: msgspec's names of kinds of values, in words.
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "a section of settings",
}


class ConfigError(ValueError):
    """Settings that cannot be used; the message is one line for the user."""


class BootstrapConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first games, until the first weights are published: search judged by random playouts.

    An untrained network says nothing and costs as much as a trained one. Playouts of the same rules
    cost next to nothing and already tell won from lost, so learning starts from sensible games.
    """

    simulations: (
        Annotated[
            int,
            Meta(ge=1, description="simulations a move, one playout each; not said: by the game"),
        ]
        | None
    ) = None


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a run depends on."""

    game: str
    format: int = FORMAT
    seed: Annotated[int, Meta(ge=0)] = 0
    minutes: Annotated[
        float, Meta(gt=0, description="training time over all starts, from the first games on")
    ] = 60.0
    workers: Annotated[
        int, Meta(ge=0, description="self-play processes; 0: one for each core, or for each GPU")
    ] = 0
    device: str = (
        "auto"  # of networks: auto, cpu, cuda (every GPU), cuda:1, mps; see engine.devices
    )
    publish_seconds: Annotated[
        float, Meta(gt=0, description="seconds between published weights")
    ] = 60.0
    network: NetworkConfig = NetworkConfig()
    search: SearchConfig = SearchConfig()
    selfplay: SelfPlayConfig = SelfPlayConfig()
    inference: InferenceConfig = InferenceConfig()
    learning: LearningConfig = LearningConfig()
    bootstrap: BootstrapConfig = BootstrapConfig()
    gpu: GpuConfig = GpuConfig()
    league: LeagueConfig = LeagueConfig()

    @property
    def settings_hash(self) -> int:
        """A number of 63 bits that stands for everything that may change what games look like."""
        lasting = msgspec.structs.replace(self, minutes=1.0, workers=0)  # may change in a run
        values = msgspec.to_builtins(lasting)
        if not self.league.share:
            del values["league"]  # it changes nothing: games are what they were before it was there
        text = tomli_w.dumps(_without_none(values))
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1


def encode_config(config: RunConfig) -> str:
    """TOML text of every setting, defaults included."""
    return tomli_w.dumps(_without_none(msgspec.to_builtins(config)))


def decode_config(text: str, *, source: str) -> RunConfig:
    """Read settings.

    Raises:
        ConfigError: broken TOML, an unknown key (the nearest is named), a value out of range, or a
            format this version does not know.
    """
    try:
        return build_config(tomllib.loads(text), source=source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}") from error


def build_config(values: dict[str, Any], *, source: str) -> RunConfig:
    """Settings from nested plain values; what is not named keeps its default.

    Raises:
        ConfigError: as ``decode_config``.
    """
    if values.get("format", FORMAT) != FORMAT:
        raise ConfigError(
            f"{source}: format {values['format']!r}, but this version of meijin reads {FORMAT}"
        )
    try:
        return msgspec.convert(values, RunConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explain(str(error), values)}") from error


def check_fits(config: RunConfig, game: Game) -> None:
    """Refuse settings that are sound in themselves but ask for what the game does not have.

    Raises:
        ConfigError: which setting, and what would do.
        SearchSizeError: a worker's trees need more memory than this machine has.
    """
    _check_memory(config, game)
    if config.league.share and config.selfplay.games < 2:
        raise ConfigError("a league needs a game beside its own; set selfplay.games to 2 at least")
    if not config.network.ownership:
        return
    if not game.rules.has_ownership:
        raise ConfigError(
            f"network.ownership is set, but no point of {game.id} belongs to a player at the end; "
            "leave it out"
        )
    if config.network.kind == "perceptron":
        raise ConfigError(
            "network.ownership needs features on a board, which a perceptron has not; add "
            "--set network.ownership=false"
        )


def _check_memory(config: RunConfig, game: Game) -> None:
    """Refuse trees for which no worker would ever be given the memory.

    Raises:
        SearchSizeError: this is so.
    """
    games, playouts = config.selfplay.games, config.bootstrap.simulations or 0
    most = max(config.search.simulations, config.selfplay.fast_simulations, playouts)
    words = games * tree_words(game, simulations=most, reuse=config.search.reuse_tree)
    if 4 * words > psutil.virtual_memory().total + psutil.swap_memory().total:
        raise too_large(game, games=games, simulations=most, words=words)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the leaves of ``changes`` put over it."""
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def parse_setting(text: str) -> dict[str, Any]:
    """``"search.simulations=64"`` as nested values.

    Raises:
        ConfigError: not of that form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set {text!r} is not of the form name.part=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    nested: Any = parsed
    first, *inner = name.strip().split(".")
    for part in reversed(inner):
        nested = {part: nested}
    return {first: nested}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _explain(message: str, values: dict[str, Any]) -> str:
    """What msgspec found wrong, in the words of somebody who sets settings."""
    what, _, where = message.partition(" - at `$")
    path = [part for part in where.rstrip("`").split(".") if part]
    unknown = re.search(r"unknown field `(.+?)`", what)
    if unknown is None:
        value: Any = values
        for part in path:
            value = value.get(part) if isinstance(value, dict) else value
        if what.startswith("Invalid enum value"):
            what = f"Expected {' or '.join(map(repr, _choices(path)))}"
        wanted = re.sub(r", got `.+?`$", "", what)
        wanted = re.sub(r"`(.+?)`", lambda kinds: _in_words(kinds.group(1)), wanted)
        return f"{'.'.join(path)}: {wanted[:1].lower()}{wanted[1:]}, not {value!r}"
    names = {name: ".".join([*path, name]) for name in _field_names(path)}
    wrong = unknown.group(1)
    # Names alone are compared: what stands before the last dot makes all of a section alike.
    near = nearest(wrong, names)
    hint = f"did you mean {names[near]!r}?" if near else f"there are {', '.join(names)}"
    return f"no setting {'.'.join([*path, wrong])!r}; {hint}"


def _in_words(kinds: str) -> str:
    """``int | null`` as a person would say it."""
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")


def _field_names(path: list[str]) -> list[str]:
    return [item.name for item in msgspec.structs.fields(_type_at(path))]


def _choices(path: list[str]) -> tuple[str, ...]:
    """The words that a setting may be."""
    return get_args(_type_at(path))


def _type_at(path: list[str]) -> Any:
    found: Any = RunConfig
    for part in path:
        found = {item.name: item.type for item in msgspec.structs.fields(found)}[part]
    return found
