"""Matches over each protocol against programs that nobody here wrote, two games each.

The same at length, twenty games and more a protocol, with clocks: run with ``-m slow -s``, which
prints what stands in docs/protocols.md and docs/uci.md.
"""

import re

import pytest
from engine_matches import MEIJIN, as_agent, play_chess, play_shogi, program

from agents.arena.match import play_match
from agents.factory import make_agent
from agents.protocols.clock import read_time_settings
from games import make

GNU_GO = "--mode gtp --level 0 --chinese-rules --positional-superko --capture-all-dead"
CHESS = [*MEIJIN, "uci", "--agent", "mcts:20"]


def between_agents(ours, theirs, game_id, *, games, clock=None):
    """A match in our own arena; the agents may both be programs."""
    game = make(game_id)
    failures = []
    agents = [make_agent(each, game=game, say=failures.append) for each in (ours, theirs)]
    try:
        result = play_match(*agents, games=games, seed=7, opening_plies=2, clock=clock)
    finally:
        for agent in agents:
            agent.close()
    plies = sum(len(each.actions) for each in result.games)
    late = result.lost_on_time
    print(f"{ours} - {theirs}, {game_id}: {result.total}, {plies} plies, {late} late, {failures}")
    assert failures == []
    assert result.total.games == games
    return result


# --- Two games each ----------------------------------------------------------------------------


def test_gtp_on_both_sides_against_gnu_go():
    ours = f"gtp:{as_agent('gtp --game go(size=9) --agent random')}"
    between_agents(ours, f"gtp:{program('gnugo')} {GNU_GO}", "go(size=9)", games=2)


def test_chess_under_python_chess_against_stockfish():
    report = play_chess(CHESS, [program("stockfish")], games=2)
    print(report)
    assert report.games == 2


def test_fairy_stockfish_as_an_agent_in_minichess():
    theirs = f"uci(nodes=50,UCI_Variant=gardner):{program('fairy-stockfish')}"
    between_agents("mcts:20", theirs, "minichess", games=2)


def test_fairy_stockfish_as_an_agent_in_minishogi():
    theirs = f"usi(nodes=50,UCI_Variant=minishogi):{program('fairy-stockfish')}"
    between_agents("mcts:20", theirs, "minishogi", games=2)


# --- Twenty and more ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_games_of_go_by_gtp_on_both_sides():
    ours = f"gtp:{as_agent('gtp --game go(size=9) --agent mcts:30')}"
    between_agents(ours, f"gtp:{program('gnugo')} {GNU_GO}", "go(size=9)", games=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name, limits",
    [
        ("stockfish", {"nodes": 20}),
        ("fairy-stockfish", {"nodes": 20}),
        ("gnuchess", {"depth": 1}),  # it knows no nodes
    ],
)
def test_twenty_games_of_chess_under_python_chess(name, limits):
    theirs = [program(name), *(["--uci"] if name == "gnuchess" else [])]
    report = play_chess(CHESS, theirs, games=20, limits=limits)
    print(f"{name}: {report}")
    assert report.games == 20


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("ponder", [False, True])
def test_no_game_is_lost_on_time_at_a_second_and_a_hundredth(ponder):
    games = 20 if ponder else 50
    theirs = [program("stockfish")]
    report = play_chess(CHESS, theirs, games=games, clock=(1.0, 0.01), ponder=ponder)
    print(f"1+0.01, {'with' if ponder else 'without'} pondering: {report}")
    assert report.games == games
    assert report.time_losses == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "ours, theirs, game_id",
    [
        ("mcts:100", "uci(nodes=100):{stockfish}", "chess"),
        ("mcts:100", "uci(depth=2):{gnuchess} --uci", "chess"),
        ("mcts:100", "uci(nodes=100,UCI_Variant=gardner):{fairy-stockfish}", "minichess"),
        ("mcts:100", "usi(nodes=100,UCI_Variant=minishogi):{fairy-stockfish}", "minishogi"),
        ("mcts:100", "usi(nodes=100):{fairy-stockfish}", "shogi"),
    ],
)
def test_twenty_games_against_a_program_as_an_agent(ours, theirs, game_id):
    before, _, rest = theirs.partition("{")
    name, _, after = rest.partition("}")
    between_agents(ours, before + program(name) + after, game_id, games=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "ours, game_id, variant",
    [("uci", "minichess", "UCI_Variant=gardner"), ("usi", "minishogi", "UCI_Variant=minishogi")],
)
def test_twenty_games_of_our_server_against_a_program(ours, game_id, variant):
    command = as_agent(f"{ours} --game {game_id} --agent mcts:30")
    theirs = f"{ours}(nodes=50,{variant}):{program('fairy-stockfish')}"
    between_agents(f"{ours}(nodes=30):{command}", theirs, game_id, games=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "ours, theirs, game_id, clock",
    [
        (
            "usi:{meijin usi --game minishogi --agent mcts}",
            "usi(UCI_Variant=minishogi):{fairy-stockfish}",
            "minishogi",
            "2/0.2",  # byo-yomi
        ),
        (
            "gtp:{meijin gtp --game go7 --agent mcts --ponder}",
            "gtp:{gnugo} " + GNU_GO.replace("--level 0", "--level 5"),
            "go(size=7)",
            "2/2:10",  # Canadian
        ),
        ("mcts:100000", "uci:{stockfish}", "chess", "2+0.05"),
    ],
)
def test_twenty_games_on_the_clock_of_our_arena(ours, theirs, game_id, clock):
    ours = re.sub(r"\{meijin (.*)\}", lambda match: as_agent(match[1]), ours)
    theirs = re.sub(r"\{(.*)\}", lambda match: f"{program(match[1])} ", theirs)
    settings = read_time_settings(clock)
    result = between_agents(ours, theirs, game_id, games=20, clock=settings)
    assert result.lost_on_time[0] == 0


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    "limits", [{"byoyomi": [300, 50]}, {"time": [5_000, 5_000], "inc": [50, 50]}]
)
def test_twenty_games_of_shogi_under_cshogi(limits, tmp_path):
    ours = as_agent("usi --agent mcts:30")
    report = play_shogi(ours, program("fairy-stockfish"), tmp_path, games=20, **limits)
    print(f"shogi under cshogi, {limits}: {report}")
    assert report.games == 20
    assert report.time_losses == 0
