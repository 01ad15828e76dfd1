"""Exact results in the tree, against exhaustive search and known games."""

import functools

import numpy as np
import pytest
from double_move_game import START, double_move_game, exact
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.uniform import KeyEvaluator, UniformEvaluator
from engine.records import Evaluation
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.search.tree import (
    ACTION,
    CHILD,
    COUNT,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    MOVER,
    PROOF,
    VALUES,
    VISITS,
    edge_at,
    edge_kind,
    proof_kind,
)
from games import make
from games.game import UNPROVEN

ALGORITHMS = pytest.mark.parametrize("algorithm", ["puct", "gumbel"])
SMALL = make("connect_four(width=4,height=4)")


class Misled:
    """Insists, of every position, that the lowest action is excellent and all is well."""

    def __init__(self, game, *, liked, strength=6.0):
        self.game, self.liked, self.strength = game, liked, strength

    def evaluate(self, states, actions, counts):
        logits = np.where(actions == self.liked, np.float32(self.strength), np.float32(0))
        return Evaluation(
            policy_logits=logits.astype(np.float32),
            values=np.zeros((len(states), 2), np.float32),
            draws=np.zeros(len(states), np.float32),
        )


@functools.cache
def solve(stones, to_play, ply):
    """Exact result for the mover of a small board, from its fields."""
    state = SMALL.rules.initial(1)
    state["stones"], state["to_play"], state["ply"] = stones, to_play, ply
    best = -1
    for action in SMALL.legal(state[0]):
        after = state.copy()
        SMALL.rules.step(after, np.array([action], np.int32))
        if after[0]["finished"]:
            result = int(after[0]["returns"][to_play])
        else:
            result = -solve(tuple(after[0]["stones"].tolist()), 1 - to_play, ply + 1)
        best = max(best, result)
        if best == 1:
            break
    return best


def solved(state):
    return solve(tuple(state["stones"].tolist()), int(state["to_play"]), int(state["ply"]))


@ALGORITHMS
@pytest.mark.parametrize("prove_plies", [0, 2])
@pytest.mark.parametrize("leaves_per_tree", [1, 4])
@pytest.mark.parametrize("evaluator", [KeyEvaluator, UniformEvaluator])
@pytest.mark.parametrize("endings", [(0, 0), (20, 0), (0, 300), (20, 300)])
def test_what_the_tree_proves_is_true(
    algorithm, prove_plies, leaves_per_tree, evaluator, endings, random_positions
):
    states = random_positions(60, seed=20, plies=(5, 14), game=SMALL)
    config = SearchConfig(
        algorithm=algorithm,
        prove_plies=prove_plies,
        leaves_per_tree=leaves_per_tree,
        ending_nodes=endings[0],
        root_ending_nodes=endings[1],
    )
    search = Search(SMALL, evaluator(SMALL), config, num_trees=60, max_simulations=1000)
    search.set_roots(states)
    result = search.run(1000)
    assert (result.proven != UNPROVEN).mean() > 0.25
    for row, state in enumerate(states):
        if result.proven[row] == UNPROVEN:
            continue
        truth = solved(state)
        assert result.proven[row] == truth
        assert result.values[row, state["to_play"]] == truth
        assert result.draws[row] == (truth == 0)
        for action in (result.best_actions[row], result.sampled_actions[row]):
            after = states[row : row + 1].copy()
            SMALL.rules.step(after, np.array([action], np.int32))
            if after[0]["finished"]:
                assert after[0]["returns"][state["to_play"]] == truth
            else:
                assert -solved(after[0]) == truth


@ALGORITHMS
@pytest.mark.parametrize("prove_plies", [0, 1, 2])
def test_a_win_in_three_plies_is_found(algorithm, prove_plies, connect_four, random_positions):
    states = random_positions(1500, seed=21, plies=(8, 30))
    outcomes = {plies: np.zeros(len(states), np.int8) for plies in (1, 3)}
    for plies, found in outcomes.items():
        connect_four.rules.prove(states, plies, found)
    states = states[(outcomes[3] == 1) & (outcomes[1] != 1)][:40]
    assert len(states) == 40
    config = SearchConfig(algorithm=algorithm, prove_plies=prove_plies)
    search = Search(
        connect_four, UniformEvaluator(connect_four), config, num_trees=40, max_simulations=2000
    )
    search.set_roots(states)
    result = search.run(2000)
    assert (result.proven == 1).all()
    if prove_plies == 2:
        assert (result.simulations == 0).all()
    after = states.copy()
    connect_four.rules.step(after, result.best_actions)
    lost = np.zeros(len(after), np.int8)
    connect_four.rules.prove(after, 2, lost)
    if prove_plies == 2:
        assert (lost == -1).all()  # the quickest win, not any


