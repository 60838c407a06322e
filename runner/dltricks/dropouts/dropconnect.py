"""DropConnect: silences random weights in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.dropout import NoisyDropout
from dltricks.core.layer import Context, Shape
from dltricks.core.noise import thresholds
from dltricks.core.types import Array, Rate


@dataclass
class Dropconnect(NoisyDropout):
    """W' = W m / (1 - q), where m is 0 with probability q and else 1          dW = dW' m / (1 - q)

    Reference: Wan et al. 2013, https://proceedings.mlr.press/v28/wan13.html
    Suggested: 0.1 to 0.5, in place of dropout.
    Does not help when the training loss is still high, or speed counts: it draws a number for every weight.
    The paper draws a mask for each sample and samples its way through evaluation; here a batch shares one mask, which
    costs far less, the division keeps the mean, and evaluation uses W itself. PyTorch has no such layer.
    """

    rate: Rate = 0.5

    on_weights = True

    def allocate(self, shape: Shape) -> Shape:
        threshold, q = thresholds(self.rate)
        self.threshold = self.column(threshold, len(shape) + 1, np.uint16)
        self.c_scale = self.column(1 / (1 - q), len(shape) + 1)
        self.W = self.buffer("W", shape)
        return shape

    def draw(self, bits: Array, out: Array) -> None:
        np.greater_equal(bits, self.threshold, out=out)
        np.multiply(out, self.c_scale, out=out)

    def forward(self, x: Array, context: Context) -> Array:
        if not context.training:
            return x
        self.mask = self.noise(context, x.shape)
        return np.multiply(x, self.mask, out=self.W)
