"""Compiled functions of agents outside the folders that the common cache is named after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numba
from numba import njit

from games import compile_cache


def kernel_of(*folders: str) -> Callable[[Callable[..., Any]], Any]:
    """A mark for functions that are compiled, and kept until a source under ``folders`` changes.

    Numba notices an edit of the file that holds a function, but not of others whose functions were
    inlined into it. So the folder of the compiled code is named after all sources that may be.

    Args:
        folders: of the source tree, besides those that ``games.compile_cache`` knows; the
            function's own must be among them.
    """
    hashed = compile_cache.hash_of(
        compile_cache.sources_under(*compile_cache.COMPILED_FOLDERS, *folders)
    )
    folder = compile_cache.ROOT / "kernels" / hashed
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        os.utime(folder)  # used just now: the stalest are removed first
    compile_cache.prune(folder.parent, keep=compile_cache.KERNEL_FOLDERS_KEPT)

    def mark(function: Callable[..., Any]) -> Any:
        # For its lock, and since it puts the folder back that all others use.
        with compile_cache.compiled_code_beside_the_source():
            numba.config.CACHE_DIR = str(folder)
            return njit(cache=True, nogil=True, error_model="numpy")(function)

    return mark
