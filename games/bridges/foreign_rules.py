"""The rules of a foreign environment behind the seam that the rest of the project sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from games.authoring import mix
from games.bridges.replay import ACTION_TYPE, Position, Positions
from games.game import DRAW, LOSS, UNPROVEN, WIN, BatchedRules, States, state_dtype

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class ForeignRules(BatchedRules):
    """A state is the common header and the moves so far, so a copy of the record is a copy.

    Everything is asked of the environments, position by position, in Python: hundreds to thousands
    of times slower than compiled rules. ``prove`` therefore has a budget, and ``look_ahead``, which
    the search calls at every leaf, sees finished games alone.
    """

    def __init__(self, positions: Positions, *, max_plies: int, prove_positions: int) -> None:
        """Wrap.

        Args:
            positions: of the environment.
            max_plies: moves that a state has room for.
            prove_positions: budget of ``prove`` for one state; past it the answer is UNPROVEN.
        """
        self.positions = positions
        self.prove_positions = prove_positions
        self.state_dtype = state_dtype(("moves", ACTION_TYPE, (max_plies,)))

    def initial(self, count: int) -> States:
        """``count`` start positions."""
        states = np.zeros(count, self.state_dtype)
        for b in range(count):
            self._write(states, b, b"")
        return states

    def step(self, states: States, actions: NDArray[np.int32]) -> None:
        """Play ``actions[b]`` in ``states[b]``, in place."""
        for b, action in enumerate(actions.tolist()):
            self._write(states, b, moves_of(states[b]) + ACTION_TYPE.type(action).tobytes())

    def legal_actions(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> None:
        """Write each state's legal actions, ascending, and their number."""
        actions[:] = -1
        for b, state in enumerate(states):
            legal = self._at(state).legal
            counts[b] = len(legal)
            actions[b, : len(legal)] = legal

    def observe(self, states: States, planes: NDArray[np.uint8]) -> None:
        """Write observation planes from the view of the player to move."""
        for b, state in enumerate(states):
            planes[b] = self._at(state).planes

    def prove(self, states: States, plies: int, outcomes: NDArray[np.int8]) -> None:
        """Search ``plies`` half-moves, as far as the budget goes, for a settled result."""
        for b, state in enumerate(states):
            budget = [self.prove_positions]
            outcomes[b] = self._proven(moves_of(state), plies, budget)

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
        """Results of finished games; a longer look would cost more than the network."""
        self.prove(states, 0, outcomes)
        distances[:] = 0

    def play_out(self, states: States, rng: NDArray[np.uint64]) -> None:
        """Play uniformly random legal moves to the end of every game, in place."""

        def choose(legal: NDArray[np.int32]) -> int:
            rng[:] += _GOLDEN
            return int(legal[(int(mix(rng[0])) >> 32) * len(legal) >> 32])

        for b in range(len(states)):
            self._write(states, b, self.positions.play_out(moves_of(states[b]), choose))

    def _at(self, state: np.void) -> Position:
        return self.positions.at(moves_of(state))

    def _write(self, states: States, b: int, moves: bytes) -> None:
        """Make ``states[b]`` the position after ``moves``."""
        position = self.positions.at(moves)
        played = np.frombuffer(moves, ACTION_TYPE)
        state = states[b]  # a view
        state["key"] = position.key
        state["ply"] = len(played)
        state["to_play"] = position.to_play
        state["finished"] = position.finished
        state["returns"] = position.returns
        state["moves"][: len(played)] = played

    def _proven(self, moves: bytes, plies: int, budget: list[int]) -> int:
        """Exact result for the mover after ``moves``, or UNPROVEN; looked-at positions are paid."""
        position = self.positions.at(moves)
        if position.finished:
            return int(np.sign(position.returns[position.to_play]))
        if plies == 0:
            return UNPROVEN
        budget[0] -= len(position.legal)
        if budget[0] < 0:
            return UNPROVEN
        children = [moves + ACTION_TYPE.type(action).tobytes() for action in position.legal]
        best, some_unproven = LOSS, False
        # Those that end the game first: a win among them spares the search of the others.
        for depth in (0, plies - 1) if plies > 1 else (0,):
            best, some_unproven = LOSS, False
            for child in children:
                outcome = self._proven(child, depth, budget)
                if outcome == UNPROVEN:
                    some_unproven = True
                    continue
                if self.positions.at(child).to_play != position.to_play:
                    outcome = -outcome
                if outcome == WIN:
                    return WIN
                best = max(best, outcome)
        assert best in (DRAW, LOSS)
        return UNPROVEN if some_unproven else best


def moves_of(state: np.void) -> bytes:
    """The moves that lead to a state."""
    played: bytes = state["moves"][: state["ply"]].tobytes()
    return played
