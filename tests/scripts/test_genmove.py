import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "scripts.cli", "genmove", "--agent", "alpha_beta:4"]

LINES = ["-", "1 2 1 2 1 2", "1 1 1 1 1 1 1", "", "nonsense", "1 2 1 2 1 2 1", "4 4"]


def answers(arguments, text):
    """Run the command on a whole input."""
    return subprocess.run(
        [*COMMAND, *arguments], input=text, capture_output=True, text=True, timeout=300
    )


def check(replies):
    assert len(replies) == len(LINES)
    assert replies[0] in list("1234567")
    assert replies[1] == "1"
    assert replies[2].startswith("error: move 7")
    assert replies[3].startswith("error: no moves")
    assert replies[4].startswith("error: move 1: 'nonsense'")
    assert replies[5] == "error: the game is over"
    assert replies[6] in list("1234567")


def test_every_line_is_answered_by_one_line_at_once():
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    replies = []
    for line in LINES:  # the next line is written only when the answer is there
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        replies.append(process.stdout.readline().rstrip("\n"))
    rest, complaints = process.communicate(timeout=60)
    check(replies)
    assert rest == ""
    assert complaints == ""
    assert process.returncode == 1


def test_a_whole_file_is_answered_in_the_same_order():
    finished = answers(["--batch"], "\n".join(LINES) + "\n")
    check(finished.stdout.splitlines())
    assert finished.stderr == ""
    assert finished.returncode == 1
    assert finished.stdout == answers([], "\n".join(LINES)).stdout


@pytest.mark.parametrize("arguments", [[], ["--batch"]])
def test_good_lines_alone_end_well_and_no_lines_too(arguments):
    finished = answers(arguments, "-\n4 4\n")
    assert finished.returncode == 0
    assert len(finished.stdout.splitlines()) == 2
    assert answers(arguments, "").stdout == ""


def test_other_games_are_answered_in_their_own_notation():
    finished = answers(["--game", "tic_tac_toe"], "-\n")
    assert finished.returncode == 0
    assert len(finished.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--agent", "rndom"], "did you mean 'random'"),
        (["--game", "conect_four"], "did you mean 'connect_four'"),
        (["--simulations", "-1"], "--simulations"),
    ],
)
def test_a_wrong_option_is_one_line_on_standard_error(arguments, message):
    finished = answers(arguments, "-\n")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert message in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
