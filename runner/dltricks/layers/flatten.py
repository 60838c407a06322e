"""Flatten: images (K, B, H, W, C) become vectors (K, B, H*W*C)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array


@dataclass
class Flatten(Layer):
    """y = x, seen as vectors. No memory moves."""

    def declare(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def operations(self, shape: Shape) -> int:
        return 0

    def allocate(self, shape: Shape) -> Shape:
        self.shape = shape
        return (*shape[:2], prod(shape[2:]))

    def forward(self, x: Array, context: Context) -> Array:
        return x.reshape(*x.shape[:2], -1)

    def export(self, graph: Graph, x: str) -> str:
        if len(self.in_shape) == 3:  # back to the order of the layers
            x = graph.node("Transpose", x, perm=[0, 2, 3, 1])
        return graph.node("Flatten", x, axis=1)

    def backward(self, dy: Array) -> Array | None:
        return dy.reshape(self.shape)
