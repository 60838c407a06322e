"""How functions are compiled: without the interpreter's lock, and kept on disk where there is a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

_OPTIONS = {"nogil": True, "error_model": "numpy"}
"""Without Python's errors, whose checks keep loops that divide from vectors: x / 0 is infinite, as in NumPy."""


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function when it is first called with arguments of their types.

    numba keeps the result beside the source or in the user's cache, and knows that it is stale by the function's own
    file. Whoever changes ``tile.py``, ``atomic.py`` or ``awake.py`` has to touch all files of this folder: kernels that
    were kept hold the old code of what they call. Where neither place can be written to, every process compiles anew.
    """
    try:
        compiled: Callable[..., Any] = njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        compiled = njit(**_OPTIONS)(function)
    return compiled
