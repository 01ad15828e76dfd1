"""A game without end whose positions, policies and values are tables, made from integers alone.

The same tables feed ``mctx_reference.py`` and our search, so their trees can be compared.
"""

from __future__ import annotations

import numpy as np

from engine.records import Evaluation
from games.game import BatchedRules, Game, Symmetries, state_dtype

NUM_ACTIONS = 5
NUM_POSITIONS = 20_011  # a prime: the children of the last positions wrap around to others


def tables(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``[N, A]`` in -2..2 and values for the mover ``[N]`` in -1..1."""
    generator = np.random.RandomState(seed)
    logits = generator.randint(-2000, 2001, (NUM_POSITIONS, NUM_ACTIONS)) / 1000.0
    logits += np.arange(NUM_ACTIONS) / 5000.0  # no two alike: mctx breaks ties at random
    values = generator.randint(-1000, 1001, NUM_POSITIONS) / 1000.0
    return logits.astype(np.float32), values.astype(np.float32)


def child_of(position, action):
    """Position after an action; also for arrays."""
    return (position * NUM_ACTIONS + action + 1) % NUM_POSITIONS


class TableRules(BatchedRules):
    state_dtype = state_dtype(("position", "<i8"))

    def initial(self, count):
        return np.zeros(count, self.state_dtype)

    def step(self, states, actions):
        states["position"] = child_of(states["position"], actions)
        states["key"] = states["position"]
        states["ply"] += 1
        states["to_play"] = 1 - states["to_play"]

    def legal_actions(self, states, actions, counts):
        actions[:] = np.arange(NUM_ACTIONS)
        counts[:] = NUM_ACTIONS

    def observe(self, states, planes):
        raise NotImplementedError

    def prove(self, states, plies, outcomes):
        outcomes[:] = 2

    def play_out(self, states, rng):
        raise NotImplementedError


class TableEvaluator:
    def __init__(self, seed: int) -> None:
        self.logits, self.values = tables(seed)

    def evaluate(self, states, actions, counts):
        value_for_mover = self.values[states["position"]]
        values = np.stack([value_for_mover, -value_for_mover], 1)
        values[states["to_play"] == 1] *= -1
        return Evaluation(
            policy_logits=np.ascontiguousarray(self.logits[states["position"]]),
            values=np.ascontiguousarray(values),
            draws=np.zeros(len(states), np.float32),
        )


def make_game(rules: BatchedRules, *, num_actions: int, max_plies: int, name: str) -> Game:
    """A ``Game`` around test rules; it has nothing that a person would look at."""
    return Game(
        id=name,
        name=name,
        parameters={},
        source_hash="",
        num_actions=num_actions,
        max_legal=num_actions,
        max_plies=max_plies,
        observation_shape=(1, 1, 1),
        observation_scales=np.ones(1, np.float32),
        rules=rules,
        symmetries=Symmetries(np.zeros((1, 1), np.int32), np.arange(num_actions)[None]),
        action_to_text=lambda state, action: str(action),
        text_to_action=lambda state, text: int(text),
        state_to_text=lambda state: "",
        text_to_state=lambda text: rules.initial(1)[0],
        board_view=lambda state: None,
    )


def table_game() -> Game:
    return make_game(TableRules(), num_actions=NUM_ACTIONS, max_plies=2000, name="table")
