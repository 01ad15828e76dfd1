"""The growing window of recent rows, in memory, and batches drawn from it.

Letters: B rows of a batch, K legal slots, C x H x W planes; R rows that the ring can hold, L legal
slots that it can hold. A row is one position that is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.learning.augment import transform
from engine.learning.config import LearningConfig, WindowConfig
from engine.learning.limiter import RateLimiter
from engine.learning.packed import PackedEpisodes
from engine.learning.sealed import CorruptFileError, Report, say_on_stderr
from engine.learning.store import EpisodeStore
from engine.learning.targets import packed_outcome_targets
from games.game import Game, States

#: Legal slots reserved per row. Above the mean of most games (shogi: about 80); on large boards of
#: Go, hex and gomoku, with two hundred and more, the ring holds the fewer rows. The memory is only
#: taken from the system where it is written.
MEAN_LEGAL = 96


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose each point is at the end of the game, for the player to move."""

    owners: NDArray[np.int8]  # [B, H, W] 1: the mover's, -1: the other's, 0: nobody's
    leads: NDArray[np.float32]  # [B] points by which the mover leads


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to train on; values are for the player to move."""

    planes: NDArray[np.uint8]  # [B, C, H, W]
    actions: NDArray[np.int32]  # [B, K] legal actions by slot, -1 past the count
    policies: NDArray[np.float32]  # [B, K] sums to 1, zero past the count
    outcomes: NDArray[np.float32]  # [B, 3] probability of win, draw, loss
    ownership: Ownership | None = None  # where the window keeps it


def window_rows(stored_rows: int, *, config: WindowConfig) -> int:
    """How many of the newest rows are trained on when ``stored_rows`` were made in all.

    Source: Wu 2019, appendix C; see ``WindowConfig``.
    """
    if stored_rows <= config.scale:
        return stored_rows
    grown = ((stored_rows / config.scale) ** config.exponent - 1) / config.exponent
    return min(int(config.scale * (1 + config.growth * grown)), stored_rows, config.max_rows)


class ReplayWindow:
    """The newest rows of a store.

    Rows are numbered by age from 0, the oldest in the window; equal stores give equal numbers, and
    so equal batches for the same generator, whatever the order in which the shards were read.
    """

    def __init__(
        self,
        folder: Path,
        game: Game,
        *,
        config: LearningConfig,
        ownership: bool = False,
        report: Report = say_on_stderr,
    ) -> None:
        """Load the newest rows of the store in ``folder``, to which another process may write.

        Args:
            folder: of the episode store; it may still be empty or missing.
            game: whose episodes these are.
            config: window, targets and limiter.
            ownership: keep whose each point was at the end, for a network that is taught it; only
                in games that have it.
            report: takes the lines for the user about damaged shards.

        Raises:
            WrongGameError, WrongFormatError, StorageError: as ``EpisodeStore``.
        """
        self.game = game
        self.config = config
        self._store = EpisodeStore(folder, game, read_only=True, report=report)
        self._report = report
        self._limiter = RateLimiter(config.limiter)
        self._max_rows = rows = config.window.max_rows
        # One row fits, whatever it is.
        self._slots = max(rows * min(self.game.max_legal, MEAN_LEGAL), self.game.max_legal)
        self._states = np.zeros(rows, self.game.state_dtype)
        self._outcomes = np.empty((rows, 3), np.float32)
        self._weights = np.empty(rows, np.float32)
        self._versions = np.empty(rows, np.int32)
        self._counts = np.empty(rows, np.int32)
        self._starts = np.empty(rows, np.int64)  # first slot, counted since the start, not wrapped
        self._legal = np.empty(self._slots, np.int32)
        self._policies = np.empty(self._slots, np.float32)
        board = game.observation_shape[1:] if ownership else (0, 0)
        self._ownership = ownership
        self._owners = np.empty((rows, *board), np.int8)  # 1: player 0's, -1: player 1's
        self._leads = np.empty(rows if ownership else 0, np.float32)  # of player 0
        self._written = 0  # rows ever written into the ring
        self._oldest = 0  # number of the oldest row that is still whole in it
        self._slots_written = 0
        self._cumulative = np.empty(0)
        self._load_newest()
        self._measure()

    @property
    def rows_in_window(self) -> int:
        """Rows that batches are drawn from now."""
        return len(self._cumulative)

    @property
    def rows_stored(self) -> int:
        """Rows that self-play has ever made."""
        return self._store.counters.rows

    @property
    def episodes(self) -> int:
        """Games that self-play has ever made."""
        return self._store.counters.episodes

    @property
    def mean_version(self) -> float:
        """Version of the weights that the rows of the window were played with, on average."""
        if not self.rows_in_window:
            return 0.0
        return float(self._versions[self._places()].mean())

    def may_train(self, rows_trained: int) -> bool:
        """Whether one more batch is paid for by new rows, and there is something to draw."""
        return self.rows_in_window > 0 and self._limiter.may_train(
            rows_stored=self.rows_stored,
            rows_trained=rows_trained,
            batch_rows=self.config.batch_rows,
        )

    def should_pause_selfplay(self, rows_trained: int) -> bool:
        """Whether learning is so far behind that self-play should wait."""
        return self._limiter.should_pause_selfplay(
            rows_stored=self.rows_stored,
            rows_trained=rows_trained,
            batch_rows=self.config.batch_rows,
        )

    def refresh(self) -> int:
        """Take in what was stored since; returns the number of new rows."""
        before = self._written
        self._store.refresh(self._add)
        if self._written > before:
            self._measure()
        return self._written - before

    def sample(self, batch_rows: int, rng: np.random.Generator) -> Batch:
        """Draw rows with probability proportional to their weight, each turned by a symmetry.

        Args:
            batch_rows: B.
            rng: consumed.

        Raises:
            ValueError: the window is empty.
        """
        if not self.rows_in_window:
            raise ValueError("the replay window is empty; store episodes before training")
        draws = rng.random(batch_rows) * self._cumulative[-1]
        ages = np.searchsorted(self._cumulative, draws, side="right")
        ages = np.minimum(ages, self.rows_in_window - 1)  # a draw may round up to the total
        chosen = rng.integers(0, self.game.symmetries.count, batch_rows)
        return self._gather(ages, chosen)

    def sample_planes(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Observations ``[count, C, H, W]`` of rows drawn as for training."""
        return self.sample(count, rng).planes

    def row(self, age: int) -> Batch:
        """One row by age, not turned."""
        return self._gather(np.array([age]), np.zeros(1, np.int64))

    def _gather(self, ages: NDArray[np.int64], symmetries: NDArray[np.int64]) -> Batch:
        rows = (self._written - self.rows_in_window + ages) % self._max_rows
        size = len(rows)
        actions = np.empty((size, self.game.max_legal), np.int32)
        policies = np.empty((size, self.game.max_legal), np.float32)
        _gather_slots(
            rows, self._starts, self._counts, self._legal, self._policies, actions, policies
        )
        planes = np.empty((size, *self.game.observation_shape), np.uint8)
        self.game.rules.observe(self._states[rows], planes)
        if self.game.symmetries.count > 1:
            planes = transform(planes, actions, symmetries=self.game.symmetries, chosen=symmetries)
        return Batch(
            planes=planes,
            actions=actions,
            policies=policies,
            outcomes=self._outcomes[rows],
            ownership=self._ownership_of(rows, symmetries) if self._ownership else None,
        )

    def _ownership_of(self, rows: NDArray[np.int64], symmetries: NDArray[np.int64]) -> Ownership:
        """Of rows of the ring, turned as their planes are, for the player to move."""
        signs = 1 - 2 * self._states["to_play"][rows].astype(np.int8)
        owners = self._owners[rows] * signs[:, None, None]
        cells = self.game.symmetries.cells[symmetries]
        turned = np.take_along_axis(owners.reshape(len(rows), -1), cells, axis=1)
        return Ownership(owners=turned.reshape(owners.shape), leads=self._leads[rows] * signs)

    def _load_newest(self) -> None:
        """Fill the window from the newest shards, oldest of them first.

        Older rows are never needed again: the window grows by less than a row for each new one.
        """
        rows, wanted = window_rows(self.rows_stored, config=self.config.window), []
        for number in reversed(self._store.numbers):
            if rows <= 0:
                break
            wanted.append(number)
            rows -= self._store.rows_in(number)
        for number in reversed(wanted):
            try:
                self._add(self._store.read_packed(number))
            except CorruptFileError as error:  # damaged since the store verified it
                self._report(f"{error}; its episodes are left out of training")

    def _add(self, episodes: PackedEpisodes) -> None:
        """Append the trained rows of episodes, overwriting the oldest."""
        trained = np.flatnonzero(episodes.weights > 0)
        if not len(trained):
            return
        outcomes = packed_outcome_targets(episodes, config=self.config.targets)
        of_episode = np.repeat(np.arange(len(episodes)), episodes.lengths)
        owners, leads = self._final_ownership(episodes) if self._ownership else (None, None)
        offsets = episodes.offsets
        for first in range(0, len(trained), self._max_rows):
            rows = trained[first : first + self._max_rows]
            places = (self._written + np.arange(len(rows))) % self._max_rows
            self._states[places] = episodes.states[rows]
            self._outcomes[places] = outcomes[rows]
            self._weights[places] = episodes.weights[rows]
            self._versions[places] = episodes.versions[of_episode[rows]]
            self._counts[places] = counts = episodes.counts[rows]
            if owners is not None and leads is not None:
                self._owners[places] = owners[of_episode[rows]]
                self._leads[places] = leads[of_episode[rows]]
            ends = self._slots_written + np.cumsum(counts, dtype=np.int64)
            self._starts[places] = ends - counts
            _copy_slots(
                rows,
                offsets,
                episodes.legal,
                episodes.policies,
                self._slots_written,
                self._legal,
                self._policies,
            )
            self._written += len(rows)
            self._slots_written = int(ends[-1])
            # Slots wrap as well; where legal moves are many they run out before the rows do.
            self._oldest = _oldest_whole(
                max(self._oldest, self._written - self._max_rows),
                self._starts,
                self._slots_written - self._slots,
            )

    def _final_ownership(
        self, episodes: PackedEpisodes
    ) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Owners ``[E, H, W]`` and lead ``[E]`` of player 0 in the positions games ended with.

        Where a game was given up because its result was proven, the position is scored as it
        stands, as if both had passed.
        """
        last = np.cumsum(episodes.lengths) - 1
        states = np.array(episodes.states[last], self.game.state_dtype)
        self.game.rules.step(states, episodes.actions[last].astype(np.int32))
        owners = np.empty((len(states), *self.game.observation_shape[1:]), np.int8)
        leads = np.empty(len(states), np.float32)
        self.game.rules.final_ownership(states, owners, leads)
        return owners, leads

    def _measure(self) -> None:
        """Set the window's size for what is stored now, and the weights to draw by."""
        size = min(
            window_rows(self.rows_stored, config=self.config.window), self._written - self._oldest
        )
        rows = np.arange(self._written - size, self._written) % self._max_rows
        self._cumulative = np.cumsum(self._weights[rows], dtype=np.float64)

    def states(self) -> States:
        """Positions of the window, oldest first (a copy)."""
        return self._states[self._places()]

    def _places(self) -> NDArray[np.int64]:
        """Where in the ring the rows of the window lie, oldest first."""
        return np.arange(self._written - self.rows_in_window, self._written) % self._max_rows


