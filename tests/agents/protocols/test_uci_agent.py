"""Outside programs as agents: our own server, and programs that misbehave."""

import sys

import pytest

import games
from agents.agent import AgentError
from agents.arena.match import play_match
from agents.factory import game_of, make_agent
from agents.protocols.uci import UCI, USI
from agents.protocols.uci_agent import UciAgent, parse_program

SERVER = f"{sys.executable} -m scripts.cli"

POLITE = """
import sys
for line in sys.stdin:
    word = line.split()[0]
    if word in ("uci", "usi"):
        print(word + "ok", flush=True)
    elif word == "isready":
        print("readyok", flush=True)
    elif word == "go":
        {answer}
"""


@pytest.fixture
def program(tmp_path):
    """A program that answers ``go`` by a line of Python."""

    def write(answer, start=""):
        path = tmp_path / "program.py"
        path.write_text(f"{start}\n{POLITE.format(answer=answer)}")
        return f"{sys.executable} {path}"

    return write


def agent_for(command, game_id="minichess", **limits):
    game = games.make(game_id)
    name = "usi" if "shogi" in game_id else "uci"
    return UciAgent(parse_program(f"{name}:{command}"), game=game, name="it", **limits)


def first_move(agent):
    try:
        return agent.move(agent.game.rules.initial(1)[0])
    finally:
        agent.close()


def test_a_text_names_a_program_its_limit_and_its_options():
    spec = parse_program("uci:stockfish --fast")
    assert (spec.dialect, spec.command, spec.limit) == (UCI, "stockfish --fast", ("movetime", 100))
    spec = parse_program("usi(nodes=50, Skill Level=3,EvalDir=/a/b): ./engine")
    assert (spec.dialect, spec.command, spec.limit) == (USI, "./engine", ("nodes", 50))
    assert spec.options == (("Skill Level", "3"), ("EvalDir", "/a/b"))
    for other in ("mcts:100", "random", "ucii:x", "runs/uci", "shipped@5"):
        assert parse_program(other) is None
    assert game_of("uci:./engine@5") is None


@pytest.mark.parametrize(
    "text", ["uci:", "usi(nodes=5):  ", "uci(nodes=0):x", "uci(nodes=x):x", "uci(fast):x"]
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(AgentError):
        parse_program(text)


def test_a_program_of_another_game_is_refused():
    with pytest.raises(AgentError, match="chess and minichess"):
        make_agent("uci:stockfish", game=games.make("tic_tac_toe"))


@pytest.mark.parametrize("game_id,name", [("minichess", "uci"), ("minishogi", "usi")])
def test_a_match_against_our_own_server(game_id, name):
    game = games.make(game_id)
    command = f"{name}(nodes=20,Simulations=5):{SERVER} {name} --game {game_id}"
    outside = make_agent(command, game=game)
    try:
        result = play_match(outside, make_agent("random", game=game), games=2, seed=1)
    finally:
        outside.close()
    assert len(result.games) == 2
    assert result.a == command


def test_a_position_without_its_moves_is_told_as_text():
    game = games.make("minichess")
    outside = make_agent(f"uci(nodes=300):{SERVER} uci --game minichess", game=game)
    try:
        state = game.text_to_state("4k/5/4K/R4/5 w - - 0 20")
        action = outside.move(state)
    finally:
        outside.close()
    assert game.action_to_text(state, action) == "Ra5#" or action in game.legal(state)


def test_resigning_is_allowed_in_shogi(program):
    outside = agent_for(program("print('bestmove resign', flush=True)"), "minishogi")
    result = play_match(outside, make_agent("random", game=outside.game), games=2, seed=1)
    outside.close()
    assert [each.result_for_a for each in result.games] == [-1, -1]


@pytest.mark.parametrize(
    "answer,message",
    [
        ("print('bestmove b2b5', flush=True)", "against the rules"),
        ("print('bestmove', flush=True)", "against the rules"),
        ("print('bestmove (none)', flush=True)", "against the rules"),
        ("sys.exit(3)", "failed twice after 0 plies.* exit code 3"),
        ("import time; time.sleep(60)", "failed twice after 0 plies.* in time"),
    ],
)
def test_a_program_that_misbehaves_is_an_error_of_one_line(program, answer, message):
    outside = agent_for(program(answer), move_seconds=0.5 if "sleep" in answer else 120.0)
    with pytest.raises(AgentError, match=message) as caught:
        first_move(outside)
    assert "\n" not in str(caught.value)


def test_a_program_that_is_missing_or_speaks_nothing(program):
    with pytest.raises(AgentError, match="cannot start"):
        first_move(agent_for("./no_such_program"))
    with pytest.raises(AgentError, match="in time"):
        first_move(agent_for(f"{sys.executable} -c 'input(); input()'", start_seconds=0.5))


def test_a_program_that_fails_once_is_started_again(program, tmp_path):
    mark = tmp_path / "mark"
    start = f"""
import pathlib, sys
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.write_text("")
    sys.exit(1)
"""
    outside = agent_for(program("print('info depth 1\\nbestmove b2b3', flush=True)", start))
    action = first_move(outside)
    assert outside.game.action_to_text(outside.game.rules.initial(1)[0], action) == "b3"
