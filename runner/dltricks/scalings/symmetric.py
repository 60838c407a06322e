"""Symmetric scaling: every input in [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.scaling import Interval, Scaling, extent, reciprocal
from dltricks.core.types import Array


@dataclass
class Symmetric(Scaling):
    """x <- (x - middle) / half        middle = (low + high) / 2        half = (high - low) / 2

    ``low`` and ``high`` are as in unit scaling. Inputs of both signs let the gradients of one neuron's
    weights differ in sign, where inputs that are all positive make them rise or fall together.

    Reference: LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3,
    http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf
    Suggested: with tanh, and as an alternative to unit anywhere.
    Does not help when one outlier stretches the interval, or when most pixels are 0: they become -1, no longer the
    zeros that leave weights alone.
    """

    def fit(self, x: Array, interval: Interval, rows: Array | None = None) -> tuple[Array, Array]:
        low, high = extent(x, interval, rows)
        half = (high - low) / 2
        return low + half, reciprocal(half)
