"""Max pooling: of each window only the largest value stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array
from dltricks.core.window import Padding, Pair, Window


@dataclass
class MaxPool(Layer):
    """y[p] = max over (i, j) of x[p stride + (i, j)], for each channel
    dx: the gradient goes to the first largest value of each window, row by row

    x (K, B, H, W, C), y (K, B, H', W', C). The stride is the window's size unless given. Padding never wins.
    """

    size: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def declare(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise UsageError(f"pooling takes images (height, width, channels), not samples of shape {shape}")
        self.window = Window.over(shape[:2], self.size, self.stride or self.size, self.padding)
        return (*self.window.places, shape[-1])

    def allocate(self, shape: Shape) -> Shape:
        batch, channels = shape[:2], shape[-1]
        if self.window.pads:
            self.padded = self.buffer("padded", (*batch, *self.window.padded, channels))
        self.y = self.buffer("y", (*batch, *self.window.places, channels))
        self.dx = self.buffer("dx", shape)
        self.padded_dx = self.buffer("padded_dx", self.padded.shape) if self.window.pads else self.dx
        self.found = self.buffer("found", self.y.shape, bool)
        self.taken = self.buffer("taken", self.y.shape, bool)
        self.part = self.buffer("part", self.y.shape)
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        self.x = self.window.pad(x, self.padded, -np.inf) if self.window.pads else x
        (first, *rest), tap = self.window.taps(), self.window.tap
        np.copyto(self.y, tap(self.x, *first))
        for i, j in rest:
            np.maximum(self.y, tap(self.x, i, j), out=self.y)
        return self.y

    def backward(self, dy: Array) -> Array | None:
        self.padded_dx[...] = 0
        self.taken[...] = False
        for i, j in self.window.taps():
            np.equal(self.window.tap(self.x, i, j), self.y, out=self.found)
            np.greater(self.found, self.taken, out=self.found)
            np.logical_or(self.taken, self.found, out=self.taken)
            target = self.window.tap(self.padded_dx, i, j)
            np.add(target, np.multiply(dy, self.found, out=self.part), out=target)
        if self.window.pads:
            np.copyto(self.dx, self.window.inside(self.padded_dx))
        return self.dx
