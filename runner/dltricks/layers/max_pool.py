"""Max pooling: of each window only the largest value stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.pooling import Pool
from dltricks.core.types import Array


@dataclass
class MaxPool(Pool):
    """y[p] = max over (i, j) of x[p stride + (i, j)], for each channel
    dx: the gradient goes to the first largest value of each window, row by row

    x (K, B, H, W, C), y (K, B, H', W', C). The stride is the window's size unless given. Padding never wins.
    """

    def allocate(self, shape: Shape) -> Shape:
        out = super().allocate(shape)
        if self.compiled:
            self.found = self.buffer("found", out, np.int32)  # as wide as float32, so that both fit one loop
        else:
            self.hit, self.taken = self.buffer("hit", out, bool), self.buffer("taken", out, bool)
            self.part = self.buffer("part", out)
            if self.window.pads:
                self.room, self.room_back = self.buffer("padded", self.padded), self.buffer("back", self.padded)
        return out

    def forward(self, x: Array, context: Context) -> Array:
        if self.compiled:
            from dltricks.compiled.pool import max_pool

            max_pool(
                x.reshape(self.images), self.y.reshape(self.outputs), self.found.reshape(self.outputs), self.window
            )
            return self.y
        self.x = self.window.pad(x, self.room, -np.inf) if self.window.pads else x
        (first, *rest), tap = self.window.taps(), self.window.tap
        np.copyto(self.y, tap(self.x, *first))
        for i, j in rest:
            np.maximum(self.y, tap(self.x, i, j), out=self.y)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        window = self.window
        return graph.node("MaxPool", x, kernel_shape=window.size, strides=window.stride, pads=window.pads_around)

    def backward(self, dy: Array) -> Array | None:
        dx = self.workspace.apart(self.shape, dy)
        if self.compiled:
            from dltricks.compiled.pool import max_pool_back

            found = self.found.reshape(self.outputs)
            max_pool_back(dy.reshape(self.outputs), dx.reshape(self.images), found, self.window)
            return dx
        padded = self.room_back if self.window.pads else dx
        padded[...] = 0
        self.taken[...] = False
        for i, j in self.window.taps():
            np.equal(self.window.tap(self.x, i, j), self.y, out=self.hit)
            np.greater(self.hit, self.taken, out=self.hit)
            np.logical_or(self.taken, self.hit, out=self.taken)
            target = self.window.tap(padded, i, j)
            np.add(target, np.multiply(dy, self.hit, out=self.part), out=target)
        return self.cut(padded, dx)
