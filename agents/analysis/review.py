"""A whole game looked over: what every position is worth, and which moves gave how much away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.analysis.trees import Growth, TreePool
from agents.records.record import GameRecord
from agents.rollout_agent import RolloutAgent
from agents.search_agent import SearchAgent
from engine.search.root_moves import RootMove
from games.game import Game

#: A move that costs so much expected score (a draw counts half) is called so, the worst first.
GRADES = (("blunder", 0.20), ("mistake", 0.10), ("inaccuracy", 0.05))
#: Standard deviation of one random game's result, as an expected score: at most this.
_RANDOM_GAME = 0.5
_POSITIONS = 24  # searched at once
_STEP = 32  # simulations of each between two words of progress; no clock, so that reviews repeat
_LINES = 3  # best moves kept of each position
_LINE_MOVES = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A move that could be played."""

    action: int
    text: str
    score: float  # expected, for the player to move
    visits: int
    prior: float
    line: tuple[str, ...]  # expected play, the move itself first
    is_proven: bool


@dataclass(frozen=True, slots=True)
class ReviewedPosition:
    """One position of a game. Scores are expected scores from 0 to 1, a draw counting half."""

    ply: int
    mover: int
    score: float  # of player 0
    draw: float  # probability
    is_proven: bool  # the result is certain
    candidates: tuple[Candidate, ...]  # the best first; none where the game is over
    played: str | None  # the move played here; None after the last
    cost: float  # what that move gave away, of the mover's expected score
    grade: str  # one of ``GRADES``, or empty


@dataclass(frozen=True, slots=True)
class Review:
    """A game and what is thought of it."""

    record: GameRecord
    positions: tuple[ReviewedPosition, ...]
    visits: int
    reviewer: str
    least: float  # cost from which a move has a grade, unless its cost is exact

    @property
    def faults(self) -> list[ReviewedPosition]:
        """Positions whose move has a grade, the costliest first."""
        found = [each for each in self.positions if each.grade]
        return sorted(found, key=lambda each: (-each.cost, each.ply))

    def mean_cost(self, player: int) -> float | None:
        """Expected score that a player gave away in a move, on average; None without a move."""
        costs = [each.cost for each in self.positions if each.played and each.mover == player]
        return sum(costs) / len(costs) if costs else None


def review(
    record: GameRecord,
    agent: SearchAgent,
    *,
    visits: int,
    threads: int = 1,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Review:
    """Search every position of a game, and compare each move with the best one.

    With one thread the same agent finds the same, however busy the machine is. Where random games
    judge, a move has a grade only if its cost is beyond twice the standard error of two means.

    Args:
        record: the game.
        agent: says how to search and what judges the leaves; of the record's game.
        visits: simulations of each position.
        threads: that search.
        on_progress: told the share that is done.
    """
    states = record.states()
    trees = _search(agent, states, visits=visits, threads=threads, on_progress=on_progress)
    scores = [tree.score for tree in trees]
    texts: list[str | None] = [*record.move_texts(), None]
    actions: list[int | None] = [*record.actions, None]
    least = GRADES[-1][1]
    if isinstance(agent, RolloutAgent):
        least = max(least, 2 * _RANDOM_GAME * (2 / visits) ** 0.5)
    positions = []
    for ply, (state, tree) in enumerate(zip(states, trees, strict=True)):
        mover = int(state["to_play"])
        cost, is_exact = 0.0, False
        if actions[ply] is not None:
            change = scores[ply] - scores[ply + 1]
            cost = max(change if mover == 0 else -change, 0.0)
            # The search's own move cannot be a mistake in its eyes; what it finds out one ply
            # later is noise, unless a result is certain by then.
            is_best = bool(tree.candidates) and tree.candidates[0].action == actions[ply]
            is_exact = tree.is_proven and trees[ply + 1].is_proven
            if is_best and not is_exact:
                cost = 0.0
        positions.append(
            ReviewedPosition(
                ply=ply,
                mover=mover,
                score=tree.score,
                draw=tree.draw,
                is_proven=tree.is_proven,
                candidates=tree.candidates,
                played=texts[ply],
                cost=cost,
                grade=grade_of(cost) if is_exact or cost >= least else "",
            )
        )
    return Review(record, tuple(positions), visits, agent.name, least)


def grade_of(cost: float) -> str:
    """What a move that costs so much is called; empty where it is in order."""
    return next((name for name, least in GRADES if cost >= least), "")


@dataclass(frozen=True, slots=True)
class _Known:
    """What a search found out about a position."""

    score: float
    draw: float
    is_proven: bool
    candidates: tuple[Candidate, ...]


def _search(
    agent: SearchAgent,
    states: list[np.void],
    *,
    visits: int,
    threads: int,
    on_progress: Callable[[float], None],
) -> list[_Known]:
    """Every position searched, as many at once as there are trees."""
    rows = min(_POSITIONS, len(states))
    pool = TreePool(agent, rows=rows, threads=threads, step=_STEP)
    known: dict[int, _Known] = {
        ply: _settled(state) for ply, state in enumerate(states) if state["finished"]
    }
    waiting = [ply for ply in range(len(states)) if ply not in known]
    waiting.reverse()
    running: dict[int, Growth] = {}
    try:
        while waiting or running:
            while waiting and pool.free:
                ply = waiting.pop()
                running[ply] = pool.add(states[ply], simulations=visits, only=None)
            pool.step(list(running.values()))
            for ply in [ply for ply, growth in running.items() if growth.is_final]:
                growth = running.pop(ply)
                known[ply] = _read(agent.game, growth, pool.moves(growth))
                pool.remove(growth)
            on_progress(len(known) / len(states))
    finally:
        pool.close()
    return [known[ply] for ply in range(len(states))]


def _settled(state: np.void) -> _Known:
    first, second = (float(each) for each in state["returns"])
    return _Known((1 + np.sign(first - second)) / 2, float(first == second), True, ())


def _read(game: Game, growth: Growth, moves: list[RootMove]) -> _Known:
    score = (1 + min(max(growth.value, -1.0), 1.0)) / 2
    best = [each for rank, each in enumerate(moves) if not rank or each.visits]
    return _Known(
        score=score if int(growth.state["to_play"]) == 0 else 1 - score,
        draw=best[0].draw,
        is_proven=growth.is_proven,
        candidates=tuple(_candidate(game, growth.state, each) for each in best[:_LINES]),
    )


def _candidate(game: Game, state: np.void, move: RootMove) -> Candidate:
    states = np.array([state], game.state_dtype)
    line = []
    for action in move.line[:_LINE_MOVES]:
        line.append(game.action_to_text(states[0], action))
        game.rules.step(states, np.array([action], np.int32))
    return Candidate(
        action=move.action,
        text=line[0],
        score=(1 + min(max(move.value, -1.0), 1.0)) / 2,
        visits=move.visits,
        prior=move.prior,
        line=tuple(line),
        is_proven=move.is_proven,
    )