@ALGORITHMS
def test_a_proven_win_is_preferred_to_many_visits(algorithm, connect_four):
    state = connect_four.after([3, 0, 3, 0, 3, 1])  # 3 wins at once
    search = Search(
        connect_four,
        Misled(connect_four, liked=6),
        SearchConfig(algorithm=algorithm, prove_plies=0),
        max_simulations=50,
    )
    search.set_roots(np.array([state]))
    result = search.run(50, True)
    assert result.best_actions[0] == result.sampled_actions[0] == 3
    assert result.policies[0, 3] == 1 and result.proven[0] == 1


@ALGORITHMS
@pytest.mark.parametrize("simulations", [0, 1, 2, 5, 16, 64])
@pytest.mark.parametrize("explore", [False, True])
def test_a_proven_loss_is_never_played_while_there_is_another_move(
    algorithm, simulations, explore, connect_four
):
    state = connect_four.after([3, 0, 3, 0, 3])  # player 1 must answer in column 3
    search = Search(
        connect_four,
        Misled(connect_four, liked=6, strength=9.0),
        SearchConfig(algorithm=algorithm),
        num_trees=20,
    )
    search.set_roots(np.repeat(np.array([state]), 20))
    result = search.run(simulations, explore)
    assert (result.best_actions == 3).all() and (result.sampled_actions == 3).all()
    np.testing.assert_allclose(result.policies[:, 3], 1)


@ALGORITHMS
def test_refuted_moves_do_not_weigh_on_the_value_of_their_node(algorithm, connect_four):
    state = connect_four.after([3, 0, 3, 0, 3])
    search = Search(
        connect_four,
        Misled(connect_four, liked=6, strength=9.0),
        SearchConfig(algorithm=algorithm, prove_plies=1),
        num_trees=1,
        max_simulations=100,
    )
    search.set_roots(np.array([state]))
    result = search.run(100)
    assert abs(result.values[0, 1]) < 0.2  # six of seven moves lose, the seventh holds


@ALGORITHMS
def test_no_view_is_lost_where_a_player_moves_twice(algorithm):
    game = double_move_game()
    states = game.rules.initial(START)
    states["pile"] = np.arange(1, START + 1)
    states["to_play"] = np.arange(START) % 2
    search = Search(
        game,
        KeyEvaluator(game),
        SearchConfig(algorithm=algorithm),
        num_trees=START,
        max_simulations=3000,
    )
    search.set_roots(states)
    result = search.run(3000)
    for row in range(START):
        truth = exact(row + 1)
        mover = row % 2
        assert result.proven[row] == truth
        assert result.values[row].tolist() == ([truth, -truth] if mover == 0 else [-truth, truth])


def check_node(game, ints, floats, node, *, state):
    """Bookkeeping of a node and everything below it."""
    head = ints[node : node + 8]
    count = int(head[COUNT])
    legal = game.legal(state[0])
    assert count == len(legal) and head[MOVER] == state[0]["to_play"]
    kept = 1
    for slot in range(count):
        edge = edge_at(node, slot)
        assert ints[edge + ACTION] & 0xFFFF == legal[slot]
        visits, child = int(ints[edge + EDGE_VISITS]), int(ints[edge + CHILD])
        assert child >= 0 and visits >= 0
        assert abs(floats[edge + EDGE_VALUE]) <= visits + 1e-3
        if edge_kind(ints, edge) != LOSS:
            kept += visits
        if child > 0:
            after = state.copy()
            game.rules.step(after, np.array([legal[slot]], np.int32))
            words = edge_at(child, int(ints[child + COUNT]))
            stored = ints[words : words + after.itemsize // 4].view(after.dtype)
            assert stored == after  # field by field: padding says nothing
            check_node(game, ints, floats, child, state=after)
    assert head[VISITS] == kept or proof_kind(int(head[PROOF])) != 0
    assert abs(floats[node + VALUES] + floats[node + VALUES + 1]) < 1e-3 * kept
    assert abs(floats[node + VALUES]) <= head[VISITS] * 1.001


@settings(max_examples=25, deadline=None)
@given(
    moves=st.lists(st.integers(0, 6), max_size=24),
    algorithm=st.sampled_from(["puct", "gumbel"]),
    leaves=st.sampled_from([1, 3]),
    plies=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_trees_are_consistent_after_search_and_moves(moves, algorithm, leaves, plies, seed):
    game = make("connect_four")
    state = game.rules.initial(1)
    for move in moves:
        legal = game.legal(state[0])
        after = state.copy()
        game.rules.step(after, np.array([legal[move % len(legal)]], np.int32))
        if after[0]["finished"]:
            break
        state = after
    config = SearchConfig(algorithm=algorithm, leaves_per_tree=leaves, prove_plies=seed % 3)
    search = Search(game, KeyEvaluator(game), config, num_trees=1, max_simulations=60, seed=seed)
    search.set_roots(state)
    for ply in range(plies + 1):
        result = search.run(60, True)
        if result.counts[0] == 0:
            return
        check_node(game, *search._groups[0].arena(0), 0, state=state)
        if ply < plies:
            search.advance(result.sampled_actions)
            game.rules.step(state, result.sampled_actions)
