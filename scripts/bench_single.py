"""What `meijin bench` measures of the search of a single game, beside the network alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_rules import Row

#: Where nobody names another game.
GAMES = ("connect_four", "go9")

_PAIRS = 5  # of network alone and search, one after the other; the median of their ratios counts
_SIMULATIONS = 10_000  # a move
_PLIES = 10  # of a game, which then begins anew: an unlearned network is soon at its end
_GROWN = 2_000  # simulations that a game begins with, before the clock does: batches are full then


def single_rows(game: Any, seconds: float, network_file: Path) -> Iterator[Row]:
    """One tree searched by all cores, as `meijin uci` and `meijin analyse` search it.

    Only trees that have grown are measured, whose batches are full.

    Network alone and search take turns, so that other programs on the machine slow both. The
    network alone gets batches of the size that the search fills. Every game begins with an empty
    cache: what is remembered costs no evaluation.
    """
    from agents.cores import usable_cores
    from agents.network import evaluator_of
    from agents.protocols.watched_search import MOST_LEAVES, WatchedSearch
    from agents.search_agent import TREE_ALONE, SearchAgent
    from engine.inference.backends import limit_threads
    from engine.inference.cache import CachedEvaluator
    from engine.learning.checkpoint import load_weights

    limit_threads(1)
    threads = usable_cores()
    agent = SearchAgent(
        game=game,
        evaluator=evaluator_of(load_weights(network_file, game), game=game),
        simulations=_SIMULATIONS,
        config=TREE_ALONE,
    )
    networks: list[Any] = []
    for judge in agent.evaluators(threads):
        assert isinstance(judge, CachedEvaluator)  # a network behind a cache
        networks.append(judge.evaluator)
    search = WatchedSearch(agent, threads=threads)
    part = seconds / (2 * _PAIRS)

    def judged_by() -> int:
        return sum(each.evaluations for each in networks)

    _play(search, part, judged_by)  # compiled, and every batch size met
    simulations, evaluations, ceilings = [], [], []
    for _ in range(_PAIRS):
        ceilings.append(network_alone(game, networks, MOST_LEAVES, part))
        made, judged, spent = _play(search, part, judged_by)
        simulations.append(made / spent)
        evaluations.append(judged / spent)
    search.close()
    ratios = sorted(np.divide(evaluations, ceilings).tolist())
    facts = {
        "game": game.id,
        "threads": threads,
        "batch": MOST_LEAVES,
        "backend": networks[0].backend.name,
    }
    yield Row("single game", float(np.median(simulations)), "simulations/s", facts)
    yield Row("single game", float(np.median(evaluations)), "evaluations/s", facts)
    yield Row("network only, same threads", float(np.median(ceilings)), "evaluations/s", facts)
    spread = {"pairs": _PAIRS, "least": round(ratios[0], 3), "most": round(ratios[-1], 3)}
    yield Row(
        "single game over that ceiling", float(np.median(ratios)), "share", {**facts, **spread}
    )


def _play(search: Any, seconds: float, judged_by: Callable[[], int]) -> tuple[int, int, float]:
    """Play games, keeping the tree from move to move.

    Args:
        search: of one game.
        seconds: of searching grown trees.
        judged_by: how many positions the network has judged.

    Returns:
        Simulations, positions judged, and seconds taken.
    """
    made, judged, spent = 0, 0, 0.0
    while spent < seconds:
        search.evaluator.clear()
        search.start(search.game.rules.initial(1)[0])
        search.grow(_GROWN)
        for _ in range(_PLIES):
            before, begin = judged_by(), time.perf_counter()
            until = begin + seconds - spent
            result = search.grow(
                _SIMULATIONS, is_ended=lambda until=until: time.perf_counter() >= until
            )
            spent += time.perf_counter() - begin
            judged += judged_by() - before
            made += int(result.simulations[0])
            if spent >= seconds:
                break
            search.advance(result.best_actions)
    return made, judged, spent


def network_alone(game: Any, networks: list[Any], batch: int, seconds: float) -> float:
    """Evaluations a second of all threads together, each with a backend of its own."""
    counts = [0] * len(networks)
    until = time.perf_counter() + seconds

    def work(index: int) -> None:
        backend = networks[index].backend
        rng = np.random.default_rng(index)
        planes = rng.integers(0, 2, (batch, *game.observation_shape)).astype(np.uint8)
        logits = np.empty((batch, game.num_actions), np.float32)
        outcomes = np.empty((batch, 3), np.float32)
        while time.perf_counter() < until:
            backend.run(planes, logits, outcomes)
            counts[index] += batch

    begin = time.perf_counter()
    workers = [threading.Thread(target=work, args=(index,)) for index in range(len(networks))]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return sum(counts) / (time.perf_counter() - begin)
