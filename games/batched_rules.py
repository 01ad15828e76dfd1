"""The kernels of a compiled game behind the seam that the rest of the project sees."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.game import BatchedRules, GameError, States


class CompiledRules(BatchedRules):
    """Rules whose loops were compiled together with the game's own functions.

    Arrays must be contiguous. States that are not, or that are read-only (memory maps, buffers
    from elsewhere), are copied by the methods that do not change them.
    """

    def __init__(self, module: ModuleType) -> None:
        self.state_dtype = module.STATE
        self.settles_in_two = module.SETTLES_IN_TWO
        self._initial = module.batched_initial
        self._step = module.batched_step
        self._legal_actions = module.batched_legal_actions
        self._observe = module.batched_observe
        self._prove = module.batched_prove
        self._look_ahead = module.batched_look_ahead
        self._arrive = module.batched_arrive
        self._settle_moves = module.batched_settle_moves
        self._endgame_plies = int(module.ENDGAME_PLIES)
        self._max_plies = int(module.MAX_PLIES)
        self._play_out = module.batched_play_out
        self._final_ownership = getattr(module, "batched_final_ownership", None)

    # The methods below are called for every position of a search, so nothing is checked before
    # the kernel has refused the types (which costs it nothing: it looks at them anyway).

    def initial(self, count: int) -> States:
        """``count`` start positions."""
        states = np.zeros(count, self.state_dtype)
        self._initial(states)
        return states

    def step(self, states: States, actions: NDArray[np.int32]) -> None:
        """Play ``actions[b]`` in ``states[b]``, in place."""
        try:
            self._step(states, actions)
        except TypeError as error:
            raise self._refused("step", states, actions) from error

    def legal_actions(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> None:
        """Write each state's legal actions, ascending, and their number."""
        try:
            self._legal_actions(states, actions, counts)
        except TypeError:
            self._run_on_copy("legal_actions", self._legal_actions, states, actions, counts)

    def observe(self, states: States, planes: NDArray[np.uint8]) -> None:
        """Write observation planes from the view of the player to move."""
        try:
            self._observe(states, planes)
        except TypeError:
            self._run_on_copy("observe", self._observe, states, planes)

    def prove(self, states: States, plies: int, outcomes: NDArray[np.int8]) -> None:
        """Search ``plies`` half-moves exhaustively for a settled result."""
        try:
            self._prove(states, plies, outcomes)
        except TypeError:
            self._run_on_copy("prove", self._prove, states, plies, outcomes)

    def ending_reach(self, nodes: int) -> int:
        """The game's ``ENDGAME_PLIES`` with 2,000 nodes; three plies more for ten times as many."""
        if not nodes or not self._endgame_plies:
            return 0
        reach = self._endgame_plies + round(3 * math.log10(nodes / 2_000))
        return min(max(reach, 0), self._max_plies)

    def look_ahead(
        self,
        states: States,
        plies: int,
        nodes: int,
        reach: int,
        tables: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
        distances: NDArray[np.int32],
    ) -> None:
        """As ``prove``; where at most ``reach`` plies are left, to the end by alpha-beta."""
        others = plies, nodes, reach, tables, rows, outcomes, distances
        try:
            self._look_ahead(states, *others)
        except TypeError:
            self._run_on_copy("look_ahead", self._look_ahead, states, *others)

    def arrive(
        self,
        states: States,
        actions: NDArray[np.int32],
        plies: int,
        nodes: int,
        reach: int,
        tables: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
        distances: NDArray[np.int32],
        legal: NDArray[np.int32],
        counts: NDArray[np.int32],
    ) -> None:
        """``step``, ``look_ahead`` and ``legal_actions`` of what is not settled, in one call."""
        others = plies, nodes, reach, tables, rows, outcomes, distances, legal, counts
        try:
            self._arrive(states, actions, *others)
        except TypeError as error:
            raise self._refused("arrive", states, actions, *others) from error

    def settle_moves(
        self,
        states: States,
        movers: NDArray[np.int8],
        nodes: int,
        reach: int,
        table: NDArray[np.uint64],
        rows: NDArray[np.int32],
        outcomes: NDArray[np.int8],
    ) -> None:
        """Search the positions after all moves of some roots to the end by alpha-beta."""
        others = movers, nodes, reach, table, rows, outcomes
        try:
            self._settle_moves(states, *others)
        except TypeError:
            self._run_on_copy("settle_moves", self._settle_moves, states, *others)

    @property
    def has_ownership(self) -> bool:
        """Whether points of the board belong to players at the end."""
        return self._final_ownership is not None

    def final_ownership(
        self, states: States, owners: NDArray[np.int8], leads: NDArray[np.float32]
    ) -> None:
        """Write whose each point is if the games ended here, and the points of the lead."""
        if self._final_ownership is None:
            super().final_ownership(states, owners, leads)
            return
        try:
            self._final_ownership(states, owners, leads)
        except TypeError:
            self._run_on_copy("final_ownership", self._final_ownership, states, owners, leads)

    def play_out(self, states: States, rng: NDArray[np.uint64]) -> None:
        """Play uniformly random legal moves to the end of every game, in place."""
        try:
            self._play_out(states, rng)
        except TypeError as error:
            raise self._refused("play_out", states, rng) from error

    def _run_on_copy(
        self, name: str, kernel: Callable[..., None], states: States, *others: Any
    ) -> None:
        """Run a kernel that leaves states alone on a contiguous, writable copy of them."""
        try:
            kernel(np.array(states, self.state_dtype, order="C"), *others)
        except TypeError as error:
            raise self._refused(name, states, *others) from error

    def _refused(self, name: str, *arguments: Any) -> GameError:
        """What was wrong with the arguments of a call that no kernel takes."""
        given = ", ".join(
            f"{a.dtype if a.dtype.names is None else 'record'}{list(a.shape)}"
            f"{'' if a.flags.c_contiguous else ' not contiguous'}"
            f"{'' if a.flags.writeable else ' read-only'}"
            if isinstance(a, np.ndarray)
            else repr(a)
            for a in arguments
        )
        return GameError(
            f"{name} needs contiguous, writable arrays of this game's state records and of the "
            f"dtypes that BatchedRules names; given: {given}"
        )
