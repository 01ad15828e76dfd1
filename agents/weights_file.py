"""From what a user names to the network file that is meant."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from agents.agent import AgentError
from games.game import Game

SUFFIX = ".safetensors"

_SHIPPED = Path(__file__).resolve().parent / "networks"
_VERSION = re.compile(r"(\d+)\D*$")


def shipped_file(game: Game) -> Path:
    """The network that comes with the package for a game.

    Raises:
        AgentError: there is none; those that exist are named.
    """
    path = _SHIPPED / f"{game.id}{SUFFIX}"
    if not path.is_file():
        known = ", ".join(shipped_games())
        raise AgentError(f"no network is shipped for {game.id}; shipped: {known}")
    return path


def shipped_games() -> list[str]:
    """Ids of the games that a trained network comes with."""
    return sorted(each.stem for each in _SHIPPED.glob(f"*{SUFFIX}"))


def is_run(path: Path) -> bool:
    """Whether a directory is a run."""
    return (path / "run.toml").is_file()


def game_of_run(path: Path) -> str:
    """Which game a run trains.

    Raises:
        AgentError: ``run.toml`` is broken or names no game.
    """
    file = path / "run.toml"
    try:
        game = tomllib.loads(file.read_text(encoding="utf-8"))["game"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AgentError(f"cannot read {file}: {error}") from None
    except KeyError:
        raise AgentError(f"{file} names no game") from None
    return str(game)


def weights_of_run(path: Path) -> list[Path]:
    """Published networks of a run, the newest version first.

    Raises:
        AgentError: nothing is published yet.
    """
    versions = [
        (int(found[1]), each)
        for each in (path / "weights").glob(f"*{SUFFIX}")
        if (found := _VERSION.search(each.stem))
    ]
    if not versions:
        raise AgentError(f"{path} has published no network yet; train it for a minute first")
    return [each for _, each in sorted(versions, key=lambda pair: pair[0], reverse=True)]
