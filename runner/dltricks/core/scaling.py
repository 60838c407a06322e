"""Scaling: brings inputs into a reasonable interval, by statistics of the training part only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from dltricks.core.component import Component
from dltricks.core.types import Array

Interval = tuple[float, float] | None
_CHUNK = 1024


class Scaling(Component):
    """x <- (x - shift) * factor, with one shift and factor per feature (tables) or for all (images)."""

    kind = "scaling"

    @abstractmethod
    def fit(self, x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
        """(shift, factor) in float64, each broadcastable to one sample.

        Args:
            x: samples, (N, features) or (N, H, W, C), in their own units.
            interval: the values that x can take, where known beforehand.
            rows: numbers of the samples of the training part; nothing may be learned from others. All by default.
        """


def reciprocal(width: Array) -> Array:
    """1 / width, and 1 where the width is zero: a constant feature is shifted, not stretched."""
    width = np.asarray(width, np.float64)
    return np.divide(1.0, width, out=np.ones_like(width), where=width != 0)


def chunks(x: Array, rows: Array | None) -> Iterator[Array]:
    """The samples of the training part, some at a time: a copy of all would double the memory of a run."""
    count = len(x) if rows is None else len(rows)
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        yield x[part] if rows is None else x[rows[part]]


def extent(x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
    """(lowest, highest) value: of the interval where known, of all pixels, or of each column of a table."""
    if interval is not None:
        low, high = interval
        return np.asarray(low, np.float64), np.asarray(high, np.float64)
    axes = (0,) if x.ndim == 2 else None
    return bounds(x, rows, axes)


def bounds(x: Array, rows: Array | None, axes: tuple[int, ...] | None) -> tuple[Array, Array]:
    """(lowest, highest) value in float64 over the given axes of the training part."""
    found = [(part.min(axes), part.max(axes)) for part in chunks(x, rows)]
    low, high = (np.stack(side) for side in zip(*found, strict=True))
    return low.min(0).astype(np.float64), high.max(0).astype(np.float64)
