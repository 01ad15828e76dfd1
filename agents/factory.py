"""From a text to the agent that it names.

random            any legal move
one_ply           sees wins and losses one move away
mcts:1000         tree search with random playouts, so many simulations a move
alpha_beta:5      looks so many plies ahead
deep_blue         chess by brute force between a book and endgame tables; deep_blue:200000 searches
                  so many positions a move, deep_blue(depth=8,book=PATH,tables=off) sets the rest
alphago:100       AlphaGo in small, for Connect Four: a policy that imitates, a value network and
                  random games, so many simulations a move
solver            perfect play
shipped           the network that comes with the package, with search
PATH              a run directory (its newest network) or a weights file, with search
shipped@100       the same with so many simulations a move; so for PATH@100
policy:shipped    the network alone, no search; so for policy:PATH (and shipped@0)
tree:shipped@100  the tree search alone, without alpha-beta in endings; so for tree:PATH@100
gtp:COMMAND       an outside program that speaks GTP, such as "gtp:gnugo --mode gtp --level 1"
uci:COMMAND       an outside program that speaks UCI, such as "uci(nodes=1000):stockfish"; movetime,
                  nodes or depth limit a move (else 100 ms), all else in brackets is its options
usi:COMMAND       the same for shogi
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.agent import Agent, AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.one_ply_agent import OnePlyAgent
from agents.protocols.uci_agent import UciAgent, parse_program
from agents.random_agent import RandomAgent
from agents.weights_file import (
    SUFFIX,
    game_of_run,
    is_run,
    shipped_file,
    weights_of_run,
)
from engine.inference.evaluator import Evaluator
from games.game import Game
from games.suggestions import did_you_mean

if TYPE_CHECKING:
    from agents.analysis.ownership import PointsReader

#: Simulations a move where the text does not say.
DEFAULT_SIMULATIONS = 600
DEFAULT_ROLLOUTS = 1000
DEFAULT_PLIES = 5
DEFAULT_ALPHAGO = 100
DEEP_BLUE_PLIES = 7  # in other games than chess

SHIPPED = "shipped"
POLICY = "policy:"
TREE = "tree:"
GTP = "gtp:"

Say = Callable[[str], None]


def _say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A text that names a network."""

    source: str  # ``shipped`` or a path
    simulations: int | None  # None: not said; 0: the network alone
    endings: bool = True  # whether alpha-beta helps the tree search in endings


def parse_network(text: str) -> NetworkSpec | None:
    """Read a text that names a network; None if it names something else.

    Raises:
        AgentError: it has the form, but its number of simulations cannot be read.
    """
    if text.startswith(GTP) or parse_program(text):  # a command follows, whatever it looks like
        return None
    if _is_deep_blue(text):  # whose book may be a path
        return None
    alone = text.startswith(POLICY)
    prefix = POLICY if alone else TREE if text.startswith(TREE) else ""
    source, at, number = text.removeprefix(prefix).rpartition("@")
    if not at or "/" in number or "\\" in number:
        source, number = text.removeprefix(prefix), ""
        at = ""
    if not prefix and source != SHIPPED and not _looks_like_path(source):
        return None
    if not source:
        raise AgentError(f"{text!r} names no network; write {prefix}{SHIPPED} or {prefix}PATH")
    if alone and at:
        raise AgentError(f"{text!r}: the network alone searches nothing, so @ has no meaning")
    if alone:
        return NetworkSpec(source=source, simulations=0)
    return NetworkSpec(
        source=source,
        simulations=_number(number, text) if at else None,
        endings=prefix != TREE,
    )


def game_of(text: str) -> str | None:
    """The game that an agent's text settles by itself (a run or a weights file), or None.

    Raises:
        AgentError: the run or file cannot be read.
    """
    spec = parse_network(text)
    if spec is None or spec.source == SHIPPED:
        return None
    path = Path(spec.source).expanduser()
    if is_run(path):
        return game_of_run(path)
    if path.is_file():
        from agents.network import read_network

        return read_network([path]).game_id
    raise _no_network(path)


