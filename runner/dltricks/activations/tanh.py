"""Tanh: squashes to the interval from -1 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.parallel import sweep
from dltricks.core.types import Array


@dataclass
class Tanh(Activation):
    """y = tanh(x)          dx = (1 - y^2) dy

    Reference: LeCun et al. 1998, "Efficient BackProp", https://doi.org/10.1007/3-540-49430-8_2
    Suggested: shallow networks and bounded outputs, with the initializer ``glorot`` or ``lecun``.
    Does not help when the network is deep: the derivative is below 1 everywhere but at 0, and gradients vanish.
    """

    def allocate(self, shape: Shape) -> Shape:
        if not self.compiled:
            self.tmp = self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        if self.compiled and self.dtype == np.float32:
            from dltricks.compiled.elementwise import tanh

            tanh(x, self.y)
        else:
            sweep(np.tanh, x, self.y)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Tanh", x)

    def backward(self, dy: Array) -> Array | None:
        if self.compiled:
            from dltricks.compiled.elementwise import tanh_back

            dy = np.ascontiguousarray(dy)
            tanh_back(self.y, dy)
            return dy
        np.multiply(self.y, self.y, out=self.tmp)
        np.subtract(1, self.tmp, out=self.tmp)
        return np.multiply(dy, self.tmp, out=dy)
