"""Two agents meet: paired openings, both colours, all games at once.

Every opening is played twice with the sides exchanged, so that neither agent profits from a lucky
opening nor from moving first. All games that wait for the same agent are asked in one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.agent import RESIGN, Agent, AgentError
from agents.arena.openings import random_openings
from games.game import States

Progress = Callable[[float], None]  # told the share of the work that is done, 0 to 1

#: Random plies before the agents take over, unless told.
OPENING_PLIES = 4


@dataclass(frozen=True, slots=True)
class Tally:
    """Wins, draws and losses of one side of a match, from that side's view."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def games(self) -> int:
        """How many games are counted."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """Share of the points, a draw being half; 0.5 without games."""
        return (self.wins + 0.5 * self.draws) / self.games if self.games else 0.5

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)


@dataclass(frozen=True, slots=True)
class PlayedGame:
    """One game of a match."""

    actions: tuple[int, ...]  # all of them, the opening first
    opening_plies: int
    a_is_player: int  # 0: agent A moved first
    result_for_a: float  # return of agent A in -1..+1


@dataclass(frozen=True, slots=True)
class MatchResult:
    """A finished match from the view of agent A."""

    game_id: str
    a: str
    b: str
    as_first: Tally  # of A where A moved first
    as_second: Tally  # of A where B moved first
    duplicates: int  # games that repeat an earlier one move by move: they prove nothing new
    seed: int
    games: tuple[PlayedGame, ...]

    @property
    def total(self) -> Tally:
        """Both colours together, from the view of A."""
        return self.as_first + self.as_second


def play_match(
    a: Agent,
    b: Agent,
    *,
    games: int,
    seed: int,
    opening_plies: int = OPENING_PLIES,
    progress: Progress | None = None,
) -> MatchResult:
    """Play ``games`` games, in pairs that share an opening.

    Args:
        a: one agent; both are reset from ``seed`` first.
        b: the other. It may be the same object only if its choices need no stream.
        games: rounded up to an even number.
        seed: settles openings and agents.
        opening_plies: random half-moves before the agents take over.
        progress: told now and then how far the match is.

    Raises:
        AgentError: fewer than one game, or the agents play different games.
    """
    if games < 1:
        raise AgentError(f"a match needs at least 1 game, not {games}")
    if a.game.id != b.game.id:
        raise AgentError(f"{a.name} plays {a.game.id} and {b.name} plays {b.game.id}")
    seeds = np.random.SeedSequence(seed).generate_state(3)
    a.reset(seed=int(seeds[0]))
    b.reset(seed=int(seeds[1]))
    pairs = (games + 1) // 2
    openings = random_openings(a.game, count=pairs, plies=opening_plies, seed=int(seeds[2]))
    both = [opening for opening in openings for _ in range(2)]
    a_players = np.tile(np.array([0, 1], np.int8), pairs)
    played = _play_all(a, b, openings=both, a_players=a_players, progress=progress)
    return _summary(a, b, seed=seed, played=played)


def _play_all(
    a: Agent,
    b: Agent,
    *,
    openings: list[list[int]],
    a_players: np.ndarray,
    progress: Progress | None,
) -> list[PlayedGame]:
    """All games from their openings to the end, in lockstep."""
    game = a.game
    states = np.concatenate([np.array([game.after(each)], game.state_dtype) for each in openings])
    actions = [list(each) for each in openings]
    while not states["finished"].all():
        a_moves = states["to_play"] == a_players
        for agent, waits in ((a, a_moves), (b, ~a_moves)):
            # Chosen before either agent moves: a game is asked once a round.
            rows = np.flatnonzero(waits & ~states["finished"])
            if not len(rows):
                continue
            moved = states[rows]
            chosen = agent.choose_after(moved, [actions[row] for row in rows]).actions
            resigns = chosen == RESIGN
            if resigns.any():
                states[rows[resigns]] = _given_up(moved[resigns])
                rows, moved, chosen = rows[~resigns], moved[~resigns], chosen[~resigns]
            game.rules.step(moved, chosen)
            states[rows] = moved
            for row, action in zip(rows, chosen, strict=True):
                actions[row].append(int(action))
        if progress is not None:
            shares = np.where(states["finished"], 1.0, states["ply"] / game.max_plies)
            progress(float(shares.mean()))
    results = states["returns"][np.arange(len(states)), a_players]
    return [
        PlayedGame(
            actions=tuple(moves),
            opening_plies=len(opening),
            a_is_player=int(player),
            result_for_a=float(result),
        )
        for moves, opening, player, result in zip(
            actions, openings, a_players, results, strict=True
        )
    ]


def _given_up(states: States) -> States:
    """The same positions as games that the player to move has lost."""
    rows = np.arange(len(states))
    states["finished"] = True
    states["returns"][rows, states["to_play"]] = -1.0
    states["returns"][rows, 1 - states["to_play"]] = 1.0
    return states


def _summary(a: Agent, b: Agent, *, seed: int, played: list[PlayedGame]) -> MatchResult:
    """Count the games of a match."""
    tallies = [Tally(), Tally()]
    for each in played:
        tallies[each.a_is_player] += Tally(
            wins=int(each.result_for_a > 0),
            draws=int(each.result_for_a == 0),
            losses=int(each.result_for_a < 0),
        )
    distinct = len({(each.actions, each.a_is_player) for each in played})
    return MatchResult(
        game_id=a.game.id,
        a=a.name,
        b=b.name,
        as_first=tallies[0],
        as_second=tallies[1],
        duplicates=len(played) - distinct,
        seed=seed,
        games=tuple(played),
    )
