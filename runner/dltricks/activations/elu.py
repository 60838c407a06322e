"""ELU: an exponential below zero, so that mean outputs come near zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array, Positive


@dataclass
class Elu(Activation):
    """y = x where x > 0, else alpha (exp(x) - 1)          dx = dy where x > 0, else (y + alpha) dy

    Reference: Clevert, Unterthiner & Hochreiter 2016, https://arxiv.org/abs/1511.07289
    Suggested: alpha 1, which makes the slope continuous.
    Does not help when a normalization centres the layers already, or speed counts: the exponential costs more
    than relu.
    """

    alpha: Positive = 1.0

    def allocate(self, shape: Shape) -> Shape:
        self.c_alpha = self.column(self.alpha, len(shape))
        self.c_rest = self.column(1 - np.asarray(self.alpha), len(shape))
        self.zeros = zeros((1, *shape[1:]), self.dtype)
        self.negative, self.tmp = self.buffer("negative", shape), self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        np.minimum(x, self.zeros, out=self.negative)
        np.expm1(self.negative, out=self.negative)
        np.multiply(self.negative, self.c_alpha, out=self.negative)
        np.maximum(x, self.zeros, out=self.y)
        return np.add(self.y, self.negative, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Elu", x, alpha=graph.single(self.alpha))

    def backward(self, dy: Array) -> Array | None:
        # The slope is (1 - alpha) [x > 0] + alpha + min(y, 0).
        np.greater(self.y, 0, out=self.tmp)
        np.multiply(self.tmp, self.c_rest, out=self.tmp)
        np.add(self.tmp, self.c_alpha, out=self.tmp)
        np.add(self.tmp, self.negative, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
