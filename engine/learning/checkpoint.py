"""Snapshots, from which training goes on, and weights, with which a network plays.

Both are sealed safetensors (``sealed.py``). A snapshot is large and complete: weights, averages,
optimiser, counters. A weights file is small and is what self-play loads and the package ships.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.sealed import (
    TEMPORARY_SUFFIX,
    CorruptFileError,
    Report,
    StorageError,
    WrongFormatError,
    WrongGameError,
    make_folder,
    read_sealed,
    say_on_stderr,
    set_aside,
    write_sealed,
)
from engine.learning.trainer import TrainerState
from engine.networks.config import NetworkConfig
from engine.networks.network import Network, build_network
from games.game import Game

SNAPSHOT_KIND, SNAPSHOT_FORMAT = "snapshot", 1
WEIGHTS_KIND, WEIGHTS_FORMAT = "network", 1

_SAMPLES, _WEIGHTS = "sample_planes", "weights/"
_NAME = re.compile(r"snapshot-(\d{10})\.safetensors")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of training as it was saved."""

    path: Path
    state: TrainerState
    counters: dict[str, Any]  # what the training loop wants to find again


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network to play with, and where it comes from."""

    path: Path
    game_id: str
    source_hash: str  # of the rules it was trained under
    network_config: NetworkConfig
    observation_shape: tuple[int, int, int]
    num_actions: int
    version: int
    state_dict: dict[str, Tensor]  # float32, on the CPU
    sample_planes: NDArray[np.uint8]  # [N, C, H, W] positions to calibrate and check backends on
    facts: dict[str, Any]  # for the card: how it was trained

    def build(self) -> Network:
        """The network, in evaluation mode, without gradients."""
        network = build_network(
            self.network_config,
            observation_shape=self.observation_shape,
            num_actions=self.num_actions,
        )
        network.load_state_dict(self.state_dict)
        return network.eval().requires_grad_(False)


def save_snapshot(
    folder: Path,
    *,
    game: Game,
    state: TrainerState,
    counters: Mapping[str, Any],
    keep: int = 3,
) -> Path:
    """Write a snapshot named after its step, then remove all but the newest ``keep``.

    Args:
        folder: made if it is not there.
        game: whose network it is.
        state: of the trainer.
        counters: what the training loop wants to find again; what JSON can hold.
        keep: at least 2, so that a damaged newest one has a predecessor.

    Raises:
        StorageError: the disk refused; older snapshots are untouched.
    """
    make_folder(folder)
    path = folder / f"snapshot-{state.facts['steps']:010d}.safetensors"
    write_sealed(
        path,
        kind=SNAPSHOT_KIND,
        format=SNAPSHOT_FORMAT,
        facts={
            "game": game.id,
            "source_hash": game.source_hash,
            "trainer": state.facts,
            "counters": dict(counters),
        },
        arrays=state.arrays,
    )
    for old in _snapshots(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def load_latest_snapshot(
    folder: Path, *, game: Game, report: Report = say_on_stderr
) -> Snapshot | None:
    """The newest snapshot that is whole; None when there is none.

    Damaged ones are renamed to ``*.corrupt``, each reported in one line that says what is used
    in its stead. Call it only while the run is not being trained by another process.

    Raises:
        WrongGameError: the run is of another game, or its rules were edited since.
        WrongFormatError: written by another version of the format.
        StorageError: the folder cannot be read.
    """
    if not folder.is_dir():
        return None
    for unfinished in folder.glob(f"snapshot-*{TEMPORARY_SUFFIX}"):
        unfinished.unlink(missing_ok=True)
    paths = _snapshots(folder)
    while paths:
        path = paths.pop()
        try:
            sealed = read_sealed(path, kind=SNAPSHOT_KIND, format=SNAPSHOT_FORMAT)
        except CorruptFileError as error:
            instead = f"going on from {paths[-1].name!r}" if paths else "no older one is left"
            report(f"{error}; {instead}")
            set_aside(path)
            continue
        facts = sealed.facts
        if facts["game"] != game.id:
            raise WrongGameError(f"{str(path)!r} is of {facts['game']!r}, not of {game.id!r}")
        if facts["source_hash"] != game.source_hash:
            raise WrongGameError(
                f"{str(path)!r} was trained under other rules of {game.id!r} (their source has "
                "changed since); restore the rules or start a new run"
            )
        return Snapshot(
            path=path,
            state=TrainerState(arrays=sealed.arrays, facts=facts["trainer"]),
            counters=facts["counters"],
        )
    return None


def save_weights(
    path: Path,
    *,
    game: Game,
    network_config: NetworkConfig,
    state_dict: Mapping[str, NDArray[Any]],
    version: int,
    sample_planes: NDArray[np.uint8],
    facts: Mapping[str, Any] | None = None,
    half: bool = False,
) -> None:
    """Write a network for self-play or for shipping.

    Args:
        path: target, replaced atomically; its folder is made if it is not there.
        game: whose network it is.
        network_config: kind and size.
        state_dict: a network's state by name (``Trainer.averaged_weights``).
        version: of the weights within their run.
        sample_planes: ``[N, C, H, W]`` positions of the training data, on which cheaper arithmetic
            is calibrated and checked wherever the network is loaded.
        facts: for the card: how it was trained; what JSON can hold.
        half: store float16, for a file of half the size.

    Raises:
        StorageError: the disk refused; an older file of that name is untouched.
    """
    make_folder(path.parent)
    write_sealed(
        path,
        kind=WEIGHTS_KIND,
        format=WEIGHTS_FORMAT,
        facts={
            "game": game.id,
            "source_hash": game.source_hash,
            "network": msgspec.to_builtins(network_config),
            "observation_shape": list(game.observation_shape),
            "num_actions": game.num_actions,
            "version": version,
            "training": dict(facts or {}),
        },
        arrays={
            _SAMPLES: sample_planes,
            **{
                _WEIGHTS + name: array.astype(np.float16)
                if half and array.dtype == np.float32
                else array
                for name, array in state_dict.items()
            },
        },
    )


def load_weights(path: str | Path, game: Game | None = None) -> NetworkFile:
    """Read what ``save_weights`` wrote.

    Args:
        path: of the file.
        game: the game to play with it; None takes any (``NetworkFile.game_id`` says which).

    Raises:
        CorruptFileError: the file is damaged.
        WrongFormatError: not a network of this format, or of a kind this version cannot build.
        WrongGameError: the network was trained for another game, or sees other planes.
        StorageError: the file cannot be read.
    """
    path = Path(path)
    sealed = read_sealed(path, kind=WEIGHTS_KIND, format=WEIGHTS_FORMAT)
    facts = sealed.facts
    if game is not None:
        if facts["game"] != game.id:
            raise WrongGameError(f"{str(path)!r} plays {facts['game']!r}, not {game.id!r}")
        shape = (tuple(facts["observation_shape"]), facts["num_actions"])
        if shape != (tuple(game.observation_shape), game.num_actions):
            raise WrongGameError(
                f"{str(path)!r} was trained on planes and actions of shape {shape!r}; "
                f"{game.id!r} now has {(tuple(game.observation_shape), game.num_actions)!r}"
            )
    try:
        config = msgspec.convert(facts["network"], NetworkConfig)
    except msgspec.ValidationError as error:
        raise WrongFormatError(f"{str(path)!r} holds a network unknown here: {error}") from error
    return NetworkFile(
        path=path,
        game_id=facts["game"],
        source_hash=facts["source_hash"],
        network_config=config,
        observation_shape=tuple(facts["observation_shape"]),
        num_actions=facts["num_actions"],
        version=facts["version"],
        state_dict={
            name.removeprefix(_WEIGHTS): torch.from_numpy(
                array.astype(np.float32) if array.dtype == np.float16 else np.array(array)
            )
            for name, array in sealed.arrays.items()
            if name.startswith(_WEIGHTS)
        },
        sample_planes=sealed.arrays[_SAMPLES],
        facts=facts["training"],
    )


def _snapshots(folder: Path) -> list[Path]:
    """Snapshot files, oldest first."""
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except OSError as error:
        raise StorageError(f"cannot read {str(folder)!r}: {error.strerror}") from error
