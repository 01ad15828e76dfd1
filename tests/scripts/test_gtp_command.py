import shlex
import subprocess
import sys

import pytest

from agents.arena.match import play_match
from agents.factory import make_agent
from agents.protocols.gtp_agent import GtpAgent
from games import make

COMMAND = [sys.executable, "-m", "scripts.cli", "gtp"]


def session(text, *arguments):
    """A whole session as a process."""
    return subprocess.run(
        [*COMMAND, *arguments], input=text, capture_output=True, text=True, timeout=500
    )


def test_a_session_is_answered_line_by_line_and_ends_with_quit():
    process = subprocess.Popen(
        [*COMMAND, "--game", "connect_four", "--agent", "one_ply"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    replies = []
    for line in ("1 name", "play b 4", "2 play w 9", "genmove w", "showboard", "3 quit"):
        process.stdin.write(f"{line}\n")  # the next line is written only when the answer is there
        process.stdin.flush()
        reply = []
        while text := process.stdout.readline().rstrip("\n"):
            reply.append(text)
        replies.append(reply)
    rest, complaints = process.communicate(timeout=60)
    assert replies[0] == ["=1 Meijin"]
    assert replies[1] == ["="]
    assert replies[2][0].startswith("?2 invalid color or coordinate")
    assert replies[3][0].removeprefix("= ") in list("1234567")
    assert len(replies[4]) > 6
    assert replies[5] == ["=3"]
    assert (rest, complaints, process.returncode) == ("", "", 0)


def test_the_end_of_the_input_ends_a_session_even_in_an_analysis():
    done = session("lz-analyze 1\n", "--game", "tic_tac_toe", "--agent", "mcts:50")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("=\ninfo move ") and done.stdout.endswith("\n\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--game", "gpo"], "no game 'gpo'"),
        (["--agent", "rndom"], "did you mean 'random'"),
        (["--game", "chess", "--agent", "random", "--vertices"], "not cells of the board"),
    ],
)
def test_a_wrong_option_is_one_line_on_standard_error(arguments, message):
    done = session("name\n", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_our_own_server_is_a_program_like_any_other():
    game = make("tic_tac_toe")
    command = shlex.join([*COMMAND, "--game", "tic_tac_toe", "--agent", "one_ply", "--vertices"])
    outside = GtpAgent(command, game=game, name="outside")
    result = play_match(outside, make_agent("random", game=game), games=20, seed=5, opening_plies=2)
    outside.close()
    assert result.total.games == 20
    assert result.total.score > 0.6
