"""A pile game in which a player may move twice in a row, and its exact solution.

Take 1, 2 or 3 from a pile; who takes the last one wins. Taking exactly 2 while the pile is a
multiple of 3 gives the same player another move, so nothing alternates.
"""

from __future__ import annotations

import functools

import numpy as np
from table_game import make_game

from games.game import UNPROVEN, BatchedRules, Game, state_dtype

START = 13


def again(pile: int, taken: int) -> bool:
    """Whether the mover goes on."""
    return taken == 2 and pile % 3 == 0


@functools.cache
def exact(pile: int) -> int:
    """Result for the player to move under best play."""
    results = []
    for taken in range(1, min(3, pile) + 1):
        left = pile - taken
        if left == 0:
            results.append(1)
        else:
            results.append(exact(left) if again(pile, taken) else -exact(left))
    return max(results)


class DoubleMoveRules(BatchedRules):
    state_dtype = state_dtype(("pile", "<i8"))

    def initial(self, count):
        states = np.zeros(count, self.state_dtype)
        states["pile"] = START
        states["key"] = START
        return states

    def step(self, states, actions):
        for state, action in zip(states, actions, strict=True):
            taken = int(action) + 1
            pile = int(state["pile"])
            mover = int(state["to_play"])
            state["pile"] = pile - taken
            state["ply"] += 1
            if pile == taken:
                state["finished"] = True
                state["returns"][mover] = 1
                state["returns"][1 - mover] = -1
            elif not again(pile, taken):
                state["to_play"] = 1 - mover
            state["key"] = int(state["pile"]) * 2 + int(state["to_play"]) + 1

    def legal_actions(self, states, actions, counts):
        actions[:] = -1
        for b, state in enumerate(states):
            counts[b] = 0 if state["finished"] else min(3, state["pile"])
            actions[b, : counts[b]] = np.arange(counts[b])

    def observe(self, states, planes):
        raise NotImplementedError

    def prove(self, states, plies, outcomes):
        outcomes[:] = UNPROVEN
        for b in np.flatnonzero(states["finished"]):
            outcomes[b] = np.int8(states[b]["returns"][states[b]["to_play"]])

    def play_out(self, states, rng):
        for b in range(len(states)):
            while not states[b]["finished"]:
                rng[0] = rng[0] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                most = min(3, int(states[b]["pile"]))
                self.step(states[b : b + 1], [int(rng[0] >> np.uint64(33)) % most])


def double_move_game() -> Game:
    return make_game(DoubleMoveRules(), num_actions=3, max_plies=START, name="double_move")
