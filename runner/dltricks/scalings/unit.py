"""Unit scaling: every input in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.scaling import Interval, Scaling, extent, reciprocal
from dltricks.core.types import Array


@dataclass
class Unit(Scaling):
    """x <- (x - low) / (high - low)

    ``low`` and ``high`` are the ends of the interval that x can take where it is known (pixels: 0 and 255),
    else the smallest and largest training value: of each column of a table, of all pixels of images. Values
    beyond them, in new data, land outside [0, 1] and are not cut. A constant column is only shifted, to 0.

    Reference: LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3 (which prefers a mean of
    zero), http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf
    Suggested: pixels.
    Does not help when one outlier stretches the interval and squeezes all other values together; standardize
    suffers less.
    """

    def fit(self, x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
        low, high = extent(x, interval, rows)
        return low, reciprocal(high - low)
