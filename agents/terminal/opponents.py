"""From the text that names an opponent to an engine that can sit down, without loading it yet."""

from __future__ import annotations

from pathlib import Path

from agents.agent import Agent, AgentError
from agents.factory import SHIPPED, game_of, make_agent, parse_network
from agents.terminal.session import Opponent, Say
from agents.terminal.strength import NETWORK_LEVELS, ROLLOUT_LEVELS
from agents.weights_file import is_run, shipped_file, weights_of_run
from games.game import Game

ROLLOUTS = "mcts"


def open_opponent(text: str, *, game: Game, seed: int) -> Opponent:
    """The engine that ``text`` names, see ``agents.factory``.

    A network whose text leaves the simulations open, and ``mcts`` without a number, come in ten
    strengths; everything else plays as its text says.

    Raises:
        AgentError: the text names no agent, or one of another game.
    """
    spec = parse_network(text)
    if spec is not None:
        _check_network(text, spec.source, game)
        name = Path(spec.source).expanduser().name or text
        levels = NETWORK_LEVELS if spec.simulations is None else ()

        def make_network(simulations: int, say: Say) -> Agent:
            asked = simulations if levels else None
            return make_agent(text, game=game, simulations=asked, seed=seed, say=say)

        return Opponent(name=name if levels else text, make=make_network, levels=levels)
    if text == ROLLOUTS:

        def make_rollouts(simulations: int, say: Say) -> Agent:
            return make_agent(text, game=game, simulations=simulations, seed=seed, say=say)

        return Opponent(name=text, make=make_rollouts, levels=ROLLOUT_LEVELS)
    # Agents without a network are made at once: a wrong text is refused before the board is shown.
    agent = make_agent(text, game=game, seed=seed)
    return Opponent(name=text, make=lambda simulations, say: agent)


def usual_text(game: Game) -> str:
    """Who plays a game when nobody else is named: the shipped network, or random playouts."""
    try:
        shipped_file(game)
    except AgentError:
        return ROLLOUTS
    return SHIPPED


def has_opinions(text: str) -> bool:
    """Whether the engine says what it thinks, so that it can advise as well."""
    return parse_network(text) is not None or text.partition(":")[0] in (ROLLOUTS, "solver")


def _check_network(text: str, source: str, game: Game) -> None:
    """Find out what is wrong with a network as far as that is cheap."""
    if source == SHIPPED:
        shipped_file(game)
        return
    named_game = game_of(text)
    if named_game != game.id:
        raise AgentError(f"{text} plays {named_game}, but the game on the board is {game.id}")
    path = Path(source).expanduser()
    if is_run(path):
        weights_of_run(path)
