import shutil
import sys
from pathlib import Path

import pytest

from agents.agent import AgentError
from agents.arena.match import play_match
from agents.factory import make_agent, parse_network
from agents.protocols.gtp_agent import GtpAgent
from games import make

GNU_GO = shutil.which("gnugo") or next(
    (path for path in ("/usr/games/gnugo",) if Path(path).exists()), None
)

#: A program that plays the first free cell of tic-tac-toe and can be told to misbehave.
PROGRAM = """
import os, sys, time
fault, marker = sys.argv[1], sys.argv[2]
cells = [c + r for r in "123" for c in "abc"]
taken = []
for line in sys.stdin:
    name, *rest = line.split()
    reply = ""
    if name == "protocol_version":
        reply = "1" if fault == "old" else "2"
    elif name == "clear_board":
        taken.clear()
    elif name == "play":
        taken.append(rest[1])
    elif name == "genmove":
        again = os.path.exists(marker)
        open(marker, "w").close()
        if fault == "dies" or fault == "dies-once" and not again:
            sys.exit("out of memory")
        if fault == "hangs":
            time.sleep(600)
        if fault == "floods":
            while True:
                print("= x", flush=True)
        reply = next(cell for cell in cells if cell not in taken)
        if fault == "illegal":
            reply = taken[0] if taken else "z9"
        if fault == "resigns":
            reply = "resign"
        if fault == "babbles":
            print("let me think", flush=True)
        taken.append(reply)
    print("= " + reply + "\\n", flush=True)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    made = []

    def make_one(fault, **options):
        command = f"{sys.executable} {path} {fault} {tmp_path / 'marker'}"
        made.append(GtpAgent(command, game=make("tic_tac_toe"), name="outside", **options))
        return made[-1]

    yield make_one
    for agent in made:
        agent.close()


def against_random(agent, games=4):
    return play_match(
        agent, make_agent("random", game=agent.game), games=games, seed=1, opening_plies=1
    )


def test_a_program_plays_a_match_of_interleaved_games(program):
    result = against_random(program("none"), games=6)
    assert result.total.games == 6
    game = make("tic_tac_toe")
    for played in result.games:  # the first free cell, in every game
        state = game.after(list(played.actions[: played.opening_plies]))
        for number in range(played.opening_plies, len(played.actions)):
            state = game.after(list(played.actions[:number]))
            if int(state["to_play"]) == played.a_is_player:
                texts = [game.action_to_text(state, a) for a in game.legal(state)]
                expected = min(texts, key=lambda text: (text[1], text[0]))
                assert game.action_to_text(state, played.actions[number]) == expected


def test_a_program_that_dies_once_is_started_again(program):
    assert against_random(program("dies-once")).total.games == 4


@pytest.mark.parametrize(
    "fault, message",
    [
        ("dies", "outside failed twice after .* has ended with exit code 1: out of memory"),
        ("hangs", "outside failed twice after .* does not answer in time"),
        ("illegal", "outside plays against the rules"),
        ("floods", "outside floods its output|outside answers wrongly|plays against the rules"),
        ("babbles", "outside answers wrongly: not a reply of GTP"),
        ("old", "outside speaks version '1' of GTP"),
    ],
)
def test_a_program_that_fails_is_one_clear_line(program, fault, message):
    agent = program(fault, move_seconds=0.5 if fault == "hangs" else 120.0)
    with pytest.raises(AgentError, match=message) as caught:
        against_random(agent)
    assert "\n" not in str(caught.value)


def test_a_program_that_resigns_has_lost(program):
    result = against_random(program("resigns"))
    assert result.total.losses == 4
    assert all(len(played.actions) <= 2 for played in result.games)


def test_a_missing_program_is_said_at_the_first_move():
    agent = make_agent("gtp:no-such-program --mode gtp", game=make("tic_tac_toe"))
    with pytest.raises(AgentError, match="cannot start 'no-such-program'"):
        against_random(agent)


def test_the_text_of_an_agent_names_a_command_and_no_path():
    assert parse_network("gtp:./engine/run.safetensors --x") is None
    with pytest.raises(AgentError, match="names no program"):
        make_agent("gtp:", game=make("tic_tac_toe"))


def test_a_position_without_its_moves_cannot_be_told(program):
    game = make("tic_tac_toe")
    with pytest.raises(AgentError, match="follows games"):
        program("none").choose_one(game.after([0]))
    assert program("none").move(game.after([])) == game.text_to_action(game.after([]), "a1")


@pytest.mark.skipif(GNU_GO is None, reason="GNU Go (gnugo) is not installed")
def test_gnu_go_plays_whole_games_against_us():
    game = make("go")
    command = f"{GNU_GO} --mode gtp --level 0 --chinese-rules --positional-superko"
    gnu = GtpAgent(f"{command} --capture-all-dead", game=game, name="gnugo")
    result = play_match(gnu, make_agent("random", game=game), games=2, seed=3, opening_plies=2)
    gnu.close()
    assert result.total.games == 2
    assert result.total.wins == 2
    assert all(len(played.actions) > 20 for played in result.games)
