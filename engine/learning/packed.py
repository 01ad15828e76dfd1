"""Many episodes as a few long arrays: how they travel, lie on the disk and enter the window.

Letters: E episodes, R their plies in a row, L all their legal slots in a row. An ``Episode`` is
pleasant to read and costs a dozen small arrays; a thousand of them a second should not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.sealed import WrongGameError
from engine.records import Episode
from games.game import NUM_PLAYERS, Game, States


@dataclass(frozen=True, slots=True)
class PackedEpisodes:
    """Episodes of one game, one after the other."""

    game_id: str
    ids: list[str]  # E
    lengths: NDArray[np.int32]  # [E] plies
    versions: NDArray[np.int64]  # [E] newest weights that a move of it was made with
    seeds: NDArray[np.uint64]  # [E]
    settings: NDArray[np.int64]  # [E] hash of the settings; 0: from before it was kept
    opponents: NDArray[np.int64]  # [E] version of a league opponent; ITSELF: plain self-play
    learners: NDArray[np.int64]  # [E] the player that is not the opponent; ITSELF: both
    returns: NDArray[np.float32]  # [E, P]
    states: States  # [R]
    actions: NDArray[Any]  # [R] int16 where all actions of the game fit, else int32
    best_actions: NDArray[Any]  # [R] as actions
    counts: NDArray[np.int32]  # [R] legal slots
    values: NDArray[np.float32]  # [R, P]
    draws: NDArray[np.float32]  # [R]
    proven: NDArray[np.int8]  # [R]
    weights: NDArray[np.float32]  # [R]
    legal: NDArray[Any]  # [L] as actions
    policies: NDArray[np.float32]  # [L]

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.ids)

    @property
    def plies(self) -> int:
        """Plies of all episodes together."""
        return len(self.actions)

    @property
    def rows(self) -> int:
        """Plies that are trained on (weight above zero)."""
        return int(np.count_nonzero(self.weights > 0))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """``[R + 1]``: the slots of ply r lie at ``offsets[r]:offsets[r + 1]``."""
        return np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])

    def unpack(self) -> list[Episode]:
        """The episodes one by one; their large arrays are views into these."""
        ends = np.cumsum(self.lengths)
        slots = self.offsets.astype(np.int32)
        actions, best_actions, legal = (
            array.astype(np.int32) for array in (self.actions, self.best_actions, self.legal)
        )
        episodes = []
        for e, (end, length) in enumerate(zip(ends, self.lengths, strict=True)):
            plies = slice(end - length, end)
            first, last = slots[end - length], slots[end]
            episodes.append(
                Episode(
                    id=self.ids[e],
                    game_id=self.game_id,
                    states=self.states[plies],
                    actions=actions[plies],
                    best_actions=best_actions[plies],
                    offsets=slots[end - length : end + 1] - first,
                    legal=legal[first:last],
                    policies=self.policies[first:last],
                    values=self.values[plies],
                    draws=self.draws[plies],
                    proven=self.proven[plies],
                    weights=self.weights[plies],
                    returns=self.returns[e],
                    weights_version=int(self.versions[e]),
                    seed=int(self.seeds[e]),
                    settings=int(self.settings[e]),
                    opponent=int(self.opponents[e]),
                    learner=int(self.learners[e]),
                )
            )
        return episodes

    def select(self, chosen: NDArray[np.bool_]) -> PackedEpisodes:
        """Those episodes for which ``chosen[e]`` is set, in the same order."""
        of_plies = np.repeat(chosen, self.lengths)
        of_slots = np.repeat(of_plies, self.counts)
        masks = {name: chosen for name in _BY_EPISODE}
        masks |= {name: of_plies for name in _BY_PLY} | {name: of_slots for name in _BY_SLOT}
        arrays = {name: getattr(self, name)[mask] for name, mask in masks.items()}
        ids = [name for name, kept in zip(self.ids, chosen, strict=True) if kept]
        return PackedEpisodes(game_id=self.game_id, ids=ids, **arrays)


_BY_EPISODE = (
    "lengths", "versions", "seeds", "settings", "opponents", "learners", "returns",
)  # fmt: skip
_BY_SLOT = ("legal", "policies")
_BY_PLY = tuple(
    field.name
    for field in fields(PackedEpisodes)
    if field.name not in {"game_id", "ids", *_BY_EPISODE, *_BY_SLOT}
)


def pack(episodes: Sequence[Episode], *, game: Game) -> PackedEpisodes:
    """Episodes as long arrays; bytes between the fields of a state are zeros.

    Raises:
        WrongGameError: an episode of another game.
    """
    for episode in episodes:
        if episode.game_id != game.id:
            raise WrongGameError(
                f"episode {episode.id!r} is of {episode.game_id!r}; {game.id!r} is wanted"
            )
    index_type = np.int16 if game.num_actions <= np.iinfo(np.int16).max else np.int32
    plies = sum(len(episode.actions) for episode in episodes)
    states = np.zeros(plies, game.state_dtype)
    if plies:
        for name in game.state_dtype.names or ():
            states[name] = np.concatenate([episode.states[name] for episode in episodes])

    def joined(name: str, dtype: Any, *shape: int) -> NDArray[Any]:
        parts = [getattr(episode, name) for episode in episodes]
        return np.concatenate([np.empty((0, *shape), dtype), *parts]).astype(dtype, copy=False)

    return PackedEpisodes(
        game_id=game.id,
        ids=[episode.id for episode in episodes],
        lengths=np.array([len(episode.actions) for episode in episodes], np.int32),
        versions=np.array([episode.weights_version for episode in episodes], np.int64),
        seeds=np.array([episode.seed for episode in episodes], np.uint64),
        settings=np.array([episode.settings for episode in episodes], np.int64),
        opponents=np.array([episode.opponent for episode in episodes], np.int64),
        learners=np.array([episode.learner for episode in episodes], np.int64),
        returns=np.array([episode.returns for episode in episodes], np.float32).reshape(
            -1, NUM_PLAYERS
        ),
        states=states,
        actions=joined("actions", index_type),
        best_actions=joined("best_actions", index_type),
        counts=np.concatenate(
            [np.empty(0, np.int32), *(np.diff(episode.offsets) for episode in episodes)]
        ).astype(np.int32, copy=False),
        values=joined("values", np.float32, NUM_PLAYERS),
        draws=joined("draws", np.float32),
        proven=joined("proven", np.int8),
        weights=joined("weights", np.float32),
        legal=joined("legal", index_type),
        policies=joined("policies", np.float32),
    )


def join(batches: Sequence[PackedEpisodes]) -> PackedEpisodes:
    """Batches of the same game, one after the other; there is at least one."""
    arrays = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in (*_BY_EPISODE, *_BY_PLY, *_BY_SLOT)
        if name != "states"
    }
    dtype = batches[0].states.dtype
    # As bytes: NumPy joins records field by field, which is slower and drops what lies between.
    raw = [batch.states.view(np.uint8).reshape(-1, dtype.itemsize) for batch in batches]
    return PackedEpisodes(
        game_id=batches[0].game_id,
        ids=[name for batch in batches for name in batch.ids],
        states=np.concatenate(raw).reshape(-1).view(dtype),
        **arrays,
    )
