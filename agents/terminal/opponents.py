"""From the text that names an opponent to an engine that can sit down, without loading it yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agents.agent import Agent, AgentError
from agents.factory import game_of, make_agent
from agents.terminal.session import Opponent
from agents.terminal.strength import NETWORK_LEVELS, ROLLOUT_LEVELS
from games.game import Game

SHIPPED = "shipped"
ROLLOUTS = "mcts"


def open_opponent(spec: str, *, game: Game, seed: int) -> Opponent:
    """The engine that ``spec`` names.

    Networks (``shipped``, a run directory, a weights file) and ``mcts`` without a number come in
    ten strengths; everything else, as ``mcts:1000`` or ``solver``, plays as its text says.

    Raises:
        AgentError: the text names no agent, or one of another game.
    """
    named_game = game_of(spec)
    if named_game is not None and named_game != game.id:
        raise AgentError(f"{spec} plays {named_game}, but the game on the board is {game.id}")
    if spec == ROLLOUTS:
        return Opponent(name=spec, make=_rollouts(game, seed), levels=ROLLOUT_LEVELS)
    if is_network(spec):
        name = spec if spec == SHIPPED else Path(spec).name or spec
        return Opponent(name=name, make=_network(spec, game, seed), levels=NETWORK_LEVELS)
    # Cheap agents are made at once, so that a wrong text is refused before the board is shown.
    agent = make_agent(spec, game=game, simulations=None, seed=seed)
    return Opponent(name=spec, make=lambda simulations: agent)


def is_network(spec: str) -> bool:
    """Whether ``spec`` names a network with search, whose strength can be chosen."""
    return spec == SHIPPED or Path(spec).exists()


def has_opinions(spec: str) -> bool:
    """Whether the engine says what it thinks, so that it can advise as well."""
    return is_network(spec) or spec.partition(":")[0] in (ROLLOUTS, "solver", "policy")


def _network(spec: str, game: Game, seed: int) -> Callable[[int], Agent]:
    def make(simulations: int) -> Agent:
        if simulations == 0:
            return make_agent(f"policy:{spec}", game=game, simulations=None, seed=seed)
        return make_agent(spec, game=game, simulations=simulations, seed=seed)

    return make


def _rollouts(game: Game, seed: int) -> Callable[[int], Agent]:
    def make(simulations: int) -> Agent:
        return make_agent(f"{ROLLOUTS}:{simulations}", game=game, simulations=None, seed=seed)

    return make
