"""The trainable network with its optimiser and its average, and one step of training at a time."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from engine.learning.config import LearningConfig
from engine.learning.losses import losses, ownership_losses
from engine.learning.replay import Batch, Ownership, ReplayWindow
from engine.learning.schedules import learning_rate
from engine.learning.sealed import WrongFormatError
from engine.networks.config import NetworkConfig
from engine.networks.layers import channels_last
from engine.networks.network import Network, build_network
from games.game import Game

#: Rows that batch norm statistics of published weights are measured on, and the batches they form.
_STATISTICS_ROWS, _STATISTICS_BATCHES = 512, 4

_WEIGHTS, _AVERAGE, _OPTIMIZER = "weights/", "average/", "optimizer/"


@dataclass(frozen=True, slots=True)
class TrainerState:
    """Everything that the next step depends on, apart from the rows it is given."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]  # what JSON can hold


class Trainer:
    """Trains one network.

    Attributes:
        network: the network being trained, in training mode.
        average: its moving average, in evaluation mode; this one plays.
        steps: steps taken.
        rows_trained: rows in all those steps.
        steps_since_publish: steps since the caller last set it to zero.
    """

    def __init__(
        self,
        game: Game,
        *,
        network_config: NetworkConfig,
        config: LearningConfig,
        seed: int,
        device: str = "cpu",
        report: Callable[[str], None] = print,
    ) -> None:
        """Build a fresh network; torch's global generator is left as it was.

        Args:
            game: gives the shapes.
            network_config: kind and size.
            config: optimiser's settings.
            seed: of the first weights and of the batches drawn (``rng``).
            device: where to train, such as ``"cpu"`` or ``"cuda"``.
            report: told what the user should know.
        """
        self.game = game
        self.network_config = network_config
        self.config = config
        self.seed = seed
        self.steps = 0
        self.rows_trained = 0
        self.steps_since_publish = 0
        self._device = torch.device(device)
        self._report = report
        self._pieces = 1  # that the rows of a step are computed in
        self._spread = False
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(
                network_config,
                observation_shape=game.observation_shape,
                num_actions=game.num_actions,
                observation_scales=game.observation_scales,
            )
        # Channels last is what oneDNN and cuDNN compute in: 10 to 25 % faster, same results.
        self.network: Network = channels_last(network.to(self._device))
        self.average: Network = copy.deepcopy(self.network).eval().requires_grad_(False)
        self._named = dict(self.network.named_parameters())
        self._optimizer = _optimizer(self.network, config)
        self._bfloat16 = config.bfloat16 and _computes_bfloat16(self._device)
        self._forward: nn.Module = _Forward(self.network)
        if config.compile:
            self._forward.compile()

    def spread(self, parallel: Callable[[nn.Module], nn.Module]) -> None:
        """Let ``parallel`` wrap the forward pass, so that gradients are averaged over copies."""
        self._forward = parallel(self._forward)
        self._spread = True

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator for the next step's batch.

        It follows from the seed and the step alone: there is no generator state to save, and a
        batch may be drawn ahead of its step.
        """
        return np.random.default_rng([self.seed, self.steps])

    def train_step(
        self, batch: Batch, *, progress: float, rows: int | None = None
    ) -> dict[str, float]:
        """Take one step.

        Args:
            batch: rows to train on.
            progress: share of the run that is over, 0 to 1, for the learning rate.
            rows: of the whole step, where other copies train on the rest; None: those of the batch.

        Returns:
            Losses by name (see ``losses``), ``total`` (what was minimised), ``gradient_norm``
            before clipping, and ``learning_rate``.
        """
        rate = learning_rate(step=self.steps, progress=progress, config=self.config)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        said = self._gradients(batch)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient_norm)
        self._optimizer.step()
        self.steps += 1
        self.steps_since_publish += 1
        rows = rows or len(batch.planes)
        self.rows_trained += rows
        self._update_average(rows)
        return {
            **{name: float(term) for name, term in said.items()},
            "gradient_norm": float(norm),
            "learning_rate": rate,
        }

    def _gradients(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients of the mean loss over a batch, in as few pieces as the memory holds.

        Returns:
            Losses by name, ``total`` among them, detached.

        Raises:
            torch.OutOfMemoryError: a piece of two rows does not fit, or copies of the network wait
                for this one, which must not begin anew.
        """
        while True:
            self._optimizer.zero_grad(set_to_none=True)
            try:
                return self._accumulated(batch)
            except torch.OutOfMemoryError:
                if self._spread or len(batch.planes) < 4 * self._pieces:
                    raise
            # Outside the handler, whose traceback still holds what was allocated.
            self._pieces *= 2
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self._report(
                f"{self._device} was out of memory: the {len(batch.planes)} rows of a step are "
                f"computed in {self._pieces} pieces"
            )

    def _accumulated(self, batch: Batch) -> dict[str, Tensor]:
        """Gradients and losses, summed up over the pieces by their share of the rows."""
        rows = len(batch.planes)
        found: dict[str, Tensor] = {}
        for piece in np.array_split(np.arange(rows), self._pieces):
            part = _rows(batch, slice(piece[0], piece[-1] + 1))
            terms = self._losses(part)
            share = len(piece) / rows
            (terms["total"] * share).backward()
            for name, term in terms.items():
                found[name] = found.get(name, 0.0) + term.detach() * share
        return found

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of some rows, and ``total``, which is minimised."""
        planes = self._planes(batch.planes)
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bfloat16):
            policy_logits, outcome_logits, *owned = self._forward(
                planes, batch.ownership is not None
            )
        terms = losses(
            policy_logits,
            outcome_logits,
            actions=self._tensor(batch.actions).long(),
            policies=self._tensor(batch.policies),
            outcomes=self._tensor(batch.outcomes),
        )
        total = (
            self.config.policy_weight * terms["policy"] + self.config.value_weight * terms["value"]
        )
        if batch.ownership is not None:
            terms |= ownership_losses(
                *owned,
                owners=self._tensor(batch.ownership.owners),
                leads=self._tensor(batch.ownership.leads),
            )
            total = (
                total
                + self.config.ownership_weight * terms["ownership"]
                + self.config.lead_weight * terms["lead"]
            )
        return terms | {"total": total}

    def averaged_weights(self, window: ReplayWindow) -> dict[str, NDArray[Any]]:
        """State of the averaged network, as ``save_weights`` wants it.

        The statistics of its batch norms are measured on rows of the window: those of the trained
        network belong to other weights, and averages of statistics are not those of an average.
        """
        rng = self.rng
        batches = (
            self._planes(window.sample_planes(_STATISTICS_ROWS, rng))
            for _ in range(_STATISTICS_BATCHES)
        )
        update_bn(batches, self.average)
        self.average.eval()
        return _arrays(self.average)

    def state(self) -> TrainerState:
        """A copy of everything that training goes on from."""
        arrays = {_WEIGHTS + name: array for name, array in _arrays(self.network).items()}
        arrays |= {_AVERAGE + name: array for name, array in _arrays(self.average).items()}
        for name, parameter in self._named.items():
            for slot, value in self._optimizer.state[parameter].items():
                if isinstance(value, Tensor):
                    arrays[f"{_OPTIMIZER}{name}/{slot}"] = _array(value)
        facts = {
            "network": msgspec.to_builtins(self.network_config),
            "optimizer": self.config.optimizer,
            "steps": self.steps,
            "rows_trained": self.rows_trained,
            "seed": self.seed,
        }
        return TrainerState(arrays=arrays, facts=facts)

    def load_state(self, state: TrainerState) -> None:
        """Go on from ``state``: the next step is the one that would have followed it.

        Raises:
            WrongFormatError: the state is of another network or optimiser.
        """
        saved = (
            msgspec.convert(state.facts["network"], NetworkConfig),
            state.facts["optimizer"],
        )
        ours = (self.network_config, self.config.optimizer)
        if saved != ours:
            raise WrongFormatError(
                f"the snapshot was trained with {saved!r}, but the run is set to {ours!r}; "
                "keep the settings or start a new run"
            )
        _load(self.network, _under(_WEIGHTS, state.arrays))
        _load(self.average, _under(_AVERAGE, state.arrays))
        self._optimizer.state.clear()
        for path, array in _under(_OPTIMIZER, state.arrays).items():
            name, slot = path.rsplit("/", 1)
            parameter = self._named[name]
            value = torch.from_numpy(np.array(array)).to(self._device)
            if value.shape == parameter.shape:
                # The fused optimiser walks parameter and state in memory order: same layout.
                value = torch.empty_like(parameter, requires_grad=False).copy_(value)
            self._optimizer.state[parameter][slot] = value
        self.steps = state.facts["steps"]
        self.rows_trained = state.facts["rows_trained"]
        self.seed = state.facts["seed"]

    @torch.no_grad()
    def _update_average(self, rows: int) -> None:
        """Move the average towards the weights.

        The share kept grows from nothing to ``1 - rows / ema_rows``, so that the random first
        weights are forgotten at once.
        """
        kept = min(1 - rows / max(rows, self.config.ema_rows), self.steps / (10 + self.steps))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), 1 - kept
        )

    def _planes(self, planes: NDArray[np.uint8]) -> Tensor:
        return self._tensor(planes).contiguous(memory_format=torch.channels_last)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._device)


class _Forward(nn.Module):
    """The network's two ways forward as one call, which can be wrapped and compiled."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: Tensor, ownership: bool) -> tuple[Tensor, ...]:
        """What the heads say; those of ownership only where asked for."""
        if ownership:
            return self.network.forward_with_ownership(planes)
        heads: tuple[Tensor, ...] = self.network(planes)
        return heads


def _rows(batch: Batch, rows: slice) -> Batch:
    """Some rows of a batch."""
    owned = batch.ownership
    return Batch(
        planes=batch.planes[rows],
        actions=batch.actions[rows],
        policies=batch.policies[rows],
        outcomes=batch.outcomes[rows],
        ownership=None if owned is None else Ownership(owned.owners[rows], owned.leads[rows]),
    )


def _optimizer(network: nn.Module, config: LearningConfig) -> torch.optim.Optimizer:
    """Optimiser that decays matrices and kernels only: norms and biases have no scale to shrink."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 itself; emulated, it is slower than float32."""
    if device.type == "cuda":
        supported: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return supported
    if device.type != "cpu":
        return False
    return any(
        getattr(torch.cpu, name, lambda: False)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().contiguous().numpy().copy()


def _arrays(module: nn.Module) -> dict[str, NDArray[Any]]:
    return {name: _array(tensor) for name, tensor in module.state_dict().items()}


def _under(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _load(module: nn.Module, arrays: dict[str, NDArray[Any]]) -> None:
    module.load_state_dict(
        {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    )
