"""Games on a clock: by the arena's own count, against players that are too slow."""

import sys
import time
from types import SimpleNamespace

import pytest

from agents.agent import AgentError
from agents.arena import clocked_games
from agents.arena.match import play_match
from agents.factory import make_agent
from agents.protocols.clock import Clock, TimeSettings, read_time_settings
from agents.protocols.gtp_agent import GtpAgent
from agents.protocols.uci import UCI, USI, clock_words
from agents.protocols.uci_agent import UciAgent, parse_program
from agents.random_agent import RandomAgent
from games import make

#: Speaks USI for minishogi; thinks as long as its argument says, and writes what it is told.
USI_PROGRAM = r"""
import sys, time
log = open(sys.argv[2], "a")
for line in sys.stdin:
    log.write(line); log.flush()
    word = line.split()[:1]
    if word == ["usi"]:
        print("usiok", flush=True)
    elif word == ["isready"]:
        print("readyok", flush=True)
    elif word == ["go"]:
        time.sleep(float(sys.argv[1]))
        print("bestmove resign", flush=True)
    elif word == ["quit"]:
        break
"""


@pytest.fixture
def clock(monkeypatch):
    """The arena's clock, which goes on only when a test says so: ``clock.now`` in seconds."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(clocked_games, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Slow(RandomAgent):
    """Plays at random, and takes 0.2 seconds for it."""

    clock = None

    def _choose(self, states):
        self.clock.now += 0.2
        return super()._choose(states)


@pytest.fixture
def program(tmp_path):
    """A program of USI that takes so many seconds over a move, and what it has been told."""
    path, log = tmp_path / "program.py", tmp_path / "log"
    path.write_text(USI_PROGRAM)
    log.touch()

    def build(seconds):
        spec = parse_program(f"usi:{sys.executable} {path} {seconds} {log}")
        return UciAgent(spec, game=make("minishogi"), name="program", say=lambda line: None)

    build.told = lambda: log.read_text().splitlines()
    return build


def test_times_are_read_as_people_write_them():
    for text in ("60", "2+0.5", "2/0.2", "0/5", "60/30:10"):
        assert read_time_settings(text).text == text
    for text in ("", "x", "0", "0/0", "1:3", "-1", "1+2/3", "1e3", "9" * 9):
        with pytest.raises(AgentError):
            read_time_settings(text)


def test_a_move_may_reach_into_the_first_period_and_no_further():
    clock = Clock(TimeSettings(main=2, period=1, stones=1))
    assert clock.reach == 3
    assert not clock.spend(2.5)  # half a second of the first period
    assert (clock.left, clock.stones) == (1, 1)  # and then a whole one
    assert not clock.spend(1)
    assert clock.spend(1.01)


def test_moves_of_a_period_share_it():
    clock = Clock(TimeSettings(main=1, period=10, stones=3))
    assert not clock.spend(5)
    assert (clock.left, clock.stones) == (6, 2)
    assert not clock.spend(5)
    assert (clock.left, clock.stones) == (1, 1)
    assert clock.spend(1.5)


def test_an_increment_comes_after_the_move():
    clock = Clock(TimeSettings(main=1, increment=0.5))
    assert not clock.spend(0.75)
    assert clock.left == pytest.approx(0.75)
    assert clock.spend(0.8)


def test_programs_are_told_of_both_clocks():
    clocks = (Clock(TimeSettings(2, 0.2, 1)), Clock(TimeSettings(2, 0.2, 1)))
    clocks[0].spend(0.5)
    clocks[1].spend(3)
    assert clock_words(clocks, USI) == "btime 1500 wtime 0 byoyomi 200"
    clocks = (Clock(TimeSettings(60, increment=1)), Clock(TimeSettings(60, increment=1)))
    assert clock_words(clocks, UCI) == "wtime 60000 btime 60000 winc 1000 binc 1000"


def test_who_needs_longer_than_is_left_loses_on_either_side(clock):
    game = make("tic_tac_toe")
    slow, quick = Slow(game=game), RandomAgent(game=game)
    slow.name, slow.clock = "slow", clock
    result = play_match(
        slow, quick, games=4, seed=1, opening_plies=0, clock=read_time_settings("0.3")
    )
    assert result.lost_on_time == (4, 0)
    assert (result.as_first.losses, result.as_second.losses) == (2, 2)
    mild = play_match(slow, quick, games=2, seed=1, clock=read_time_settings("0/30"))
    assert mild.lost_on_time == (0, 0)


@pytest.mark.parametrize("seconds", [0.6, 3600])
def test_a_program_that_is_late_or_hangs_loses_every_game_on_time(program, seconds, clock):
    late = program(seconds)
    other = make_agent("random", game=make("minishogi"))
    ask = late.choose_on_clock

    def asked(*question):  # only what the program itself takes counts, however busy the machine is
        began = time.monotonic()
        try:
            return ask(*question)
        finally:
            clock.now += time.monotonic() - began

    late.choose_on_clock = asked
    result = play_match(late, other, games=2, seed=1, clock=read_time_settings("0.3/0.2"))
    late.close()
    assert result.lost_on_time == (2, 0)
    assert result.total.losses == 2
    assert "go btime 300 wtime 300 byoyomi 200" in program.told()


def test_a_program_that_gives_up_in_time_has_not_lost_on_time(program):
    quick = program(0)
    other = make_agent("random", game=make("minishogi"))
    result = play_match(quick, other, games=2, seed=1, clock=read_time_settings("20"))
    quick.close()
    assert result.total.losses == 2
    assert result.lost_on_time == (0, 0)


def test_our_search_on_a_clock_searches_no_more_than_it_is_named_for():
    game = make("tic_tac_toe")
    agents = make_agent("mcts:300", game=game), make_agent("random", game=game)
    result = play_match(*agents, games=4, seed=1, clock=read_time_settings("1000"))
    assert result.lost_on_time == (0, 0)
    assert result.total.losses == 0


@pytest.mark.parametrize(
    "kind, clock, why",
    [
        ("uci", "2/1", "UCI knows no periods"),
        ("usi", "2/1:5", "usi knows periods of one move"),
        ("gtp", "2.5", "whole seconds"),
        ("gtp", "2+1", "no increments"),
    ],
)
def test_a_clock_that_a_protocol_cannot_express_is_refused(kind, clock, why):
    game = make({"uci": "minichess", "usi": "minishogi", "gtp": "tic_tac_toe"}[kind])
    if kind == "gtp":
        agent = GtpAgent("true", game=game)
    else:
        agent = UciAgent(parse_program(f"{kind}:true"), game=game, name="program")
    with pytest.raises(AgentError, match=why):
        agent.begin_on_clock(read_time_settings(clock))
