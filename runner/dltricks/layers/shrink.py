"""Shrink: every other pixel of an image, and channels of zeros behind its own."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array, Size


@dataclass
class Shrink(Layer):
    """y[i, j] = x[stride i, stride j], then zeros: factor times the channels          dx: dy at these places, else 0

    x (K, B, H, W, C), y (K, B, H', W', factor C), H' and W' rounded up: a shortcut without parameters around a block
    that halves the image and has more filters.

    Reference: He et al. 2015, https://arxiv.org/abs/1512.03385 (option A)
    """

    stride: Size = 2
    factor: Size = 2

    def declare(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise UsageError(f"shrink takes images (height, width, channels), not samples of shape {shape}")
        return (-(-shape[0] // self.stride), -(-shape[1] // self.stride), self.factor * shape[-1])

    def operations(self, shape: Shape) -> int:
        return 0

    def allocate(self, shape: Shape) -> Shape:
        self.own = shape[-1]
        height, width, channels = self.declare(shape[2:])
        self.y = self.buffer("y", (*shape[:2], height, width, channels))
        self.shape = shape
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        self.y[..., : self.own] = x[:, :, :: self.stride, :: self.stride]
        self.y[..., self.own :] = 0
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        steps = graph.numbers(self.stride, self.stride)
        ends = graph.numbers(*self.in_shape[:2])
        small = graph.node("Slice", x, graph.numbers(0, 0), ends, graph.numbers(2, 3), steps)
        more = (self.factor - 1) * self.in_shape[2]
        return graph.node("Pad", small, graph.numbers(0, 0, 0, 0, 0, more, 0, 0))

    def backward(self, dy: Array) -> Array | None:
        if not self.needs_dx:
            return None
        dx = self.workspace.apart(self.shape, dy)
        dx[...] = 0
        dx[:, :, :: self.stride, :: self.stride] = dy[..., : self.own]
        return dx
