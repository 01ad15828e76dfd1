"""Every game as a PettingZoo environment in which agents move one after the other (AEC)."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from games.bridges.views import (
    ANSI,
    PICTURE,
    as_game,
    check_render_mode,
    draw,
    legal_masks,
    observation_space,
    planes_seen_by,
)
from games.game import NUM_PLAYERS, Game, IllegalMoveError
from games.registry import make

HUMAN = "human"


def aec_env(game: Game | str, render_mode: str | None = None) -> AECEnv:
    """A game as a PettingZoo environment, with PettingZoo's checks of the order of calls.

    Agents are ``player_0`` and ``player_1``. An observation is a dictionary: ``observation``, the
    planes ``[C, H, W]`` uint8 from that agent's side, and ``action_mask`` ``[A]`` int8, all zero
    for the agent that does not move. Rewards are the returns of the game, at its end. An agent may
    move several times in a row, where the game has it so.

    Args:
        game: a game, or text for ``games.make``.
        render_mode: ``human`` prints the board after every move, ``ansi`` gives it as text,
            ``rgb_array`` as a picture.

    Raises:
        GameError: no such game or mode. ``step`` raises IllegalMoveError; who wants the game to be
            lost instead wraps it in PettingZoo's ``TerminateIllegalWrapper``.
    """
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(GameAECEnv(game, render_mode)))


class GameAECEnv(AECEnv):  # type: ignore[misc]  # PettingZoo has no types
    """The environment without wrappers; see ``aec_env``."""

    metadata: dict[str, Any] = {  # noqa: RUF012  (PettingZoo's own form)
        "name": "meijin_v0",
        "render_modes": [HUMAN, ANSI, PICTURE],
        "is_parallelizable": False,
        "render_fps": 2,
    }

    def __init__(self, game: Game | str, render_mode: str | None = None) -> None:
        super().__init__()
        self.game = as_game(game)
        self.metadata = {**self.metadata, "name": f"{self.game.name}_v0"}
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.possible_agents = [f"player_{player}" for player in range(NUM_PLAYERS)]
        self.agents: list[str] = []
        self.observation_spaces = {
            agent: spaces.Dict(
                {
                    "observation": observation_space(self.game),
                    "action_mask": spaces.Box(0, 1, (self.game.num_actions,), np.int8),
                }
            )
            for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: spaces.Discrete(self.game.num_actions) for agent in self.possible_agents
        }

    def observation_space(self, agent: str) -> spaces.Dict:
        """Space of one agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Space of one agent's actions."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Back to the start position. There is no chance in it, so the seed changes nothing."""
        self._states = self.game.rules.initial(1)
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self.agent_selection = self._mover
        self._mask = legal_masks(self.game, self._states)[0]
        self._show()

    def step(self, action: int | None) -> None:
        """Play the move of ``agent_selection``.

        Raises:
            IllegalMoveError: it cannot be played; nothing has changed.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None or not 0 <= action < self.game.num_actions or not self._mask[action]:
            raise IllegalMoveError(
                f"{agent} cannot play action {action!r} in {self.game.id} after "
                f"{self._states[0]['ply']} plies; legal: {np.flatnonzero(self._mask).tolist()}"
            )
        self._cumulative_rewards[agent] = 0.0
        self.game.rules.step(self._states, np.array([action], np.int32))
        state = self._states[0]
        returns = state["returns"].tolist()
        self.rewards = dict(zip(self.agents, returns, strict=True))
        self._accumulate_rewards()
        self._mask = legal_masks(self.game, self._states)[0]
        if state["finished"]:
            self.terminations = dict.fromkeys(self.agents, True)
            self.agent_selection = self.agents[0]
        else:
            self.agent_selection = self._mover
        self._show()

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """Planes from the agent's side, and what it can play now."""
        player = self.possible_agents.index(agent)
        waits = agent != self.agent_selection
        return {
            "observation": planes_seen_by(self.game, self._states, player)[0],
            "action_mask": np.zeros_like(self._mask) if waits else self._mask.copy(),
        }

    def render(self) -> np.ndarray | str | None:
        """The board in the form that ``render_mode`` asks for."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode does nothing")
            return None
        drawn = draw(self.game, self._states[0], self.render_mode)
        if self.render_mode != HUMAN:
            return drawn
        print(f"{drawn}\n")
        return None

    def close(self) -> None:
        """Nothing is held."""

    @property
    def _mover(self) -> str:
        return self.possible_agents[int(self._states[0]["to_play"])]

    def _show(self) -> None:
        if self.render_mode == HUMAN:
            self.render()

    # A game's compiled rules can neither be pickled nor need to be copied: its id makes it again.

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "game": self.game.id}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, game=make(state["game"]))

    def __deepcopy__(self, memo: dict[int, Any]) -> GameAECEnv:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        memo[id(self.game)] = self.game
        twin.__dict__.update(copy.deepcopy(vars(self), memo))
        return twin
