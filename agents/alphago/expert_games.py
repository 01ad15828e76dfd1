"""Games of experts to imitate: made by any agent, kept in a small file, read as positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.agent import RESIGN, Agent, AgentError
from games.game import Game, States

#: A share of the expert's moves is replaced by any legal move, so that the games differ and show
#: what to do after a mistake. Such moves are no lessons.
RANDOM_SHARE = 0.15
_PARALLEL = 256


@dataclass(frozen=True, slots=True)
class ExpertGames:
    """Whole games. Letters: G games, T plies of the longest."""

    moves: NDArray[np.int16]  # [G, T] actions, -1 past the end
    is_lesson: NDArray[np.bool_]  # [G, T] whether the expert chose the move
    results: NDArray[np.float32]  # [G, 2] for each player


@dataclass(frozen=True, slots=True)
class Lessons:
    """Positions with the move of an expert and the result of the game."""

    states: States  # [N]
    actions: NDArray[np.int64]  # [N]
    returns: NDArray[np.float32]  # [N] for the player to move
    games: NDArray[np.int64]  # [N] which game each comes from


def play_expert_games(
    expert: Agent,
    *,
    games: int,
    seed: int,
    random_share: float = RANDOM_SHARE,
    parallel: int = _PARALLEL,
    progress: Callable[[int], None] | None = None,
) -> ExpertGames:
    """Games of an expert against itself, with some moves at random.

    Args:
        expert: asked for whole batches of positions; an outside program may be one.
        games: G.
        seed: of the random moves.
        random_share: of all moves.
        parallel: games at once; an outside program, which follows one game at a time, wants 1.
        progress: told how many games are done.

    Raises:
        AgentError: a program fails or gives a game up, so that its result is not known.
    """
    game = expert.game
    rng = np.random.default_rng(seed)
    moves = np.full((games, game.max_plies), -1, np.int16)
    is_lesson = np.zeros(moves.shape, bool)
    results = np.zeros((games, 2), np.float32)
    for first in range(0, games, parallel):
        rows = np.arange(first, min(first + parallel, games))
        states = game.rules.initial(len(rows))
        while not states["finished"].all():
            running = np.flatnonzero(~states["finished"])
            moved = states[running]
            lines = [moves[rows[row], : states["ply"][row]].tolist() for row in running]
            actions = expert.choose_after(moved, lines).actions.copy()
            if (actions == RESIGN).any():
                raise AgentError(f"{expert.name} gave up a game that was to be played to its end")
            strays = rng.random(len(running)) < random_share
            for row in np.flatnonzero(strays):
                actions[row] = rng.choice(game.legal(moved[row]))
            plies = moved["ply"].astype(int)
            moves[rows[running], plies] = actions
            is_lesson[rows[running], plies] = ~strays
            game.rules.step(moved, actions)
            states[running] = moved
        results[rows] = states["returns"]
        if progress is not None:
            progress(int(rows[-1]) + 1)
    return ExpertGames(moves=moves, is_lesson=is_lesson, results=results)


def join_games(parts: Sequence[ExpertGames]) -> ExpertGames:
    """Games of several players, one after the other; there is at least one part."""
    return ExpertGames(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ExpertGames.__slots__
        }
    )


def save_expert_games(path: Path, games: ExpertGames) -> None:
    """Write games as a compressed NumPy file."""
    np.savez_compressed(path, moves=games.moves, is_lesson=games.is_lesson, results=games.results)


def load_expert_games(path: Path) -> ExpertGames:
    """Read what ``save_expert_games`` wrote.

    Raises:
        AgentError: the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ExpertGames(**{name: arrays[name] for name in ExpertGames.__slots__})
    except (OSError, KeyError, ValueError) as error:
        raise AgentError(f"{str(path)!r} holds no expert games: {error}") from None


def lessons_of(game: Game, games: ExpertGames) -> Lessons:
    """Every position in which the expert chose the move, game by game played again.

    Raises:
        AgentError: a move that is not legal, so the games are of another game.
    """
    count, plies = games.moves.shape
    states = game.rules.initial(count)
    parts = []
    for ply in range(plies):
        rows = np.flatnonzero(games.moves[:, ply] >= 0)
        if not len(rows):
            break
        moved = states[rows]
        actions = games.moves[rows, ply].astype(np.int32)
        _check(game, moved, actions)
        kept = games.is_lesson[rows, ply]
        movers = moved["to_play"].astype(int)
        parts.append((moved[kept], actions[kept], games.results[rows, movers][kept], rows[kept]))
        moved = moved.copy()
        game.rules.step(moved, actions)
        states[rows] = moved
    lessons = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return Lessons(
        states=lessons[0],
        actions=lessons[1].astype(np.int64),
        returns=lessons[2],
        games=lessons[3],
    )


def _check(game: Game, states: States, actions: NDArray[np.int32]) -> None:
    slots = np.empty((len(states), game.max_legal), np.int32)
    counts = np.empty(len(states), np.int32)
    over = states["finished"].any()
    if not over:
        game.rules.legal_actions(states, slots, counts)
    if over or not (slots == actions[:, None]).any(1).all():
        raise AgentError(f"the expert games hold moves that {game.id} does not allow")
