"""What a game lets the rest of the project do: search finds its wins, a network learns its rows."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from engine.preflight.sample import Games, LawBroken, legal_of, planes_of, raise_at
from engine.records import Evaluation
from engine.search.config import PuctConfig, SearchConfig
from engine.search.search import Search
from games.game import NUM_PLAYERS, UNPROVEN, WIN, Game, States

_WINS = 40  # positions that are searched
_WINS_SECONDS = 5.0  # of a core, spent on looking for them
_ROWS = 128  # of the batch that is learnt by heart
_ROW_SIMULATIONS = 64
_MOST_STEPS = 1500
_LEARN_SECONDS = 30.0  # of a core
_LEARNT = 0.05  # nats above the entropy of the targets


class _ExactEvaluator:
    """All moves alike; a value only where two plies of exhaustive search settle the result."""

    def __init__(self, game: Game) -> None:
        self._game = game

    def evaluate(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> Evaluation:
        """Judge positions; see ``Evaluator``."""
        batch = len(states)
        outcomes = np.empty(batch, np.int8)
        self._game.rules.prove(states, 2, outcomes)
        known = np.where(outcomes == UNPROVEN, 0, outcomes).astype(np.float32)
        values = np.zeros((batch, NUM_PLAYERS), np.float32)
        movers = states["to_play"].astype(np.int64)
        values[np.arange(batch), movers] = known
        values[np.arange(batch), 1 - movers] = -known
        return Evaluation(
            policy_logits=np.zeros((batch, self._game.max_legal), np.float32),
            values=values,
            draws=(outcomes == 0).astype(np.float32),
        )


def wins_in_three(games: Games) -> NDArray[np.int64]:
    """Rows of positions in which three plies of exhaustive search win, and one does not."""
    rules = games.game.rules
    found: list[int] = []
    one, three = np.empty(1, np.int8), np.empty(1, np.int8)
    begin = time.process_time()
    rows = np.flatnonzero(~games.states["finished"])
    for row in np.random.default_rng(2).permutation(rows):
        if len(found) == _WINS or time.process_time() - begin > _WINS_SECONDS:
            break
        state = games.states[row : row + 1]
        rules.prove(state, 1, one)
        if one[0] == UNPROVEN:
            rules.prove(state, 3, three)
            if three[0] == WIN:
                found.append(int(row))
    return np.array(sorted(found), np.int64)


def search_finds_wins(games: Games) -> str:
    """A search with exact values finds wins that exhaustive search finds in three plies.

    Returns:
        What was searched, for people.

    Raises:
        LawBroken: a position in which the search does not play a winning move.
    """
    game = games.game
    rows = wins_in_three(games)
    if not len(rows):
        return "no win in three plies came up in random games"
    simulations = max(300, 3 * game.max_legal)
    search = Search(
        game,
        _ExactEvaluator(game),
        SearchConfig(
            algorithm="puct",
            simulations=simulations,
            prove_plies=1,  # so that a reply is refuted at once and its exact value stays
            puct=PuctConfig(first_play_reduction=0.0),  # every move is tried before any is again
        ),
        num_trees=len(rows),
    )
    states = np.ascontiguousarray(games.states[rows])
    search.set_roots(states)
    result = search.run()
    after = states.copy()
    game.rules.step(after, result.best_actions)
    outcomes = np.empty(len(rows), np.int8)
    game.rules.prove(after, 2, outcomes)
    same = after["to_play"] == states["to_play"]
    won = (outcomes != UNPROVEN) & (np.where(same, outcomes, -outcomes) == WIN)
    # A longer way may win too; values are exact, so a high one means that it mostly does.
    movers = states["to_play"].astype(np.int64)
    won |= (result.proven == WIN) | (result.values[np.arange(len(rows)), movers] > 0.5)
    for b in np.flatnonzero(~won):
        move = game.action_to_text(states[b], int(result.best_actions[b]))
        raise_at(
            games,
            int(rows[b]),
            f"a search of {simulations} simulations with exact values finds the win in three plies",
            f"it plays {move}, which does not win",
            hint="prove() and the search disagree about who wins: look at to_play and returns in "
            "step(), and at settled_in_two()",
            functions=("step", "settled_in_two"),
        )
    return f"{len(rows)} of {len(rows)} with {simulations} simulations"


def batch_can_be_learnt(games: Games) -> str:
    """A small network learns one batch of real rows by heart.

    The rows are positions of random games, the policies those of a search that knows nothing but
    the rules, the outcomes those of the games.

    Returns:
        How far the loss fell, for people.

    Raises:
        LawBroken: the policy loss stays above its entropy.
    """
    import torch

    from engine.learning.config import LearningConfig
    from engine.learning.replay import Batch
    from engine.learning.trainer import Trainer
    from engine.networks.config import NetworkConfig

    game = games.game
    rows = _rows_to_learn(games)
    states = np.ascontiguousarray(games.states[rows])
    actions, policies = _searched(game, states)
    planes = np.empty((len(rows), *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    batch = Batch(
        planes=planes, actions=actions, policies=policies, outcomes=_outcomes(games, rows)
    )
    trainer = Trainer(
        game,
        network_config=NetworkConfig(kind="perceptron", hidden=(128, 128)),
        config=LearningConfig(
            batch_rows=len(rows), learning_rate=3e-3, warmup_steps=20, weight_decay=0, ema_rows=0
        ),
        seed=1,
    )
    threads = torch.get_num_threads()
    begin = time.process_time()
    try:
        torch.set_num_threads(1)
        first = said = trainer.train_step(batch, progress=0.0)
        while max(said["policy_kl"], said["value_kl"]) > _LEARNT:
            if trainer.steps >= _MOST_STEPS or time.process_time() - begin > _LEARN_SECONDS:
                break
            said = trainer.train_step(batch, progress=0.0)
    finally:
        torch.set_num_threads(threads)
    for name, what in (("policy_kl", "policy"), ("value_kl", "outcome")):
        if not said[name] <= max(_LEARNT, 0.1 * first[name]):
            raise LawBroken(
                f"{len(rows)} rows are learnt by heart: the {what} loss falls to its entropy",
                f"after {trainer.steps} steps it is {said[name]:.3f} nats above it "
                f"(at first {first[name]:.3f})",
                hint="planes that hide what decides (compare the positions that look alike), or "
                "OBSERVATION_SCALES that make them vanish",
                functions=("observe", "OBSERVATION_SCALES"),
            )
    return (
        f"{len(rows)} rows in {trainer.steps} steps: policy loss above its entropy "
        f"{first['policy_kl']:.2f} -> {said['policy_kl']:.2f}, outcome "
        f"{first['value_kl']:.2f} -> {said['value_kl']:.2f} nats"
    )


def _rows_to_learn(games: Games) -> NDArray[np.int64]:
    """Open positions with a choice, each once, of games that were played to the end."""
    ended = set(games.number[games.states["finished"]].tolist())
    rows = np.flatnonzero(games.open & np.isin(games.number, sorted(ended)))
    _, counts = legal_of(games.game, games.states[rows])
    rows = rows[counts > 1]
    _, first = np.unique(games.states["key"][rows], return_index=True)
    rows = _seen_by_one_player(games, rows[np.sort(first)])
    if len(rows) < 2:
        raise LawBroken(
            "random games have positions in which there is a choice",
            f"{len(rows)} of {len(games)}",
            hint="a game in which every move is forced cannot be learnt",
            functions=("legal_actions",),
        )
    chosen = np.random.default_rng(3).choice(len(rows), min(_ROWS, len(rows)), replace=False)
    return rows[np.sort(chosen)]


def _seen_by_one_player(games: Games, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows without those that looked the same to the other player before.

    Where both sides have the same rules, two positions may look alike; their games, which random
    moves decided, may not end alike, and nobody can learn both by heart.
    """
    movers = games.states["to_play"]
    first: dict[bytes, int] = {}
    looks = [planes.tobytes() for planes in planes_of(games.game, games.states[rows])]
    kept = [
        first.setdefault(look, int(movers[row])) == movers[row]
        for look, row in zip(looks, rows, strict=True)
    ]
    return rows[np.array(kept, np.bool_)]


def _searched(game: Game, states: States) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Legal actions and policies ``[B, K]`` by a search that knows nothing but the rules."""
    from engine.inference.uniform import UniformEvaluator

    search = Search(
        game,
        UniformEvaluator(game),
        SearchConfig(algorithm="puct", simulations=_ROW_SIMULATIONS),
        num_trees=len(states),
    )
    search.set_roots(states)
    result = search.run()
    return result.actions, result.policies


def _outcomes(games: Games, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Win, draw, loss ``[B, 3]`` of each row's game for the player to move."""
    results = {
        int(games.number[row]): games.states["returns"][row]
        for row in np.flatnonzero(games.states["finished"])
    }
    targets = np.zeros((len(rows), 3), np.float32)
    for b, row in enumerate(rows):
        result = results[int(games.number[row])][int(games.states["to_play"][row])]
        targets[b, 1 - int(np.sign(result))] = 1.0
    return targets
