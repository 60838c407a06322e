"""Average pooling: of each window the mean stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array
from dltricks.core.window import Padding, Pair, Window


@dataclass
class AveragePool(Layer):
    """y[p] = mean over (i, j) of x[p stride + (i, j)], for each channel          dx: each pixel gets its share of dy

    x (K, B, H, W, C), y (K, B, H', W', C). The stride is the window's size unless given. Padding is not counted; in
    PyTorch that is ``count_include_pad=False``.
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
        self.dx = self.buffer("dx", shape)
        self.y = self.buffer("y", (*batch, *self.window.places, channels))
        inside = self.window.pad(np.ones((*self.window.image, 1)), np.empty((*self.window.padded, 1)))
        counts = sum(self.window.tap(inside, i, j) for i, j in self.window.taps())
        self.shares = np.asarray(1 / counts, self.dtype)
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        x = self.window.pad(x, self.padded) if self.window.pads else x
        (first, *rest), tap = self.window.taps(), self.window.tap
        np.copyto(self.y, tap(x, *first))
        for i, j in rest:
            np.add(self.y, tap(x, i, j), out=self.y)
        np.multiply(self.y, self.shares, out=self.y)
        return self.y

    def backward(self, dy: Array) -> Array | None:
        np.multiply(dy, self.shares, out=dy)
        padded = self.padded if self.window.pads else self.dx
        padded[...] = 0
        for i, j in self.window.taps():
            target = self.window.tap(padded, i, j)
            np.add(target, dy, out=target)
        if self.window.pads:
            np.copyto(self.dx, self.window.inside(padded))
        return self.dx
