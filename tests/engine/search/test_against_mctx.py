"""Our search against DeepMind's mctx on the same tables.

``mctx_golden.json`` was made by ``mctx_reference.py``, which says how.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from table_game import TableEvaluator, child_of, table_game

from engine.search.config import GumbelConfig, PuctConfig, SearchConfig
from engine.search.gumbel import (
    LEFT,
    LEVEL,
    SCHEDULE_COLUMNS,
    close_round,
    complete_values,
    plan_halving,
)
from engine.search.search import Search
from engine.search.tree import CHILD, COUNT, EDGE_VISITS, edge_at

GOLDEN = json.loads(Path(__file__).with_name("mctx_golden.json").read_text())
GAME = table_game()


def label(case):
    return "-".join(str(case[name]) for name in case if np.isscalar(case[name]))[:40]


def searched(case, config):
    search = Search(GAME, TableEvaluator(case["seed"]), config, num_trees=1, max_simulations=400)
    states = GAME.rules.initial(1)
    states["position"] = case["position"]
    search.set_roots(states)
    return search, search.run(case["simulations"])


def visits_below(search):
    ints, _ = search._groups[0].arena(0)
    children = [int(ints[edge_at(0, slot) + CHILD]) for slot in range(ints[COUNT])]
    return [
        [int(ints[edge_at(child, slot) + EDGE_VISITS]) for slot in range(ints[child + COUNT])]
        if child > 0
        else None
        for child in children
    ]


def check_tree(search, result, case):
    assert result.visits[0].tolist() == case["visits"]
    assert visits_below(search) == case["visits_below"]
    visited = np.array(case["visits"]) > 0
    np.testing.assert_allclose(
        result.q_values[0][visited], np.array(case["q_values"])[visited], atol=2e-5
    )


@pytest.mark.parametrize("case", GOLDEN["puct"], ids=label)
def test_puct_grows_the_tree_that_mctx_grows(case):
    config = SearchConfig(algorithm="puct", puct=PuctConfig(first_play_reduction=case["reduction"]))
    search, result = searched(case, config)
    check_tree(search, result, case)
    np.testing.assert_allclose(result.policies[0], case["policy"], atol=1e-6)
    np.testing.assert_allclose(result.values[0, 0], case["root_value"], atol=2e-5)


@pytest.mark.parametrize("case", GOLDEN["gumbel"], ids=label)
def test_gumbel_grows_the_tree_that_mctx_grows(case):
    config = SearchConfig(
        algorithm="gumbel",
        gumbel=GumbelConfig(
            max_considered=case["considered"],
            # Their values lie in -1..1 where they are not stretched, ours in 0..1.
            value_scale=case["value_scale"] * (1 if case["rescale"] else 2),
            rescale_values=case["rescale"],
        ),
    )
    search, result = searched(case, config)
    check_tree(search, result, case)
    np.testing.assert_allclose(result.policies[0], case["policy"], atol=1e-5)
    assert result.best_actions[0] == case["action"]
    assert result.sampled_actions[0] == case["action"]

    group = search._groups[0]
    values, priors = np.zeros((2, 8), np.float32)
    _, slope, _ = complete_values(*group.arena(0), 0, group._settings, values, priors)
    scores = slope * values[: GAME.max_legal]
    completed = np.array(case["completed"])
    # They may differ by a constant, which no softmax sees.
    np.testing.assert_allclose(scores - scores.mean(), completed - completed.mean(), atol=2e-3)


@pytest.mark.parametrize("case", GOLDEN["schedules"], ids=label)
def test_halving_visits_in_the_order_of_mctx(case):
    schedule = np.zeros(SCHEDULE_COLUMNS, np.int32)
    plan_halving(schedule, case["considered"], case["simulations"])
    levels = []
    for _ in range(case["simulations"]):
        if schedule[LEFT] == 0:
            close_round(schedule)
        levels.append(int(schedule[LEVEL]))
        schedule[LEFT] -= 1
    assert levels == case["visits"]


def test_the_tables_reach_no_position_twice_within_the_depth_that_is_compared():
    positions = {0}
    for _ in range(4):
        positions = {child_of(p, a) for p in positions for a in range(GAME.num_actions)}
    assert len(positions) == GAME.num_actions**4
