"""A search that raises: the client is told, gets a move, and is served on."""

import re
import subprocess
import sys

# An engine that cannot judge positions of the fourth ply, but all that come after.
PROGRAM = """
import games
from agents.protocols.serve_uci import serve
from agents.protocols.uci import UCI
from agents.search_agent import SearchAgent
from engine.inference.uniform import UniformEvaluator


class Failing(UniformEvaluator):
    def evaluate(self, states, actions, counts):
        if (states["ply"] == 3).any():
            raise RuntimeError("out of order")
        return super().evaluate(states, actions, counts)


game = games.make("minichess")
agent = SearchAgent(game=game, evaluator=Failing(game), simulations=500)
serve(UCI, lambda: agent, descriptor=0, write=lambda line: print(line, flush=True))
"""

BRUTE = """
import games
from agents.factory import make_agent
from agents.protocols.serve_uci import serve
from agents.protocols.uci import UCI

agent = make_agent("deep_blue(tables=off)", game=games.make("chess"))


def failing(*args, **kwargs):
    raise RuntimeError("out of order")


agent.engine.deepen = failing
serve(UCI, lambda: agent, descriptor=0, write=lambda line: print(line, flush=True))
"""


class Session:
    """A process spoken to line by line; a hang ends in the test's time limit."""

    def __init__(self, program):
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, *lines):
        self._process.stdin.write("".join(f"{line}\n" for line in lines))
        self._process.stdin.flush()

    def next_line(self):
        return self._process.stdout.readline()

    def until_best_move(self):
        """The lines up to ``bestmove``, and the move."""
        lines = []
        for line in self._process.stdout:
            lines.append(line.rstrip())
            if found := re.match(r"bestmove (\S+)", line):
                return lines, found[1]
        raise AssertionError(f"the session ended: {self._process.stderr.read()}")

    def quit(self):
        self.send("quit")
        rest, complaints = self._process.communicate(timeout=60)
        assert (self._process.returncode, complaints) == (0, "")
        return rest


MOVES = "b2b3 c4b3 a2b3 a4b3 c2b3"


def test_a_fault_is_told_and_answered_and_the_next_search_is_sound():
    session = Session(PROGRAM)
    for plies in (1, 2, 3):  # it fails in mid-search, in the first batches, at the root
        moves = " ".join(MOVES.split()[:plies])
        session.send(f"position startpos moves {moves}", "go nodes 500")
        lines, move = session.until_best_move()
        told = [line for line in lines if line.startswith("info string the search failed: ")]
        assert len(told) == 1 and "RuntimeError" in told[0] and told[0].endswith("out of order")
        assert re.fullmatch("[a-e][1-5][a-e][1-5]", move)
        session.send(f"position startpos moves {MOVES}", "go nodes 500")
        lines, move = session.until_best_move()
        assert not any("failed" in line for line in lines)
        assert "nodes 500" in lines[-2]

    session.send("position startpos", "go infinite searchmoves b2b3", "isready")
    told = ""
    while "readyok" not in told or "failed" not in told:
        told += session.next_line()
    assert "bestmove" not in told
    session.send("stop")
    assert session.until_best_move()[1] == "b2b3"
    session.send("go ponder nodes 100", "ponderhit")
    assert any("failed" in line for line in session.until_best_move()[0])
    session.send("go infinite")
    assert "bestmove" in session.quit()


def test_brute_force_that_fails_plays_what_it_has_found():
    session = Session(BRUTE)
    session.send("position startpos", "go depth 5")
    lines, move = session.until_best_move()
    assert any("info string the search failed: RuntimeError" in line for line in lines)
    assert f" pv {move}" in " ".join(lines)
    session.quit()
