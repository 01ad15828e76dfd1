"""What an engine thinks of one position, in words and shares that a person can read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.agent import Analysis
from games.game import UNPROVEN, Game


@dataclass(frozen=True, slots=True)
class MoveThought:
    """One legal move as the engine sees it."""

    action: int
    text: str
    share: float  # how much of the engine's choice falls on it, 0..1
    visits: int  # zero for an engine that does not search
    win_chance: float  # for the player to move, 0..1; a draw counts half


@dataclass(frozen=True, slots=True)
class Thought:
    """One position as the engine sees it; chances are **per player**, not for the mover."""

    mover: int
    win_chances: tuple[float, float]  # of player 0 and player 1, a draw counting nothing
    draw_chance: float
    moves: tuple[MoveThought, ...]  # the best first
    line: tuple[str, ...]  # best line, the move for this position first
    is_proven: bool  # the result is certain, not estimated

    def expectation(self, player: int) -> float:
        """Expected score of ``player``, 0..1, a draw counting half."""
        return self.win_chances[player] + self.draw_chance / 2

    def has_judged(self, move: MoveThought) -> bool:
        """Whether a move's chance is its own: a search gives those it never tried the position's.

        A certain win or loss is known without a visit, and engines that do not search judge all.
        """
        is_certain = move.win_chance in (0.0, 1.0)
        return bool(move.visits) or is_certain or not any(each.visits for each in self.moves)


def read_analysis(game: Game, state: np.void, analysis: Analysis) -> Thought:
    """Row 0 of ``analysis``, which is about ``state``, as a thought."""
    mover = int(state["to_play"])
    value = float(analysis.values[0])
    draw = float(np.clip(analysis.draws[0], 0.0, 1.0))
    proven = int(analysis.proven[0])
    if proven != UNPROVEN:
        value, draw = float(proven), float(proven == 0)
    chance = float(np.clip((1 - draw + value) / 2, 0.0, 1 - draw))
    chances = (chance, 1 - draw - chance)
    return Thought(
        mover=mover,
        win_chances=chances if mover == 0 else chances[::-1],
        draw_chance=draw,
        moves=_read_moves(game, state, analysis),
        line=_read_line(game, state, analysis.lines[0]),
        is_proven=proven != UNPROVEN,
    )


def settled_thought(state: np.void) -> Thought:
    """What there is to think of a finished position: its result."""
    returns = state["returns"]
    return Thought(
        mover=int(state["to_play"]),
        win_chances=(float(returns[0] > 0), float(returns[1] > 0)),
        draw_chance=float(returns[0] == returns[1]),
        moves=(),
        line=(),
        is_proven=True,
    )


def _read_moves(game: Game, state: np.void, analysis: Analysis) -> tuple[MoveThought, ...]:
    """Legal moves, by what the engine would play and then by value."""
    moves = [
        MoveThought(
            action=action,
            text=game.action_to_text(state, action),
            share=float(analysis.policies[0, slot]),
            visits=int(analysis.visits[0, slot]),
            win_chance=float((1 + np.clip(analysis.q_values[0, slot], -1.0, 1.0)) / 2),
        )
        for slot, action in enumerate(analysis.legal[0, : analysis.counts[0]].tolist())
    ]
    best = analysis.lines[0][0] if analysis.lines[0] else -1
    moves.sort(key=lambda move: (move.action != best, -move.share, -move.win_chance))
    return tuple(moves)


def _read_line(game: Game, state: np.void, actions: tuple[int, ...]) -> tuple[str, ...]:
    """Moves of a line as text; each is written in the position it is played in."""
    states = np.array([state], game.state_dtype)
    texts = []
    for action in actions:
        if states["finished"][0]:
            break
        texts.append(game.action_to_text(states[0], action))
        game.rules.step(states, np.array([action], np.int32))
    return tuple(texts)
