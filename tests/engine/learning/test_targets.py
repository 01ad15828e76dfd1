from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_episodes import random_episodes

from engine.learning.config import TargetConfig
from engine.learning.targets import outcome_targets
from engine.records import Episode
from games.game import UNPROVEN, state_dtype

STATE = state_dtype()


def episode(
    *, to_play, values, draws, returns, actions=None, best_actions=None, proven=None
) -> Episode:
    """Values are player 0's; player 1's are their negatives."""
    plies = len(to_play)
    states = np.zeros(plies, STATE)
    states["to_play"] = to_play
    values = np.array(values, np.float32)
    return Episode(
        id="by hand",
        game_id="by hand",
        states=states,
        actions=np.array(actions if actions is not None else [0] * plies, np.int32),
        best_actions=np.array(best_actions if best_actions is not None else [0] * plies, np.int32),
        offsets=np.arange(plies + 1, dtype=np.int32),
        legal=np.zeros(plies, np.int32),
        policies=np.ones(plies, np.float32),
        values=np.stack([values, -values], axis=1),
        draws=np.array(draws, np.float32),
        proven=np.array(proven if proven is not None else [UNPROVEN] * plies, np.int8),
        weights=np.ones(plies, np.float32),
        returns=np.array(returns, np.float32),
        weights_version=0,
        seed=0,
    )


def test_with_the_result_alone_every_ply_has_the_result_in_its_movers_view():
    played = episode(to_play=[0, 1, 0], values=[0.9, 0.9, 0.9], draws=[0, 0, 0], returns=[-1, 1])
    targets = outcome_targets(played, config=TargetConfig(result_share=1))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]


def test_a_drawn_game_is_a_draw_for_both():
    played = episode(to_play=[0, 1], values=[0.9, -0.9], draws=[0, 0], returns=[0, 0])
    targets = outcome_targets(played, config=TargetConfig(result_share=1))
    assert targets.tolist() == [[0, 1, 0], [0, 1, 0]]


def test_with_the_search_alone_the_target_is_the_search_value():
    played = episode(to_play=[0, 1], values=[0.4, -0.2], draws=[0.2, 0.6], returns=[1, -1])
    targets = outcome_targets(played, config=TargetConfig(result_share=0))
    # Player 0 wins (1 - 0.2 + 0.4) / 2 = 0.6 and loses 0.2; then player 1 wins (0.4 + 0.2) / 2.
    np.testing.assert_allclose(targets, [[0.6, 0.2, 0.2], [0.3, 0.6, 0.1]], atol=1e-6)


def test_a_mix_by_hand_in_a_game_where_a_player_moves_twice():
    # Player 0, then player 1 twice, then player 0, who wins.
    played = episode(
        to_play=[0, 1, 1, 0],
        values=[0.0, 0.5, -0.5, 1.0],
        draws=[1.0, 0.5, 0.5, 0],
        returns=[1, -1],
    )
    targets = outcome_targets(played, config=TargetConfig(result_share=0.5))
    # Going back, (player 0 wins, draw, player 1 wins):
    #   t=3: half of (1, 0, 0) and half of the result (1, 0, 0)            = (1, 0, 0)
    #   t=2: half of (0, .5, .5) and half of that                          = (.5, .25, .25)
    #   t=1: half of (.5, .5, 0) and half of that                          = (.5, .375, .125)
    #   t=0: half of (0, 1, 0) and half of that                            = (.25, .6875, .0625)
    expected = [[0.25, 0.6875, 0.0625], [0.125, 0.375, 0.5], [0.25, 0.25, 0.5], [1, 0, 0]]
    np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_a_proven_result_overrides_what_the_game_came_to():
    # Player 1 has a proven win at t=1, plays on badly, and loses.
    played = episode(
        to_play=[0, 1, 0],
        values=[0.0, -1.0, 0.0],
        draws=[0, 0, 0],
        returns=[1, -1],
        proven=[UNPROVEN, 1, UNPROVEN],
    )
    targets = outcome_targets(played, config=TargetConfig(result_share=1))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("proven, target", [(1, [1, 0, 0]), (0, [0, 1, 0]), (-1, [0, 0, 1])])
def test_proven_results_are_read_in_the_movers_view(proven, target):
    for mover in (0, 1):
        played = episode(
            to_play=[mover], values=[0.3], draws=[0.3], returns=[1, -1], proven=[proven]
        )
        assert outcome_targets(played, config=TargetConfig()).tolist() == [target]


def blundering(**changes) -> Episode:
    """Player 0 stands well, throws it away at t=0, and loses."""
    given = {
        "to_play": [0, 1],
        "values": [0.6, -0.8],
        "draws": [0.0, 0.0],
        "returns": [-1, 1],
        "actions": [3, 0],
        "best_actions": [2, 0],
    }
    return episode(**(given | changes))


def test_what_follows_an_exploratory_blunder_says_nothing_of_the_position_before():
    targets = outcome_targets(blundering(), config=TargetConfig(result_share=1, blunder_loss=0.1))
    np.testing.assert_allclose(targets, [[0.8, 0, 0.2], [1, 0, 0]], atol=1e-6)


def test_a_blunder_that_the_search_thought_best_passes_the_result_back():
    played = blundering(best_actions=[3, 0])
    targets = outcome_targets(played, config=TargetConfig(result_share=1, blunder_loss=0.1))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_an_exploratory_move_that_costs_nothing_passes_the_result_back():
    played = blundering(values=[0.6, 0.6])
    targets = outcome_targets(played, config=TargetConfig(result_share=1, blunder_loss=0.1))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_blunders_are_judged_by_the_player_who_moved():
    # The value falls for player 0, but player 1 moved, who gains: not a blunder.
    played = blundering(to_play=[1, 0])
    targets = outcome_targets(played, config=TargetConfig(result_share=1, blunder_loss=0.1))
    assert targets.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_the_last_move_may_be_a_blunder_too():
    played = blundering(to_play=[0], values=[0.6], draws=[0], actions=[3], best_actions=[2])
    targets = outcome_targets(played, config=TargetConfig(result_share=1, blunder_loss=0.1))
    np.testing.assert_allclose(targets, [[0.8, 0, 0.2]], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1), loss=st.floats(0, 2))
def test_targets_are_distributions_and_do_not_care_who_is_called_player_0(
    connect_four, seed, share, loss
):
    played = random_episodes(connect_four, 1, seed=seed)[0]
    config = TargetConfig(result_share=share, blunder_loss=loss)
    targets = outcome_targets(played, config=config)
    assert (targets >= 0).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    renamed = played.states.copy()
    renamed["to_play"] = 1 - renamed["to_play"]
    mirrored = replace(
        played,
        states=renamed,
        values=np.ascontiguousarray(played.values[:, ::-1]),
        returns=np.ascontiguousarray(played.returns[::-1]),
    )
    np.testing.assert_array_equal(outcome_targets(mirrored, config=config), targets)
