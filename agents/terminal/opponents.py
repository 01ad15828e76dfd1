"""From the text that names an opponent to an engine that can sit down, without loading it yet."""

from __future__ import annotations

from pathlib import Path

from agents.agent import Agent, AgentError
from agents.factory import SHIPPED, game_of, make_agent, parse_network
from agents.terminal.engines import Opponent, Say
from agents.terminal.strength import (
    NETWORK_LEVELS,
    ROLLOUT_LEVELS,
    Strength,
    calibrated_levels,
)
from agents.weights_file import is_run, shipped_file, weights_of_run
from engine.inference.evaluator import Evaluator
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
        make_network = _NetworkMaker(text, spec.source, game=game, seed=seed)
        if spec.simulations is not None:
            fixed = spec.simulations
            only = Strength(simulations=fixed, endings=spec.endings)
            return Opponent(name=text, make=lambda _, say: make_network(only, say))
        name = Path(spec.source).expanduser().resolve().name
        calibrated = calibrated_levels(game, SHIPPED) if spec.source == SHIPPED else ()
        return Opponent(name=name, make=make_network, levels=calibrated or NETWORK_LEVELS)
    if text == ROLLOUTS:

        def make_rollouts(strength: Strength, say: Say) -> Agent:
            count = strength.simulations
            return make_agent(text, game=game, simulations=count, seed=seed, say=say)

        levels = calibrated_levels(game, ROLLOUTS) or ROLLOUT_LEVELS
        return Opponent(name=text, make=make_rollouts, levels=levels)
    # Agents without a network are made at once: a wrong text is refused before the board is shown.
    agent = make_agent(text, game=game, seed=seed)
    return Opponent(name=text, make=lambda strength, say: agent)


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


class _NetworkMaker:
    """Makes agents of any strength over one network, which is opened when the first is made."""

    def __init__(self, text: str, source: str, *, game: Game, seed: int) -> None:
        self._game = game
        self._seed = seed
        self._files = _network_files(text, source, game)
        self._evaluator: Evaluator | None = None

    def __call__(self, strength: Strength, say: Say) -> Agent:
        # Here and not above: these bring torch, and the board is to be shown before that.
        from agents.network import open_network
        from agents.terminal.level_agent import make_player

        if self._evaluator is None:
            self._evaluator = open_network(self._files, game=self._game, say=say)
        return make_player(strength, game=self._game, evaluator=self._evaluator, seed=self._seed)


def _network_files(text: str, source: str, game: Game) -> list[Path]:
    """Files of a network, the newest first; refuses what can be refused without opening them."""
    if source == SHIPPED:
        return [shipped_file(game)]
    path = Path(source).expanduser()
    named_game = game_of(text)
    if named_game != game.id:
        raise AgentError(f"{text} plays {named_game}, but the game on the board is {game.id}")
    return weights_of_run(path) if is_run(path) else [path]
