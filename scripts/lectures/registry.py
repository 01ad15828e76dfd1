"""Which lectures there are, and one of them run from beginning to end.

A lecture is a module with one function, ``story(page, *, quick, seed)``, that reads like a script:
``page.text`` explains, the code between does the work, ``page.figure`` and ``page.claim`` show what
came of it. Algorithms live elsewhere (``engine``, ``agents``); a story only tells. The same
function becomes a notebook (``notebook.notebook_of``), so constants and helpers stand at the top of
the module, and nothing is imported from another lecture.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from games.suggestions import did_you_mean
from scripts.lectures.page import Page

#: Packages of the extra ``lecture``; a story may need them.
EXTRA_PACKAGES = ("sklearn", "mlxtend", "nbformat")


class LectureError(ValueError):
    """A fault in what was asked for; its message is one line meant for the user."""


@dataclass(frozen=True, slots=True)
class Lecture:
    """One lecture, known before its module is imported.

    Attributes:
        module: that has its ``story``.
        line: what it shows.
        minutes: it takes on two cores.
    """

    module: str
    line: str
    minutes: float


#: Players in the order of history, then networks that look and dream, then all players together;
#: ``all`` runs them in this order.
LECTURES: dict[str, Lecture] = {
    "perceptron": Lecture(
        "scripts.lectures.perceptron",
        "Rosenblatt's perceptron, 1958: what one line can learn, and what it cannot.",
        1.0,
    ),
    "cnn": Lecture(
        "scripts.lectures.cnn",
        "Convolutional networks, LeNet to AlexNet: top-1 and top-5 error on digits and on moves.",
        6.0,
    ),
    "deep_blue": Lecture(
        "scripts.lectures.deep_blue",
        "Deep Blue, 1997: a dictionary of moves, brute force, and a dictionary again.",
        2.0,
    ),
    "alphago": Lecture(
        "scripts.lectures.alphago",
        "Imitation, policy gradients, a value network and search, 2016: what each stage adds.",
        5.0,
    ),
    "alphago_go": Lecture(
        "scripts.lectures.alphago_go",
        "AlphaGo on Go 9x9: the same stages, with games of GNU Go as teachers.",
        4.0,
    ),
    "alphazero": Lecture(
        "scripts.lectures.alphazero",
        "AlphaGo Zero and AlphaZero, 2017: rules alone, with and without gate and symmetries.",
        5.0,
    ),
    "alphastar": Lecture(
        "scripts.lectures.alphastar",
        "A league of agents and exploiters, 2019: what self-play forgets, and what it costs.",
        5.0,
    ),
    "yolo": Lecture(
        "scripts.lectures.yolo",
        "You only look once, 2016: every stone on a board, its box and the position, in one pass.",
        1.0,
    ),
    "deep_dream": Lecture(
        "scripts.lectures.deep_dream",
        "What a network wants to see: digits out of noise, and the board that it dreams of.",
        1.0,
    ),
    "tournament": Lecture(
        "scripts.lectures.tournament",
        "The museum: sixty years of players meet on Connect Four, and stand on one ladder.",
        2.0,
    ),
}


def names_of(name: str) -> Sequence[str]:
    """The lectures that ``name`` stands for: itself, or every one for ``all``.

    Raises:
        LectureError: there is none of that name; the message names the nearest.
    """
    if name == "all":
        return tuple(LECTURES)
    if name not in LECTURES:
        there = f"; there are {', '.join(LECTURES)}"
        hint = did_you_mean(name, [*LECTURES, "all"], otherwise=there)
        raise LectureError(f"no lecture {name!r}{hint}")
    return (name,)


def import_lecture(name: str) -> ModuleType:
    """The module of a lecture.

    Raises:
        LectureError: a package of the extra is missing.
    """
    try:
        return importlib.import_module(LECTURES[name].module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in EXTRA_PACKAGES:
            raise
        raise LectureError(
            f"lecture {name!r} needs the package {error.name}; pip install 'meijin[lecture]'"
        ) from None


def run_lecture(name: str, *, folder: Path, quick: bool, seed: int) -> Page:
    """Tell one lecture on the terminal and write its page.

    Args:
        name: of ``LECTURES``.
        folder: for the page and its pictures; it is made where it is missing.
        quick: the short form, which shows the same with less of everything.
        seed: settles all chance.

    Raises:
        LectureError: as in ``import_lecture``.
        OSError: the folder cannot be written.
    """
    import torch

    # Networks of this size gain little from threads, and lose all of it where a core is busy.
    torch.set_num_threads(1)
    module = import_lecture(name)
    page = Page(name, folder=folder)
    start = time.perf_counter()
    module.story(page, quick=quick, seed=seed)
    form = "short form" if quick else "full form"
    page.write(f"{form}, seed {seed}, {time.perf_counter() - start:.0f} seconds")
    return page
