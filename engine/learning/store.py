"""Every episode of a run, as numbered shard files that never change once written.

One process writes; any number may read. What the store holds is derived from the shards alone, so
that a crash at any moment can neither lose a finished shard nor count one twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.learning.packed import PackedEpisodes, pack
from engine.learning.sealed import (
    CORRUPT_SUFFIX,
    TEMPORARY_SUFFIX,
    CorruptFileError,
    Report,
    StorageError,
    WrongGameError,
    make_folder,
    say_on_stderr,
    set_aside,
    sync_folder,
)
from engine.learning.shards import Pruned, Shard, StoreCounters, count, read_shard, write_shard
from engine.records import Episode
from games.game import Game

_NAME = re.compile(r"episodes-(\d{8})\.safetensors")
_ANY_NUMBER = re.compile(r"episodes-(\d{8})\.")


class EpisodeStore:
    """The folder ``episodes/`` of a run directory."""

    def __init__(
        self,
        folder: Path,
        game: Game,
        *,
        keep_rows: int | None = None,
        read_only: bool = False,
        report: Report = say_on_stderr,
    ) -> None:
        """Open the store, verifying the checksum of every shard.

        Damaged shards are renamed to ``*.corrupt``, files that a crash left half written are
        removed; a reader leaves both to the writer. Each is reported in one line.

        Args:
            folder: made if it is not there.
            game: whose episodes these are.
            keep_rows: when a shard is written, the oldest ones are removed as long as this many
                rows stay on the disk; None keeps everything.
            read_only: open beside a writer of another process.
            report: takes the lines for the user.

        Raises:
            WrongGameError: the shards are another game's.
            WrongFormatError: the shards were written by another version of the format.
            StorageError: the folder cannot be made, read or written.
        """
        self.folder = Path(folder)
        self.game = game
        self._keep_rows = keep_rows
        self._read_only = read_only
        self._report = report
        self._pruned = Pruned()
        self._held = StoreCounters()
        self._counts: dict[int, StoreCounters] = {}  # by shard number, ascending
        self._ids: dict[int, list[str]] = {}
        self._known: set[str] = set()  # ids of the shards on the disk
        self._newest = 0  # highest number ever used, by a damaged shard too
        if read_only:
            self.refresh()
            return
        make_folder(self.folder)
        highest_damaged = self._clean()
        self.refresh()
        # A reader may have met the damaged shard; a number never means two things.
        self._newest = max(self._newest, highest_damaged)
        self._remove_pruned()

    @property
    def counters(self) -> StoreCounters:
        """Everything that was ever stored, pruned shards included, damaged ones not."""
        return self._pruned.counters + self._held

    @property
    def numbers(self) -> list[int]:
        """Numbers of the shards on the disk, ascending."""
        return list(self._counts)

    def rows_in(self, number: int) -> int:
        """Trained rows of a shard."""
        return self._counts[number].rows

    def __contains__(self, episode_id: str) -> bool:
        """Whether an episode is in a shard on the disk."""
        return episode_id in self._known

    def append(self, episodes: list[Episode]) -> int | None:
        """Write one shard of the episodes that are not stored yet; on return they are safe.

        Returns:
            The shard's number; None when every episode is already stored.

        Raises:
            WrongGameError: an episode of another game.
            StorageError: the disk refused; nothing is stored and the call may be repeated.
        """
        return self.append_packed(pack(episodes, game=self.game))

    def append_packed(self, episodes: PackedEpisodes) -> int | None:
        """As ``append``."""
        if self._read_only:
            raise StorageError(f"{str(self.folder)!r} was opened for reading")
        if episodes.game_id != self.game.id:
            raise WrongGameError(
                f"episodes of {episodes.game_id!r}; this store holds {self.game.id!r}"
            )
        fresh = {name for name in episodes.ids if name not in self._known}
        if not fresh:
            return None
        if len(fresh) < len(episodes):
            first = {name: e for e, name in reversed(list(enumerate(episodes.ids)))}
            kept = [name in fresh and first[name] == e for e, name in enumerate(episodes.ids)]
            episodes = episodes.select(np.array(kept))
        number = self._newest + 1
        pruned = self._to_prune()
        write_shard(self._path(number), episodes, game=self.game, pruned=pruned)
        self._take(number, Shard(episodes=episodes, pruned=pruned))
        self._remove_pruned()
        return number

    def refresh(self, take: Callable[[PackedEpisodes], None] | None = None) -> list[int]:
        """Notice shards that another process has added.

        Args:
            take: is given what each of them holds, in their order, so that nobody has to read them
                a second time.

        Returns:
            Their numbers, ascending.
        """
        added = []
        for number in self._fresh():
            path = self._path(number)
            try:
                shard = read_shard(path, game=self.game)
            except CorruptFileError as error:
                self._report(f"{error}; its episodes are left out")
                if not self._read_only:
                    set_aside(path)
                self._newest = number
                continue
            except StorageError:
                if path.exists():
                    raise
                continue  # the writer has pruned it just now
            self._take(number, shard)
            added.append(number)
            if take is not None:
                take(shard.episodes)
        return added

    def read(self, number: int) -> list[Episode]:
        """Episodes of a shard.

        Raises:
            CorruptFileError: it was damaged since the store was opened.
            StorageError: it cannot be read, or was pruned meanwhile.
        """
        return self.read_packed(number).unpack()

    def read_packed(self, number: int) -> PackedEpisodes:
        """As ``read``."""
        return read_shard(self._path(number), game=self.game).episodes

    def _take(self, number: int, shard: Shard) -> None:
        """Count a shard that is on the disk, and stop counting those it declares pruned."""
        counts = count(shard.episodes)
        self._counts[number] = counts
        self._ids[number] = shard.episodes.ids
        self._known.update(self._ids[number])
        self._newest = number
        if shard.pruned.through > self._pruned.through:
            self._pruned = shard.pruned
            for old in [old for old in self._counts if old <= self._pruned.through]:
                del self._counts[old]
                self._known.difference_update(self._ids.pop(old))
            self._held = sum(self._counts.values(), StoreCounters())
        else:
            self._held += counts

    def _to_prune(self) -> Pruned:
        """The shards, old and new, that the next shard shall declare pruned.

        Declared first and removed afterwards: a crash in between leaves files that the next
        opening removes, and counters that are right either way.
        """
        pruned, spare = self._pruned, self._held.rows - (self._keep_rows or 0)
        if self._keep_rows is None:
            return pruned
        for number, counts in self._counts.items():
            spare -= counts.rows
            if spare < 0:
                break
            pruned = Pruned(through=number, counters=pruned.counters + counts)
        return pruned

    def _remove_pruned(self) -> None:
        """Remove the files of pruned shards."""
        removable = [number for number in self._listed() if number <= self._pruned.through]
        for number in removable:
            try:
                self._path(number).unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(
                    f"cannot remove {str(self._path(number))!r}: {error.strerror}"
                ) from error
        if removable:
            sync_folder(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"episodes-{number:08d}.safetensors"

    def _listed(self) -> list[int]:
        """Numbers of the shard files that lie in the folder, ascending."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:  # a reader that came before the writer
            return []
        except OSError as error:
            raise StorageError(f"cannot read {str(self.folder)!r}: {error.strerror}") from error
        return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))

    def _fresh(self) -> list[int]:
        """Numbers of the shard files that were not there before, ascending."""
        fresh = [number for number in self._listed() if number > self._newest]
        if fresh and fresh[-1] - self._newest > len(fresh):
            # A listing may miss a file that comes while it is made, and show one that came later.
            # The second one shows whatever was there before the last of the first.
            last = fresh[-1]
            fresh = [number for number in self._listed() if self._newest < number <= last]
        return fresh

    def _clean(self) -> int:
        """Remove what a crash left half written; returns the highest number set aside."""
        highest_damaged = 0
        for path in sorted(self.folder.iterdir()):
            number = _ANY_NUMBER.match(path.name)
            if number is None:
                continue
            if path.name.endswith(TEMPORARY_SUFFIX):
                self._report(f"removed {str(path)!r}, which was never finished")
                path.unlink()
            elif path.name.endswith(CORRUPT_SUFFIX):
                highest_damaged = max(highest_damaged, int(number[1]))
        return highest_damaged
