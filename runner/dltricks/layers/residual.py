"""Residual: adds its input to what the layers inside make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Context, Layer, Shape
from dltricks.core.types import Array


@dataclass
class Residual(Layer):
    """y = x + F(x)          dx = dy + F'(x) dy

    Reference: He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    body: Chain = field(default_factory=Chain)

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [("body", self.body)]

    def declare(self, shape: Shape) -> Shape:
        out = self.body.declare(shape)
        if out != shape:
            raise UsageError(f"a residual block must keep its input's shape: {shape} became {out}")
        return shape

    def allocate(self, shape: Shape) -> Shape:
        self.body.allocate(shape)
        self.y = self.buffer("y", shape)
        self.dx = self.buffer("dx", shape)
        return shape

    def forward(self, x: Array, context: Context) -> Array:
        return np.add(x, self.body.forward(x, context), out=self.y)

    def backward(self, dy: Array) -> Array | None:
        self.dx[...] = dy  # the body may overwrite dy
        inner = self.body.backward(dy)
        assert inner is not None
        return np.add(self.dx, inner, out=self.dx)
