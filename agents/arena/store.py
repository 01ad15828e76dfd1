"""Results of matches and tournaments in an SQLite file, written as they happen.

One file holds games by the same rules from one book of openings, so that all of them may be rated
together. Every game stands in it at most once: by who moved first, who moved second, and the number
of the opening. A process that is killed loses the games in flight and nothing else; the same
command then plays what is missing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from agents.agent import AgentError
from agents.arena.elo import Pairing
from agents.arena.fixtures import Outcome
from agents.arena.match import Tally

FORMAT = "meijin games 1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS player (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL                -- hash of the network's file, or the name
);
CREATE TABLE IF NOT EXISTS game (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL REFERENCES player,   -- who moves first from the start position
    second INTEGER NOT NULL REFERENCES player,
    opening INTEGER NOT NULL,             -- its number in the book
    opening_plies INTEGER NOT NULL,
    result REAL NOT NULL,                 -- of the first player: 1, 0 or -1
    resigned INTEGER NOT NULL,            -- 1: given up, or lost by failing; 2: on time
    moves TEXT NOT NULL,                  -- actions as numbers, the opening first
    ended TEXT NOT NULL,                  -- local time
    UNIQUE (first, second, opening)
);
"""


class StoreError(AgentError):
    """A file of games that cannot be used; the message is one line meant for the user."""


@dataclass(frozen=True, slots=True)
class StoredGame:
    """One game of the file."""

    first: str
    second: str
    opening: int
    opening_plies: int
    result: float  # of the first player
    resigned: bool
    on_time: bool
    actions: tuple[int, ...]


class GameStore:
    """The games of one file.

    Args:
        path: made if it does not exist.
        about: facts that must be the same whenever the file is used: game, rules, openings.

    Raises:
        StoreError: another process uses the file, or it is of another kind or about another game.
    """

    def __init__(self, path: Path, *, about: Mapping[str, str]) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} for {path.name}")
        self._lock = FileLock(f"{path}.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(f"{path} is in use by another match or tournament") from None
        except OSError as error:
            raise StoreError(f"cannot write beside {path}: {error.strerror or error}") from None
        try:
            self._open(about)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, about: Mapping[str, str]) -> None:
        with self._translated():
            self._db = sqlite3.connect(self.path)
            self._db.execute("PRAGMA journal_mode = WAL")
            # In WAL mode a killed process loses nothing that was committed; a power cut may lose
            # the last games, and never the file.
            self._db.execute("PRAGMA synchronous = NORMAL")
            tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master")}
            if tables and "about" not in tables:
                raise StoreError(f"{self.path} is a database of something else")
            self._db.executescript(_SCHEMA)
            with self._db:
                for key, value in {"format": FORMAT, **about}.items():
                    self._db.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (key, value))
            stored = dict(self._db.execute("SELECT key, value FROM about"))
        for key, value in {"format": FORMAT, **about}.items():
            if stored[key] != value:
                raise StoreError(
                    f"{self.path} was begun with {key} {stored[key]}, not {value}; "
                    f"name another file"
                )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        self._lock.release()

    def enter(self, name: str, identity: str) -> None:
        """Make a player known.

        Raises:
            StoreError: the name stood for somebody else in earlier games.
        """
        with self._translated(), self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO player (name, identity) VALUES (?, ?)", (name, identity)
            )
            row = self._db.execute("SELECT identity FROM player WHERE name = ?", (name,)).fetchone()
        if row[0] != identity:
            raise StoreError(
                f"{name} is not who played under that name in {self.path}: the network has changed "
                f"since; name its weights file, or another file of games"
            )

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Write games that ended, all or none; a game that is there already is left as it was."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S")
        with self._translated(), self._db:
            for each in outcomes:
                self._db.execute(
                    "INSERT OR IGNORE INTO game "
                    "(first, second, opening, opening_plies, result, resigned, moves, ended) "
                    "SELECT a.id, b.id, ?, ?, ?, ?, ?, ? FROM player a, player b "
                    "WHERE a.name = ? AND b.name = ?",
                    (
                        each.fixture.number,
                        len(each.fixture.opening),
                        each.result,
                        int(each.resigned) + int(each.on_time),
                        " ".join(str(action) for action in each.actions),
                        now,
                        each.fixture.first.name,
                        each.fixture.second.name,
                    ),
                )

    def games(self) -> Iterator[StoredGame]:
        """All games, in the order in which they ended."""
        with self._translated():
            rows = self._db.execute(
                "SELECT a.name, b.name, opening, opening_plies, result, resigned, moves "
                "FROM game JOIN player a ON a.id = first JOIN player b ON b.id = second "
                "ORDER BY game.id"
            ).fetchall()
        for first, second, opening, plies, result, resigned, moves in rows:
            yield StoredGame(
                first=first,
                second=second,
                opening=opening,
                opening_plies=plies,
                result=result,
                resigned=bool(resigned),
                on_time=resigned == 2,
                actions=tuple(int(word) for word in moves.split()),
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Faults of SQLite as one line for the user."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be used as a file of games: {error}") from None


def pairings_of_games(games: Sequence[StoredGame]) -> list[Pairing]:
    """Games as tables of who moved first against whom."""
    results = Results()
    for each in games:
        results.add(each)
    return results.pairings()


class Results:
    """Who moved first against whom, and how that went; kept up to date game by game.

    A tournament of many thousand games asks after each few, so they are not counted anew.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}

    def add(self, game: StoredGame) -> None:
        """Count one more game."""
        one = Tally(int(game.result > 0), int(game.result == 0), int(game.result < 0))
        key = (game.first, game.second)
        self._tallies[key] = self._tallies.get(key, Tally()) + one

    def pairings(self) -> list[Pairing]:
        """The tables; two for players who met with both colours."""
        return [Pairing(first=a, second=b, tally=tally) for (a, b), tally in self._tallies.items()]


def repeats(games: Sequence[StoredGame]) -> int:
    """Games that repeat an earlier one of the same players move by move: they prove nothing new."""
    return len(games) - len({(each.first, each.second, each.actions) for each in games})
