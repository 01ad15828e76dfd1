"""Positions and searches that several tests of the search want."""

import numpy as np
import pytest

from engine.inference.uniform import KeyEvaluator
from engine.search.config import SearchConfig
from engine.search.search import Search
from games import make


@pytest.fixture(scope="session")
def connect_four():
    return make("connect_four")


@pytest.fixture(scope="session")
def random_positions(connect_four):
    """Call with a count, a seed and bounds on the plies: unfinished random positions."""

    def positions(count, *, seed, plies=(0, 30), game=connect_four):
        rng = np.random.default_rng(seed)
        found = game.rules.initial(count)
        done = 0
        while done < count:
            state = game.rules.initial(1)
            for _ in range(int(rng.integers(*plies))):
                legal = game.legal(state[0])
                if not legal:
                    break
                game.rules.step(state, np.array([rng.choice(legal)], np.int32))
            if not state[0]["finished"] and state[0]["ply"] >= plies[0]:
                found[done] = state[0]
                done += 1
        return found

    return positions


@pytest.fixture
def new_search(connect_four):
    """Call with what differs from a key-judged search of Connect Four."""

    def build(
        algorithm="gumbel", *, game=connect_four, evaluator=None, num_trees=1, config=None, **more
    ):
        settings = {"algorithm": algorithm, **(config or {})}
        return Search(
            game,
            evaluator or KeyEvaluator(game),
            SearchConfig(**settings),
            num_trees=num_trees,
            **more,
        )

    return build
