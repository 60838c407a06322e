"""ReLU: lets positive values pass and stops the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.activation import Activation
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

    def allocate(self, shape: Shape) -> Shape:
        # Two arrays of one shape are compared in half the time that an array and a number, or a row, take.
        self.zeros = zeros(shape, self.dtype)
        self.positive = self.buffer("positive", shape, bool)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        return np.maximum(x, self.zeros, out=self.y)

    def backward(self, dy: Array) -> Array | None:
        np.greater(self.y, self.zeros, out=self.positive)
        return np.multiply(dy, self.positive, out=dy)
