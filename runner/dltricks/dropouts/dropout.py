"""Dropout: silences random units in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.dropout import NoisyDropout
from dltricks.core.layer import Context, Shape
from dltricks.core.noise import thresholds
from dltricks.core.types import Array, Rate


@dataclass
class Dropout(NoisyDropout):
    """y = x m / (1 - q), where m is 0 with probability q and else 1          dx = dy m / (1 - q)

    "Inverted": the division in training keeps the mean, and evaluation does nothing. q is the rate as a multiple of
    1/65536, because the mask is cut from 16 random bits.

    Reference: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    Suggested: 0.5 in wide layers, 0.1 to 0.2 in narrow ones; train longer.
    Does not help when the training loss is still high: it takes capacity away.
    """

    rate: Rate = 0.5

    def allocate(self, shape: Shape) -> Shape:
        threshold, q = thresholds(self.rate)
        self.threshold = self.column(threshold, len(shape) + 1, np.uint16)
        self.c_scale = self.column(1 / (1 - q), len(shape) + 1)
        self.y = self.buffer("y", shape)
        return shape

    def draw(self, bits: Array, out: Array) -> None:
        np.greater_equal(bits, self.threshold, out=out)
        np.multiply(out, self.c_scale, out=out)

    def forward(self, x: Array, context: Context) -> Array:
        if not context.training:
            return x
        self.mask = self.noise(context, x.shape)
        return np.multiply(x, self.mask, out=self.y)
