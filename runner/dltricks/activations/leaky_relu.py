"""Leaky ReLU: a small slope instead of silence below zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.types import Array, Share


@dataclass
class LeakyRelu(Activation):
    """y = max(x, slope x)          dx = dy where x > 0, else slope dy

    Reference: Maas, Hannun & Ng 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf
    Suggested: slope 0.01; 0.1 to 0.3 where units of relu fall silent.
    Does not help when relu's units are alive anyway: the two then train alike.
    PyTorch also takes slopes outside [0, 1].
    """

    slope: Share = 0.01

    def allocate(self, shape: Shape) -> Shape:
        self.c_slope = self.column(self.slope, len(shape))
        self.c_rest = 1 - self.c_slope
        self.tmp = self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        np.multiply(x, self.c_slope, out=self.y)
        return np.maximum(x, self.y, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("LeakyRelu", x, alpha=graph.single(self.slope))

    def backward(self, dy: Array) -> Array | None:
        # (1 - slope) + slope rounds to exactly 1.
        np.greater(self.y, 0, out=self.tmp)
        np.multiply(self.tmp, self.c_rest, out=self.tmp)
        np.add(self.tmp, self.c_slope, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
