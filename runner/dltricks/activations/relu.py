"""ReLU: lets positive values pass and stops the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array


@dataclass
class Relu(Activation):
    """y = max(x, 0)          dx = dy where x > 0, else 0

    Reference: Nair & Hinton 2010, https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf
    Suggested: the default for deep networks, with the initializer ``he``.
    Does not help when units fall silent for good: a large learning rate can push a unit below zero on all
    data, and then no gradient brings it back; leaky_relu or a smaller rate does.
    """

    rectifier = True

    def allocate(self, shape: Shape) -> Shape:
        if not self.joined:
            self._make_buffers(shape)
        return shape

    def _make_buffers(self, shape: Shape) -> None:
        super().allocate(shape)
        if not self.compiled:
            # Two arrays of one shape are compared in half the time that an array and a number, or a row, take.
            self.zeros = zeros(shape, self.dtype)
            self.positive = self.buffer("positive", shape, bool)

    def forward(self, x: Array, context: Context) -> Array:
        self.done = self.joined and context.watch is None
        if self.done:
            return x
        if self.joined:
            self._make_buffers(x.shape)
        if self.compiled:
            from dltricks.compiled.elementwise import rectify

            rectify(x, self.y)
            return self.y
        return np.maximum(x, self.zeros, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Relu", x)

    def backward(self, dy: Array) -> Array | None:
        if self.done:
            return dy
        if self.compiled:
            from dltricks.compiled.elementwise import mask

            dy = np.ascontiguousarray(dy)
            mask(self.y, dy)
            return dy
        np.greater(self.y, self.zeros, out=self.positive)
        return np.multiply(dy, self.positive, out=dy)
