"""What `meijin bench` measures of Ray: equal workers as processes and as actors, taking turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from scripts.bench_rules import Row

_TURNS = 10  # of each carrier, alternating; one more of each is not counted
_SETTLE_SECONDS = 1.0  # after a change of turns: the ply in progress ends


def ray_rows(
    game: Any, seconds: float, network_file: Path, simulations: int, workers: int | None
) -> Iterator[Row]:
    """Moves a second by workers of this machine and by Ray's, and their ratio turn by turn.

    Both sets exist all the time and one of them is paused, so that whatever else the machine does
    falls on both alike.

    Args:
        game: that is played.
        seconds: length of a turn.
        network_file: weights to play with.
        simulations: a move.
        workers: of each set; None: one for each core.
    """
    from engine.config import RunConfig
    from engine.orchestration.carrier import Carrier, LocalCarrier
    from engine.orchestration.messages import Pause, Published
    from engine.orchestration.ray_address import LOCAL, read_address
    from engine.orchestration.ray_carrier import RayCarrier
    from engine.orchestration.run_directory import RunDirectory
    from engine.search.config import SearchConfig
    from engine.selfplay.config import SelfPlayConfig

    count = workers or psutil.cpu_count(logical=False) or 1
    config = RunConfig(
        game=game.id,
        workers=count,
        search=SearchConfig(simulations=simulations, ending_nodes=0, root_ending_nodes=0),
        selfplay=SelfPlayConfig(full_share=1.0, fast_simulations=simulations),
    )
    facts = {"game": game.id, "workers": count, "simulations": simulations, "turns": _TURNS}
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        carriers: dict[str, Carrier] = {
            "processes": LocalCarrier(run, config),
            "ray": RayCarrier(run, config, read_address(LOCAL), report=print),
        }
        sets: dict[str, _Set] = {}
        try:
            for name, carrier in carriers.items():
                parts = [
                    carrier.start_worker(f"{name}{number}", place)
                    for number, place in enumerate(carrier.places())
                ]
                for part in parts:
                    part.send(carrier.weights(Published(1, str(network_file))))
                sets[name] = _Set(parts)
                sets[name].listen(until=sets[name].all_played, seconds=300.0)
                sets[name].tell(Pause(True))
            rates: dict[str, list[float]] = {name: [] for name in sets}
            local = {part.pid for part in sets["processes"].parts}
            begun, spent = time.monotonic(), _cpu(local)
            moves = {name: group.moves for name, group in sets.items()}
            for turn in range(_TURNS + 1):
                for name, group in sets.items():
                    group.tell(Pause(False))
                    group.listen(seconds=_SETTLE_SECONDS)
                    rate = group.listen(seconds=seconds)
                    group.tell(Pause(True))
                    group.listen(seconds=_SETTLE_SECONDS)
                    if turn:
                        rates[name].append(rate)
            spent = {name: seconds - spent[name] for name, seconds in _cpu(local).items()}
            servers = spent["servers"] / (time.monotonic() - begun)
            of_cpu = {
                name: (group.moves - moves[name]) / spent[name] for name, group in sets.items()
            }
        finally:
            for group in sets.values():
                for part in group.parts:
                    part.kill()
            for carrier in carriers.values():
                carrier.close()
    for name, measured in rates.items():
        yield Row(f"self-play by {name}", float(np.median(measured)), "moves/s", facts)
        yield Row(f"self-play by {name}, of CPU time", of_cpu[name], "moves/CPU s", facts)
    ratios = np.array(rates["ray"]) / np.array(rates["processes"])
    yield Row("Ray over processes, median of turns", float(np.median(ratios)), "share", facts)
    low, high = np.quantile(ratios, [0.25, 0.75])
    yield Row("Ray over processes, lower quartile", float(low), "share", facts)
    yield Row("Ray over processes, upper quartile", float(high), "share", facts)
    share = of_cpu["ray"] / of_cpu["processes"]
    yield Row("Ray over processes, of CPU time", share, "share", facts)
    yield Row("Ray's servers", servers, "cores", facts)


def _cpu(local: set[int]) -> dict[str, float]:
    """Seconds of processor time spent by worker processes, by Ray's actors, by its servers."""
    spent = {"processes": 0.0, "ray": 0.0, "servers": 0.0}
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        actor = " ".join(child.cmdline()).startswith("ray::Meijin")
        name = "processes" if child.pid in local else "ray" if actor else "servers"
        spent[name] += times.user + times.system
    return spent


class _Set:
    """Workers that are measured together."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        self._plies: dict[str, int] = {part.name: 0 for part in parts}

    @property
    def moves(self) -> int:
        """Played with the network, as far as it is known."""
        return sum(self._plies.values())

    def tell(self, message: object) -> None:
        for part in self.parts:
            part.send(message)

    def all_played(self) -> bool:
        return all(self._plies.values())

    def listen(self, *, seconds: float, until: Any = None) -> float:
        """Acknowledge what comes for so long; moves a second by the workers' own clocks."""
        from engine.orchestration.messages import Acknowledged, Failed, Finished
        from engine.orchestration.run_directory import RunError

        played: dict[str, list[float]] = {part.name: [0.0, 0.0] for part in self.parts}
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until is not None and until()):
            for part in self.parts:
                for message in part.receive():
                    if isinstance(message, Finished):
                        part.send(Acknowledged(message.batch))
                        if message.version:
                            self._plies[part.name] += message.plies
                        played[part.name][0] += message.plies
                        played[part.name][1] += message.seconds - message.paused_seconds
                    elif isinstance(message, Failed):
                        raise RunError(message.text)
            time.sleep(0.02)
        return sum(plies / max(spent, 1e-9) for plies, spent in played.values())
