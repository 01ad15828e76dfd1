"""Outside programs that fail in the middle of a match: real little programs, one fault each.

The arena's rule (``agents.protocols.program_agent``): the game is lost by the program, one line
says why, and the other games go on.
"""

import re
import sys
import time
from pathlib import Path

import pytest

import games
from agents.agent import AgentError
from agents.arena.match import play_match
from agents.factory import make_agent
from agents.protocols.gtp_agent import GtpAgent
from agents.protocols.process import LineProcess, ProcessError
from agents.protocols.program_agent import MOST_FORFEITS
from agents.protocols.uci_agent import UciAgent, parse_program
from games import make

#: Where the programs below find the rules, whatever else lies in Python's path.
SOURCE = Path(games.__file__).parents[1]

#: Plays sensibly by GTP (tic-tac-toe) or UCI (minichess, moves given), and does one thing wrong at
#: question ``at``, once or at every question from there on. The count is kept in a file, so that a
#: new process goes on with it.
PROGRAM = r"""
import os, pathlib, sys, time
fault, at, how, counter = sys.argv[1], int(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])

def question():
    number = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(number))
    if number == at if how == "once" else number >= at:
        misbehave()

def misbehave():
    if fault == "dies":
        os._exit(9)
    if fault == "hangs":
        time.sleep(3600)
    if fault == "closes-input":
        os.close(0)
        time.sleep(3600)
    if fault == "closes-output":
        os.close(1)
        time.sleep(3600)
    while fault == "floods":
        os.write(1, b"info string more and more\n" * 100)
    while fault == "floods-one-line":
        os.write(1, b"x" * 10000)
    if fault == "noise":
        os.write(1, bytes(range(256)) + b"\xff\xfe\n\n" + b"\0" * 100 + b"\n")
    if fault == "illegal":
        say(ILLEGAL)
        raise Again

class Again(Exception):
    pass

def say(text):
    os.write(1, text.encode())
"""

GTP = (
    PROGRAM
    + r"""
ILLEGAL = "= z9\n\n"
cells = [c + r for r in "123" for c in "abc"]
taken = []
for line in sys.stdin:
    name, *rest = line.split()
    reply = ""
    try:
        if name == "protocol_version":
            reply = "2"
        elif name == "clear_board":
            taken.clear()
        elif name == "play":
            taken.append(rest[1])
        elif name == "genmove":
            question()
            reply = next(cell for cell in cells if cell not in taken)
            taken.append(reply)
    except Again:
        continue
    say("= " + reply + "\n\n")
"""
)

UCI = (
    PROGRAM
    + r"""
sys.path.insert(0, sys.argv[5])
import numpy as np
from games import make
from agents.protocols.move_text import read_move, write_move
from agents.protocols.uci import UCI
ILLEGAL = "bestmove a1a1\n"
game = make("minichess")
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "uci":
            say("id name trouble\nuciok\n")
        elif words[0] == "isready":
            say("readyok\n")
        elif words[0] == "position":
            states = game.rules.initial(1)
            for text in words[3:]:
                action = read_move(game, states[0], text, UCI)
                game.rules.step(states, np.array([action], np.int32))
            state = states[0]
        elif words[0] == "go":
            question()
            move = write_move(game, state, int(game.legal(state)[0]))
            say("info depth 1\nbestmove " + move + "\n")
    except Again:
        pass
"""
)

FAULTS = [
    ("dies", "has ended with exit code 9"),
    ("hangs", "does not answer in time"),
    ("closes-input", "does not answer in time|no longer reads"),
    ("closes-output", "has closed its output"),
    ("floods", "floods its output|answers wrongly|does not answer in time"),
    ("floods-one-line", "does not answer in time"),
    ("noise", "answers wrongly|does not answer in time|has ended"),
    ("illegal", "plays against the rules"),
]


@pytest.fixture
def outside(tmp_path):
    """Makes an agent over a program with a fault, and a list of what it says."""
    made = []

    def make_one(protocol, fault, *, at, how):
        path = tmp_path / "program.py"
        path.write_text(GTP if protocol == "gtp" else UCI)
        command = f"{sys.executable} {path} {fault} {at} {how} {tmp_path / 'count'} {SOURCE}"
        said = []
        limits = {"name": "outside", "move_seconds": 2.0, "say": said.append}
        if protocol == "gtp":
            agent = GtpAgent(command, game=make("tic_tac_toe"), **limits)
        else:
            spec = parse_program(f"uci(movetime=1):{command}")
            agent = UciAgent(spec, game=make("minichess"), **limits)
        made.append(agent)
        return agent, said

    yield make_one
    for agent in made:
        agent.close()


def match(agent, games):
    other = make_agent("random", game=agent.game)
    return play_match(agent, other, games=games, seed=2, opening_plies=1)


@pytest.mark.parametrize(
    "protocol, fault, message",
    [("gtp", *each) for each in FAULTS]
    + [("uci", *each) for each in FAULTS if each[0] in ("dies", "floods", "noise", "illegal")],
)
def test_a_fault_in_mid_match_loses_one_game_or_none(outside, protocol, fault, message):
    agent, said = outside(protocol, fault, at=4, how="once")
    result = match(agent, games=4)
    assert result.total.games == 4
    is_forgiven = fault in ("dies", "hangs", "closes-input", "closes-output", "floods-one-line")
    if fault == "noise" and protocol == "uci":  # what is no answer is passed over
        assert said == []
    elif is_forgiven:  # a new process answered the question
        assert said == []
    elif fault == "floods" and protocol == "uci":  # or time was up before it was too much
        assert len(said) <= 1
    else:
        assert len(said) == len(agent.forfeits) == 1
        assert re.search(message, said[0])
    for line in said:
        assert "\n" not in line and line.endswith("the game is lost by it")


@pytest.mark.parametrize("fault, message", FAULTS[:1] + FAULTS[-1:])
def test_a_program_that_fails_on_loses_its_games_and_the_match_ends(outside, fault, message):
    agent, said = outside("gtp", fault, at=4, how="always")
    result = match(agent, games=6)
    assert result.total.games == 6
    assert result.total.losses >= 4
    assert len(said) == len(agent.forfeits) >= 4


def test_a_program_that_only_fails_ends_the_match_with_one_line(outside):
    agent, said = outside("gtp", "dies", at=4, how="always")
    with pytest.raises(
        AgentError, match=rf"exit code 9; {MOST_FORFEITS + 1} games in a row"
    ) as one:
        match(agent, games=2 * MOST_FORFEITS + 8)
    assert "\n" not in str(one.value)
    assert len(said) == MOST_FORFEITS


def test_a_program_that_reads_no_more_is_said_to(tmp_path):
    process = LineProcess(f"{sys.executable} -c 'import os, time; os.close(0); time.sleep(600)'")
    with pytest.raises(ProcessError, match="no longer reads"):
        for _ in range(200):
            process.write("x" * 1000)
            time.sleep(0.02)
    process.close()
