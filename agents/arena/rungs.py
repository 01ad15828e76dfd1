"""Who stands on a game's ladder: our own agents, and programs that nobody here wrote."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from games.batched_rules import CompiledRules
from games.game import Game

#: Own rungs from the bottom; the first is 0 Elo.
LADDER = (
    "random",
    "one_ply",
    "mcts:30",
    "mcts:100",
    "alpha_beta:3",
    "mcts:300",
    "alpha_beta:5",
    "mcts:1000",
)

#: Games in which others say more: nothing is won within five plies in Go, and random games tell
#: little in chess.
_OWN: dict[str, tuple[str, ...]] = {
    "go": ("random", "mcts:30", "mcts:100", "mcts:300", "mcts:1000", "mcts:3000"),
    "chess": (
        "random",
        "one_ply",
        "mcts:100",
        "mcts:1000",
        "alpha_beta:3",
        "deep_blue(nodes=100,tables=off)",
        "deep_blue(nodes=1000,tables=off)",
        "deep_blue(nodes=10000,tables=off)",
    ),
}

_GNU_GO = "gtp:{} --mode gtp --chinese-rules --positional-superko --capture-all-dead --level"

#: Where Debian keeps games, which is not on everybody's path.
_GAMES_FOLDER = Path("/usr/games")


@dataclass(frozen=True, slots=True)
class ProgramRung:
    """An outside program at one strength. No clock: its limit is the same on every machine."""

    name: str  # in tables and in the stored results
    program: str  # that has to be installed
    text: str  # as ``agents.factory`` reads it, with {} for the program's path

    @property
    def command(self) -> str | None:
        """The agent's text, or None where the program is not installed."""
        found = shutil.which(self.program)
        if found is None and (_GAMES_FOLDER / self.program).is_file():
            found = str(_GAMES_FOLDER / self.program)
        return self.text.format(found) if found else None


def _fairy(protocol: str, variant: str, *skills: int) -> tuple[ProgramRung, ...]:
    """Fairy-Stockfish, whose skill goes from -20 to 20, by nodes."""
    settings = f"UCI_Variant={variant}," if variant != "chess" else ""
    return tuple(
        ProgramRung(
            f"fairy-stockfish skill {skill}",
            "fairy-stockfish",
            f"{protocol}({settings}nodes=1000,Skill Level={skill}):{{}}",
        )
        for skill in skills
    )


_PROGRAMS: dict[str, tuple[ProgramRung, ...]] = {
    "go": tuple(
        ProgramRung(f"gnugo level {level}", "gnugo", f"{_GNU_GO} {level}") for level in (0, 5, 10)
    ),
    "chess": (
        *_fairy("uci", "chess", -20, -10, -5, -3, 0),
        *(
            ProgramRung(f"gnuchess depth {depth}", "gnuchess", f"uci(depth={depth}):{{}} --uci")
            for depth in (1, 3)
        ),
        *(
            ProgramRung(
                f"stockfish skill {skill}",
                "stockfish",
                f"uci(nodes=1000,Skill Level={skill}):{{}}",
            )
            for skill in (0, 5)
        ),
    ),
    "minichess": _fairy("uci", "gardner", -20, -10, -5, 0),
    "minishogi": _fairy("usi", "minishogi", -20, -10, -5, 0),
}


def own_rungs(game: Game) -> tuple[str, ...]:
    """Our agents on a game's ladder, as ``agents.factory`` reads them, the anchor first."""
    return playable(game, _OWN.get(game.name, LADDER))


def playable(game: Game, rungs: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some rungs that can play a game: alpha-beta needs compiled rules."""
    compiled = isinstance(game.rules, CompiledRules)
    return tuple(rung for rung in rungs if compiled or not rung.startswith("alpha_beta"))


def program_rungs(game: Game) -> tuple[ProgramRung, ...]:
    """Outside programs on a game's ladder, whether they are installed or not."""
    return _PROGRAMS.get(game.name, ())
