"""A word on stderr when compiling keeps the user waiting, as it does at the first start."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from numba.core import event

_PATIENCE = 2.0  # seconds of compiling before it is told
_NOTICE = "meijin: compiling for this machine, once; it takes a minute or two"


def tell_of_compiling() -> None:
    """From now on say so, once, when compiling has taken longer than a person waits gladly.

    For commands that say nothing else meanwhile; a screen of its own would be spoilt by it.
    """
    if _Teller.instance is None:
        _Teller.instance = _Teller()
        event.register("numba:compile", _Teller.instance)


class _Teller(event.Listener):  # type: ignore[misc]
    """Listens to Numba: compiling of one function inside another's counts once."""

    instance: _Teller | None = None

    def __init__(self) -> None:
        self._depth = 0
        self._seconds = 0.0
        self._began = 0.0
        self._timer: threading.Timer | None = None
        self._is_told = False

    def on_start(self, event: Any) -> None:
        """A compilation begins; Numba holds a lock meanwhile."""
        self._depth += 1
        if self._depth == 1 and not self._is_told:
            self._began = time.monotonic()
            self._timer = threading.Timer(max(_PATIENCE - self._seconds, 0.0), self._tell)
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event: Any) -> None:
        """It has ended, well or not."""
        self._depth -= 1
        if self._depth == 0 and self._timer is not None:
            self._seconds += time.monotonic() - self._began
            self._timer.cancel()

    def _tell(self) -> None:
        if not self._is_told:
            self._is_told = True
            print(_NOTICE, file=sys.stderr, flush=True)
