"""What `meijin bench` measures of a game's rules, beside other libraries in the same run."""

from __future__ import annotations

import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

_BATCH = 256
_PARTS = 5  # of a measurement; the median counts
_LONGEST_PEER_GAME = 500  # plies, for peers that end no game themselves


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; no value where what would be measured is not there."""

    name: str
    value: float | None
    unit: str
    settings: dict[str, Any] = field(default_factory=dict)


Work = Callable[[], int]  # does some work and says how much


@dataclass(frozen=True, slots=True)
class Peer:
    """A library that plays the same game."""

    module: str  # imported only here, and only where the user has it
    package: str  # what pip calls it
    # from the library and a game to random games of it, or None if it has no such game
    random_games: Callable[[ModuleType, Any], Work | None]


def rules_rows(game: Any, seconds: float) -> Iterator[Row]:
    """Random games with the full legal list at every move, size of a position, time to compile.

    Moves a second are those of this process's own time: what other programs take is left out.
    Ours and every peer's games take turns, so that a machine which slows down slows down all.
    """
    facts = {"game": game.id}
    yield Row(
        "rules, batch of 256 from Python",
        _rates([_batches(game)], seconds)[0],
        "moves/s",
        {**facts, "games": _BATCH},
    )
    found = []
    for peer in PEERS.get(game.name, ()):
        try:
            work = peer.random_games(importlib.import_module(peer.module), game)
        except ImportError:
            settings = {**facts, "peer": peer.module, "missing": f"pip install {peer.package}"}
            yield Row("rules, peer not installed", None, "moves/s", settings)
            continue
        if work is not None:
            found.append((peer.module, work))
    ours, *theirs = _rates([_play_outs(game), *(work for _, work in found)], seconds)
    yield Row("rules, compiled random games", ours, "moves/s", {**facts, "games": _BATCH})
    for (name, _), rate in zip(found, theirs, strict=True):
        yield Row("rules, peer's random games", rate, "moves/s", {**facts, "peer": name})
        yield Row("rules, ours over the peer's", ours / rate, "times", {**facts, "peer": name})
    yield Row("rules, a position", float(game.state_dtype.itemsize), "bytes", facts)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        for name in ("rules, first compile", "rules, start from the cache"):
            wall, own = _start(game.id, cache)
            yield Row(name, wall, "seconds", {**facts, "processor": round(own, 2)})


def _rates(works: list[Work], seconds: float) -> list[float]:
    """Units of each work a second of processor time: medians of parts in turn, after a warm-up."""
    for work in works:
        work()
    rates = np.zeros((_PARTS, len(works)))
    for part in rates:
        for i, work in enumerate(works):
            begin, done = time.process_time(), 0
            while (spent := time.process_time() - begin) < seconds / _PARTS or not done:
                done += work()
            part[i] = done / spent
    return [float(rate) for rate in np.median(rates, axis=0)]


def _batches(game: Any) -> Work:
    """Batches stepped from Python, as an environment does."""
    rng = np.random.default_rng(1)
    states = game.rules.initial(_BATCH)
    actions = np.empty((_BATCH, game.max_legal), np.int32)
    counts = np.empty(_BATCH, np.int32)
    rows = np.arange(_BATCH)
    picks = rng.random((64, _BATCH))

    def work() -> int:
        for pick in picks:
            game.rules.legal_actions(states, actions, counts)
            chosen = actions[rows, (pick * counts).astype(np.int64)]
            game.rules.step(states, chosen)
            over = np.flatnonzero(states["finished"])
            if len(over):
                states[over] = game.rules.initial(len(over))
        return picks.size

    return work


def _play_outs(game: Any) -> Work:
    """Whole games inside compiled code, as rollouts do."""
    fresh = game.rules.initial(_BATCH)
    generator = np.array([7], np.uint64)

    def work() -> int:
        played = fresh.copy()
        game.rules.play_out(played, generator)
        return int(played["ply"].sum())

    return work


def _start(spec: str, cache: str) -> tuple[float, float]:
    """Seconds, on the clock and of the processor, until a new process has played one game."""
    program = (
        "import json, sys, time; clock, own = time.perf_counter(), time.process_time()\n"
        "import numpy, games\n"
        "rules = games.make(sys.argv[1]).rules\n"
        "rules.play_out(rules.initial(1), numpy.ones(1, numpy.uint64))\n"
        "print(json.dumps([time.perf_counter() - clock, time.process_time() - own]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, spec],
        env={
            **os.environ,
            "MEIJIN_CACHE_DIR": cache,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall, own = json.loads(done.stdout)
    return wall, own


# --- Peers -----------------------------------------------------------------------------------


def _open_spiel(specify: Callable[[Any], str | None]) -> Peer:
    """OpenSpiel's own loop in C++: two uniformly random bots ask for the legal list and play."""

    def random_games(pyspiel: ModuleType, game: Any) -> Work | None:
        spec = specify(game.parameters)
        if spec is None:
            return None
        theirs = pyspiel.load_game(spec)
        bots = [pyspiel.make_uniform_random_bot(player, 7 + player) for player in (0, 1)]

        def work() -> int:
            state = theirs.new_initial_state()
            pyspiel.evaluate_bots(state, bots, 1)
            return int(state.move_number())

        return work

    return Peer("pyspiel", "open-spiel", random_games)


