"""Several threads in one tree: nothing is lost, nothing is counted twice, proofs stay right."""

import threading

import numpy as np
import pytest

import games
from engine.inference.cache import CachedEvaluator
from engine.inference.evaluator import for_threads
from engine.inference.rollouts import RolloutEvaluator
from engine.inference.uniform import KeyEvaluator
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.search.tree import (
    CHILD,
    COUNT,
    DRAW,
    EDGE_VALUE,
    EDGE_VISITS,
    LOSS,
    MOVER,
    PROOF,
    UNKNOWN,
    VALUES,
    VISITS,
    edge_at,
    edge_kind,
)
from games.game import UNPROVEN


def search_of(game, *, threads=2, leaves=8, trees=1, most=20_000, evaluator=None, **settings):
    evaluators = for_threads(evaluator or KeyEvaluator(game, seed=3), threads)
    config = SearchConfig(algorithm="puct", leaves_per_tree=leaves, **settings)
    return Search(
        game,
        evaluators[0],
        config,
        num_trees=trees,
        max_simulations=most,
        helpers=evaluators[1:],
    )


def random_state(game, plies, rng):
    state = game.rules.initial(1)
    for _ in range(plies):
        action = int(rng.choice(game.legal(state[0])))
        game.rules.step(state, np.array([action], np.int32))
        if state["finished"][0]:
            return random_state(game, plies, rng)
    return state


def check_tree(search, row=0):
    """What came through the edges of each node is what the node and its children have."""
    group, place = search._place(row)
    ints, floats = group.arena(place)
    nodes = 0
    stack = [0]
    while stack:
        node = stack.pop()
        nodes += 1
        through = 0
        for slot in range(int(ints[node + COUNT])):
            edge = int(edge_at(node, slot))
            visits, child, kind = (
                int(ints[edge + EDGE_VISITS]),
                int(ints[edge + CHILD]),
                edge_kind(ints, edge),
            )
            assert visits >= 0 and child >= 0, "a leaf is still on its way"
            through += visits if kind != LOSS else 0
            if visits:
                assert abs(floats[edge + EDGE_VALUE]) <= visits + 1e-3
            if child > 0:
                stack.append(child)
                if kind == UNKNOWN and ints[child + PROOF] == UNKNOWN:
                    known = int(ints[child + VISITS])
                    assert known <= visits, "a child knows of no more visits than came to it"
                    if not _has_losses(ints, child) and known == visits:
                        mine = floats[child + VALUES + int(ints[node + MOVER])]
                        assert mine == pytest.approx(
                            float(floats[edge + EDGE_VALUE]), abs=0.02 * visits
                        )
        if ints[node + PROOF] == UNKNOWN and not _has_losses(ints, node):
            assert int(ints[node + VISITS]) == 1 + through
    return nodes


def _has_losses(ints, node):
    edges = (int(edge_at(node, slot)) for slot in range(int(ints[node + COUNT])))
    return any(edge_kind(ints, edge) in (LOSS, DRAW) for edge in edges)


@pytest.mark.parametrize("game_id", ["connect_four", "tic_tac_toe", "hex(size=3)", "minichess"])
@pytest.mark.parametrize("leaves", [2, 16])
def test_every_visit_is_counted_once(game_id, leaves):
    game = games.make(game_id)
    rng = np.random.default_rng(leaves)
    for plies in (0, 1, 3, 4):
        search = search_of(game, threads=3, leaves=leaves)
        search.set_roots(random_state(game, plies, rng))
        for budget in (1, 7, 100, 1000):
            result = search.run(budget)
            assert result.simulations[0] == budget or result.proven[0] != UNPROVEN
            check_tree(search)


def test_several_trees_at_once_with_budgets_of_their_own():
    game = games.make("connect_four")
    search = search_of(game, trees=5, leaves=4)
    search.set_roots(game.rules.initial(5))
    result = search.run(np.array([0, 1, 50, 300, 7]))
    assert result.simulations.tolist() == [0, 1, 50, 300, 7]
    for row in range(5):
        check_tree(search, row)


def test_proofs_are_those_of_one_thread():
    """Endings of Connect Four, where alpha-beta settles leaves while others are on their way."""
    game = games.make("connect_four")
    rng = np.random.default_rng(7)
    settled = 0
    for _ in range(12):
        state = random_state(game, 26, rng)
        exact = search_of(game, threads=1, ending_nodes=0, root_ending_nodes=10**6)
        exact.set_roots(state)
        known = exact.run(0).proven[0]
        search = search_of(game, threads=3, ending_nodes=0, root_ending_nodes=0)
        search.set_roots(state)
        found = search.run(4000).proven[0]
        check_tree(search)
        if known != UNPROVEN and found != UNPROVEN:
            settled += 1
            assert found == known
    assert settled >= 6


