"""Every registered game as a Gymnasium environment against an opponent."""

import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import games
from agents.environment_opponent import EnvironmentOpponent
from agents.random_agent import RandomAgent
from games.bridges import GameEnv, gym_ids
from games.registry import parameters_of

every_game = pytest.mark.parametrize("name", games.registered_games())


def first_legal(game, state, rng):
    return game.legal(state)[0]


def usual_id(name: str) -> str:
    return next(id for id, game in gym_ids().items() if game == name)


@every_game
@pytest.mark.parametrize("side", ["first", "second", "random"])
def test_gymnasiums_checker_finds_nothing(name, side):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(usual_id(name), side=side).unwrapped)


def test_ids_follow_from_the_registry():
    ids = gym_ids()
    assert ids["meijin/ConnectFour-v0"] == "connect_four"
    assert set(ids.values()) >= set(games.registered_games())
    assert set(ids) <= set(gymnasium.registry)
    for game in ids.values():
        name, _, arguments = game.partition("(")
        if arguments:  # in range, without compiling all of them
            size = parameters_of(name)["size"]
            assert size.read(arguments.removeprefix("size=").removesuffix(")")) is not None


def test_the_module_may_be_named_in_the_id():
    assert gymnasium.make("games.bridges:meijin/TicTacToe-v0").unwrapped.game.id == "tic_tac_toe"


@every_game
def test_games_end_with_the_return_of_the_learners_side(name):
    env = GameEnv(name, opponent=first_legal)
    rng = np.random.default_rng(1)
    players = set()
    for seed in range(8):
        observation, info = env.reset(seed=seed)
        players.add(info["player"])
        terminated, reward = False, 0.0
        while not terminated:
            assert env.observation_space.contains(observation) and reward == 0
            action = rng.choice(np.flatnonzero(info["action_mask"]))
            observation, reward, terminated, truncated, info = env.step(action)
            assert not truncated and not info["illegal"]
        assert not info["action_mask"].any()
        state = env._states[0]
        assert state["finished"] and reward == state["returns"][info["player"]]
    assert players == {0, 1}


def test_the_opponent_moves_first_when_the_learner_is_second():
    env = GameEnv("tic_tac_toe", opponent=first_legal, side="second")
    observation, info = env.reset()
    assert info["player"] == 1 and info["action_mask"].tolist() == [0] + [1] * 8
    assert observation[1, 0, 0] == 1 and observation[:2].sum() == 1


def test_equal_seeds_give_equal_games_and_the_start_can_be_pickled():
    env = GameEnv("connect_four")
    courses = []
    for _ in range(2):
        env.reset(seed=11)
        env = pickle.loads(pickle.dumps(env))
        courses.append([env.step(3)[0].tobytes() for _ in range(3)])
    assert courses[0] == courses[1]


def test_an_illegal_action_loses_at_once_or_raises():
    env = GameEnv("tic_tac_toe", opponent=first_legal, side="first")
    env.reset()
    env.step(4)
    observation, reward, terminated, truncated, info = env.step(4)
    assert (reward, terminated, truncated, info["illegal"]) == (-1, True, False, True)
    assert not info["action_mask"].any() and env.observation_space.contains(observation)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env = GameEnv("tic_tac_toe", opponent=first_legal, side="first", illegal="raise")
    env.reset()
    env.step(4)
    with pytest.raises(games.IllegalMoveError, match="action 4 cannot be played in tic_tac_toe"):
        env.step(4)
    assert env.step(8)[2] is False


def test_an_opponent_that_cheats_is_named():
    env = GameEnv("tic_tac_toe", opponent=lambda game, state, rng: 4, side="first")
    env.reset()
    with pytest.raises(games.IllegalMoveError, match="the opponent played action 4"):
        env.step(4)


def test_agents_can_be_opponents():
    game = games.make("tic_tac_toe")
    agent = RandomAgent(game=game, seed=5)
    env = GameEnv(game, opponent=EnvironmentOpponent(agent), side="second")
    env.reset()
    assert env._states[0] == game.after([agent.move(game.after([]))])


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
def test_boards_are_drawn(mode):
    env = gymnasium.make("meijin/ConnectFour-v0", render_mode=mode, side="first")
    env.reset()
    drawn = env.render()
    assert "X to move" in drawn if mode == "ansi" else drawn.shape[2] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": "third"}, "no side 'third'; known: first, second, random"),
        ({"illegal": "ignore"}, "lose or raise, not 'ignore'"),
        ({"render_mode": "ascii"}, "no render mode 'ascii'"),
    ],
)
def test_settings_that_are_not_known_are_refused(arguments, message):
    with pytest.raises(games.GameError, match=message):
        GameEnv("tic_tac_toe", **arguments)
