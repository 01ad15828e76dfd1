"""What driver, workers and learner say to each other.

The seam between the training loop and where its parts run. A part is reached through a ``Part``:
messages go in with ``send`` and come out with ``receive``; whether a pipe to a process of this
machine or an actor elsewhere carries them is the business of the file that starts the parts
(``local.py``, ``ray_part.py``).
"""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass, field
from typing import Protocol

from engine.learning.packed import PackedEpisodes

MOST_UNACKNOWLEDGED = 8  # batches of a worker; past that the driver is behind and the worker waits


@dataclass(frozen=True, slots=True)
class NewWeights:
    """Driver to worker: use this version from the next ply on."""

    version: int
    path: str


@dataclass(frozen=True, slots=True)
class Opponents:
    """Driver to worker: older versions for games of the league, and how they have gone so far."""

    versions: tuple[int, ...]
    paths: tuple[str, ...]
    chances: tuple[float, ...]  # of the newest weights to beat each


@dataclass(frozen=True, slots=True)
class Pause:
    """Driver to worker: the learner must catch up (or has)."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Driver to worker: these episodes are on the disk."""

    batch: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Worker to driver: finished episodes and what was done since the last message."""

    batch: int
    episodes: PackedEpisodes
    seconds: float
    plies: int
    simulations: int
    evaluations: int  # positions that the network itself judged
    cache_hits: int
    network_seconds: float
    memory_bytes: int
    version: int
    paused_seconds: float = 0.0  # of ``seconds``, waiting for the learner
    behind_seconds: float = 0.0  # of ``seconds``, waiting for batches to be acknowledged
    network_slots: int = 0  # positions that the network's calls had room for; 0: not counted
    acknowledged: int = 0  # batches acknowledged since the last report
    acknowledged_seconds: float = 0.0  # from sending them to the answer, summed up


@dataclass(frozen=True, slots=True)
class GpusBusy:
    """Worker of another machine to driver: share of the last seconds in which its GPUs computed."""

    shares: dict[str, float]  # by a name that tells the machine too


@dataclass(frozen=True, slots=True)
class Said:
    """Any part to driver: a sentence for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Any part to driver: it stops because of this; ``text`` is one line for the user."""

    text: str
    outside: bool = False  # something else ended it: a lost machine, a kill
    details: str = ""  # the traceback, for the part's log

    @staticmethod
    def of(who: str, error: Exception) -> Failed:
        """An exception as what it says and where it came from."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno}"
        return Failed(
            f"{who}: {type(error).__name__}: {error} ({place})",
            details="".join(traceback.format_exception(error)),
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """Worker to driver: it must not play here (other rules, other code); it ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Driver to learner: how far the run is and what the store holds."""

    progress: float  # 0..1 of the run's minutes
    elapsed_seconds: float


@dataclass(frozen=True, slots=True)
class Published:
    """Learner to driver: a new version lies in ``path``."""

    version: int
    path: str


@dataclass(frozen=True, slots=True)
class Learned:
    """Learner to driver: the last steps in numbers."""

    steps: int
    rows_trained: int
    rows_in_window: int
    rows_stored: int
    pause_workers: bool
    waiting: bool  # the learner waits for new rows
    memory_bytes: int
    window_staleness: float  # versions that the window's games are behind the newest, on average
    seconds: float  # since the last report
    waited_seconds: float  # of these, without rows to train on
    losses: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """Driver to any part: save what must be saved and end."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Learner to driver: everything is saved."""


class Part(Protocol):
    """One running worker or learner, seen from the driver."""

    name: str

    def send(self, message: object) -> None:
        """Hand over a message; a part that has died is noticed by ``alive``, not here."""

    def receive(self) -> list[object]:
        """All messages that have arrived, without waiting."""

    @property
    def alive(self) -> bool:
        """Whether the part still runs."""

    def ending(self) -> Failed | None:
        """How it ended, where that can be seen from outside; a part that can says so itself."""

    def kill(self) -> None:
        """End it at once."""
