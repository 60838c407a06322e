"""Softplus: a ReLU with a rounded corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array


@dataclass
class Softplus(Activation):
    """y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))          dx = (1 - exp(-y)) dy

    Reference: Glorot, Bordes & Bengio 2011, https://proceedings.mlr.press/v15/glorot11a.html
    Suggested: where outputs must be positive and smooth.
    Does not help when relu works: it costs two transcendental functions, and its mean output is further from 0.
    PyTorch returns x itself above 20, an error of up to 2e-9; here the formula holds everywhere.
    """

    def allocate(self, shape: Shape) -> Shape:
        self.zeros = zeros((1, *shape[1:]), self.dtype)
        self.tmp = self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        np.absolute(x, out=self.tmp)
        np.negative(self.tmp, out=self.tmp)
        np.exp(self.tmp, out=self.tmp)
        np.log1p(self.tmp, out=self.tmp)
        np.maximum(x, self.zeros, out=self.y)
        return np.add(self.y, self.tmp, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Softplus", x)

    def backward(self, dy: Array) -> Array | None:
        # 1 - exp(-y) without cancellation where y is small
        np.negative(self.y, out=self.tmp)
        np.expm1(self.tmp, out=self.tmp)
        np.negative(self.tmp, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
