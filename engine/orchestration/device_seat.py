"""The network of a worker on a GPU: lanes of games over it, and weights put in."""

from __future__ import annotations

from engine.config import RunConfig
from engine.devices.backend import DeviceBackend
from engine.devices.build import make_device_backend
from engine.devices.choice import DeviceError
from engine.learning.checkpoint import load_weights
from engine.orchestration.counts import Counts
from engine.orchestration.messages import NewWeights
from engine.selfplay.lanes import Lanes
from engine.selfplay.probe import largest_batch, make_lanes, tune
from games.game import Game


class DeviceSeat:
    """Lanes of a worker on a GPU, and the newest weights in them.

    Attributes:
        lanes: there once weights have been loaded.
        sentence: how they were set up.
    """

    lanes: Lanes

    def __init__(self, game: Game, config: RunConfig, *, device: str, name: str) -> None:
        self.game = game
        self.config = config
        self.device = device
        self.name = name
        self.sentence = ""
        self._batch = config.gpu.batch or config.gpu.games
        self._backend: DeviceBackend | None = None
        self._seconds_before = 0.0  # that the device computed for earlier weights

    def load(self, weights: NewWeights) -> str:
        """Put weights to work; returns a sentence where there is something to say.

        The first time, the lanes are set up, which may mean some seconds of probing.
        """
        file = load_weights(weights.path, self.game)
        precision = self.config.inference.precision
        if precision == "int8":
            raise DeviceError(f"inference.precision=int8 is for processors; {self.device} has bf16")
        if self.config.inference.runtime == "openvino":
            raise DeviceError(f"inference.runtime=openvino is for processors, not {self.device}")
        network = file.build()
        choice = make_device_backend(
            network,
            self.game,
            device=self.device,
            max_batch=self._batch or largest_batch(network),
            precision=precision,
            sample_planes=file.sample_planes,
        )
        said = choice.sentence
        if self._backend is None:
            tuning = tune(self.game, choice.backend, config=self.config)
            self.sentence = tuning.sentence
            self.lanes = make_lanes(
                self.game,
                self.config,
                lanes=tuning.lanes,
                games=tuning.games,
                name=self.name,
                cache_positions=self.config.inference.cache_positions,
            )
            self._seconds_before = -choice.backend.busy_seconds  # the probe's are not counted
            if tuning.batch < choice.backend.max_batch:
                # Steps for batches that never come hold memory that a learner could use.
                self._batch = tuning.batch
        else:
            self._seconds_before += self._backend.busy_seconds
        self._backend = choice.backend
        self.lanes.load(choice.backend, weights.version)
        return said

    def counts(self) -> Counts:
        """Running totals."""
        lanes = self.lanes
        busy = self._seconds_before + (self._backend.busy_seconds if self._backend else 0.0)
        return Counts.of(lanes.counters, lanes.evaluations, lanes.hits, busy, lanes.slots)
