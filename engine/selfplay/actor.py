"""Many games in lockstep against oneself; finished games leave as episodes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.records import ITSELF, Episode, SearchResult
from engine.search.search import Search
from engine.seeds import stream_seed
from engine.selfplay.config import SelfPlayConfig
from games.game import UNPROVEN, Game, States


@dataclass(slots=True)
class ActorCounters:
    """Running totals of one actor."""

    games: int = 0
    plies: int = 0
    simulations: int = 0
    proven_endings: int = 0


@dataclass(slots=True)
class _Row:
    """What one ply leaves for its episode."""

    state: np.void
    action: int
    best_action: int
    legal: NDArray[np.int32]
    policy: NDArray[np.float32]
    values: NDArray[np.float32]
    draw: float
    proven: int
    weight: float


@dataclass(slots=True)
class GameRecord:
    """One game in flight."""

    id: str
    seed: int
    play_on: bool
    opponent: int = ITSELF  # see ``Episode``
    learner: int = ITSELF
    rows: list[_Row] = field(default_factory=list)


class Actor:
    """Plays ``config.games`` games at once with one search.

    Each game has its own random stream, so its course depends on its id and on the weights, and
    not on the games beside it.
    """

    def __init__(
        self,
        game: Game,
        search: Search,
        *,
        config: SelfPlayConfig,
        simulations: int,
        name: str,
        seed: int,
        settings: int = 0,
    ) -> None:
        """Set up every game at its opening.

        Args:
            game: what is played.
            search: with ``config.games`` trees over an evaluator of the same game.
            config: see ``SelfPlayConfig``.
            simulations: budget of a full search.
            name: prefix of the episode ids; unique in the run, also over restarts.
            seed: root seed of the run.
            settings: hash of the run's settings; a stamp on every episode.
        """
        self.game = game
        self.search = search
        self.config = config
        self.simulations = simulations
        self.name = name
        self.seed = seed
        self.settings = settings
        self.counters = ActorCounters()
        self._started = 0
        self._rng = np.random.default_rng(stream_seed(seed, "actor", name))
        self._states = game.rules.initial(config.games)
        self._records = [self._open(row) for row in range(config.games)]
        self._set_roots(self._states, np.arange(config.games))

    def play_ply(self, *, weights_version: int) -> list[Episode]:
        """Search and play one ply in every game; returns the episodes that it finished."""
        games = self.config.games
        full = self._rng.random(games) < self.config.full_share
        budgets = np.where(full, self.simulations, self.config.fast_simulations).astype(np.int32)
        result = self.search.run(budgets, full)
        self.counters.simulations += int(result.simulations.sum())
        return self._play(result, self._choose(result), full, weights_version)

    def _play(
        self,
        result: SearchResult,
        actions: NDArray[np.int32],
        trained: NDArray[np.bool_],
        weights_version: int,
    ) -> list[Episode]:
        """Record a ply of every game and play it; returns the episodes that it finished.

        Args:
            result: what the search says of every position.
            actions: to play.
            trained: which plies are learned from.
            weights_version: see ``play_ply``.
        """
        weights = trained.astype(np.float32)
        for row, record in enumerate(self._records):
            count = int(result.counts[row])
            record.rows.append(
                _Row(
                    state=self._states[row].copy(),
                    action=int(actions[row]),
                    best_action=int(result.best_actions[row]),
                    legal=result.actions[row, :count].copy(),
                    policy=result.policies[row, :count].copy(),
                    values=result.values[row].copy(),
                    draw=float(result.draws[row]),
                    proven=int(result.proven[row]),
                    weight=float(weights[row]),
                )
            )
        self.counters.plies += len(actions)
        self._advance(actions)
        self.game.rules.step(self._states, actions)
        return self._finish(result.proven, weights_version)

    def _choose(
        self, result: SearchResult, rows: NDArray[np.bool_] | bool = True
    ) -> NDArray[np.int32]:
        """The search's own choice, or a draw from its policy in the first plies of ``rows``."""
        actions = result.sampled_actions.astype(np.int32)
        early = (self._states["ply"] < self.config.sampled_plies) & rows
        for row in np.flatnonzero(early & (result.proven == UNPROVEN)):
            count = int(result.counts[row])
            policy = result.policies[row, :count].astype(np.float64)
            slot = self._rng.choice(count, p=policy / policy.sum())
            actions[row] = result.actions[row, slot]
        return actions

    def _finish(self, proven: NDArray[np.int8], weights_version: int) -> list[Episode]:
        """Close the games that are over or settled, and start others in their rows."""
        episodes = []
        ended = []
        for row, record in enumerate(self._records):
            state = self._states[row]
            if state["finished"]:
                returns = state["returns"].copy()
            elif proven[row] != UNPROVEN and not record.play_on:
                mover = int(record.rows[-1].state["to_play"])
                returns = np.full(2, -proven[row], np.float32)
                returns[mover] = proven[row]
                self.counters.proven_endings += 1
            else:
                continue
            episodes.append(self._episode(record, returns, weights_version))
            self._states[row] = self.game.rules.initial(1)[0]
            self._records[row] = self._open(row)
            ended.append(row)
        if ended:
            rows = np.array(ended, np.int64)
            self._set_roots(self._states[rows], rows)
            self.counters.games += len(ended)
        return episodes

    def _advance(self, actions: NDArray[np.int32]) -> None:
        """Let every tree follow its game."""
        self.search.advance(actions)

    def _set_roots(self, states: States, rows: NDArray[np.int64]) -> None:
        """Begin the trees of games that have just been opened."""
        self.search.set_roots(states, rows)

    def _open(self, row: int) -> GameRecord:
        """Begin the next game in ``row``: a random opening, never one that ends the game."""
        number = self._started
        self._started += 1
        seed = stream_seed(self.seed, "game", self.name, number)
        rng = np.random.default_rng(seed)
        record = GameRecord(
            id=f"{self.name}-{number}", seed=seed, play_on=rng.random() < self.config.play_on_share
        )
        if rng.random() < self.config.opening_share:
            plies = int(rng.integers(0, self.config.opening_plies + 1))
            opening = self.game.rules.initial(1)
            for _ in range(plies):
                action = rng.choice(self.game.legal(opening[0]))
                self.game.rules.step(opening, np.array([action], np.int32))
                if opening[0]["finished"]:
                    return record  # from the start position instead
            self._states[row] = opening[0]
        return record

    def _episode(self, record: GameRecord, returns: NDArray[np.float32], version: int) -> Episode:
        rows = record.rows
        return Episode(
            id=record.id,
            game_id=self.game.id,
            states=np.array([row.state for row in rows], self.game.state_dtype),
            actions=np.array([row.action for row in rows], np.int32),
            best_actions=np.array([row.best_action for row in rows], np.int32),
            offsets=np.cumsum([0, *(len(row.legal) for row in rows)]).astype(np.int32),
            legal=np.concatenate([row.legal for row in rows]),
            policies=np.concatenate([row.policy for row in rows]),
            values=np.array([row.values for row in rows], np.float32),
            draws=np.array([row.draw for row in rows], np.float32),
            proven=np.array([row.proven for row in rows], np.int8),
            weights=np.array([row.weight for row in rows], np.float32),
            returns=returns,
            weights_version=version,
            seed=record.seed,
            settings=self.settings,
            opponent=record.opponent,
            learner=record.learner,
        )
