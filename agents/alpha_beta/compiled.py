"""Alpha-beta compiled together with one game's rules."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from agents.agent import AgentError
from games import compile_cache
from games.game import Game

_FOLDER = Path(__file__).resolve().parent
_NEEDED = ("STATE", "MAX_LEGAL", "step", "legal_actions")

_compiled: dict[str, ModuleType] = {}
_compiling = threading.Lock()


def alpha_beta_kernel(game: Game) -> Callable[..., None]:
    """The compiled search of a game; see ``kernels_template.py`` for its arguments.

    Raises:
        AgentError: the game's rules are not compiled ones.
    """
    rules = sys.modules.get(game.action_to_text.__module__)
    if rules is None or any(not hasattr(rules, name) for name in _NEEDED):
        raise AgentError(f"alpha_beta needs compiled rules, which {game.id} has not")
    with _compiling:
        if rules.__name__ not in _compiled:
            _compiled[rules.__name__] = _compile(game, rules)
        kernel: Callable[..., None] = _compiled[rules.__name__].batched_alpha_beta
    return kernel


def _compile(game: Game, rules: ModuleType) -> ModuleType:
    """Import one generated file: the game's names, its evaluation, the search."""
    # A game of somebody's own is named by its path and has none, whatever its file is called.
    own = _FOLDER / "evaluations" / f"{game.name.replace('/', ' ')}.py"
    evaluation = own if own.is_file() else _FOLDER / "evaluations" / "without.py"
    source = "\n\n".join(
        [
            f"from {rules.__name__} import *  # noqa: F403",
            f"from {rules.__name__} import {', '.join(_NEEDED)}",
            evaluation.read_text(encoding="utf-8"),
            (_FOLDER / "kernels_template.py").read_text(encoding="utf-8"),
        ]
    )
    # The rules module is named after a hash of the game, so this hash changes with the game too.
    hashed = compile_cache.hash_of([source.encode()])
    name = f"alpha_beta_{Path(game.name).stem}"
    path = compile_cache.write_generated_source(name, source, hashed=hashed)
    specification = importlib.util.spec_from_file_location(f"meijin_{name}_{hashed}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # Numba looks the functions' module up by name
    with compile_cache.compiled_code_beside_the_source():
        specification.loader.exec_module(module)
    return module
