"""Gaussian dropout: multiplies by normal noise of mean 1 in training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from dltricks.core.dropout import NoisyDropout
from dltricks.core.layer import Context, Shape
from dltricks.core.noise import LEVELS
from dltricks.core.types import Array, Rate


@cache
def quantiles() -> Array:
    """65,536 equally probable values of the standard normal, in float64, of mean 0 and variance exactly 1."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse((i + 0.5) / LEVELS) for i in range(LEVELS // 2, LEVELS)])
    upper /= np.sqrt(np.square(upper).mean())
    return np.concatenate([-upper[::-1], upper])


@dataclass
class Gaussian(NoisyDropout):
    """y = x m, where m ~ N(1, sqrt(rate / (1 - rate)))          dx = dy m

    The noise has the mean and the deviation of inverted dropout's, but no unit is silenced. It takes 65,536 values, so
    that 16 random bits make one; the largest is 4.3 deviations from the mean.

    Reference: Srivastava et al. 2014, section 10, https://jmlr.org/papers/v15/srivastava14a.html
    Suggested: the rate that dropout would get.
    Does not help when the training loss is still high: it takes capacity away.
    """

    rate: Rate = 0.5

    def allocate(self, shape: Shape) -> Shape:
        rate = np.asarray(self.rate, np.float64)
        self.c_deviation = self.column(np.sqrt(rate / (1 - rate)), len(shape) + 1)
        self.table = quantiles().astype(self.dtype)
        self.y = self.buffer("y", shape)
        return shape

    def draw(self, bits: Array, out: Array) -> None:
        np.take(self.table, bits, out=out, mode="clip")
        np.multiply(out, self.c_deviation, out=out)
        np.add(out, 1, out=out)

    def forward(self, x: Array, context: Context) -> Array:
        if not context.training:
            return x
        self.mask = self.noise(context, x.shape)
        return np.multiply(x, self.mask, out=self.y)
