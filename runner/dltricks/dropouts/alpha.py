"""Alpha dropout: dropout for SELU networks, keeps mean and variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.dropout import NoisyDropout
from dltricks.core.layer import Context, Shape
from dltricks.core.noise import thresholds
from dltricks.core.types import Array, Rate

LOWEST = -1.0507009873554805 * 1.6732632423543772
"""The value to which selu falls for very negative inputs."""


@dataclass
class Alpha(NoisyDropout):
    """y = a (x m + lowest (1 - m)) + b, where m is 0 with probability q and else 1          dx = a m dy
    a = ((1 - q) (1 + q lowest^2))^(-1/2)          b = -a q lowest          lowest = -1.7581

    A dropped unit takes the lowest value of selu instead of 0; a and b bring inputs of mean 0 and
    variance 1 back to these.

    Reference: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
    Suggested: 0.05 to 0.1, with the activation ``selu``.
    Does not help when the activation is another one: its lowest value is not that of selu.
    """

    rate: Rate = 0.1

    def allocate(self, shape: Shape) -> Shape:
        threshold, q = thresholds(self.rate)
        self.threshold = self.column(threshold, len(shape) + 1, np.uint16)
        a = 1 / np.sqrt((1 - q) * (1 + q * LOWEST**2))
        self.c_a = self.column(a, len(shape) + 1)
        # y = x (a m) - lowest (a m) + c, which is exactly x where q is 0
        self.c_shift = self.column(a * LOWEST - a * q * LOWEST, len(shape))
        self.y, self.tmp = self.buffer("y", shape), self.buffer("tmp", shape)
        return shape

    def draw(self, bits: Array, out: Array) -> None:
        np.greater_equal(bits, self.threshold, out=out)
        np.multiply(out, self.c_a, out=out)

    def forward(self, x: Array, context: Context) -> Array:
        if not context.training:
            return x
        self.mask = self.noise(context, x.shape)
        np.multiply(self.mask, -LOWEST, out=self.tmp)
        np.add(self.tmp, self.c_shift, out=self.tmp)
        np.multiply(x, self.mask, out=self.y)
        return np.add(self.y, self.tmp, out=self.y)
