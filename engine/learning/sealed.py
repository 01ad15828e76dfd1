"""Sealed files: safetensors whose every byte is under a checksum, written whole or not at all.

Episode shards, snapshots and published weights are all sealed. A sealed file is an ordinary
safetensors file (any safetensors reader opens it) with three entries in its ``__metadata__``:

    meijin    what the file is and its format number, such as ``"snapshot 1"``
    facts     a JSON object: everything about the file that is not an array
    checksum  BLAKE2b of the whole file, computed while these 64 characters are zeros

Only numbers and JSON are read back, so a file can never run code.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

#: Takes one line for the user about something that was put right without asking.
Report = Callable[[str], None]

TEMPORARY_SUFFIX = ".tmp"
CORRUPT_SUFFIX = ".corrupt"

_DIGEST_BYTES = 32
_BLANK = b"0" * (2 * _DIGEST_BYTES)
_CHECKSUM_KEY = b'"checksum":"'  # unescaped, so no text inside the metadata can look like it


class FileError(ValueError):
    """A file that cannot be used; its message is one line meant for the user."""


class CorruptFileError(FileError):
    """Truncated or altered: the checksum does not fit the bytes."""


class WrongFormatError(FileError):
    """A whole file, but of another kind or format number than this version reads."""


class WrongGameError(FileError):
    """A whole file that belongs to another game, or to other rules of this one."""


class StorageError(OSError):
    """The disk refused: full, read-only, no permission. Nothing was left half written."""


def say_on_stderr(line: str) -> None:
    """The report of those who have no better place."""
    print(line, file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Contents of a sealed file."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write_sealed(
    path: Path, *, kind: str, format: int, facts: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Write ``arrays`` and ``facts`` to ``path``, replacing it atomically.

    Args:
        path: target; its folder exists.
        kind: one word for what the file is.
        format: format number of that kind; raised whenever old readers would misread.
        facts: what ``json`` can hold.
        arrays: plain NumPy arrays by name.

    Raises:
        StorageError: the file could not be written; the old one, if any, is untouched.
    """
    data = bytearray(
        safetensors.numpy.save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            metadata={
                "meijin": f"{kind} {format}",
                "facts": json.dumps(facts, separators=(",", ":")),
                "checksum": _BLANK.decode(),
            },
        )
    )
    at = _checksum_position(data)
    data[at : at + len(_BLANK)] = blake2b(data, digest_size=_DIGEST_BYTES).hexdigest().encode()
    write_atomically(path, data)


def read_sealed(path: Path, *, kind: str, format: int) -> Sealed:
    """Read and verify what ``write_sealed`` wrote.

    Raises:
        CorruptFileError: truncated, altered, or not a sealed file.
        WrongFormatError: another kind of file or another format number.
        StorageError: the file could not be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {str(path)!r}: {_reason(error)}") from error
    try:
        at = _checksum_position(data)
        view = memoryview(data)
        digest = blake2b(view[:at], digest_size=_DIGEST_BYTES)
        digest.update(_BLANK)
        digest.update(view[at + len(_BLANK) :])
        if digest.hexdigest().encode() != data[at : at + len(_BLANK)]:
            raise ValueError("checksum differs")
        metadata = json.loads(data[8 : 8 + _header_length(data)])["__metadata__"]
        facts = json.loads(metadata["facts"])
        written = metadata["meijin"]
    except (ValueError, KeyError, IndexError) as error:
        raise CorruptFileError(
            f"{str(path)!r} is damaged ({len(data)} bytes, checksum does not fit)"
        ) from error
    if written != f"{kind} {format}":
        raise WrongFormatError(
            f"{str(path)!r} is a {written!r} file; this version reads {f'{kind} {format}'!r}"
        )
    try:
        return Sealed(facts=facts, arrays=safetensors.numpy.load(data))
    except (SafetensorError, ValueError) as error:
        raise CorruptFileError(f"{str(path)!r} is damaged: {error}") from error


def write_atomically(path: Path, data: bytes | bytearray) -> None:
    """Replace ``path`` by ``data`` so that a crash at any moment leaves the old or the new file.

    Raises:
        StorageError: the disk refused; the temporary file is gone again.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"cannot write {str(path)!r}: {_reason(error)}") from error


def make_folder(folder: Path) -> None:
    """Create ``folder`` and its parents, or say in one line why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make folder {str(folder)!r}: {_reason(error)}") from error


def sync_folder(folder: Path) -> None:
    """Make renames and removals in ``folder`` survive a power cut."""
    if os.name == "nt":  # Windows opens no folders; NTFS journals renames itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> None:
    """Rename a damaged file, so that it is seen by people but read by nothing."""
    os.replace(path, path.with_name(path.name + CORRUPT_SUFFIX))


def _header_length(data: bytes | bytearray) -> int:
    """Length of the JSON header that follows the first eight bytes of a safetensors file."""
    return int.from_bytes(data[:8], "little")


def _checksum_position(data: bytes | bytearray) -> int:
    """Where the checksum's first character stands; ValueError where there is none."""
    return data.index(_CHECKSUM_KEY, 8, 8 + _header_length(data)) + len(_CHECKSUM_KEY)


def _reason(error: OSError) -> str:
    """What the system says, and what would do."""
    advice = {
        errno.ENOSPC: "free some space and start the same command again",
        errno.EDQUOT: "free some space and start the same command again",
        errno.EACCES: "check the permissions of the folder or choose another",
        errno.EPERM: "check the permissions of the folder or choose another",
        errno.EROFS: "the disk is read-only; choose another folder",
    }.get(error.errno or 0)
    said = error.strerror or str(error)
    return f"{said}; {advice}" if advice else said
