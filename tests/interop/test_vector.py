"""The vectorised environment is the single one, many times over."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import games
from agents.environment_opponent import EnvironmentOpponent
from agents.random_agent import RandomAgent
from games.bridges import GameEnv, GameVectorEnv, gym_ids

every_game = pytest.mark.parametrize("name", games.registered_games())


def first_legal(game, state, rng):
    return game.legal(state)[0]


def first_legals(game, states, rng):
    return np.array([game.legal(state)[0] for state in states])


def assert_equal_infos(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert (np.asarray(value) == np.asarray(second[name])).all(), name


@every_game
@pytest.mark.parametrize("side", ["first", "second"])
def test_it_steps_as_gymnasiums_own_vector_of_the_single_environment(name, side):
    game = games.make(name)
    ours = GameVectorEnv(game, num_envs=5, opponent=first_legals, side=side)
    theirs = SyncVectorEnv(
        [lambda: GameEnv(game, opponent=first_legal, side=side) for _ in range(5)]
    )
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    observations, infos = ours.reset(seed=0)
    expected, expected_infos = theirs.reset(seed=0)
    rng = np.random.default_rng(2)
    ended = 0
    for _ in range(60):
        assert observations.dtype == expected.dtype and (observations == expected).all()
        assert_equal_infos(infos, expected_infos)
        actions = np.array(
            [rng.choice(np.flatnonzero(mask)) if mask.any() else 0 for mask in infos["action_mask"]]
        )
        # Now and then any action, which may be illegal.
        actions = np.where(rng.random(5) < 0.03, ours.action_space.sample(), actions)
        observations, *results, infos = ours.step(actions)
        expected, *expected_results, expected_infos = theirs.step(actions)
        for result, other in zip(results, expected_results, strict=True):
            assert result.dtype == other.dtype and (result == other).all()
        ended += int(results[1].sum())
    assert ended > 0 or game.max_plies > 120


def test_make_vec_makes_it():
    id = next(id for id, game in gym_ids().items() if game == "connect_four")
    env = gymnasium.make_vec(id, num_envs=3, side="second")
    assert isinstance(env, GameVectorEnv) and env.num_envs == 3
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, infos = env.reset(seed=1)
    assert observations.shape == (3, 3, 6, 7) and (infos["player"] == 1).all()
    assert (observations[:, 1].sum(axis=(1, 2)) == 1).all()
    env.close()


def test_equal_seeds_repeat_the_whole():
    courses = []
    for _ in range(2):
        env = GameVectorEnv("tic_tac_toe", num_envs=16)
        _, infos = env.reset(seed=4)
        course = []
        for _ in range(12):
            actions = infos["action_mask"].argmax(axis=1)
            observations, rewards, terminations, _, infos = env.step(actions)
            course.append((observations.tobytes(), rewards.tolist(), terminations.tolist()))
        courses.append(course)
    assert courses[0] == courses[1]


def test_random_opponents_play_every_move_equally_often():
    env = GameVectorEnv("tic_tac_toe", num_envs=9000, side="second")
    observations, _ = env.reset(seed=1)
    counts = observations[:, 1].sum(axis=0, dtype=np.int64).ravel()
    assert counts.sum() == 9000 and counts.min() > 880 and counts.max() < 1120


def test_some_games_can_be_begun_anew():
    env = GameVectorEnv("tic_tac_toe", num_envs=3, side="first", opponent=first_legals)
    env.reset()
    before = env.step(np.array([4, 4, 4]))[0]
    observations, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert (observations[[0, 2]] == before[[0, 2]]).all() and observations[1, :2].sum() == 0
    with pytest.raises(games.GameError, match="reset_mask must be 3 booleans"):
        env.reset(options={"reset_mask": np.array([1, 0])})


def test_agents_can_be_opponents_of_the_batch():
    game = games.make("tic_tac_toe")
    opponent = EnvironmentOpponent(RandomAgent(game=game, seed=1))
    env = GameVectorEnv(game, num_envs=4, side="second", opponent=opponent)
    observations, _ = env.reset()
    assert (observations[:, 1].sum(axis=(1, 2)) == 1).all()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (lambda states: np.full(len(states), 4), "the opponent played action 4"),
        (lambda states: np.full(len(states), -1), "the opponent played action -1"),
        (lambda states: np.array([1]), r"gave \[1\] actions for 2 positions"),
    ],
)
def test_an_opponent_that_cheats_is_named(answers, message):
    env = GameVectorEnv(
        "tic_tac_toe", num_envs=2, side="first", opponent=lambda game, states, rng: answers(states)
    )
    env.reset()
    with pytest.raises(games.GameError, match=message):
        env.step(np.array([4, 4]))


def test_wrong_calls_are_refused():
    env = GameVectorEnv("tic_tac_toe", num_envs=2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.array([0, 0]))
    env.reset()
    for actions in (np.array([0]), np.array([0.0, 1.0])):
        with pytest.raises(games.GameError, match="needs 2 whole numbers"):
            env.step(actions)
    with pytest.raises(games.GameError, match="num_envs must be at least 1"):
        GameVectorEnv("tic_tac_toe", num_envs=0)
