"""Every registered game passes PettingZoo's own checks, and plays as the game itself does."""

import copy
import functools
import pickle
import warnings

import numpy as np
import pytest
from pettingzoo.test import api_test, render_test, seed_test
from pettingzoo.utils.wrappers import TerminateIllegalWrapper

import games
from games.bridges import aec_env

every_game = pytest.mark.parametrize("name", games.registered_games())

#: What ``api_test`` remarks on PettingZoo's own board games too, unless they are on its lists.
REMARKS = (
    "Observation space for each agent probably should be",
    "Observation is not a NumPy array",
)


def play_randomly(env, rng: np.random.Generator, *, plies: int = 10_000) -> list[int]:
    """Random legal moves until the game is over; the actions."""
    actions = []
    while len(actions) < plies and not any(env.terminations.values()):
        mask = env.observe(env.agent_selection)["action_mask"]
        actions.append(int(rng.choice(np.flatnonzero(mask))))
        env.step(actions[-1])
    return actions


@every_game
def test_the_api_test_finds_nothing(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for remark in REMARKS:
            warnings.filterwarnings("ignore", remark)
        api_test(aec_env(name), num_cycles=30)


@every_game
def test_equal_seeds_play_equally(name):
    seed_test(lambda: aec_env(name), num_cycles=30)


@every_game
def test_every_render_mode_gives_what_its_name_says(name, capsys):
    render_test(functools.partial(aec_env, name), custom_tests={"ansi": str.strip})
    assert "to move" in capsys.readouterr().out


@every_game
def test_a_pickled_or_copied_environment_goes_on_from_the_same_position(name):
    env = aec_env(name)
    env.reset()
    rng = np.random.default_rng(3)
    play_randomly(env, rng, plies=4)
    for twin in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        for agent in env.possible_agents:
            for part, value in env.observe(agent).items():
                assert (twin.observe(agent)[part] == value).all()
        before = pickle.dumps(env.observe(env.agent_selection))
        played = play_randomly(twin, np.random.default_rng(5))
        assert pickle.dumps(env.observe(env.agent_selection)) == before
        assert played == play_randomly(copy.deepcopy(env), np.random.default_rng(5))


@every_game
def test_turns_masks_planes_and_rewards_are_those_of_the_game(name):
    game = games.make(name)
    rng = np.random.default_rng(1)
    for _ in range(3):
        env = aec_env(game)
        env.reset()
        states = game.rules.initial(1)
        planes = np.empty((1, *game.observation_shape), np.uint8)
        while not states[0]["finished"]:
            mover = int(states[0]["to_play"])
            assert env.agent_selection == f"player_{mover}"
            game.rules.observe(states, planes)
            seen, waiting = env.observe(f"player_{mover}"), env.observe(f"player_{1 - mover}")
            assert (seen["observation"] == planes[0]).all()
            assert np.flatnonzero(seen["action_mask"]).tolist() == game.legal(states[0])
            assert not waiting["action_mask"].any()
            assert env.observation_space(env.agent_selection).contains(seen)
            assert set(env.rewards.values()) == {0}
            action = rng.choice(game.legal(states[0]))
            env.step(action)
            game.rules.step(states, np.array([action], np.int32))
        assert list(env.terminations.values()) == [True, True]
        assert list(env.rewards.values()) == states[0]["returns"].tolist()
        for _ in range(2):
            assert not env.observe(env.agent_selection)["action_mask"].any()
            env.step(None)
        assert env.agents == []


@every_game
def test_an_illegal_action_raises_and_changes_nothing(name):
    env, rng = aec_env(name), np.random.default_rng(1)
    mask = np.ones(1)
    while mask.all():  # until a position has an action that is illegal
        if not getattr(env.unwrapped, "agents", []) or any(env.terminations.values()):
            env.reset()
        play_randomly(env, rng, plies=1)
        mask = env.observe(env.agent_selection)["action_mask"]
        if not mask.any():
            mask = np.ones(1)
    before = pickle.dumps(env.observe(env.agent_selection))
    with pytest.raises(games.IllegalMoveError, match=r"after \d+ plies; legal:"):
        env.step(int(np.flatnonzero(mask == 0)[0]))
    assert pickle.dumps(env.observe(env.agent_selection)) == before


def test_a_number_that_is_no_action_raises_and_changes_nothing():
    env = aec_env("connect_four").unwrapped  # PettingZoo's own wrappers assert it beforehand
    env.reset()
    before = pickle.dumps(env.observe(env.agent_selection))
    for action in (-1, 7, None):  # the last column is free, which -1 would name
        with pytest.raises(games.IllegalMoveError, match="cannot play action"):
            env.step(action)
        assert pickle.dumps(env.observe(env.agent_selection)) == before


def test_pettingzoos_wrapper_lets_an_illegal_action_lose():
    env = TerminateIllegalWrapper(aec_env("tic_tac_toe"), illegal_reward=-1)
    env.reset()
    env.step(4)
    env.step(4)
    assert env.rewards["player_1"] == -1 and all(env.terminations.values())


def test_a_winning_line_is_seen_by_both_from_their_own_side():
    env = aec_env("tic_tac_toe", render_mode="ansi")
    env.reset()
    for action in (0, 3, 1, 4, 2):
        env.step(action)
    assert env.rewards == {"player_0": 1, "player_1": -1}
    first, second = (env.observe(agent)["observation"] for agent in env.possible_agents)
    assert first[0, 0].all() and second[1, 0].all()
    assert "X won" in env.render()


def test_the_picture_shows_the_pieces_in_their_places():
    env = aec_env("connect_four", render_mode="rgb_array")
    env.reset()
    empty = env.render()
    env.step(3)
    changed = np.argwhere((env.render() != empty).any(axis=2))
    height, width = empty.shape[0] // 6, empty.shape[1] // 7
    assert (changed[:, 0] // height == 5).all() and (changed[:, 1] // width == 3).all()


def test_metadata_names_the_game():
    env = aec_env("connect_four(width=5,height=4)")
    assert env.metadata["name"] == "connect_four_v0" and str(env) == "connect_four_v0"
    assert env.metadata["is_parallelizable"] is False and env.metadata["render_fps"] > 0


def test_a_render_mode_that_is_not_known_is_refused():
    with pytest.raises(games.GameError, match="no render mode 'ascii'; known: human, ansi"):
        aec_env("tic_tac_toe", render_mode="ascii")