def identity_of(text: str, *, game: Game) -> str:
    """What an agent's text stands for at present: its network's contents, or the text itself.

    Raises:
        AgentError: the text names a network that is not there.
    """
    spec = parse_network(text)
    if spec is None:
        return text
    path = Path(spec.source).expanduser()
    if spec.source == SHIPPED:
        path = shipped_file(game)
    elif is_run(path):
        path = weights_of_run(path)[0]
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        raise _no_network(path) from None


def make_agent(
    text: str,
    *,
    game: Game,
    simulations: int | None = None,
    seed: int = 0,
    say: Say = _say_on_stderr,
    opened: dict[str, Evaluator] | None = None,
) -> Agent:
    """The agent that a text names.

    Args:
        text: see the top of this file.
        game: what it is to play.
        simulations: for agents that search and whose text does not say; 0 is the network alone.
        seed: of the agent's choices.
        say: told in one line what the user should know, such as a damaged file passed over.
        opened: networks by their source, which agents share; what is opened is added.

    Raises:
        AgentError: no such agent (the nearest is named), a network of another game, or a file that
            cannot be used.
    """
    if program := parse_program(text):
        return UciAgent(program, game=game, name=text, say=say)
    spec = parse_network(text)
    if spec is not None:
        evaluator = (opened or {}).get(spec.source) or open_evaluator(spec, game=game, say=say)
        if opened is not None:
            opened[spec.source] = evaluator
        return _network_agent(text, spec, evaluator, game=game, simulations=simulations, seed=seed)
    if text.startswith(GTP):
        from agents.protocols.gtp_agent import GtpAgent

        return GtpAgent(text.removeprefix(GTP), game=game, name=text, say=say)
    if _is_deep_blue(text):
        return _deep_blue(text, game, seed)
    name, colon, number = text.partition(":")
    if name not in _NAMED:
        raise _unknown(text)
    if name in ("mcts", "alpha_beta", "alphago"):
        size = _number(number, text) if colon else None
        return _NAMED[name](game, size if size is not None else _size(name, simulations), seed)
    if colon:
        raise AgentError(f"{text!r}: {name} takes no number")
    return _NAMED[name](game, 0, seed)


def _size(name: str, simulations: int | None) -> int:
    """What a bare ``mcts``, ``alpha_beta`` or ``alphago`` means."""
    if name == "alpha_beta":
        return DEFAULT_PLIES
    return simulations or (DEFAULT_ALPHAGO if name == "alphago" else DEFAULT_ROLLOUTS)


def _random(game: Game, size: int, seed: int) -> Agent:
    return RandomAgent(game=game, seed=seed)


def _one_ply(game: Game, size: int, seed: int) -> Agent:
    return OnePlyAgent(game=game, seed=seed)


def _alpha_beta(game: Game, size: int, seed: int) -> Agent:
    return AlphaBetaAgent(game=game, plies=size, seed=seed)


def _mcts(game: Game, size: int, seed: int) -> Agent:
    from agents.rollout_agent import RolloutAgent

    return RolloutAgent(game=game, simulations=size, seed=seed)


def _alphago(game: Game, size: int, seed: int) -> Agent:
    from agents.museum.exhibits import alphago

    return alphago(game, size, seed=seed, name=f"alphago:{size}")


def _is_deep_blue(text: str) -> bool:
    return re.match(r"deep_blue(?![^:(])", text) is not None


def _deep_blue(text: str, game: Game, seed: int) -> Agent:
    """Chess has a search of its own; all other games the one that knows none of them."""
    if game.name != "chess":
        if text != "deep_blue":
            raise AgentError(f"{text!r} is for chess; write deep_blue or alpha_beta:PLIES")
        return AlphaBetaAgent(game=game, plies=DEEP_BLUE_PLIES, seed=seed, name=text)
    from agents.deep_blue.agent import deep_blue_agent

    return deep_blue_agent(text, game=game, seed=seed)


def _solver(game: Game, size: int, seed: int) -> Agent:
    from agents.solver_agent import solver_agent

    return solver_agent(game, seed=seed)


_NAMED: dict[str, Callable[[Game, int, int], Agent]] = {
    "random": _random,
    "one_ply": _one_ply,
    "alpha_beta": _alpha_beta,
    "mcts": _mcts,
    "alphago": _alphago,
    "solver": _solver,
}


