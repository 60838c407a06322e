"""Activations: elementwise layers."""

from __future__ import annotations

from dltricks.core.layer import Layer, Shape


class Activation(Layer):
    """Base: an elementwise function with buffers ``y`` (the outputs) and ``tmp`` of the input's shape."""

    kind = "activation"

    def allocate(self, shape: Shape) -> Shape:
        self.y = self.buffer("y", shape)
        return shape
