"""How soon ``stop`` is answered, seen from outside the process: 200 stops at random moments.

Run with ``-m slow -s`` for the figures in docs/uci.md.
"""

import random
import subprocess
import sys
import time

import numpy as np
import pytest

CASES = [("uci", "chess"), ("uci", "minichess"), ("usi", "minishogi")]
GO = {
    "uci": ("go infinite", "go nodes 100000000", "go ponder wtime 60000 btime 60000"),
    "usi": ("go infinite", "go nodes 100000000", "go ponder btime 60000 wtime 60000 byoyomi 100"),
}


class Session:
    """A process spoken to line by line."""

    def __init__(self, protocol, game_id):
        command = [protocol, "--game", game_id, "--agent", "mcts:50"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.cli", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def send(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def until(self, word):
        for line in self._process.stdout:
            if line.startswith(word):
                return line.split()
        raise AssertionError(f"the session ended without {word}")

    def close(self):
        self.send("quit")
        assert self._process.wait(60) == 0


def stops(protocol, game_id, *, count):
    """Milliseconds from ``stop`` to ``bestmove``, sorted."""
    rng = random.Random(4)
    session = Session(protocol, game_id)
    session.send("isready")
    session.until("readyok")
    moves, taken = [], []
    for number in range(count):
        if number % 20 == 0:
            moves = []
            session.send(f"{protocol}newgame")
        session.send("position startpos" + (f" moves {' '.join(moves)}" if moves else ""))
        session.send(rng.choice(GO[protocol]))
        time.sleep(rng.uniform(0.0, 0.4))
        begun = time.perf_counter()
        session.send("stop")
        move = session.until("bestmove")[1]
        taken.append(1000 * (time.perf_counter() - begun))
        if move not in ("(none)", "resign"):
            moves.append(move)
        else:
            moves = []
    session.close()
    return sorted(taken)


def told(taken):
    shares = (50, 90, 95, 99, 100)
    return ", ".join(f"{share} %: {np.percentile(taken, share):.1f}" for share in shares)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol, game_id", CASES)
@pytest.mark.parametrize("busy", [0, 2])
def test_two_hundred_stops_at_random_moments(protocol, game_id, busy):
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        taken = stops(protocol, game_id, count=200)
    finally:
        for other in others:
            other.kill()
            other.wait()
    print(f"{game_id}, beside {busy} busy processes, stop to bestmove in ms: {told(taken)}")
    assert np.median(taken) < 100


def test_stop_is_answered_at_random_moments():
    assert len(stops("uci", "minichess", count=10)) == 10  # a hang ends in the test's time limit
