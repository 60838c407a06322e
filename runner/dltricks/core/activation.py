"""Activations: elementwise layers."""

from __future__ import annotations

from dltricks.core.layer import Layer, Shape
from dltricks.core.types import Array


class Activation(Layer):
    """Base: an elementwise function with a buffer ``y`` of the input's shape for the outputs."""

    kind = "activation"

    y: Array

    def allocate(self, shape: Shape) -> Shape:
        self.y = self.buffer("y", shape)
        return shape
