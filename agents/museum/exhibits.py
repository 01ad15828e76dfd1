"""The players of the museum, in the order of their years, each made from what the package ships."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.agent import Agent, AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.alphago.agent import AlphaGoAgent
from agents.network import open_network
from agents.policy_agent import PolicyAgent
from agents.random_agent import RandomAgent
from agents.rollout_agent import RolloutAgent
from agents.search_agent import TREE_ALONE, SearchAgent
from agents.solver_agent import solver_agent
from agents.weights_file import shipped_file
from engine.inference.evaluator import Evaluator
from games.game import Game

FOLDER = Path(__file__).parent
GAME = "connect_four"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One player of the museum."""

    name: str
    year: int  # of the idea; 0: older than machines
    source: str
    how: str  # what stands for it here
    make: Callable[[Game, int], Agent]  # of the game and a number of simulations


def _network(game: Game, name: str) -> Evaluator:
    return open_network([FOLDER / f"{name}.safetensors"], game=game)


def _random(game: Game, simulations: int) -> Agent:
    return RandomAgent(game=game)


def _policy(file: str, name: str) -> Callable[[Game, int], Agent]:
    def make(game: Game, simulations: int) -> Agent:
        return PolicyAgent(game=game, evaluator=_network(game, file), name=name)

    return make


def _solver(game: Game, simulations: int) -> Agent:
    agent = solver_agent(game)
    agent.name = "solver"
    return agent


def _deep_blue(game: Game, simulations: int) -> Agent:
    return AlphaBetaAgent(game=game, plies=7, name="Deep Blue")


def _rollouts(game: Game, simulations: int) -> Agent:
    return RolloutAgent(game=game, simulations=5 * simulations, name="rollout MCTS")


def alphago(game: Game, simulations: int, *, seed: int = 0, name: str = "AlphaGo") -> Agent:
    """AlphaGo with the networks that the package ships.

    Raises:
        AgentError: another game than theirs.
    """
    if game.id != GAME:
        raise AgentError(f"{name} plays {GAME}, not {game.id}")
    return AlphaGoAgent(
        game=game,
        policy=_network(game, "imitation"),
        value=_network(game, "value"),
        simulations=simulations,
        seed=seed,
        name=name,
    )


def _tree(evaluator: Evaluator, game: Game, simulations: int, name: str) -> Agent:
    return SearchAgent(
        game=game, evaluator=evaluator, simulations=simulations, name=name, config=TREE_ALONE
    )


def _alphago_zero(game: Game, simulations: int) -> Agent:
    return _tree(_network(game, "alphago_zero"), game, simulations, "AlphaGo Zero")


def _alphazero(game: Game, simulations: int) -> Agent:
    shipped = open_network([shipped_file(game)], game=game)
    return _tree(shipped, game, simulations, "AlphaZero")


EXHIBITS = (
    Exhibit("random", 0, "", "any legal move", _random),
    Exhibit(
        "perceptron",
        1958,
        "Rosenblatt",
        "a network without hidden layers that imitates games",
        _policy("perceptron", "perceptron"),
    ),
    Exhibit("solver", 1988, "Allen; Allis", "perfect play", _solver),
    Exhibit("Deep Blue", 1997, "Campbell, Hoane and Hsu", "alpha-beta, 7 plies", _deep_blue),
    Exhibit(
        "rollout MCTS",
        2006,
        "Coulom; Kocsis and Szepesvari",
        "tree search with random games, five times the simulations",
        _rollouts,
    ),
    Exhibit(
        "CNN",
        2012,
        "Krizhevsky, Sutskever and Hinton",
        "four convolutions that imitate games",
        _policy("imitation", "CNN"),
    ),
    Exhibit(
        "AlphaGo",
        2016,
        "Silver and others",
        "search with that policy, a value network and random games",
        alphago,
    ),
    Exhibit(
        "AlphaGo Zero",
        2017,
        "Silver and others",
        "search with a network that taught itself for a few minutes, with a gate",
        _alphago_zero,
    ),
    Exhibit(
        "AlphaZero",
        2018,
        "Silver and others",
        "search with the shipped network, which taught itself for an hour",
        _alphazero,
    ),
)
