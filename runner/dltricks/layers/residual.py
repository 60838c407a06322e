"""Residual: adds its input to what the layers inside make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Context, Layer, Shape
from dltricks.core.types import Array


@dataclass
class Residual(Layer):
    """y = F(x) + S(x)          dx = F'(x) dy + S'(x) dy

    The shortcut S is the identity where it is empty. Where the body changes the shape, the shortcut must do so as well,
    by a projection for instance.

    Reference: He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    body: Chain = field(default_factory=Chain)
    shortcut: Chain = field(default_factory=Chain)

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [("body", self.body), *[("shortcut", self.shortcut)] * bool(self.shortcut.layers)]

    def declare(self, shape: Shape) -> Shape:
        out, beside = self.body.declare(shape), self.shortcut.declare(shape)
        if out != beside:
            kept = "its input's shape" if beside == shape else f"the shape that its shortcut gives, {beside}"
            raise UsageError(f"a residual block must keep {kept}: {shape} became {out}")
        return out

    def operations(self, shape: Shape) -> int:
        return prod(self.out_shape)

    def allocate(self, shape: Shape) -> Shape:
        self.y = self.buffer("y", self.body.allocate(shape))
        self.dy = self.buffer("dy", self.y.shape)
        self.shortcut.allocate(shape)
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        beside = self.shortcut.forward(x, context)
        return np.add(self.body.forward(x, context), beside, out=self.y)

    def backward(self, dy: Array) -> Array | None:
        np.copyto(self.dy, dy)  # the body may overwrite dy
        inner = self.body.backward(dy)
        beside = self.shortcut.backward(self.dy)
        if inner is None or beside is None:
            return None
        return np.add(beside, inner, out=beside)