def _python_chess(chess: ModuleType, game: Any) -> Work:
    """One game of python-chess, ended as its own ``outcome`` would without claims."""
    rng = random.Random(7)

    def work() -> int:
        board = chess.Board()
        while not (board.is_insufficient_material() or board.is_seventyfive_moves()):
            moves = list(board.legal_moves)
            if not moves:
                break
            board.push(rng.choice(moves))
        return len(board.move_stack)

    return work


def _cshogi(cshogi: ModuleType, game: Any) -> Work:
    """One game of cshogi."""
    rng = random.Random(7)

    def work() -> int:
        board = cshogi.Board()
        for ply in range(_LONGEST_PEER_GAME):
            moves = list(board.legal_moves)
            if not moves:
                return ply
            board.push(rng.choice(moves))
        return _LONGEST_PEER_GAME

    return work


def _pyffish(variant: str) -> Peer:
    """Fairy-Stockfish from Python, which keeps no position: each call starts from a FEN."""

    def random_games(pyffish: ModuleType, game: Any) -> Work:
        rng = random.Random(7)

        def work() -> int:
            fen = pyffish.start_fen(variant)
            for ply in range(_LONGEST_PEER_GAME):
                moves = pyffish.legal_moves(variant, fen, [])
                if not moves:
                    return ply
                fen = pyffish.get_fen(variant, fen, [rng.choice(moves)])
            return _LONGEST_PEER_GAME

        return work

    return Peer("pyffish", "pyffish", random_games)


#: Libraries that play a registered game, by its name. None of them is needed.
PEERS: dict[str, tuple[Peer, ...]] = {
    "tic_tac_toe": (_open_spiel(lambda _: "tic_tac_toe"),),
    "connect_four": (
        _open_spiel(
            lambda p: "connect_four(rows={height},columns={width},x_in_row={length})".format(**p)
        ),
    ),
    "othello": (_open_spiel(lambda p: "othello" if p["size"] == 8 else None),),
    "hex": (_open_spiel(lambda p: f"hex(board_size={p['size']},swap={bool(p['swap'])})"),),
    "go": (_open_spiel(lambda p: f"go(board_size={p['size']},komi={p['komi']})"),),
    "breakthrough": (
        _open_spiel(lambda p: "breakthrough(rows={size},columns={size})".format(**p)),
    ),
    "chess": (_open_spiel(lambda _: "chess"), Peer("chess", "chess", _python_chess)),
    "shogi": (Peer("cshogi", "cshogi", _cshogi), _pyffish("shogi")),
    "minishogi": (_pyffish("minishogi"),),
    "minichess": (_pyffish("gardner"),),
}
