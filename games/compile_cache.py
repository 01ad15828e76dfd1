"""Decides where compiled code is kept, so that it is reused when it may be and never when not.

Numba's own disk cache notices an edit of the file that holds a function, but not of another file
whose functions were inlined into it. So the folder's *name* is a hash of all sources that may be
inlined into each other: after an edit the folder is a new one, and nothing stale can be found.

The one place of the project that reads environment variables and acts at import:
``MEIJIN_CACHE_DIR`` names another root (tests use it).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numba
import numpy as np
import platformdirs

#: Folder inside them that holds no compiled code: edits there leave everything compiled.
NOT_COMPILED = "games/bridges"

#: Folders of the source tree whose functions may be inlined into each other.
COMPILED_FOLDERS = (
    "games",
    "engine/kernels",
    "engine/search",
    "engine/inference",
    "engine/learning",
    "agents/alpha_beta",
    "agents/solvers",
)

KERNEL_FOLDERS_KEPT = 20
GAME_FOLDERS_KEPT = 60
_NEVER_REMOVED_BEFORE = 24 * 3600.0  # seconds; another version may be running from it

_SOURCE_TREE = Path(__file__).resolve().parent.parent
_numba_config_lock = threading.RLock()


def hash_of(parts: Iterable[bytes]) -> str:
    """Hash of byte strings, kept apart, and of everything else that compiled code depends on."""
    digest = hashlib.sha256()
    versions = f"{platform.python_version()} {numba.__version__} {np.__version__}"
    for part in (versions.encode(), *parts):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:20]


def sources_under(*folders: str) -> Iterator[bytes]:
    """Path and content of the Python files under folders of the source tree, in fixed order."""
    for folder in folders:
        for path in sorted((_SOURCE_TREE / folder).rglob("*.py")):
            name = path.relative_to(_SOURCE_TREE).as_posix()
            if not name.startswith(f"{NOT_COMPILED}/"):
                yield name.encode()
                yield path.read_bytes()


def _writable_root() -> Path:
    """The user's cache folder, or a temporary one (with a warning) where that cannot be written."""
    named = os.environ.get("MEIJIN_CACHE_DIR")
    root = Path(named) if named else Path(platformdirs.user_cache_dir("meijin", appauthor=False))
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return root
    except OSError as error:
        user = getattr(os, "getuid", lambda: "user")()
        fallback = Path(tempfile.gettempdir()) / f"meijin-cache-{user}"
        fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
        warnings.warn(
            f"compiled code is kept in {fallback} because {root} cannot be written "
            f"({error.strerror}); MEIJIN_CACHE_DIR names another place",
            RuntimeWarning,
            stacklevel=2,
        )
        return fallback


def prune(folder: Path, *, keep: int) -> None:
    """Remove all but the ``keep`` most recently used subfolders; those of the last day stay."""
    with contextlib.suppress(OSError):
        by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        oldest_kept = time.time() - _NEVER_REMOVED_BEFORE
        for path in by_age[keep:]:
            if path.stat().st_mtime < oldest_kept:
                shutil.rmtree(path, ignore_errors=True)


def _used_folder(parent: Path, name: str, *, keep: int) -> Path:
    """Make ``parent/name``, mark it as used just now, and remove the stalest of its neighbours."""
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        os.utime(folder)
    prune(parent, keep=keep)
    return folder


def write_generated_source(name: str, source: str, *, hashed: str) -> Path:
    """Write one generated module where only equal sources can ever be; returns its path.

    Several processes may do so at once: the file appears whole, and with a fixed time stamp,
    because Numba takes a compiled function as stale when its file's time changes.
    """
    folder = _used_folder(ROOT / "games", hashed, keep=GAME_FOLDERS_KEPT)
    path = folder / f"{name}.py"
    if not (path.exists() and path.read_text(encoding="utf-8") == source):
        descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(source)
        os.utime(temporary, (1_000_000_000, 1_000_000_000))
        os.replace(temporary, path)
    return path


@contextlib.contextmanager
def compiled_code_beside_the_source() -> Iterator[None]:
    """While this holds, functions being decorated keep their compiled code beside their file."""
    with _numba_config_lock:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = ""
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before


ROOT = _writable_root()
GAMES_HASH = hash_of(sources_under("games"))
numba.config.CACHE_DIR = str(
    _used_folder(
        ROOT / "kernels", hash_of(sources_under(*COMPILED_FOLDERS)), keep=KERNEL_FOLDERS_KEPT
    )
)
