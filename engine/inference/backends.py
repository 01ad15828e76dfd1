"""Choosing what runs a network: the fastest backend whose answers agree with float32 PyTorch.

From fast to exact: OpenVINO 8-bit, OpenVINO bfloat16, OpenVINO float32; without OpenVINO, PyTorch
bfloat16 and PyTorch float32. Every step down is said in one sentence.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.inference.compare import Agreement, Tolerance, compare, exceeded
from engine.inference.torch_backend import TorchBackend, has_fast_bf16
from engine.networks.network import Network

Precision = Literal["int8", "bf16", "float32"]
Runtime = Literal["openvino", "torch"]

DEFAULT_TOLERANCE = Tolerance()

log = logging.getLogger(__name__)


class Backend(Protocol):
    """Evaluates batches of observation planes with one fixed network.

    Attributes:
        name: runtime and precision, for people.
        max_batch: largest number of positions of one call.
    """

    name: str
    max_batch: int

    def run(
        self,
        planes: NDArray[np.uint8],
        policy_logits_out: NDArray[np.float32],
        outcome_probs_out: NDArray[np.float32],
    ) -> None:
        """Evaluates n positions; n may differ from call to call, from 1 to ``max_batch``.

        Trusts: shapes and dtypes are right. Not for two threads at once.

        Args:
            planes: observations ``[n, C, H, W]``, contiguous.
            policy_logits_out: ``[n, A]``, overwritten; illegal actions included.
            outcome_probs_out: ``[n, 3]``, overwritten with the probabilities of win, draw and loss
                for the player to move.
        """
        ...

    def another(self) -> Backend:
        """The same network for another thread."""
        ...


class BackendUnavailableError(RuntimeError):
    """A backend cannot run here, or its answers differ too much; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class BackendReport:
    """How a backend was chosen.

    Attributes:
        runtime: what runs the network.
        precision: of the convolutions.
        agreement: with float32 PyTorch; None without sample positions, or where it is the
            reference itself.
        fallbacks: one sentence for each faster backend that was passed over.
        seconds: time from the network to a backend ready to run.
    """

    runtime: Runtime
    precision: Precision
    agreement: Agreement | None
    fallbacks: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend and how it was chosen."""

    backend: Backend
    report: BackendReport

    @property
    def sentence(self) -> str:
        """What a user should know; empty if the first choice works."""
        if not self.report.fallbacks:
            return ""
        return f"{'; '.join(self.report.fallbacks)}; using {self.backend.name} instead"


def limit_threads(threads: int) -> None:
    """Limits PyTorch to ``threads`` threads in this process; a worker calls it once, first.

    Two workers with two threads each on two cores run tens of times slower than with one.
    """
    torch.set_num_threads(threads)


def make_backend(
    network: Network,
    *,
    max_batch: int,
    precision: Literal["auto"] | Precision = "auto",
    runtime: Literal["auto"] | Runtime = "auto",
    threads: int = 1,
    calibration_planes: NDArray[np.uint8] | None = None,
    calibration_legal: NDArray[np.bool_] | None = None,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
) -> BackendChoice:
    """Builds the fastest backend that this machine runs and that agrees with float32 PyTorch.

    Even sample rows set the ranges of 8-bit inference, odd rows check the answers, so that no
    backend is judged by the positions it was fitted to.

    Args:
        network: weights to run; in training or evaluation mode, left untouched.
        max_batch: largest number of positions of one call.
        precision: one precision, or ``auto``, which falls back from fast to exact.
        runtime: one runtime, or ``auto``, which prefers OpenVINO.
        threads: threads of one call in OpenVINO; for PyTorch see ``limit_threads``.
        calibration_planes: sample observations ``[S, C, H, W]`` uint8, a few hundred positions as
            they occur in play. None leaves only float32, because nothing else can be checked.
        calibration_legal: legal actions ``[S, A]`` of the samples; None compares all actions.
        tolerance: largest differences to accept.

    Returns:
        The backend, and the report with the sentences that were also logged as warnings.

    Raises:
        BackendUnavailableError: what was asked for by name cannot run here or disagrees.
        ValueError: the samples do not fit the network, or ``max_batch`` is not positive.
    """
    started = time.perf_counter()
    if max_batch < 1:
        raise ValueError(f"max_batch is {max_batch!r}; expected at least 1")
    samples = _prepare_samples(network, calibration_planes, calibration_legal)
    fallbacks: list[str] = []
    for candidate in _candidates(runtime, precision):
        try:
            backend = _build(
                network, candidate, samples=samples, max_batch=max_batch, threads=threads
            )
            agreement = _agreement(backend, candidate, samples=samples, tolerance=tolerance)
        except BackendUnavailableError as error:
            # One cause can rule out several candidates; it is said once.
            if str(error) not in fallbacks:
                fallbacks.append(str(error))
            continue
        report = BackendReport(
            runtime=candidate.runtime,
            precision=candidate.precision,
            agreement=agreement,
            fallbacks=tuple(fallbacks),
            seconds=time.perf_counter() - started,
        )
        choice = BackendChoice(backend, report)
        if choice.sentence:
            log.warning(choice.sentence)
        return choice
    raise BackendUnavailableError("; ".join(fallbacks))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A backend to try."""

    runtime: Runtime
    precision: Precision


