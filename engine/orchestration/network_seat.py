"""The network of a worker on the processor: cache before network, and weights put in."""

from __future__ import annotations

from engine.config import RunConfig
from engine.inference.backends import Backend, BackendChoice, make_backend
from engine.inference.cache import CachedEvaluator
from engine.inference.network_evaluator import NetworkEvaluator
from engine.learning.checkpoint import load_weights
from engine.seeds import stream_seed
from games.game import Game


class NetworkSeat:
    """The evaluator of a worker: cache before network, and the newest weights in it.

    ``evaluator`` stays the same object over all versions, so the search keeps it.
    """

    def __init__(self, game: Game, config: RunConfig, *, seed: int, name: str) -> None:
        self.game = game
        self.config = config
        self._network = NetworkEvaluator(
            game,
            None,
            symmetries=config.search.symmetries,
            seed=stream_seed(seed, "symmetries", name),
        )
        self.cache = CachedEvaluator(
            self._network, game=game, capacity=config.inference.cache_positions
        )
        self.evaluator = self.cache
        self._backend: Backend | None = None

    @property
    def evaluations(self) -> int:
        """Positions that the network itself has judged."""
        return self._network.evaluations

    @property
    def network_seconds(self) -> float:
        """Time inside the network's runtime."""
        return self._network.seconds

    @property
    def backend(self) -> Backend:
        """What runs the network now, once there are weights."""
        assert self._backend is not None
        return self._backend

    def load(self, path: str) -> str:
        """Put the weights of a file to work; returns a sentence where there is something to say."""
        choice = self.backend_for(path)
        self.put(choice.backend)
        return choice.sentence

    def put(self, backend: Backend) -> None:
        """Put a backend to work; what others said is forgotten."""
        self._network.backend = self._backend = backend
        self.cache.clear()

    def backend_for(self, path: str) -> BackendChoice:
        """The weights of a file, ready to run.

        Raises:
            FileError: the file is damaged, or of another game.
            StorageError: it cannot be read.
        """
        file = load_weights(path, self.game)
        inference = self.config.inference
        return make_backend(
            file.build(),
            max_batch=inference.max_batch,
            precision=inference.precision,
            runtime=inference.runtime,
            calibration_planes=file.sample_planes,
        )
