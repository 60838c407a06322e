"""Transpose: places become channels, and channels places."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array, Size


@dataclass
class Transpose(Layer):
    """y[c, p] = x[p, c], where p counts the places of an image row by row          dx[p, c] = dy[c, p]

    x (K, B, H, W, C), y (K, B, height, C / height, H W): a 1x1 convolution behind it mixes places instead of channels.
    A second one, whose height is H, undoes the first.
    """

    height: Size = 1
    """Of the images that come out."""

    def declare(self, shape: Shape) -> Shape:
        if len(shape) != 3 or shape[-1] % self.height:
            raise UsageError(
                f"transpose takes images (height, width, channels) with a multiple of {self.height} channels, "
                f"not samples of shape {shape}"
            )
        return (self.height, shape[-1] // self.height, prod(shape[:-1]))

    def operations(self, shape: Shape) -> int:
        return 0

    def allocate(self, shape: Shape) -> Shape:
        self.shape, self.flat = shape, (*shape[:2], prod(shape[2:-1]), shape[-1])
        self.y = self.buffer("y", (*shape[:2], *self.declare(shape[2:])))
        if self.needs_dx:
            self.dx = self.buffer("dx", shape)
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        np.copyto(self.y.reshape(*self.flat[:2], self.flat[3], self.flat[2]), x.reshape(self.flat).swapaxes(-1, -2))
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        height, width, channels = self.in_shape
        flat = graph.node("Reshape", x, graph.numbers(-1, channels, height * width))
        turned = graph.node("Transpose", flat, perm=[0, 2, 1])
        out = graph.numbers(-1, height * width, self.height, channels // self.height)
        return graph.node("Reshape", turned, out)

    def backward(self, dy: Array) -> Array | None:
        if not self.needs_dx:
            return None
        dy = dy.reshape(*self.flat[:2], self.flat[3], self.flat[2])
        np.copyto(self.dx.reshape(self.flat), dy.swapaxes(-1, -2))
        return self.dx
