"""Strength while training goes on: truth meter and ladder, small enough to be felt by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agents.arena.match import play_match
from agents.arena.rungs import playable
from agents.arena.truth import TruthScore, TruthSet, measure_truth
from agents.arena.truth_sets import truth_for
from agents.factory import make_agent
from engine.orchestration.judging import Judge
from games.game import Game

_POSITIONS_PER_CLASS = 100
_SIMULATIONS = 100
LADDER_GAMES = 20
_OPPONENTS = ("random", "one_ply", "alpha_beta:5", "mcts:1000")


def make_judge(game: Game) -> Judge:
    """A judge for the training loop.

    What it returns, by name, all shares from 0 to 1: ``truth network begin`` and the like, the
    share of moves that keep the result of perfect play (network alone, and with search, by phase of
    the game), and ``vs random`` and the like, the score with search against fixed opponents.
    """
    truth: list[TruthSet | None] = []

    def judge(weights: Path, give_up: Callable[[], bool]) -> dict[str, float]:
        if not truth:
            whole = truth_for(game)
            truth.append(whole.subset(_POSITIONS_PER_CLASS) if whole else None)
        found: dict[str, float] = {}
        searching = make_agent(f"{weights}@{_SIMULATIONS}", game=game, say=_nobody)
        if truth[0] is not None:
            alone = make_agent(f"policy:{weights}", game=game, say=_nobody)
            for name, agent in (("network", alone), (f"search {_SIMULATIONS}", searching)):
                if give_up():
                    return found
                report = measure_truth(agent, truth[0])
                for phase, kept in _by_phase(report.by_class).items():
                    found[f"truth {name} {phase}"] = kept
        for opponent in playable(game, _OPPONENTS):
            if give_up():
                return found
            result = play_match(
                searching,
                make_agent(opponent, game=game, seed=1, say=_nobody),
                games=LADDER_GAMES,
                seed=1,
            )
            found[f"vs {opponent}"] = result.total.score
        return found

    return judge


def judged_positions(game: Game) -> dict[str, int]:
    """How many positions stand behind each share of the truth meter, by phase of the game."""
    truth = truth_for(game)
    found: dict[str, int] = {}
    for index, name in enumerate(truth.classes if truth else ()):
        assert truth is not None
        count = min(int((truth.class_of == index).sum()), _POSITIONS_PER_CLASS)
        phase = name.split("_")[0]
        found[phase] = found.get(phase, 0) + count
    return found


def _nobody(line: str) -> None:
    """The workers have said it already."""


def _by_phase(by_class: Mapping[str, TruthScore]) -> dict[str, float]:
    """``begin_easy``, ``begin_hard``, ... joined to ``begin``."""
    positions: dict[str, int] = {}
    errors: dict[str, int] = {}
    for name, score in by_class.items():
        phase = name.split("_")[0]
        positions[phase] = positions.get(phase, 0) + score.positions
        errors[phase] = errors.get(phase, 0) + score.errors
    return {phase: 1 - errors[phase] / positions[phase] for phase in positions if positions[phase]}
