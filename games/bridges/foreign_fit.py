"""Whether a foreign environment fits: what of it can be seen from outside before it is a game."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from games.bridges.planes import PlaneConversion
from games.bridges.replay import Line, MakeEnvironment, without_checks
from games.game import NUM_PLAYERS, GameError

_MOST_ACTIONS = 1 << 16
_TRIAL_GAMES = 2
_TRIAL_PLIES = 200
_FINGERPRINT_PLIES = 6


def create_environment(maker: MakeEnvironment) -> AECEnv:
    """A new environment at its start."""
    try:
        environment = maker()
    except Exception as error:  # whatever a foreign function raises
        raise GameError(f"it cannot be made: {' '.join(str(error).split())}") from error
    if not isinstance(environment, AECEnv):
        raise GameError(
            f"it is a {type(environment).__name__}, not an AECEnv, in which agents move in turn"
        )
    agents = getattr(environment, "possible_agents", None)
    if agents is None or len(agents) != NUM_PLAYERS:
        raise GameError(f"it has {'no fixed' if agents is None else len(agents)} agents, not two")
    environment = without_checks(environment)
    environment.reset(seed=0)
    return environment


def count_actions(environment: AECEnv) -> int:
    """Number of actions, the same for both agents."""
    first, second = (environment.action_space(agent) for agent in environment.possible_agents)
    for space in (first, second):
        if not isinstance(space, spaces.Discrete) or space.start != 0:
            raise GameError(f"actions must be numbers from 0 on (Discrete), not {space}")
    if first.n != second.n:
        raise GameError(f"its agents have {first.n} and {second.n} actions")
    if first.n > _MOST_ACTIONS:
        raise GameError(f"it has {first.n} actions; at most {_MOST_ACTIONS} can be named")
    return int(first.n)


def find_conversion(environment: AECEnv, channels: str) -> PlaneConversion:
    """How its observations become planes, the same for both agents."""
    inner = []
    for agent in environment.possible_agents:
        space = environment.observation_space(agent)
        if isinstance(space, spaces.Dict):
            if "observation" not in space.spaces:
                raise GameError("its observation is a dictionary without 'observation'")
            space = space.spaces["observation"]
        inner.append(space)
    if inner[0] != inner[1]:
        raise GameError("its agents see different kinds of observations")
    return PlaneConversion.of(inner[0], channels_last=channels == "last")


def play_trial_games(environment: AECEnv, twin: AECEnv, max_plies: int) -> None:
    """Play the same random games in two environments that were reset by different seeds.

    Raises:
        GameError: they differ, so there is chance in the game; or something else that is seen in
            them does not fit.
    """
    rng = np.random.default_rng(0)
    lines = [Line(each, list(each.possible_agents)) for each in (environment, twin)]
    for number in range(_TRIAL_GAMES):
        for seed, line in enumerate(lines):
            line.environment.reset(seed=1 + 2 * number + seed)
            line.totals = [0.0] * NUM_PLAYERS
        for ply in range(min(max_plies, _TRIAL_PLIES) + 1):
            first, second = (_everything_of(line) for line in lines)
            if first != second:
                raise GameError(f"there is chance in it: equal moves differ after {ply} plies")
            _, mask = lines[0].observe()
            if lines[0].is_over:
                lines[0].returns()
                break
            if not mask.any():
                raise GameError(f"no action is legal after {ply} plies, and the game goes on")
            action = int(rng.choice(np.flatnonzero(mask)))
            for line in lines:
                line.play(action)


def _everything_of(line: Line) -> tuple[Any, ...]:
    """What an environment shows, for comparison."""
    observation, mask = line.observe()
    environment = line.environment
    return (
        environment.agent_selection,
        np.asarray(observation).tobytes(),
        mask.tobytes(),
        tuple(line.totals),
        line.is_over,
    )


def can_be_copied(environment: AECEnv) -> bool:
    """Whether a copy goes on from the same position and leaves the original alone."""
    line = Line(environment, list(environment.possible_agents))
    line.restart()
    try:
        for _ in range(4):
            before = _everything_of(line)
            twin = line.copied()
            if _everything_of(twin) != before:
                return False
            _, mask = line.observe()
            action = int(np.flatnonzero(mask)[-1])
            twin.play(action)
            if _everything_of(line) != before:
                return False
            line.play(action)
            if _everything_of(twin) != _everything_of(line):
                return False
            if line.is_over:
                break
    except Exception:  # whatever a foreign object raises when it is copied: it is not copied then
        return False
    return True


def fingerprint_of(maker: MakeEnvironment) -> bytes:
    """A short game, as an environment made now plays it."""
    line = Line(create_environment(maker), [])
    line.agents = list(line.environment.possible_agents)
    line.restart()
    return play_fingerprint(line)


def play_fingerprint(line: Line) -> bytes:
    """Hash of all that a line shows in a short game from where it stands."""
    digest = hashlib.sha256()
    for _ in range(_FINGERPRINT_PLIES):
        digest.update(repr(_everything_of(line)).encode())
        _, mask = line.observe()
        if line.is_over:
            break
        line.play(int(np.flatnonzero(mask)[len(np.flatnonzero(mask)) // 2]))
    return digest.digest()
