"""One shard of the store: packed episodes in a sealed file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.packed import PackedEpisodes
from engine.learning.payoffs import Payoffs, payoffs_of
from engine.learning.sealed import WrongGameError, read_sealed, write_sealed
from engine.records import ITSELF
from games.game import Game

KIND = "episodes"
FORMAT = 1

#: Arrays that lie in the file as they are; states lie there as bytes.
_ARRAYS = (
    "lengths", "returns", "actions", "best_actions", "counts", "values", "draws", "proven",
    "weights", "legal", "policies",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoreCounters:
    """How much self-play there is."""

    shards: int = 0
    episodes: int = 0
    plies: int = 0
    rows: int = 0  # plies that are trained on (weight above zero)
    payoffs: Payoffs = field(default_factory=Payoffs)  # of the league, if there is one

    def __add__(self, other: StoreCounters) -> StoreCounters:
        return StoreCounters(
            shards=self.shards + other.shards,
            episodes=self.episodes + other.episodes,
            plies=self.plies + other.plies,
            rows=self.rows + other.rows,
            payoffs=self.payoffs + other.payoffs,
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """The oldest shards that were given up when a shard was written."""

    through: int = 0  # highest number of them
    counters: StoreCounters = StoreCounters()  # what they held together


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as it was read."""

    episodes: PackedEpisodes
    pruned: Pruned


def count(episodes: PackedEpisodes) -> StoreCounters:
    """Counters of one shard with these episodes."""
    return StoreCounters(
        shards=1,
        episodes=len(episodes),
        plies=episodes.plies,
        rows=episodes.rows,
        payoffs=payoffs_of(episodes),
    )


def write_shard(path: Path, episodes: PackedEpisodes, *, game: Game, pruned: Pruned) -> None:
    """Write a shard atomically.

    Raises:
        StorageError: the disk refused.
    """
    arrays: dict[str, NDArray[Any]] = {name: getattr(episodes, name) for name in _ARRAYS}
    arrays["states"] = episodes.states.view(np.uint8).reshape(episodes.plies, -1)
    facts = {
        "game": game.id,
        "states": describe(game.state_dtype),
        "pruned": {"through": pruned.through, "counters": _as_facts(pruned.counters)},
        "ids": episodes.ids,
        "versions": episodes.versions.tolist(),
        "seeds": episodes.seeds.tolist(),
        "settings": _runs(episodes.settings),
    }
    if (episodes.opponents != ITSELF).any():
        facts["opponents"] = episodes.opponents.tolist()
        facts["learners"] = episodes.learners.tolist()
    write_sealed(path, kind=KIND, format=FORMAT, facts=facts, arrays=arrays)


def read_shard(path: Path, *, game: Game) -> Shard:
    """Read a shard; its arrays are views into the file's bytes.

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
    pruned, count = facts["pruned"], len(facts["ids"])
    itself = [ITSELF] * count
    return Shard(
        episodes=PackedEpisodes(
            game_id=game.id,
            ids=facts["ids"],
            versions=np.array(facts["versions"], np.int64),
            seeds=np.array(facts["seeds"], np.uint64),
            settings=_expand(facts.get("settings", []), count),
            opponents=np.array(facts.get("opponents", itself), np.int64),
            learners=np.array(facts.get("learners", itself), np.int64),
            states=arrays["states"].reshape(-1).view(game.state_dtype),
            **{name: arrays[name] for name in _ARRAYS},
        ),
        pruned=Pruned(through=pruned["through"], counters=_from_facts(pruned["counters"])),
    )


def _as_facts(counters: StoreCounters) -> dict[str, Any]:
    """Counters as JSON holds them; without a league nothing is said of one."""
    facts = {each.name: getattr(counters, each.name) for each in fields(counters)}
    payoffs = facts.pop("payoffs").as_facts()
    return facts | ({"payoffs": payoffs} if payoffs else {})


def _from_facts(facts: dict[str, Any]) -> StoreCounters:
    """What ``_as_facts`` was given."""
    numbers = {name: value for name, value in facts.items() if name != "payoffs"}
    return StoreCounters(**numbers, payoffs=Payoffs.from_facts(facts.get("payoffs", [])))


def _runs(numbers: NDArray[np.int64]) -> list[list[int]]:
    """``[number, how often]`` for each stretch of equal numbers: almost always there is one."""
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    lengths = np.diff(starts, append=len(numbers))
    return [[int(numbers[at]), int(n)] for at, n in zip(starts, lengths, strict=True)]


def _expand(runs: list[list[int]], count: int) -> NDArray[np.int64]:
    """What ``_runs`` was given; zeros where an older version wrote none."""
    if not runs:
        return np.zeros(count, np.int64)
    numbers, lengths = np.array(runs, np.int64).T
    return np.repeat(numbers, lengths)


def describe(dtype: np.dtype[np.void]) -> str:
    """Canonical text of a record type: equal texts mean equal bytes."""
    return repr(np.lib.format.dtype_to_descr(dtype))
