"""Convolution: the same small kernel looks at every place of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from dltricks.core.columns import Columns
from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.initializer import Initializer
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.numeric import over_batch
from dltricks.core.types import Array, Size
from dltricks.core.window import Padding, Pair, Window


@dataclass
class Convolution(Layer):
    """y[p] = sum over (i, j) of x[p stride + (i, j) dilation] W[i, j] + b

    x (K, B, H, W, C), W (K, h, w, C / groups, filters), b (K, filters), y (K, B, H', W', filters). With groups, each
    group of outputs sees its own group of inputs; as many groups as channels is a depthwise convolution.
    ``transforms`` are layers applied to W first, such as weight normalization or dropconnect.

    ``core/columns.py`` shows how the sums become products of matrices.

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
        replicas, batch = shape[:2]
        self.y = self.buffer("y", (replicas, batch, *self.window.places, self.filters))
        self.shape = shape
        if self.compiled:
            from dltricks.compiled.convolution import Direct  # an extra

            self.products: Columns | Direct = Direct(self.window, self.kernel, self.groups, shape, self.buffer)
        else:
            self.products = Columns(self.window, self.kernel, self.groups, shape, self.buffer)
        self.rows = (replicas, batch * prod(self.window.places), self.filters)
        self.ones = np.ones((1, self.rows[1]), self.dtype)
        for transform in self.transforms:
            transform.allocate((replicas, *self.kernel))
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        self.x, self.used = x, self.W
        for transform in self.transforms:
            self.used = transform.forward(self.used, context)
        self.products.forward(x, self.used, self.b if self.bias else None, self.y)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        W = self.W
        for transform in self.transforms:
            W = transform.forward(W, Context())
        bias = [graph.constant(self.b[0])] if self.bias else []
        return graph.node(
            "Conv",
            x,
            graph.constant(W[0].transpose(3, 2, 0, 1)),
            *bias,
            kernel_shape=self.window.size,
            strides=self.window.stride,
            dilations=self.window.dilation,
            pads=self.window.pads_around,
            group=self.groups,
        )

    def backward(self, dy: Array) -> Array | None:
        self.products.weights(self.x, dy, self.dW)
        dx = self.workspace.apart(self.shape, dy) if self.needs_dx else None
        if dx is not None:
            self.products.inputs(dy, self.used, dx)
        if self.bias:
            over_batch(self.ones, dy.reshape(self.rows), self.db_row)
        if self.transforms:
            dW: Array | None = self.dW
            for transform in reversed(self.transforms):
                assert dW is not None
                dW = transform.backward(dW)
            if dW is not self.dW:
                self.dW[...] = dW
        return dx
