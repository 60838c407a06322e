"""Spatial dropout: silences whole channels of an image in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.dropout import NoisyDropout
from dltricks.core.layer import Context, Shape
from dltricks.core.noise import thresholds
from dltricks.core.types import Array, Rate


@dataclass
class Spatial(NoisyDropout):
    """y = x m / (1 - q), where m is 0 for a whole channel with probability q and else 1          dx = dy m / (1 - q)

    Neighbouring pixels say nearly the same: where one is dropped its neighbours give it away, unless they all go. In
    a vector every channel is one value, and this is ``dropout``. q is the rate as a multiple of 1/65536.

    Reference: Tompson et al. 2015, https://arxiv.org/abs/1411.4280
    Suggested: 0.1 to 0.3 behind convolutions.
    Does not help when layers have few channels: each of them is then a large part of what is known.
    """

    rate: Rate = 0.2

    on_images = True

    def allocate(self, shape: Shape) -> Shape:
        self.channels = (*shape[:2], *(1 for _ in shape[2:-1]), shape[-1])
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
        self.mask = self.noise(context, self.channels)
        return np.multiply(x, self.mask, out=self.y)
