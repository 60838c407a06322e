"""Standardize: mean 0 and standard deviation 1, per column or per channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.scaling import Interval, Scaling, bounds, chunks, reciprocal
from dltricks.core.types import Array


@dataclass
class Standardize(Scaling):
    """x <- (x - mean) / deviation

    Both of the training part, the deviation without Bessel's correction: of each column of a table, of all
    pixels of each channel of images. A constant column is only shifted, to 0.

    Reference: LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3,
    http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf
    Suggested: tables, whose columns come in different units.
    Does not help when columns are far from symmetric (incomes, counts): take their logarithm first.
    """

    def fit(self, x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
        axes = tuple(range(x.ndim - 1))
        low, high = bounds(x, rows, axes)
        width = high - low
        # Measured inside [0, 1], so that neither a large offset nor a constant column loses digits.
        inverse = reciprocal(width)
        samples = len(x) if rows is None else len(rows)
        count = samples * (x[:1].size // x.shape[-1])
        mean, square = np.zeros_like(low), np.zeros_like(low)
        for part in chunks(x, rows):
            mean += ((part - low) * inverse).sum(axes)
        mean /= count
        for part in chunks(x, rows):
            square += (((part - low) * inverse - mean) ** 2).sum(axes)
        deviation = width * np.sqrt(square / count)
        return low + width * mean, reciprocal(deviation)