def test_a_tree_that_moves_on_is_searched_on():
    game = games.make("connect_four")
    search = search_of(game)
    search.set_roots(game.rules.initial(1))
    for _ in range(6):
        action = search.run(300).best_actions
        search.advance(action)
        check_tree(search)


def test_as_strong_as_one_thread():
    """The same best move as a deep search by one thread, in most positions."""
    game = games.make("connect_four")
    rng = np.random.default_rng(5)
    same = 0
    for _ in range(10):
        state = random_state(game, 6, rng)
        evaluator = CachedEvaluator(RolloutEvaluator(game, rollouts=8), game=game, capacity=1 << 16)
        alone = search_of(game, threads=1, leaves=1, evaluator=evaluator)
        alone.set_roots(state)
        together = search_of(game, threads=2, leaves=8, evaluator=evaluator)
        together.set_roots(state)
        same += alone.run(2000).best_actions[0] == together.run(2000).best_actions[0]
    assert same >= 6


def test_shared_caches_answer_each_other():
    game = games.make("connect_four")
    first = CachedEvaluator(KeyEvaluator(game), game=game, capacity=1 << 12)
    second = first.another()
    states = game.rules.initial(1)
    actions, counts = np.zeros((1, game.max_legal), np.int32), np.zeros(1, np.int32)
    game.rules.legal_actions(states, actions, counts)
    told = first.evaluate(states, actions, counts).policy_logits.copy()
    assert (second.evaluate(states, actions, counts).policy_logits == told).all()
    assert (first.misses, second.misses, second.hits) == (1, 0, 1)


class Failing:
    """Raises after some batches."""

    def __init__(self, game, batches):
        self._inner = KeyEvaluator(game)
        self._left = batches

    def evaluate(self, states, actions, counts):
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("out of order")
        return self._inner.evaluate(states, actions, counts)


@pytest.mark.parametrize("who", [0, 1])
def test_what_an_evaluator_raises_is_raised_and_nobody_waits(who):
    game = games.make("connect_four")
    evaluators = [KeyEvaluator(game), KeyEvaluator(game)]
    evaluators[who] = Failing(game, 5)
    config = SearchConfig(algorithm="puct", leaves_per_tree=4)
    search = Search(
        game, evaluators[0], config, num_trees=1, max_simulations=10**5, helpers=evaluators[1:]
    )
    search.set_roots(game.rules.initial(1))
    with pytest.raises(RuntimeError, match="out of order"):
        search.run(10**5)


def test_misuse_is_refused():
    game = games.make("connect_four")
    with pytest.raises(ValueError, match="PUCT"):
        Search(game, KeyEvaluator(game), SearchConfig(), num_trees=2, helpers=[KeyEvaluator(game)])
    search = search_of(game, leaves=4)
    search.set_roots(game.rules.initial(1))
    with pytest.raises(ValueError, match="leaves"):
        search.run(10, leaves=5)
    with pytest.raises(ValueError, match="thread"):
        for_threads(KeyEvaluator(game), 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_search_can_be_ended_and_gone_on_with(threads):
    game = games.make("connect_four")
    search = search_of(game, threads=threads, leaves=4)
    search.set_roots(game.rules.initial(1))
    asked = iter(range(10**6))
    result = search.run(20_000, is_ended=lambda: next(asked) >= 20)
    made = int(result.simulations[0])
    assert 20 <= made <= 20 * 4 * threads + 4
    check_tree(search)
    assert search.visits(0) == made + 1
    assert search.run(100).simulations[0] == 100
    check_tree(search)
    assert search.run(100, is_ended=lambda: True).simulations[0] == 0
    search.close()


class FailsOnce:
    """As an evaluator by key, but one of its calls fails."""

    def __init__(self, game):
        self._judge = KeyEvaluator(game)
        self.calls = 0

    def another(self):
        return self

    def evaluate(self, states, actions, counts):
        self.calls += 1
        if self.calls == 5:
            raise RuntimeError("the device is gone")
        return self._judge.evaluate(states, actions, counts)


@pytest.mark.parametrize("leaves", [1, 8])
def test_a_search_begun_anew_after_a_fault_is_a_search_like_any_other(leaves):
    game = games.make("connect_four")
    states = game.rules.initial(4)
    faulty = FailsOnce(game)
    evaluator = CachedEvaluator(faulty, game=game, capacity=0) if leaves == 1 else faulty
    search = search_of(
        game, threads=2 if leaves > 1 else 1, leaves=leaves, trees=4, evaluator=evaluator
    )
    search.set_roots(states)
    with pytest.raises(RuntimeError, match="the device is gone"):
        search.run(400)
    search.set_roots(states)
    found = []
    thread = threading.Thread(target=lambda: found.append(search.run(400)), daemon=True)
    thread.start()
    thread.join(60)
    assert found, "it waits for leaves of the search that failed"
    assert found[0].visits.sum(1).tolist() == [400] * 4
    for row in range(4):
        check_tree(search, row)
