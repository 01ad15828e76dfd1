"""Small PettingZoo environments for the tests: two that fit, and one for each reason not to."""

import threading

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

LENGTH = 5


class Nim(AECEnv):
    """Take one or two of ``heap`` matches; who takes the last one wins.

    The same agent moves again after taking two, so turns do not alternate.
    """

    metadata = {"name": "nim_v0", "render_modes": []}  # noqa: RUF012

    def __init__(self, heap=LENGTH, mask_in_info=False):
        super().__init__()
        self.heap = heap
        self.mask_in_info = mask_in_info
        self.possible_agents = ["left", "right"]
        board = spaces.Box(-1.0, 1.0, (heap,), np.float32)
        mask = spaces.Box(0, 1, (2,), np.int8)
        self.observation_spaces = {
            agent: board
            if mask_in_info
            else spaces.Dict({"observation": board, "action_mask": mask})
            for agent in self.possible_agents
        }
        self.action_spaces = {agent: spaces.Discrete(2) for agent in self.possible_agents}

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.left = self.heap
        self.agents = list(self.possible_agents)
        self.agent_selection = "left"
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.begin(seed)
        self.show()

    def begin(self, seed):
        """For the unfit ones."""

    def show(self):
        self.infos = {
            agent: {"action_mask": self.mask(agent)} if self.mask_in_info else {}
            for agent in self.agents
        }

    def mask(self, agent):
        turn = agent == self.agent_selection
        return np.array([turn and self.left >= 1, turn and self.left >= 2], np.int8)

    def board(self):
        return np.where(np.arange(self.heap) < self.left, 1.0, -1.0).astype(np.float32)

    def observe(self, agent):
        if self.mask_in_info:
            return self.board()
        return {"observation": self.board(), "action_mask": self.mask(agent)}

    def step(self, action):
        mover = self.agent_selection
        if self.terminations[mover]:
            self._was_dead_step(action)
            return
        self.left -= int(action) + 1
        other = next(agent for agent in self.agents if agent != mover)
        if self.left == 0:
            self.finish(mover, other)
            self.terminations = dict.fromkeys(self.agents, True)
        elif action == 0:
            self.agent_selection = other
        self.show()

    def finish(self, winner, loser):
        self.rewards = {winner: 1.0, loser: -1.0}

    def render(self):
        return None

    def close(self):
        pass


class Stubborn(Nim):
    """Cannot be copied: a copy refuses to come into being."""

    def begin(self, seed):
        self.lock = threading.Lock()


class Endless(Nim):
    """Nobody ever wins: matches grow again."""

    def step(self, action):
        super().step(action)
        self.left = self.heap
        self.terminations = dict.fromkeys(self.agents, False)
        self.rewards = dict.fromkeys(self.agents, 0.0)


class Dealt(Nim):
    """The heap is drawn by the seed."""

    def begin(self, seed):
        self.left = int(np.random.default_rng(seed).integers(1, self.heap + 1))


class Generous(Nim):
    """Both may gain."""

    def finish(self, winner, loser):
        self.rewards = {winner: 1.0, loser: 0.5}


class Rich(Nim):
    """Zero sum, but for high stakes."""

    def finish(self, winner, loser):
        self.rewards = {winner: 10.0, loser: -10.0}


class Maskless(Nim):
    """Does not say what is legal."""

    def __init__(self):
        super().__init__(mask_in_info=True)

    def show(self):
        self.infos = {agent: {} for agent in self.agents}


class Stuck(Nim):
    """Leaves the mover without a move in the middle of the game."""

    def mask(self, agent):
        return super().mask(agent) * (self.left > 3)


class Trio(Nim):
    """One agent too many."""

    def __init__(self):
        super().__init__()
        self.possible_agents = ["left", "right", "third"]


class Wordy(Nim):
    """Says what it sees in words."""

    def __init__(self):
        super().__init__()
        for space in self.observation_spaces.values():
            space.spaces["observation"] = spaces.Text(10)


class Boundless(Nim):
    """Its numbers have no bounds."""

    def __init__(self):
        super().__init__()
        for space in self.observation_spaces.values():
            space.spaces["observation"] = spaces.Box(-np.inf, np.inf, (self.heap,))


class Nameless(Nim):
    """A dictionary of something else."""

    def __init__(self):
        super().__init__()
        board = spaces.Box(-1.0, 1.0, (self.heap,), np.float32)
        self.observation_spaces = {
            agent: spaces.Dict({"matches": board}) for agent in self.possible_agents
        }


class Smooth(Nim):
    """Actions are amounts."""

    def __init__(self):
        super().__init__()
        self.action_spaces = {agent: spaces.Box(0.0, 1.0) for agent in self.possible_agents}


class Uneven(Nim):
    """One agent has more actions."""

    def __init__(self):
        super().__init__()
        self.action_spaces["right"] = spaces.Discrete(3)


_board = {"size": 3}


class Shared(Nim):
    """Keeps what belongs to it in its module, as PettingZoo's go does."""

    def __init__(self, size=3):
        super().__init__(heap=size)
        _board["size"] = size

    def mask(self, agent):
        return super().mask(agent) * (_board["size"] == self.heap)
