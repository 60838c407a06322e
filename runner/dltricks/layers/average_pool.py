"""Average pooling: of each window the mean stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.pooling import Pool
from dltricks.core.types import Array


@dataclass
class AveragePool(Pool):
    """y[p] = mean over (i, j) of x[p stride + (i, j)], for each channel          dx: each pixel gets its share of dy

    x (K, B, H, W, C), y (K, B, H', W', C). The stride is the window's size unless given. Padding is not counted; in
    PyTorch that is ``count_include_pad=False``.
    """

    def allocate(self, shape: Shape) -> Shape:
        out = super().allocate(shape)
        window = self.window
        inside = window.pad(np.ones((*window.image, 1)), np.empty((*window.padded, 1)))
        counts = sum(window.tap(inside, i, j) for i, j in window.taps())
        self.shares = np.asarray(1 / counts, self.dtype)
        if window.pads and not self.compiled:
            self.room = self.buffer("padded", self.padded)
        return out

    def forward(self, x: Array, context: Context) -> Array:
        if self.compiled:
            from dltricks.compiled.pool import average_pool

            average_pool(x.reshape(self.images), self.y.reshape(self.outputs), self.shares, self.window)
            return self.y
        x = self.window.pad(x, self.room) if self.window.pads else x
        (first, *rest), tap = self.window.taps(), self.window.tap
        np.copyto(self.y, tap(x, *first))
        for i, j in rest:
            np.add(self.y, tap(x, i, j), out=self.y)
        np.multiply(self.y, self.shares, out=self.y)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        window = self.window
        return graph.node("AveragePool", x, kernel_shape=window.size, strides=window.stride, pads=window.pads_around)

    def backward(self, dy: Array) -> Array | None:
        dx = self.workspace.apart(self.shape, dy)
        if self.compiled:
            from dltricks.compiled.pool import average_pool_back

            average_pool_back(dy.reshape(self.outputs), dx.reshape(self.images), self.shares, self.window)
            return dx
        padded = self.room if self.window.pads else dx
        np.multiply(dy, self.shares, out=dy)
        padded[...] = 0
        for i, j in self.window.taps():
            target = self.window.tap(padded, i, j)
            np.add(target, dy, out=target)
        return self.cut(padded, dx)
