"""Arrays that begin at a cache line: vector instructions that straddle two lines cost a fifth of a sweep's time."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dltricks.core.types import Array

LINE = 64
"""Bytes of a cache line."""


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """A contiguous array of zeros whose first value lies at the beginning of a cache line."""
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array
