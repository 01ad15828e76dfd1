"""What a machine would play with: versions and hashes by which two machines are compared."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import socket
from dataclasses import dataclass, field

from games import make
from games.compile_cache import sources_under

_LIBRARIES = ("numpy", "numba", "torch", "openvino", "ray")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One machine's answer."""

    host: str
    game_id: str
    game_hash: str  # of the game's file and its parameters
    code_hash: str  # of the sources of games/ and engine/
    meijin: str
    libraries: dict[str, str] = field(default_factory=dict)  # versions, Python's among them


def fingerprint(game_id: str) -> Fingerprint:
    """Of this machine.

    Raises:
        GameError: the game cannot be made here.
    """
    game = make(game_id)
    digest = hashlib.sha256()
    for part in sources_under("games", "engine"):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return Fingerprint(
        host=socket.gethostname(),
        game_id=game_id,
        game_hash=game.source_hash,
        code_hash=digest.hexdigest()[:16],
        meijin=_version("meijin"),
        libraries={"python": platform.python_version()}
        | {name: _version(name) for name in _LIBRARIES},
    )


def refusal(driver: Fingerprint, worker: Fingerprint) -> str:
    """Why the worker's games must not be taken, in one line; empty when nothing speaks against."""
    if worker.game_hash != driver.game_hash:
        return (
            f"{worker.host} has other rules of {driver.game_id} (hash {worker.game_hash}, here "
            f"{driver.game_hash}); put the same game file there"
        )
    if worker.code_hash != driver.code_hash:
        return (
            f"{worker.host} runs other code (meijin {worker.meijin}, hash {worker.code_hash}; here "
            f"{driver.meijin}, {driver.code_hash}); install the same version there"
        )
    return ""


def library_differences(driver: Fingerprint, worker: Fingerprint) -> str:
    """Libraries of other versions, as a clause; empty when all are equal."""
    return ", ".join(
        f"{name} {worker.libraries.get(name, 'missing')} (here {version})"
        for name, version in driver.libraries.items()
        if worker.libraries.get(name) != version
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