def open_evaluator(spec: NetworkSpec, *, game: Game, say: Say = _say_on_stderr) -> Evaluator:
    """The network that a text names, ready to judge positions.

    Raises:
        AgentError: there is none, it is of another game, or its file cannot be used.
    """
    from agents.network import open_network

    return open_network(_files_of(spec, game), game=game, say=say)


def open_ownership(
    text: str, *, game: Game, seed: int = 0, say: Say = _say_on_stderr
) -> PointsReader | None:
    """What foresees the points of a game of Go: a network's ownership head, random games of mcts.

    None where the text names neither, or a network without that head.

    Raises:
        AgentError: as ``open_evaluator``.
    """
    if not game.rules.has_ownership:
        return None
    if text.partition(":")[0] == "mcts":
        from agents.analysis.random_endings import RandomEndings

        return RandomEndings(game, seed=seed)
    spec = parse_network(text)
    if spec is None:
        return None
    from agents.analysis.ownership import OwnershipReader
    from agents.network import read_network

    network = read_network(_files_of(spec, game), game=game, say=say).build()
    return OwnershipReader(game, network) if network.ownership_head is not None else None


def _files_of(spec: NetworkSpec, game: Game) -> list[Path]:
    """The files that a network may be read from, the best first."""
    if spec.source == SHIPPED:
        return [shipped_file(game)]
    path = Path(spec.source).expanduser()
    if not is_run(path) and not path.is_file():
        raise _no_network(path)
    return weights_of_run(path) if is_run(path) else [path]


def network_agent(
    evaluator: Evaluator,
    *,
    game: Game,
    simulations: int,
    seed: int = 0,
    name: str,
    endings: bool = True,
) -> Agent:
    """An agent over an opened network.

    Args:
        evaluator: the network.
        game: what it plays.
        simulations: a move; 0: the network alone.
        seed: of the search.
        name: of the agent.
        endings: search endings by alpha-beta as well; False is AlphaZero's own search.
    """
    from agents.policy_agent import PolicyAgent
    from agents.search_agent import TREE_ALONE, PlayConfig, SearchAgent

    if simulations == 0:
        return PolicyAgent(game=game, evaluator=evaluator, name=name)
    return SearchAgent(
        game=game,
        evaluator=evaluator,
        simulations=simulations,
        seed=seed,
        name=name,
        config=PlayConfig() if endings else TREE_ALONE,
    )


def _network_agent(
    text: str,
    spec: NetworkSpec,
    evaluator: Evaluator,
    *,
    game: Game,
    simulations: int | None,
    seed: int,
) -> Agent:
    """What ``make_agent`` makes of a text that names a network."""
    amount = spec.simulations if spec.simulations is not None else simulations
    amount = DEFAULT_SIMULATIONS if amount is None else amount
    return network_agent(
        evaluator,
        game=game,
        simulations=amount,
        seed=seed,
        name=text if spec.simulations is not None else f"{text}@{amount}",
        endings=spec.endings,
    )


def _looks_like_path(text: str) -> bool:
    """Whether a text means a file or folder rather than a name."""
    path = Path(text).expanduser()
    is_named = any(mark in text for mark in ("/", "\\")) or text.endswith(SUFFIX)
    return bool(text) and (is_named or is_run(path) or path.is_file())


def _number(text: str, whole: str) -> int:
    """A whole number of at least 0 behind a colon or an @."""
    if not text.isascii() or not text.isdigit():
        raise AgentError(f"{whole!r}: {text!r} is no whole number")
    return int(text)


def _no_network(path: Path) -> AgentError:
    if path.is_dir():
        return AgentError(f"{path} is no run directory (it has no run.toml)")
    return AgentError(f"there is no run directory or weights file {str(path)!r}")


def _unknown(text: str) -> AgentError:
    """Name the nearest of what is known."""
    names = [*_NAMED, "deep_blue", SHIPPED, "policy", "tree"]
    hint = did_you_mean(text.partition(":")[0].partition("@")[0], names, otherwise=";")
    known = (
        "random, one_ply, mcts:1000, alpha_beta:5, deep_blue, solver, shipped, policy:PATH, PATH, "
        "gtp:COMMAND, uci:COMMAND, usi:COMMAND"
    )
    return AgentError(
        f"no agent {text!r}, and no run directory or weights file of that name{hint} known: {known}"
    )
