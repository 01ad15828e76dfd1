import numpy as np
import pytest

from agents.agent import AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.arena.match import play_match
from agents.arena.openings import random_openings
from agents.one_ply_agent import OnePlyAgent
from agents.random_agent import RandomAgent
from games import make
from games.game import UNPROVEN

GAME = make("connect_four")


def replay(actions):
    return GAME.after(list(actions))


def test_every_game_of_a_match_replays_to_its_result():
    result = play_match(OnePlyAgent(game=GAME), RandomAgent(game=GAME), games=30, seed=4)
    assert len(result.games) == result.total.games == 30
    for played in result.games:
        state = replay(played.actions)
        assert state["finished"]
        assert state["returns"][played.a_is_player] == played.result_for_a
        assert not replay(played.actions[:-1])["finished"]


def test_each_opening_is_played_once_with_either_colour():
    result = play_match(OnePlyAgent(game=GAME), RandomAgent(game=GAME), games=20, seed=5)
    assert result.as_first.games == result.as_second.games == 10
    for one, other in zip(result.games[::2], result.games[1::2], strict=True):
        plies = one.opening_plies
        assert plies == other.opening_plies == 4
        assert one.actions[:plies] == other.actions[:plies]
        assert {one.a_is_player, other.a_is_player} == {0, 1}


def test_openings_reach_different_open_positions():
    openings = random_openings(GAME, count=50, plies=4, seed=6)
    states = np.array([replay(each) for each in openings], GAME.state_dtype)
    assert len(set(states["key"])) == 50
    assert set(states["ply"]) == {4}
    outcomes = np.empty(50, np.int8)
    GAME.rules.prove(states, 3, outcomes)
    assert (outcomes == UNPROVEN).all()


def test_a_game_too_small_for_the_openings_still_gives_them():
    tiny = make("tic_tac_toe")
    openings = random_openings(tiny, count=200, plies=1, seed=7)
    assert len(openings) == 200
    assert {tuple(each) for each in openings} == {(cell,) for cell in range(9)}


def test_the_same_seed_plays_the_same_match_and_another_seed_another():
    def games(seed):
        agents = (OnePlyAgent(game=GAME), AlphaBetaAgent(game=GAME, plies=2))
        return play_match(*agents, games=10, seed=seed).games

    assert games(8) == games(8)
    assert games(8) != games(9)


def test_repeated_games_are_counted_as_duplicates():
    tiny = make("tic_tac_toe")
    perfect = AlphaBetaAgent(game=tiny, plies=9)
    result = play_match(perfect, perfect, games=40, seed=1, opening_plies=1)
    assert result.duplicates >= 40 - 2 * 9
    assert result.total.draws == 40


def test_swapping_the_agents_swaps_the_result():
    a, b = OnePlyAgent(game=GAME), RandomAgent(game=GAME)
    forward = play_match(a, b, games=60, seed=10).total
    assert forward.score > 0.8
    assert play_match(b, a, games=60, seed=10).total.score < 0.2


def test_agents_of_different_games_do_not_meet():
    with pytest.raises(AgentError, match="tic_tac_toe"):
        play_match(RandomAgent(game=GAME), RandomAgent(game=make("tic_tac_toe")), games=2, seed=0)


def test_a_match_without_games_is_refused():
    with pytest.raises(AgentError, match="at least 1 game"):
        play_match(RandomAgent(game=GAME), RandomAgent(game=GAME), games=0, seed=0)


def test_progress_never_goes_back_and_ends_at_one():
    told = []
    play_match(
        RandomAgent(game=GAME), RandomAgent(game=GAME), games=8, seed=2, progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
