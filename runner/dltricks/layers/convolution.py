"""Convolution: the same small kernel looks at every place of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.initializer import Initializer
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.numeric import over_batch
from dltricks.core.types import Array, Size
from dltricks.core.window import Padding, Pair, Window

COLUMNS = 1 << 17
"""About how many values of columns are made at once, so that they stay in a core's second-level cache."""


@dataclass
class Convolution(Layer):
    """y[p] = sum over (i, j) of x[p stride + (i, j) dilation] W[i, j] + b

    x (K, B, H, W, C), W (K, h, w, C / groups, filters), b (K, filters), y (K, B, H', W', filters). With groups, each
    group of outputs sees its own group of inputs; as many groups as channels is a depthwise convolution.
    ``transforms`` are layers applied to W first, such as weight normalization or dropconnect.

    Windows are copied side by side into columns, so that the sums are one product of matrices.

    Reference: LeCun et al. 1989, https://doi.org/10.1162/neco.1989.1.4.541
    """

    filters: Size = 1
    size: int | Pair = 3
    stride: int | Pair = 1
    padding: Padding = "same"
    dilation: int | Pair = 1
    groups: Size = 1
    initializer: Sequence[Initializer] = ()
    """One for each replica; zeros where empty."""
    bias: bool = True
    transforms: list[Layer] = field(default_factory=list)

    W: Array = field(init=False, repr=False, compare=False)
    dW: Array = field(init=False, repr=False, compare=False)
    b: Array = field(init=False, repr=False, compare=False)
    db: Array = field(init=False, repr=False, compare=False)

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [(transform.name(), transform) for transform in self.transforms]

    def declare(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise UsageError(
                f"a convolution takes images (height, width, channels), not samples of shape {shape}; "
                "choose a data set of images, or another architecture"
            )
        channels = shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise UsageError(
                f"a convolution of {channels} channels to {self.filters} filters cannot be split into {self.groups} "
                "equal groups"
            )
        self.window = Window.over(shape[:2], self.size, self.stride, self.padding, self.dilation)
        inputs, taps = channels // self.groups, prod(self.window.size)
        self.kernel = (*self.window.size, inputs, self.filters)
        fan = (taps * inputs, taps * self.filters // self.groups)
        self.parameter("W", self.kernel, "kernel", self.initializer or 0.0, fan=fan)
        if self.bias:
            self.parameter("b", (self.filters,), "bias", 0.0)
        for transform in self.transforms:
            transform.declare(self.kernel)
        return (*self.window.places, self.filters)

    def operations(self, shape: Shape) -> int:
        return (2 * prod(self.kernel[:3]) + self.bias) * prod(self.window.places) * self.filters

    def bound(self) -> None:
        if self.bias:
            self.b_row, self.db_row = self.b[:, None], self.db[:, None]

    def started(self) -> None:
        for transform in self.transforms:
            transform.started_on(self.W)

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, channels = shape[0], shape[1], shape[-1]
        window, groups = self.window, self.groups
        self.y = self.buffer("y", (replicas, batch, *window.places, self.filters))
        self.rows = (replicas, batch * prod(window.places), self.filters)
        self.ones = np.ones((1, self.rows[1]), self.dtype)
        if self.needs_dx:
            self.dx = self.buffer("dx", shape)
        # A tile is as many samples as have about COLUMNS values of columns, whatever K is.
        tall = prod(window.places) * prod(window.size) * channels
        self.tile = min(batch, max(1, COLUMNS // tall))
        self.columns = self.buffer("columns", (self.tile * tall,))
        self.padded = self.buffer("padded", (self.tile, *window.padded, channels))
        self.partial = self.buffer("partial", (groups, prod(self.kernel[:3]), self.filters // groups))
        for transform in self.transforms:
            transform.allocate((replicas, *self.kernel))
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        self.x, W = x, self.W
        for transform in self.transforms:
            W = transform.forward(W, context)
        self.used = W
        for k in range(len(x)):
            w = self._grouped(W[k].reshape(-1, self.filters))
            for part in self._tiles():
                columns = self._columns(x[k, part])
                np.matmul(columns, w, out=self._grouped(self.y[k, part].reshape(-1, self.filters)))
        if self.bias:
            y = self.y.reshape(self.rows)
            np.add(y, self.b_row, out=y)
        return self.y

    def backward(self, dy: Array) -> Array | None:
        for k in range(len(dy)):
            w = self._grouped(self.used[k].reshape(-1, self.filters)).swapaxes(-1, -2)
            dw = self._grouped(self.dW[k].reshape(-1, self.filters))
            for part in self._tiles():
                d = self._grouped(dy[k, part].reshape(-1, self.filters))
                columns = self._columns(self.x[k, part])
                if part.start == 0:
                    np.matmul(columns.swapaxes(-1, -2), d, out=dw)
                else:
                    dw += np.matmul(columns.swapaxes(-1, -2), d, out=self.partial)
                if self.needs_dx:
                    np.matmul(d, w, out=columns)
                    self._gather(self.dx[k, part])
        if self.bias:
            over_batch(self.ones, dy.reshape(self.rows), self.db_row)
        if self.transforms:
            dW: Array | None = self.dW
            for transform in reversed(self.transforms):
                assert dW is not None
                dW = transform.backward(dW)
            if dW is not self.dW:
                self.dW[...] = dW
        return self.dx if self.needs_dx else None

    def _tiles(self) -> list[slice]:
        batch = self.y.shape[1]
        return [slice(start, min(start + self.tile, batch)) for start in range(0, batch, self.tile)]

    def _grouped(self, rows: Array) -> Array:
        """(N, filters) as (groups, N, filters / groups)."""
        return rows.reshape(len(rows), self.groups, -1).swapaxes(0, 1)

    def _windows(self, samples: int) -> Array:
        """Room for the windows of so many samples, (groups, samples, *places, *size, C / groups)."""
        window = self.window
        shape = (self.groups, samples, *window.places, *window.size, self.kernel[2])
        return self.columns[: prod(shape)].reshape(shape)

    def _columns(self, x: Array) -> Array:
        """The windows over a tile's images as rows (groups, places, h w C / groups)."""
        if self.window.pads:
            x = self.window.pad(x, self.padded[: len(x)])
        view, room = self.window.view(x), self._windows(len(x))
        np.copyto(room, np.moveaxis(view.reshape(*view.shape[:-1], self.groups, -1), -2, 0))
        return room.reshape(self.groups, -1, prod(self.kernel[:3]))

    def _gather(self, dx: Array) -> None:
        """Adds the columns' gradients up where their windows overlap."""
        padded, room = self.padded[: len(dx)], self._windows(len(dx))
        padded[...] = 0
        for i, j in self.window.taps():
            target = self.window.tap(padded, i, j)
            target += np.moveaxis(room[..., i, j, :], 0, -2).reshape(target.shape)
        dx[...] = self.window.inside(padded)