@njit(cache=True, nogil=True)
def _oldest_whole(oldest, starts, first_slot):
    """The first row from ``oldest`` on whose slots begin at ``first_slot`` or later."""
    while starts[oldest % len(starts)] < first_slot:
        oldest += 1
    return oldest


@njit(cache=True, nogil=True)
def _copy_slots(trained, offsets, legal, policies, first, ring_legal, ring_policies):
    """Copy the slots of the trained rows into the ring, from slot ``first`` on, wrapping."""
    place = first % len(ring_legal)
    for t in trained:
        for k in range(offsets[t], offsets[t + 1]):
            ring_legal[place] = legal[k]
            ring_policies[place] = policies[k]
            place += 1
            if place == len(ring_legal):
                place = 0


@njit(cache=True, nogil=True)
def _gather_slots(rows, starts, counts, ring_legal, ring_policies, actions, policies):
    """Spread the slots of each row over ``[B, K]``, padded by -1 and zero."""
    for b in range(len(rows)):
        place = starts[rows[b]] % len(ring_legal)
        for k in range(actions.shape[1]):
            if k < counts[rows[b]]:
                actions[b, k] = ring_legal[place]
                policies[b, k] = ring_policies[place]
                place += 1
                if place == len(ring_legal):
                    place = 0
            else:
                actions[b, k] = -1
                policies[b, k] = 0.0
