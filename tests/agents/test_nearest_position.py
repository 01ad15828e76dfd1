"""The nearest position of play to a dreamt board, where it is known."""

import numpy as np
import pytest

from agents.nearest_position import nearest_dropped_position
from games import make


@pytest.fixture(scope="module")
def game():
    return make("connect_four")


def shares_of(game, state, certainty):
    planes = np.empty((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([state], game.state_dtype), planes)
    mine, theirs = planes[0, :2].astype(float)
    certain = np.stack([1 - mine - theirs, mine, theirs])
    return certain * certainty + (1 - certain) * (1 - certainty) / 2


def test_a_position_is_its_own_nearest(game):
    rng = np.random.default_rng(0)
    for _ in range(12):
        plies, state, line = int(rng.integers(0, 24)), game.after([]), []
        while len(line) < plies:
            after = game.after([*line, action := int(rng.choice(game.legal(state)))])
            if after["finished"]:
                break
            line.append(action)
            state = after
        found = game.after(nearest_dropped_position(game, shares_of(game, state, 0.95)))
        assert found["key"] == state["key"]


def test_what_nobody_can_reach_becomes_a_legal_unfinished_position(game):
    rng = np.random.default_rng(1)
    for _ in range(3):
        shares = rng.dirichlet((0.3, 0.3, 0.3), size=(6, 7)).transpose(2, 0, 1)
        state = game.after(nearest_dropped_position(game, shares))
        assert not state["finished"]
    all_mine = np.zeros((3, 6, 7))
    all_mine[1] = 1
    assert not game.after(nearest_dropped_position(game, all_mine))["finished"]
