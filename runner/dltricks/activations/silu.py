"""SiLU (swish): weighs a value by its own sigmoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.numeric import sigmoid
from dltricks.core.types import Array


@dataclass
class Silu(Activation):
    """s = 1 / (1 + exp(-x))          y = x s          dx = (s + y (1 - s)) dy

    Reference: Elfwing, Uchibe & Doya 2018, https://arxiv.org/abs/1702.03118; Ramachandran, Zoph & Le 2017,
    https://arxiv.org/abs/1710.05941 (swish)
    Suggested: deep networks with a normalization.
    Does not help when the network is shallow: relu trains about as well for a fraction of the cost.
    """

    def allocate(self, shape: Shape) -> Shape:
        self.s, self.tmp = self.buffer("s", shape), self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        return np.multiply(x, sigmoid(x, self.s), out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Mul", x, graph.node("Sigmoid", x))

    def backward(self, dy: Array) -> Array | None:
        np.subtract(1, self.s, out=self.tmp)
        np.multiply(self.tmp, self.y, out=self.tmp)
        np.add(self.tmp, self.s, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
