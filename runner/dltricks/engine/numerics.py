"""The conditions under which all arithmetic of training and evaluation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from dltricks.core.denormals import flushed

_inside = 0


@contextmanager
def exact() -> Iterator[None]:
    """BLAS at one thread, so that bits do not depend on how many there are; NaN and infinity without warnings; numbers
    next to zero taken for zero.

    Entering it again inside costs nothing.
    """
    global _inside
    if _inside:
        yield
        return
    _inside += 1
    try:
        with threadpool_limits(1, "blas"), np.errstate(all="ignore"), flushed():
            yield
    finally:
        _inside -= 1
