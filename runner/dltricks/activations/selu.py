"""SELU: an ELU whose constants keep mean 0 and variance 1 from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array

ALPHA = 1.6732632423543772
SCALE = 1.0507009873554805


@dataclass
class Selu(Activation):
    """y = scale x where x > 0, else scale alpha (exp(x) - 1)
    dx = scale dy where x > 0, else (y + scale alpha) dy          alpha = 1.6733, scale = 1.0507

    Inputs of mean 0 and variance 1, weights of variance 1/n_in: the outputs' mean and variance come out the same.

    Reference: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
    Suggested: deep plain networks without normalization, with the initializer ``lecun`` and ``alpha`` dropout.
    Does not help when the initializer is another one, ordinary dropout is used, or a normalization does its
    work anyway.
    """

    def allocate(self, shape: Shape) -> Shape:
        self.zeros = zeros((1, *shape[1:]), self.dtype)
        self.negative, self.tmp = self.buffer("negative", shape), self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        np.minimum(x, self.zeros, out=self.negative)
        np.expm1(self.negative, out=self.negative)
        np.multiply(self.negative, SCALE * ALPHA, out=self.negative)
        np.maximum(x, self.zeros, out=self.y)
        np.multiply(self.y, SCALE, out=self.y)
        return np.add(self.y, self.negative, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Selu", x, alpha=ALPHA, gamma=SCALE)

    def backward(self, dy: Array) -> Array | None:
        # The slope is scale (1 - alpha) [x > 0] + scale alpha + min(y, 0).
        np.greater(self.y, 0, out=self.tmp)
        np.multiply(self.tmp, SCALE * (1 - ALPHA), out=self.tmp)
        np.add(self.tmp, SCALE * ALPHA, out=self.tmp)
        np.add(self.tmp, self.negative, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