@dataclass(frozen=True, slots=True)
class _Samples:
    """Sample positions, split, with the reference's answers to the second part."""

    calibration: NDArray[np.uint8]  # [S/2, C, H, W]
    check: NDArray[np.uint8]  # [S/2, C, H, W]
    check_legal: NDArray[np.bool_] | None  # [S/2, A]
    reference: tuple[NDArray[np.float32], NDArray[np.float32]]  # policy logits, outcomes of check


# From fast to exact.
_CANDIDATES = (
    _Candidate("openvino", "int8"),
    _Candidate("openvino", "bf16"),
    _Candidate("openvino", "float32"),
    _Candidate("torch", "bf16"),
    _Candidate("torch", "float32"),
)


def _candidates(
    runtime: Literal["auto"] | Runtime, precision: Literal["auto"] | Precision
) -> list[_Candidate]:
    """What the user's choice leaves, from fast to exact."""
    chosen = [
        candidate
        for candidate in _CANDIDATES
        if runtime in ("auto", candidate.runtime) and precision in ("auto", candidate.precision)
    ]
    if not chosen:
        raise BackendUnavailableError(f"{runtime} has no {precision} inference; openvino has")
    return chosen


def _prepare_samples(
    network: Network, planes: NDArray[np.uint8] | None, legal: NDArray[np.bool_] | None
) -> _Samples | None:
    """Checks and splits the samples, and asks the reference about the second part."""
    if planes is None:
        return None
    if planes.dtype != np.uint8 or planes.shape[1:] != network.observation_shape or len(planes) < 2:
        raise ValueError(
            f"calibration_planes are {planes.dtype} {planes.shape!r}; expected at least two rows "
            f"of uint8 {network.observation_shape!r}"
        )
    if legal is not None and legal.shape != (len(planes), network.num_actions):
        raise ValueError(
            f"calibration_legal has shape {legal.shape!r}; "
            f"expected {(len(planes), network.num_actions)!r}"
        )
    check = np.ascontiguousarray(planes[1::2])
    return _Samples(
        calibration=np.ascontiguousarray(planes[::2]),
        check=check,
        check_legal=None if legal is None else legal[1::2],
        reference=_answers(TorchBackend(network, max_batch=len(check)), check, network.num_actions),
    )


def _build(
    network: Network,
    candidate: _Candidate,
    *,
    samples: _Samples | None,
    max_batch: int,
    threads: int,
) -> Backend:
    """Builds one candidate, or says why it cannot run here."""
    if samples is None and candidate.precision != "float32":
        raise BackendUnavailableError(
            "int8 and bf16 inference need sample positions, and no calibration_planes were given"
        )
    if candidate.runtime == "torch":
        if candidate.precision == "float32":
            return TorchBackend(network, max_batch=max_batch)
        if not has_fast_bf16():
            raise BackendUnavailableError("PyTorch has no fast bf16 on this processor")
        return TorchBackend(network, max_batch=max_batch, dtype=torch.bfloat16)
    try:
        # Imported here: OpenVINO is not published for every platform.
        from engine.inference.openvino_backend import OpenVinoBackend, capabilities
    except ImportError as error:
        raise BackendUnavailableError(f"OpenVINO cannot be imported ({error})") from error
    if candidate.precision != "float32" and candidate.precision.upper() not in capabilities():
        raise BackendUnavailableError(
            f"OpenVINO has no {candidate.precision} instructions on this processor"
        )
    try:
        return OpenVinoBackend(
            network,
            max_batch=max_batch,
            precision=candidate.precision,
            threads=threads,
            calibration_planes=None if samples is None else samples.calibration,
        )
    except (NotImplementedError, RuntimeError) as error:
        # The first line: OpenVINO appends its own source files and call stack.
        reason = str(error).strip().splitlines()[0]
        raise BackendUnavailableError(f"OpenVINO cannot run this network ({reason})") from error


def _agreement(
    backend: Backend, candidate: _Candidate, *, samples: _Samples | None, tolerance: Tolerance
) -> Agreement | None:
    """Compares a candidate with the reference; raises if it is out of tolerance."""
    if samples is None or candidate == _CANDIDATES[-1]:
        return None
    answers = _answers(backend, samples.check, samples.reference[0].shape[1])
    agreement = compare(samples.reference, answers, legal=samples.check_legal)
    if broken := exceeded(agreement, tolerance):
        raise BackendUnavailableError(f"{backend.name} disagrees with float32: {broken}")
    return agreement


def _answers(
    backend: Backend, planes: NDArray[np.uint8], num_actions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Policy logits ``[B, A]`` and outcome probabilities ``[B, 3]`` of any number of positions."""
    policy_logits = np.empty((len(planes), num_actions), dtype=np.float32)
    outcome_probs = np.empty((len(planes), 3), dtype=np.float32)
    for start in range(0, len(planes), backend.max_batch):
        rows = slice(start, start + backend.max_batch)
        backend.run(planes[rows], policy_logits[rows], outcome_probs[rows])
    return policy_logits, outcome_probs
