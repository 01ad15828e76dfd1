"""Episodes as arrays: what one shard of the store holds.

Letters: E episodes of a shard, R their plies in a row, L all their legal slots in a row.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.sealed import WrongGameError, read_sealed, write_sealed
from engine.records import Episode
from games.game import Game

KIND = "episodes"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoreCounters:
    """How much self-play there is."""

    shards: int = 0
    episodes: int = 0
    plies: int = 0
    rows: int = 0  # plies that are trained on (weight above zero)

    def __add__(self, other: StoreCounters) -> StoreCounters:
        return StoreCounters(
            shards=self.shards + other.shards,
            episodes=self.episodes + other.episodes,
            plies=self.plies + other.plies,
            rows=self.rows + other.rows,
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """The oldest shards that were given up when a shard was written."""

    through: int = 0  # highest number of them
    counters: StoreCounters = StoreCounters()  # what they held together


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as it was read."""

    episodes: list[Episode]
    pruned: Pruned


def count(episodes: list[Episode]) -> StoreCounters:
    """Counters of one shard with these episodes."""
    return StoreCounters(
        shards=1,
        episodes=len(episodes),
        plies=sum(len(episode.actions) for episode in episodes),
        rows=sum(int(np.count_nonzero(episode.weights > 0)) for episode in episodes),
    )


def write_shard(path: Path, episodes: list[Episode], *, game: Game, pruned: Pruned) -> None:
    """Write a shard atomically.

    Raises:
        StorageError: the disk refused.
    """
    plies = sum(len(episode.actions) for episode in episodes)
    states = np.zeros(plies, game.state_dtype)
    for name in game.state_dtype.names or ():  # by field: what lies between them stays zero
        states[name] = np.concatenate([episode.states[name] for episode in episodes])
    index_type = np.int16 if game.num_actions <= np.iinfo(np.int16).max else np.int32

    def joined(name: str, dtype: Any) -> NDArray[Any]:
        return np.concatenate([getattr(episode, name) for episode in episodes]).astype(
            dtype, copy=False
        )

    arrays = {
        "lengths": np.array([len(episode.actions) for episode in episodes], np.int32),
        "states": states.view(np.uint8).reshape(plies, -1),
        "actions": joined("actions", index_type),
        "best_actions": joined("best_actions", index_type),
        "counts": np.concatenate([np.diff(episode.offsets) for episode in episodes]).astype(
            np.int32
        ),
        "legal": joined("legal", index_type),
        "policies": joined("policies", np.float32),
        "values": joined("values", np.float32),
        "draws": joined("draws", np.float32),
        "proven": joined("proven", np.int8),
        "weights": joined("weights", np.float32),
        "returns": np.stack([episode.returns for episode in episodes]).astype(np.float32),
    }
    facts = {
        "game": game.id,
        "states": describe(game.state_dtype),
        "pruned": {"through": pruned.through, "counters": asdict(pruned.counters)},
        "ids": [episode.id for episode in episodes],
        "versions": [int(episode.weights_version) for episode in episodes],
        "seeds": [int(episode.seed) for episode in episodes],
    }
    write_sealed(path, kind=KIND, format=FORMAT, facts=facts, arrays=arrays)


def read_shard(path: Path, *, game: Game) -> Shard:
    """Read a shard; the episodes' arrays are views into the file's.

    Raises:
        CorruptFileError: the bytes are not those that were written.
        WrongFormatError: written by another version of the format.
        WrongGameError: another game's episodes, or states laid out differently.
        StorageError: the file could not be read.
    """
    sealed = read_sealed(path, kind=KIND, format=FORMAT)
    facts, arrays = sealed.facts, sealed.arrays
    if facts["game"] != game.id:
        raise WrongGameError(f"{str(path)!r} holds episodes of {facts['game']!r}, not {game.id!r}")
    if facts["states"] != describe(game.state_dtype):
        raise WrongGameError(
            f"{str(path)!r} holds {game.id!r} states of another layout; "
            "the rules were changed since, start a new run"
        )
    states = arrays["states"].reshape(-1).view(game.state_dtype)
    ends = np.cumsum(arrays["lengths"])
    slots = np.concatenate([[0], np.cumsum(arrays["counts"])]).astype(np.int32)
    actions, best_actions, legal = (
        arrays[name].astype(np.int32) for name in ("actions", "best_actions", "legal")
    )
    episodes = []
    for e, (end, length) in enumerate(zip(ends, arrays["lengths"], strict=True)):
        plies = slice(end - length, end)
        first, last = slots[end - length], slots[end]
        episodes.append(
            Episode(
                id=facts["ids"][e],
                game_id=game.id,
                states=states[plies],
                actions=actions[plies],
                best_actions=best_actions[plies],
                offsets=slots[end - length : end + 1] - first,
                legal=legal[first:last],
                policies=arrays["policies"][first:last],
                values=arrays["values"][plies],
                draws=arrays["draws"][plies],
                proven=arrays["proven"][plies],
                weights=arrays["weights"][plies],
                returns=arrays["returns"][e],
                weights_version=facts["versions"][e],
                seed=facts["seeds"][e],
            )
        )
    pruned = facts["pruned"]
    return Shard(
        episodes=episodes,
        pruned=Pruned(through=pruned["through"], counters=StoreCounters(**pruned["counters"])),
    )


def describe(dtype: np.dtype[np.void]) -> str:
    """Canonical text of a record type: equal texts mean equal bytes."""
    return repr(np.lib.format.dtype_to_descr(dtype))
