"""What a machine would play with: versions and hashes by which two machines are compared."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import socket
from dataclasses import dataclass, field

from games import make
from games.compile_cache import sources_under
from games.registry import MAKERS, read_spec

_NAMED_FILES = 3  # of those that differ
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
    files: dict[str, str] = field(default_factory=dict)  # hashes of the single sources, by path


def fingerprint(game_id: str) -> Fingerprint:
    """Of this machine, without compiling anything: other code is refused before that.

    Raises:
        GameError: there is no such game here.
    """
    parts = [*sources_under("games", "engine")]  # path and content, alternating
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return Fingerprint(
        host=socket.gethostname(),
        game_id=game_id,
        game_hash=_game_hash(game_id),
        code_hash=digest.hexdigest()[:16],
        meijin=_version("meijin"),
        libraries={"python": platform.python_version()}
        | {name: _version(name) for name in _LIBRARIES},
        files={
            path.decode(): hashlib.sha256(content).hexdigest()[:8]
            for path, content in zip(parts[::2], parts[1::2], strict=True)
        },
    )


def _game_hash(game_id: str) -> str:
    """What ``Game.source_hash`` will be."""
    if game_id.partition(":")[0] in MAKERS:
        return make(game_id).source_hash
    _, source, parameters = read_spec(game_id)
    return source.hash(parameters)


def refusal(driver: Fingerprint, worker: Fingerprint) -> str:
    """Why the worker's games must not be taken, in one line; empty when nothing speaks against."""
    if worker.game_hash != driver.game_hash:
        return (
            f"{worker.host} has other rules of {driver.game_id} (hash {worker.game_hash}, here "
            f"{driver.game_hash}{_other_files(driver, worker)}); put the same game file there"
        )
    if worker.code_hash != driver.code_hash:
        return (
            f"{worker.host} runs other code (meijin {worker.meijin}, hash {worker.code_hash}; here "
            f"{driver.meijin}, {driver.code_hash}{_other_files(driver, worker)}); install the same "
            "version there"
        )
    return ""


def _other_files(driver: Fingerprint, worker: Fingerprint) -> str:
    """The sources that differ, as a clause with both hashes; empty where it is none of these."""
    paths = [
        path
        for path in sorted(driver.files.keys() | worker.files.keys())
        if driver.files.get(path) != worker.files.get(path)
    ]
    named = [
        f"{path} {worker.files.get(path, 'missing')}, here {driver.files.get(path, 'missing')}"
        for path in paths[:_NAMED_FILES]
    ]
    if len(paths) > _NAMED_FILES:
        named.append(f"and {len(paths) - _NAMED_FILES} more files")
    return f": {'; '.join(named)}" if named else ""


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
