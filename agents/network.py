"""Network files opened for play: damaged ones passed over, the fastest backend, a cache."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from agents.agent import AgentError
from engine.inference.backends import make_backend
from engine.inference.cache import CachedEvaluator
from engine.inference.config import Turning
from engine.inference.evaluator import Evaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.learning.checkpoint import NetworkFile, load_weights
from engine.learning.sealed import CorruptFileError, FileError
from games.game import Game

#: Positions whose evaluation is kept; a few hundred bytes each.
_CACHE_POSITIONS = 1 << 18
_MAX_BATCH = 512


def _say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


def read_network(
    paths: Sequence[Path],
    *,
    game: Game | None = None,
    say: Callable[[str], None] = _say_on_stderr,
) -> NetworkFile:
    """The first of these files that is whole.

    Args:
        paths: the best first; one at least.
        game: that it must play; None takes any.
        say: told in one line of each damaged file and of what is used instead.

    Raises:
        AgentError: none of them can be used, or it is of another game.
    """
    fault = ""
    for path in paths:
        try:
            file = load_weights(path, game)
        except CorruptFileError as error:
            fault = str(error)
            continue
        except (FileError, OSError) as error:
            raise AgentError(str(error)) from None
        if fault:
            say(f"{fault}; using {path.name!r} instead")
        return file
    raise AgentError(fault)


def open_network(
    paths: Sequence[Path],
    *,
    game: Game,
    symmetries: Turning = "none",
    say: Callable[[str], None] = _say_on_stderr,
) -> Evaluator:
    """An evaluator over the first of these files that is whole.

    Args:
        paths: the best first; one at least.
        game: that it must play.
        symmetries: how positions are turned before the network sees them; ``average`` asks for
            every symmetry and takes the mean, which costs as many evaluations.
        say: told in one line what the user should know.

    Raises:
        AgentError: none of the files can be used.
    """
    return evaluator_of(read_network(paths, game=game, say=say), game=game, symmetries=symmetries)


def evaluator_of(file: NetworkFile, *, game: Game, symmetries: Turning = "none") -> Evaluator:
    """A cached evaluator over a network file, on the fastest backend that agrees with float32."""
    backend = make_backend(
        file.build(), max_batch=_MAX_BATCH, calibration_planes=file.sample_planes
    ).backend
    network = NetworkEvaluator(game, backend, symmetries=symmetries, seed=0)
    return CachedEvaluator(network, game=game, capacity=_CACHE_POSITIONS)
