"""A name that is not known: the one that was probably meant, if any is like it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: How alike two names have to be, as ``difflib`` counts it: 'conect' is meant for 'connect_four'
#: (0.67), 'checkers' is not for 'chess' (0.62).
_ALIKE = 0.65


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``word``; None where none is like it."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=_ALIKE)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """``; did you mean 'x'?`` for the end of a message; ``otherwise`` where nothing is alike."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else otherwise
