"""Numbers nearer to zero than 2^-126 (float32), for which Intel's processors leave their fast path.

Moments of Adam decay into that range wherever a weight gets no gradient any more, behind a silent unit for instance,
and stay there, because rounding keeps the last few of its numbers from ever becoming zero. After fifteen epochs on the
digits they made a whole step take half as long again.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

_FLUSH = 0x8040
"""Flush-to-zero and denormals-are-zero, of the register MXCSR."""
_MXCSR, _WORDS = 7, 8
"""Where the C library's ``fenv_t`` of x86-64 has it, and its length, in 32-bit words."""


@cache
def library() -> ctypes.CDLL | None:
    """The one that can set them; None on other processors, which take such numbers in their stride, and systems."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    with suppress(OSError):  # another C library than GNU's
        return ctypes.CDLL("libm.so.6")
    return None


@contextmanager
def flushed() -> Iterator[None]:
    """Takes them for zero in this thread, as inputs and as results; changes nothing without the ``library``."""
    found = library()
    if found is None:
        yield
        return
    before = _set(found, _FLUSH)
    try:
        yield
    finally:
        _set(found, before)


def _set(library: ctypes.CDLL, flags: int) -> int:
    """Sets both flags of this thread and returns what they were."""
    state = (ctypes.c_uint32 * _WORDS)()
    library.fegetenv(state)
    before = state[_MXCSR] & _FLUSH
    state[_MXCSR] = (state[_MXCSR] & ~_FLUSH) | flags
    library.fesetenv(state)
    return before
