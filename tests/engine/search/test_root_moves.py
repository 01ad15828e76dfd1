"""The moves at a root as the search tells them, and a choice that is kept to some of them."""

import numpy as np
import pytest

from games import make
from games.game import UNPROVEN

ALGORITHMS = pytest.mark.parametrize("algorithm", ["puct", "gumbel"])


@ALGORITHMS
def test_root_moves_say_what_the_result_says(algorithm, connect_four, new_search, random_positions):
    states = random_positions(12, seed=21, plies=(0, 36))
    search = new_search(algorithm, num_trees=12, max_simulations=200, threads=2)
    search.set_roots(states)
    result = search.run(200)
    for row in range(12):
        moves = search.root_moves(row)
        assert len(moves) == result.counts[row]
        slots = {int(action): slot for slot, action in enumerate(result.actions[row])}
        for each in moves:
            slot = slots[each.action]
            assert each.visits == result.visits[row, slot]
            assert each.prior == pytest.approx(result.priors[row, slot])
            assert each.value == pytest.approx(result.q_values[row, slot])
            assert 0 <= each.draw <= 1 and each.line[0] == each.action
            state = states[row : row + 1].copy()
            for action in each.line:
                assert action in connect_four.legal(state[0])
                connect_four.rules.step(state, np.array([action], np.int32))
        if result.proven[row] != UNPROVEN:
            assert moves[0].is_proven and moves[0].value == result.proven[row]
        assert list(moves[0].line) == search.principal_variation(row) or not moves[0].visits


@ALGORITHMS
def test_a_restricted_root_searches_and_plays_the_kept_moves_alone(
    algorithm, connect_four, new_search
):
    search = new_search(algorithm, num_trees=3, max_simulations=200)
    search.set_roots(connect_four.rules.initial(3))
    search.restrict(1, [0, 6])
    result = search.run(200)
    assert {each.action for each in search.root_moves(1)} == {0, 6}
    assert set(np.flatnonzero(result.visits[1])) == {0, 6}
    assert result.visits[1].sum() == 200
    assert result.best_actions[1] in (0, 6)
    assert len(search.root_moves(0)) == len(search.root_moves(2)) == 7
    search.advance(result.best_actions)
    assert len(search.root_moves(1)) == 7
    search.set_roots(connect_four.rules.initial(3))
    assert search.run(20).visits[1].astype(bool).sum() > 2


@ALGORITHMS
def test_a_result_is_that_of_a_player_without_the_other_moves(algorithm, connect_four, new_search):
    won = connect_four.after([0, 6, 1, 6, 2, 6])  # the fourth column wins; all others lose
    search = new_search(algorithm, num_trees=1, max_simulations=2000)
    for kept, outcome in (({3}, 1), ({0, 3}, 1), ({0}, -1), ({0, 1, 2}, -1)):
        search.set_roots(np.array([won], connect_four.state_dtype))
        search.restrict(0, kept)
        result = search.run(2000)
        assert result.proven[0] == outcome
        assert result.best_actions[0] in kept
        assert search.root_moves(0)[0].plies in ((1,) if outcome == 1 else (2, 3))  # at most


@ALGORITHMS
def test_a_kept_move_that_loses_at_once_is_played_all_the_same(algorithm, new_search):
    game = make("go(size=5,komi=0.5)")
    state = game.rules.initial(1)
    for move in ("c3", "a1", "c4", "pass", "c2", "a5", "pass"):
        game.rules.step(state, np.array([game.text_to_action(state[0], move)], np.int32))
    passing = game.text_to_action(state[0], "pass")  # ends the game, and White is behind
    search = new_search(algorithm, game=game, num_trees=1, max_simulations=20)
    search.set_roots(state)
    search.restrict(0, [passing])
    result = search.run(20)
    assert result.proven[0] == -1
    assert result.best_actions[0] == result.sampled_actions[0] == passing
    assert result.policies[0][result.actions[0] == passing] == [1.0]


def test_what_cannot_be_restricted_is_refused(connect_four, new_search):
    search = new_search("puct", num_trees=2, max_simulations=20)
    search.set_roots(connect_four.rules.initial(1))
    with pytest.raises(ValueError, match=r"none of the moves \[7, 9\]"):
        search.restrict(0, [9, 7])
    with pytest.raises(ValueError, match="begun anew"):
        search.restrict(1, [3])
    with pytest.raises(ValueError, match="not in"):
        search.restrict(2, [3])
    search.run(5)
    with pytest.raises(ValueError, match="begun anew"):
        search.restrict(0, [3])
    assert search.root_moves(1) == []
