"""What `meijin bench` measures of the way from a finished game to a batch: sizes and times."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_rules import Row

_GAMES = 128  # different ones
_SHARD_PLIES = 20_000  # as the training loop writes them
_MESSAGE_GAMES = 8  # finished by a worker between two reports
_BATCH_ROWS = 512


def store_rows(game: Any, seconds: float) -> Iterator[Row]:
    """Unit costs, in processor time of one core; games are played by a search that knows nothing.

    Args:
        game: whose episodes are stored.
        seconds: length of each measurement.
    """
    from engine.learning.config import LearningConfig
    from engine.learning.packed import PackedEpisodes, join, pack
    from engine.learning.replay import ReplayWindow
    from engine.learning.store import EpisodeStore
    from engine.orchestration.fake_workers import played_episodes

    episodes = played_episodes(game, count=_GAMES, seed=1)
    order = np.random.default_rng(1).permutation(len(episodes))  # short ones end first
    episodes = [episodes[number] for number in order]
    plies = sum(len(episode.actions) for episode in episodes) / _GAMES
    packed = pack(episodes[:_MESSAGE_GAMES], game=game)
    message = pickle.dumps(packed, 5)
    shard_games = max(_MESSAGE_GAMES, round(_SHARD_PLIES / plies))
    number = 0

    def fresh(batch: PackedEpisodes) -> PackedEpisodes:
        nonlocal number
        number += 1
        return replace(batch, ids=[f"w{number}-{n}" for n in range(len(batch))])

    whole = pack(episodes, game=game)
    shard = join([whole] * (-(-shard_games // _GAMES)))
    shard = shard.select(np.arange(len(shard)) < shard_games)
    facts = {"game": game.id, "plies": round(plies, 1)}

    def each(name: str, work: Callable[[], Any], games: int, **more: Any) -> Row:
        return Row(name, _cost(work, seconds) / games * 1e6, "us/episode", facts | more)

    yield Row("store, an episode packed", len(message) / _MESSAGE_GAMES, "B", facts)
    yield each("store, pack", lambda: pack(episodes[:_MESSAGE_GAMES], game=game), _MESSAGE_GAMES)
    yield each("store, send", lambda: pickle.dumps(packed, 5), _MESSAGE_GAMES)
    yield each("store, receive", lambda: pickle.loads(message), _MESSAGE_GAMES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "episodes"
        store = EpisodeStore(path, game, keep_rows=4 * max(1, shard.rows))
        window = ReplayWindow(path, game, config=LearningConfig())
        times: dict[str, list[float]] = {"write": [], "wait": [], "take in": []}
        end = time.monotonic() + 2 * seconds
        while time.monotonic() < end or len(times["write"]) < 3:
            batch = fresh(shard)
            wall, begin = time.perf_counter(), time.process_time()
            store.append_packed(batch)
            times["write"].append(time.process_time() - begin)
            times["wait"].append(time.perf_counter() - wall)
            begin = time.process_time()
            window.refresh()
            times["take in"].append(time.process_time() - begin)
        size = max(file.stat().st_size for file in path.iterdir())
        rows = shard.rows / shard_games
        yield Row("store, an episode on the disk", size / shard_games, "B", facts)
        yield Row("store, rows that are trained on", rows, "/episode", facts)
        for name, what in (("write", "write a shard"), ("take in", "take a shard in")):
            yield Row(
                f"store, {what}",
                float(np.median(times[name])) / shard_games * 1e6,
                "us/episode",
                facts | {"episodes": shard_games},
            )
        wait = float(np.median(times["wait"])) * 1e3
        yield Row("store, a shard until it is safe", wait, "ms", facts | {"bytes": size})
        rng = np.random.default_rng(1)
        yield Row(
            "store, draw a batch",
            _cost(lambda: window.sample(_BATCH_ROWS, rng), seconds) / _BATCH_ROWS * 1e6,
            "us/row",
            facts | {"rows": _BATCH_ROWS},
        )


def _cost(work: Callable[[], Any], seconds: float) -> float:
    """Processor seconds of a call: the median over five parts of the time, after one unmeasured."""
    work()
    costs = []
    for _ in range(5):
        wall, begin, calls = time.monotonic(), time.process_time(), 0
        while time.monotonic() - wall < seconds / 5 or not calls:
            work()
            calls += 1
        costs.append((time.process_time() - begin) / calls)
    return float(np.median(costs))


def weights_rows(game: Any, network_file: Path) -> Iterator[Row]:
    """What a version of the weights costs: its size, and reading it with its checksum."""
    from engine.learning.checkpoint import load_weights

    def read() -> None:
        load_weights(network_file, game)

    yield Row("weights, a version", network_file.stat().st_size, "B", {"game": game.id})
    yield Row("weights, read and verified", _cost(read, 0.5) * 1e3, "ms", {"game": game.id})
