"""How the tests are shared out between processes (``pytest -n 2``).

In this folder and not in ``tests``, which would then stand first among the places that modules are
looked for, and ``tests/games`` before ``games``.
"""

from __future__ import annotations

from typing import Any

import pytest

try:
    from xdist.scheduler import LoadScopeScheduling
except ImportError:  # one process, then
    LoadScopeScheduling = object


class OneProcessPerGame(LoadScopeScheduling):
    """Sends all tests of a file to one process, and of the contracts all tests of a game.

    What a game or a module fixture costs to make is paid once, and not in every process.
    """

    def _split_scope(self, nodeid: str) -> str:
        """The tests that stay together with this one, as a name."""
        file, _, test = nodeid.partition("::")
        if file.endswith("test_every_game.py") and test.endswith("]"):
            # The game's text is the last parameter: ``test_name[other-connect_four(width=4)]``.
            parameters = test[test.index("[") + 1 : -1]
            return f"{file}::{parameters.rpartition('-')[2]}"
        return file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Share out by game and file, unless the command line asks for something else."""
    if config.getvalue("dist") in ("load", "no"):
        return OneProcessPerGame(config, log)
    return None
