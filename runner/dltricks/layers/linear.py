"""Linear: every output is a weighted sum of all inputs, plus a bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.initializer import Initializer
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.numeric import over_batch
from dltricks.core.parallel import Product, pool
from dltricks.core.types import Array, Size


@dataclass
class Linear(Layer):
    """y = x W + b          dW = x^T dy,  db = sum dy,  dx = dy W^T

    x (K, B, I), W (K, I, O), b (K, O), y (K, B, O). ``transforms`` are layers applied to W first, such as weight
    normalization or dropconnect.
    """

    width: Size = 1
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
        if len(shape) != 1:
            raise UsageError(f"a linear layer takes vectors, not samples of shape {shape}; flatten them first")
        kernel = (shape[0], self.width)
        self.parameter("W", kernel, "kernel", self.initializer or 0.0, fan=kernel)
        if self.bias:
            self.parameter("b", (self.width,), "bias", 0.0)
        for transform in self.transforms:
            transform.declare(kernel)
        return (self.width,)

    def operations(self, shape: Shape) -> int:
        return (2 * shape[0] + self.bias) * self.width

    def bound(self) -> None:
        self.Wt = self.W.swapaxes(-1, -2)
        if self.bias:
            self.b_row, self.db_row = self.b[:, None], self.db[:, None]

    def started(self) -> None:
        for transform in self.transforms:
            transform.started_on(self.W)

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, inputs = shape
        self.y = self.buffer("y", (replicas, batch, self.width))
        if self.needs_dx:
            self.dx = self.buffer("dx", shape)
        self.times_W = Product(replicas, batch, inputs, self.width)
        self.times_dy = Product(replicas, inputs, batch, self.width)
        self.times_Wt = Product(replicas, batch, self.width, inputs)
        self.ones = np.ones((1, batch), self.dtype)
        for transform in self.transforms:
            transform.allocate((replicas, inputs, self.width))
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        self.x, W = x, self.W
        for transform in self.transforms:
            W = transform.forward(W, context)
        if self.transforms:
            self.Wt = W.swapaxes(-1, -2)
        self.times_W(x, W, self.y)
        if self.bias:
            np.add(self.y, self.b_row, out=self.y)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        W = self.W
        for transform in self.transforms:
            W = transform.forward(W, Context())
        bias = [graph.constant(self.b[0])] if self.bias else []
        return graph.node("Gemm", x, graph.constant(W[0]), *bias)

    def backward(self, dy: Array) -> Array | None:
        xt = self.x.swapaxes(-1, -2)
        if self.needs_dx and self.times_dy.large:
            # Neither product needs the other: one hand-over to the threads serves both.
            pool.run(self.times_dy.jobs(xt, dy, self.dW) + self.times_Wt.jobs(dy, self.Wt, self.dx))
        else:
            self.times_dy(xt, dy, self.dW)
            if self.needs_dx:
                self.times_Wt(dy, self.Wt, self.dx)
        if self.bias:
            over_batch(self.ones, dy, self.db_row)
        if self.transforms:
            dW: Array | None = self.dW
            for transform in reversed(self.transforms):
                assert dW is not None
                dW = transform.backward(dW)
            if dW is not self.dW:
                self.dW[...] = dW
        return self.dx if self.needs_dx else None
