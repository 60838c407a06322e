"""Gaps: missing numbers in a table, NaN until the training part is known, then filled in with its means."""

from __future__ import annotations

import numpy as np

from dltricks.core.types import Array


def means(x: Array) -> Array:
    """The mean of each column's numbers in float64, also where the sum of large ones would overflow.

    NaN where a column has none.
    """
    present = ~np.isnan(x)
    count = np.maximum(1, present.sum(0))
    numbers = np.where(present, x, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = numbers.sum(0) / count
    mean = np.where(np.isfinite(mean), mean, (numbers / count).sum(0))
    return np.where(present.any(0), mean, np.nan)


def fill(x: Array, values: Array) -> None:
    """Puts ``values``, which broadcast to x, where x has gaps."""
    np.copyto(x, values, where=np.isnan(x))
