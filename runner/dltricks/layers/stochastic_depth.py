"""Stochastic depth: in training a block is left out at random, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.layer import Context, Shape
from dltricks.core.noise import NoiseLayer, thresholds
from dltricks.core.types import Array, Rate


@dataclass
class StochasticDepth(NoiseLayer):
    """y = x m / (1 - q), where m is 0 for the whole sample with probability q and else 1          dx = dy m / (1 - q)

    The last layer of a residual block's body: where m is 0 only the shortcut is left. As with inverted dropout the
    division keeps the mean and evaluation does nothing; the paper scales in evaluation instead. q is the rate as a
    multiple of 1/65536.

    Reference: Huang et al. 2016, https://arxiv.org/abs/1603.09382
    """

    kind = "layer"
    rate: Rate = 0.5

    def allocate(self, shape: Shape) -> Shape:
        self.samples = (*shape[:2], *(1 for _ in shape[2:]))
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
        self.mask = self.noise(context, self.samples)
        return np.multiply(x, self.mask, out=self.y)

    def backward(self, dy: Array) -> Array | None:
        return np.multiply(dy, self.mask, out=dy)
