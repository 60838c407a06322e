"""Scaling: brings inputs into a reasonable interval, by statistics of the training part only."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from dltricks.core.component import Component
from dltricks.core.types import Array


class Scaling(Component):
    """x <- (x - shift) * factor, with one shift and factor per feature (tables) or for all (images)."""

    kind = "scaling"

    @abstractmethod
    def fit(self, x: Array, interval: tuple[float, float] | None) -> tuple[Array, Array]:
        """(shift, factor) in float64, each broadcastable to one sample.

        Args:
            x: the training part, (N, features) or (N, H, W, C), in its own units.
            interval: the values that x can take, where known beforehand.
        """


def reciprocal(width: Array) -> Array:
    """1 / width, and 1 where the width is zero: a constant feature is shifted, not stretched."""
    width = np.asarray(width, np.float64)
    return np.divide(1.0, width, out=np.ones_like(width), where=width != 0)


def extent(x: Array, interval: tuple[float, float] | None) -> tuple[Array, Array]:
    """(lowest, highest) value: of the interval where known, of all pixels, or of each column of a table."""
    if interval is not None:
        low, high = interval
        return np.float64(low), np.float64(high)  # type: ignore[return-value]
    axis = 0 if x.ndim == 2 else None
    return x.min(axis).astype(np.float64), x.max(axis).astype(np.float64)
