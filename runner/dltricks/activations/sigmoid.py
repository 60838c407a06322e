"""Sigmoid: squashes to the interval from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.numeric import sigmoid
from dltricks.core.types import Array


@dataclass
class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x))          dx = y (1 - y) dy

    Reference: Rumelhart, Hinton & Williams 1986, https://doi.org/10.1038/323533a0
    Suggested: to see vanishing gradients; elsewhere only where an output must be a share.
    Does not help when it is used between layers: its slope is 1/4 at most, and its outputs are never negative, so
    that every layer shrinks the gradient and shifts the mean.
    """

    def allocate(self, shape: Shape) -> Shape:
        self.tmp = self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        return sigmoid(x, self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Sigmoid", x)

    def backward(self, dy: Array) -> Array | None:
        np.subtract(1, self.y, out=self.tmp)
        np.multiply(self.tmp, self.y, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
