"""What `meijin bench` measures of the arena: many games at once, against one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from scripts.bench_rules import Row
from scripts.bench_single import network_alone

#: Both players: playouts, the tree search over a network, and with alpha-beta in endings as well.
AGENTS = ("mcts:100", "tree:shipped@100", "shipped@100")

_AT_ONCE = 200  # games
_ONE_BY_ONE = 20  # games, in each turn
_TURNS = 3  # of either; the median of their ratios counts
_NETWORK_SECONDS = 1.0  # alone, in each turn


def arena_rows(game: Any) -> Iterator[Row]:
    """Matches as `meijin match` plays them, with `--parallel 200` and with `--parallel 1`.

    Both take turns, so that other programs on the machine slow both, and every match begins with
    an empty cache. The ceiling is what the network alone would need, on the same threads in batches
    as large as they can be, for the positions that it judged in the games at once.
    """
    from agents.cores import usable_cores
    from agents.factory import make_agent
    from engine.inference.backends import limit_threads
    from engine.inference.evaluator import Evaluator

    limit_threads(1)
    threads = usable_cores()
    for text in AGENTS:
        opened: dict[str, Evaluator] = {}
        agents = [make_agent(text, game=game, opened=opened) for _ in range(2)]
        caches = list(opened.values())
        for parallel in (1, _AT_ONCE):  # everything compiled and loaded
            _seconds_a_game(agents, caches, _ONE_BY_ONE, parallel)
        networks = _networks(agents, threads)
        alone, together, shares = [], [], []
        for _ in range(_TURNS):
            alone.append(_seconds_a_game(agents, caches, _ONE_BY_ONE, 1))
            before = sum(each.evaluations for each in networks)
            together.append(_seconds_a_game(agents, caches, _AT_ONCE, _AT_ONCE))
            if networks:
                judged = sum(each.evaluations for each in networks) - before
                batch = _AT_ONCE // 2 // threads  # half the games wait for one agent
                rate = network_alone(game, networks[:threads], batch, _NETWORK_SECONDS)
                shares.append(judged / rate / (_AT_ONCE * together[-1]))
        ratios = sorted(np.divide(alone, together).tolist())
        facts = {"agents": text, "game": game.id, "threads": threads}
        spread = {"turns": _TURNS, "least": round(ratios[0], 1), "most": round(ratios[-1], 1)}
        yield Row("arena, one game at a time", 1 / float(np.median(alone)), "games/s", facts)
        yield Row("arena, 200 games at once", 1 / float(np.median(together)), "games/s", facts)
        yield Row("times faster", float(np.median(ratios)), "", {**facts, **spread})
        if shares:
            share = float(np.median(shares))
            yield Row("of which the network alone needs", share, "share", facts)


def _seconds_a_game(agents: list[Any], caches: list[Any], games: int, parallel: int) -> float:
    """Time of a match for each of its games, so many at once."""
    from agents.arena.match import play_match

    for each in caches:
        each.clear()
    begun = time.perf_counter()
    play_match(*agents, games=games, seed=1, parallel=parallel)
    return (time.perf_counter() - begun) / games


def _networks(agents: list[Any], threads: int) -> list[Any]:
    """What runs the networks of agents that share one; none where they have no network."""
    found = {}
    for agent in agents:
        for each in agent.evaluators(threads):
            network = getattr(each, "evaluator", None)
            if network is not None:
                found[id(network)] = network
    return list(found.values())
